import type { AllocationCreate, LearnedOutput } from "@budget/domain";
import { expect } from "chai";
import { readRequestedTokens } from "../src/requested-tokens.ts";

const LEARNED: LearnedOutput = { quantile: "p95", output_tokens: 640, samples: 100 };

/** What was read: the least, the most and the input; or the field that is wrong. */
function read(fields: Partial<AllocationCreate>, learned: LearnedOutput | null = null): string {
  const outcome = readRequestedTokens({ context_id: "c", component: "x", ...fields }, learned);
  if (!outcome.ok) return "field" in outcome.rejection ? (outcome.rejection.field ?? "") : "";
  const { tokens, min_tokens, input_tokens } = outcome.value;
  return `${min_tokens}..${tokens} input ${input_tokens ?? "unknown"}`;
}

describe("the tokens that a request asks for", () => {
  const cases: readonly [string, Partial<AllocationCreate>, LearnedOutput | null, string][] = [
    ["a sum", { tokens_allocated: 100 }, null, "100..100 input unknown"],
    ["a range", { tokens_allocated: { min: 10, max: 100 } }, null, "10..100 input unknown"],
    ["a range of one", { tokens_allocated: { min: 10, max: 10 } }, null, "10..10 input unknown"],
    ["a range upside down", { tokens_allocated: { min: 11, max: 10 } }, null, "/tokens_allocated/min"],
    ["nothing", {}, null, "2000..2000 input unknown"],
    [
      "nothing, for a chat of high priority",
      { task_type: "chat", priority: 8 },
      null,
      "8000..8000 input unknown",
    ],
    ["input and output", { input_tokens: 7, max_output_tokens: 3 }, null, "10..10 input 7"],
    ["input alone that answers nothing", { input_tokens: 7, max_output_tokens: 0 }, null, "7..7 input 7"],
    ["no token", { input_tokens: 0, max_output_tokens: 0 }, null, "/input_tokens"],
    ["a range of output", { input_tokens: 7, max_output_tokens: { min: 1, max: 3 } }, null, "8..10 input 7"],
    [
      "a range of output upside down",
      { input_tokens: 7, max_output_tokens: { min: 3, max: 1 } },
      null,
      "/max_output_tokens/min",
    ],
    ["input without output", { input_tokens: 7 }, null, "/max_output_tokens"],
    ["output without input", { max_output_tokens: 7 }, null, "/input_tokens"],
    ["an estimate without input", { estimate: "p95" }, null, "/input_tokens"],
    ["a sum beside its parts", { tokens_allocated: 10, input_tokens: 7 }, null, "/tokens_allocated"],
    ["a sum beside an estimate", { tokens_allocated: 10, estimate: "p95" }, null, "/tokens_allocated"],
    ["what was learned", { input_tokens: 7, estimate: "p95" }, LEARNED, "647..647 input 7"],
    [
      "what was learned, at most the worst case",
      { input_tokens: 7, estimate: "p95", max_output_tokens: 500 },
      LEARNED,
      "507..507 input 7",
    ],
    [
      "what was learned, within a range",
      { input_tokens: 7, estimate: "p95", max_output_tokens: { min: 100, max: 5000 } },
      LEARNED,
      "107..647 input 7",
    ],
    [
      "what was learned, below a range",
      { input_tokens: 7, estimate: "p95", max_output_tokens: { min: 700, max: 5000 } },
      LEARNED,
      "707..707 input 7",
    ],
    [
      "the worst case where nothing was learned yet",
      { input_tokens: 7, estimate: "p95", max_output_tokens: 500 },
      null,
      "507..507 input 7",
    ],
    [
      "the default where nothing is known at all",
      { input_tokens: 7, estimate: "p95" },
      null,
      "2007..2007 input 7",
    ],
  ];
  for (const [name, fields, learned, expected] of cases) {
    it(`${name}: ${expected}`, () => expect(read(fields, learned)).to.equal(expected));
  }
});
