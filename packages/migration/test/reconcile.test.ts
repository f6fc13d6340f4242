import { expect } from "chai";
import type { ImportedTotals } from "@budget/domain";
import { NO_MAPPING, UsageTotals, canonicalText, type Mapping } from "../src/index.ts";
import { mapTotals } from "../src/mapping.ts";
import { reconcile } from "../src/reconcile.ts";

const DAY_MS = 86_400_000;
const USAGE = {
  timestamp_ms: 20_000 * DAY_MS + 5,
  provider: "OpenAI ",
  model: "gpt-4o",
  component: "Codex",
  input_tokens: 10,
  output_tokens: 4,
  total_tokens: 16,
  cost_nano_usd: 9_007_199_254_740_993n,
};

const totalsOf = (...usage: readonly (typeof USAGE)[]): readonly ImportedTotals[] => {
  const totals = new UsageTotals();
  for (const one of usage) totals.add(one);
  return totals.list();
};

describe("UsageTotals", () => {
  it("adds up by day, provider, model and component, whatever the case of names", () => {
    const other = { ...USAGE, provider: "openai", component: "codex", timestamp_ms: 20_001 * DAY_MS - 1 };
    const next_day = { ...USAGE, timestamp_ms: 20_001 * DAY_MS };
    const [first, second, ...more] = totalsOf(next_day, USAGE, other);
    expect(first).to.deep.equal({
      day_start_ms: 20_000 * DAY_MS,
      provider: "openai",
      model: "gpt-4o",
      component: "codex",
      records: 2,
      input_tokens: 20,
      output_tokens: 8,
      total_tokens: 32,
      cost_nano_usd: 18_014_398_509_481_986n,
    });
    expect([second?.day_start_ms, second?.records, more]).to.deep.equal([20_001 * DAY_MS, 1, []]);
  });
});

describe("mapTotals", () => {
  it("puts together what gets the same name", () => {
    const mapping: Mapping = { ...NO_MAPPING, components: new Map([["codex", "coder"]]) };
    const [group, ...more] = mapTotals(totalsOf(USAGE, { ...USAGE, component: "coder" }), mapping);
    expect([group?.component, group?.records, group?.total_tokens, more]).to.deep.equal(["coder", 2, 32, []]);
  });
});

describe("reconcile", () => {
  it("finds no difference where there is none", () => {
    const { theirs, ours, groups, differing } = reconcile(totalsOf(USAGE, USAGE), totalsOf(USAGE, USAGE));
    expect(theirs).to.deep.equal(ours);
    expect([theirs.records, groups.length, differing]).to.deep.equal([2, 1, []]);
  });

  const changes: Partial<typeof USAGE>[] = [
    { input_tokens: 11 },
    { output_tokens: 5 },
    { total_tokens: 17 },
    { cost_nano_usd: USAGE.cost_nano_usd + 1n },
    { component: "ergon" },
    { timestamp_ms: USAGE.timestamp_ms + DAY_MS },
  ];
  for (const change of changes) {
    it(`finds another ${Object.keys(change).join()}`, () => {
      const { differing } = reconcile(totalsOf(USAGE), totalsOf({ ...USAGE, ...change }));
      expect(differing.length).to.be.greaterThan(0);
    });
  }

  it("finds what is missing on either side, in order", () => {
    const theirs = totalsOf(USAGE, { ...USAGE, model: "a" });
    const ours = totalsOf(USAGE, { ...USAGE, model: "z" });
    const { differing, groups } = reconcile(theirs, ours);
    expect(groups.map(({ model }) => model)).to.deep.equal(["a", "gpt-4o", "z"]);
    expect(differing.map((group) => [group.model, group.theirs.records, group.ours.records])).to.deep.equal([
      ["a", 1, 0],
      ["z", 0, 1],
    ]);
  });
});

describe("canonicalText", () => {
  it("is the same for fields in another order, at any depth, and not for lists", () => {
    const text = canonicalText({ b: [{ y: 1, x: 2 }], a: null });
    expect(text).to.equal('{"a":null,"b":[{"x":2,"y":1}]}');
    expect(canonicalText({ a: null, b: [{ x: 2, y: 1 }] })).to.equal(text);
    expect(canonicalText([1, 2])).to.not.equal(canonicalText([2, 1]));
  });
});
