import { expect } from "chai";
import type { PriceComponent } from "@budget/domain";
import { readLiteLlm, readLlmPrices, readModelsDev, readOpenRouter, readPortkey } from "../src/index.ts";
import { observationOf, oneOfEach, readingOf, startOfDay } from "../src/reading.ts";
import { amountsOf, faultOf, readingIn, reasonsOf } from "./support.ts";

const input = (amount_femto_usd: bigint, above_input_tokens = 0): PriceComponent => ({
  unit: "input_tokens",
  amount_femto_usd,
  above_input_tokens,
});

const row = (model: string, components: readonly PriceComponent[], effective_ms: number | null = null) =>
  observationOf({ provider: "acme", model, components, effective_ms, raw: null });

describe("one observation of each thing", () => {
  it("puts together what does not contradict, and keeps the first of what does", () => {
    const { observations, set_aside } = oneOfEach([
      row("one", [input(1_000_000_000n)]),
      row("acme/one", [input(1_000_000_000n), input(2_000_000_000n, 5)]),
      row("one", [input(3_000_000_000n)], 0),
      row("ONE", [input(4_000_000_000n)]),
    ]);
    expect(observations.map((one) => [one.effective_ms, ...amountsOf(one)])).to.deep.equal([
      [null, "input_tokens 1", "input_tokens>5 2"],
      [0, "input_tokens 3"],
    ]);
    expect(set_aside).to.deep.equal([
      {
        name: "acme/ONE",
        reason: "duplicate_differs",
        detail:
          "it costs input_tokens@0=4000000000 (femto-USD), but acme/one is the same model and costs " +
          "input_tokens@0=1000000000 input_tokens@5=2000000000",
      },
    ]);
  });

  it("has one amount for each unit and tier", () => {
    const { observations, set_aside } = oneOfEach([
      row("one", [input(1_000_000_000n), input(1_000_000_000n)]),
      row("two", [input(1_000_000_000n), input(2_000_000_000n)]),
    ]);
    expect(observations.map(amountsOf)).to.deep.equal([["input_tokens 1"]]);
    expect(reasonsOf(set_aside)).to.deep.equal({ contradicts_itself: 1 });
  });
});

describe("a name", () => {
  const CASES: readonly [what: string, model: string, isKept: boolean][] = [
    ["of 507 characters and its provider", "m".repeat(507), true],
    ["of 6,000 characters", "m".repeat(6000), false],
    ["with a character that PostgreSQL has no room for", "o\0ne", false],
    ["with half of a character", "one\ud83d", false],
    ["in another script", "模型-1", true],
  ];
  for (const [what, model, isKept] of CASES) {
    it(`${what} is ${isKept ? "read" : "set aside"}`, () => {
      const can = {
        context_tokens: null,
        max_output_tokens: null,
        tools: null,
        vision: null,
        reasoning: null,
      };
      const named = { provider: "acme", model };
      const { observations, set_aside, capabilities, aliases } = readingIn(
        readingOf([row(model, [input(1n)]), row("two", [input(2n)])], [], {
          capabilities: [{ ...named, ...can }],
          aliases: [{ ...named, alias: "one-latest" }],
        }),
      );
      expect(observations).to.have.length(isKept ? 2 : 1);
      expect(reasonsOf(set_aside)).to.deep.equal(isKept ? {} : { unreadable_row: 1 });
      expect([capabilities.length, aliases.length]).to.deep.equal(isKept ? [1, 1] : [0, 0]);
    });
  }
});

describe("a context tier", () => {
  it("that no number of tokens reaches is set aside", () => {
    const { observations, set_aside } = oneOfEach([row("one", [input(1n), input(2n, 1e23)])]);
    expect(observations).to.deep.equal([]);
    expect(reasonsOf(set_aside)).to.deep.equal({ unreadable_row: 1 });
  });
});

describe("JSON that is nested deeply", () => {
  const deep = "[".repeat(200_000) + "]".repeat(200_000);
  const CASES: readonly [read: typeof readPortkey, text: string][] = [
    [readModelsDev, `{"acme": {"models": {"one": {"cost": {"input": ${deep}}}}}}`],
    [readOpenRouter, `{"data": [{"id": "one", "pricing": {"prompt": ${deep}}}]}`],
    [readPortkey, `{"acme": {"one": {"pricing_config": {"pay_as_you_go": {"x": {"price": ${deep}}}}}}}`],
    [readLlmPrices, `{"prices": [{"vendor": "acme", "id": "one", "input": ${deep}}]}`],
    [readLiteLlm, `{"one": {"litellm_provider": "acme", "input_cost_per_token": ${deep}}}`],
  ];
  for (const [read, text] of CASES)
    it(`is not read: ${read.name}`, () => expect(faultOf(read(text))).to.equal("NOT_READABLE"));
});

describe("a day", () => {
  const DAYS: readonly [day: string, starts: string | undefined][] = [
    ["2026-09-01", "2026-09-01T00:00:00.000Z"],
    ["2028-02-29", "2028-02-29T00:00:00.000Z"],
    ["2026-02-29", undefined],
    ["2026-13-01", undefined],
    ["2026-9-1", undefined],
    ["soon", undefined],
  ];
  for (const [day, starts] of DAYS) {
    it(`${day} ${starts === undefined ? "is none" : "starts at midnight"}`, () => {
      expect(startOfDay(day)).to.equal(starts === undefined ? undefined : Date.parse(starts));
    });
  }
});

describe("a field that is called like something every object has", () => {
  const CASES: readonly [read: typeof readPortkey, textWith: (field: string) => string][] = [
    [readModelsDev, (field) => `{"acme": {"models": {"one": {"cost": {"input": 1, "${field}": 2}}}}}`],
    [readOpenRouter, (field) => `{"data": [{"id": "one", "pricing": {"prompt": "1e-6", "${field}": "2"}}]}`],
    [
      readPortkey,
      (field) =>
        `{"acme": {"one": {"pricing_config": {"pay_as_you_go": {"request_token": {"price": 0.0001}, "${field}": {"price": 2}}}}}}`,
    ],
    [readLlmPrices, (field) => `{"prices": [{"vendor": "acme", "id": "one", "input": 1, "${field}": 2}]}`],
    [
      readLiteLlm,
      (field) => `{"one": {"litellm_provider": "acme", "input_cost_per_token": 1e-6, "${field}": 2}}`,
    ],
  ];
  for (const [read, textWith] of CASES) {
    it(`makes no price: ${read.name}`, () => {
      for (const field of ["constructor", "toString", "__proto__"]) {
        const { observations } = readingIn(read(textWith(field)));
        expect(observations.map(amountsOf), field).to.deep.equal([["input_tokens 1"]]);
      }
    });
  }
});
