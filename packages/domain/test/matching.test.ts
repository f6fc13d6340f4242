import { expect } from "chai";
import { matches, missingDimension, type BudgetPolicy, type RequestDimensions } from "../src/index.ts";
import { makePolicy } from "./make.ts";

const NOW_MS = 1_000_000;

const request: RequestDimensions = {
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt-4o",
  component: "rhetor",
  task_type: "chat",
};

describe("matches", () => {
  const cases: readonly [string, Partial<BudgetPolicy>, boolean][] = [
    ["a policy without dimensions", {}, true],
    ["the same tier", { tier: "remote_heavyweight" }, true],
    ["another tier", { tier: "local_midweight" }, false],
    ["the same provider", { provider: "openai" }, true],
    ["another provider", { provider: "anthropic" }, false],
    ["another model", { model: "gpt-4o-mini" }, false],
    ["another component", { component: "apollo" }, false],
    ["another task type", { task_type: "coding" }, false],
    ["all the same", { ...request }, true],
    ["all the same but one", { ...request, task_type: "coding" }, false],
  ];
  for (const [name, dimensions, expected] of cases) {
    it(`${name}: ${expected ? "counts" : "does not count"}`, () => {
      expect(matches(makePolicy(dimensions), request)).to.equal(expected);
    });
  }

  it("does not count a request that leaves the policy's dimension open", () => {
    expect(matches(makePolicy({ provider: "openai" }), { ...request, provider: null })).to.equal(false);
  });
});

describe("missingDimension", () => {
  const open: RequestDimensions = { ...request, provider: null, model: null };
  const cases: readonly [string, Partial<BudgetPolicy>, RequestDimensions, string | null][] = [
    ["a policy on nothing", { token_limit: 1 }, open, null],
    ["an enforced provider", { token_limit: 1, provider: "openai" }, open, "provider"],
    ["an enforced model", { token_limit: 1, model: "gpt-4o" }, open, "model"],
    ["a cost limit, which needs a price", { cost_limit_nano_usd: 1n }, open, "provider"],
    [
      "a cost limit, with only the model open",
      { cost_limit_nano_usd: 1n },
      { ...request, model: null },
      "model",
    ],
    [
      "a cost limit that lets unknown prices pass",
      { cost_limit_nano_usd: 1n, allow_unpriced: true },
      open,
      null,
    ],
    ["a warning policy", { token_limit: 1, provider: "openai", type: "warn" }, open, null],
    ["a disabled policy", { token_limit: 1, provider: "openai", enabled: false }, open, null],
    ["a policy at its end", { token_limit: 1, provider: "openai", end_ms: NOW_MS }, open, null],
    ["a policy shortly before its end", { provider: "openai", end_ms: NOW_MS + 1 }, open, "provider"],
    ["a policy that another dimension rules out", { provider: "openai", component: "apollo" }, open, null],
    ["a request that says everything", { cost_limit_nano_usd: 1n, provider: "openai" }, request, null],
  ];
  for (const [name, fields, asked, expected] of cases) {
    it(`${name}: ${expected ?? "nothing"} is missing`, () => {
      expect(missingDimension([makePolicy(fields)], asked, NOW_MS)?.dimension ?? null).to.equal(expected);
    });
  }
});
