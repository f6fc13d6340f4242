import { expect } from "chai";
import { readLlmPrices } from "../src/index.ts";
import { amountsOf, hasRealFiles, readingIn, realFile } from "./support.ts";

const row = (id: string, input: number, from_date: string | null = null, to_date: string | null = null) => ({
  vendor: "acme",
  id,
  input,
  from_date,
  to_date,
});
const read = (...prices: readonly unknown[]) => readingIn(readLlmPrices(JSON.stringify({ prices })));

/** A row's name; several rows with one name and time must not differ. */
const nameOf = (one: unknown): string => {
  const { vendor, id, from_date } = one as Record<string, unknown>;
  return JSON.stringify([vendor, id, from_date]);
};

describe("llm-prices.com's upper context tiers", () => {
  it("are set aside where they hold for a part of their model's time", () => {
    const { observations, set_aside } = read(
      row("one", 1, "2026-01-01"),
      row("one-200k", 2, "2026-06-01"),
      row("one-200k", 3, null, "2026-01-01"),
    );
    expect(observations.map(amountsOf)).to.deep.equal([["input_tokens 1"]]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["acme/one-200k", "tier_without_base"],
      ["acme/one-200k", "tier_without_base"],
    ]);
  });

  it("hold for every price of their model that lies within their time", () => {
    const { observations, set_aside } = read(
      row("one", 1, null, "2026-01-01"),
      row("one", 2, "2026-01-01"),
      row("one-200k", 3),
    );
    expect(observations.map(amountsOf)).to.deep.equal([
      ["input_tokens 1", "input_tokens>200000 3"],
      ["input_tokens 2", "input_tokens>200000 3"],
    ]);
    expect(set_aside).to.deep.equal([]);
  });

  it("are set aside where their bound is no number of tokens", () => {
    const { observations, set_aside } = read(row("one", 1), row("one-99999999999999999999k", 3));
    expect(observations.map(amountsOf)).to.deep.equal([["input_tokens 1"]]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["acme/one-99999999999999999999k", "unreadable_row"],
    ]);
  });

  it("make no price where there are two of them", () => {
    const { observations, set_aside } = read(
      row("one", 1),
      row("one-200k", 3),
      row("one-200k", 4),
      row("two", 1),
    );
    expect(observations.map(({ model }) => model)).to.deep.equal(["two"]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["acme/one", "contradicts_itself"],
    ]);
  });
});

describe("llm-prices.com's rows", () => {
  it("are set aside where they are no rows, or their days are none", () => {
    const { set_aside } = read(3, row("one", 1), row("two", 1, "2026-02-30"));
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["?", "unreadable_row"],
      ["acme/two", "unreadable_row"],
    ]);
  });
});

if (hasRealFiles) {
  describe("llm-prices.com's real lists", () => {
    for (const file of ["llm-prices-historical-v1.json", "llm-prices-current-v1.json"]) {
      it(`lose no row: ${file}`, () => {
        const text = realFile(file);
        const { prices } = JSON.parse(text) as { prices: readonly { vendor: string; id: string }[] };
        const { observations, set_aside } = readingIn(readLlmPrices(text));
        expect(set_aside).to.deep.equal([]);
        const used = new Set(
          observations
            .map(({ raw }) => raw)
            .flat()
            .map(nameOf),
        );
        expect(prices.map(nameOf).filter((name) => !used.has(name))).to.deep.equal([]);
      });
    }
  });
}
