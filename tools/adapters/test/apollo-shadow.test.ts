import {
  createApolloAdapter,
  createApolloShadow,
  type ApolloCalls,
  type Disagreement,
  type TokenRequest,
} from "@budget/adapters-apollo";
import { expect } from "chai";
import { everyWay, type TestBudget } from "../src/test-budget.ts";

const LIMIT = 1000;
const request = {
  context_id: "chat-1",
  component: "ergon",
  provider: "openai",
  model: "gpt-4o",
  amount: 400,
};

/**
 * Decides as Apollo does: what was used is all that counts, so that a request is refused only when the limit is passed
 * already, and never one of priority 10.
 */
function oldApollo(): Pick<ApolloCalls, "allocateTokens" | "recordTokenUsage" | "releaseAllocation"> {
  let used = 0;
  let made = 0;
  return {
    allocateTokens({ context_id, amount, priority }: TokenRequest) {
      const tier = "remote_heavyweight" as const;
      if (used > LIMIT && (priority ?? 5) < 10) {
        const why = {
          code: "hard_limit",
          error: "the daily hard limit is passed",
          reasons: [],
          resets_at: null,
        };
        const nothing = { amount: 0, remaining: 0, tokens_that_fit: 0 } as const;
        return Promise.resolve({ success: false, context_id, tier, ...why, ...nothing });
      }
      const tokens = { amount: amount ?? 0, remaining: amount ?? 0 };
      const allocation_id = `apollo-${(made += 1)}`;
      const named = { allocation_id, context_id, tier, provider: null, model: null };
      return Promise.resolve({ success: true, ...named, ...tokens, warnings: [] });
    },
    recordTokenUsage({ tokens }) {
      used += tokens;
      const nothing = { allocation_id: null, context_id: "", remaining: 0 };
      return Promise.resolve({ success: true, ...nothing, recorded_tokens: tokens });
    },
    releaseAllocation: (allocation_id) => Promise.resolve({ success: true, allocation_id }),
  };
}

everyWay("Apollo's shadow over a real Budget", (open) => {
  /** A shadow over a budget whose hard limit of 1,000 tokens a day logs for the time being. */
  async function shadowed({ port, clock }: TestBudget) {
    const budget = createApolloAdapter({ port, clock });
    const told: Disagreement[] = [];
    await port.policies.create({ type: "log", period: "daily", token_limit: LIMIT });
    const shadow = createApolloShadow({
      old: { ...budget, ...oldApollo() },
      budget,
      onDisagreement: (disagreement) => told.push(disagreement),
    });
    return { shadow, told };
  }

  it("shows where Budget would have refused, and leaves nothing held", async () => {
    const budget = await open();
    const { shadow, told } = await shadowed(budget);
    const ids: string[] = [];
    for (let call = 0; call < 3; call += 1) {
      const answer = await shadow.allocateTokens(request);
      if (answer.success) ids.push(answer.allocation_id);
      await shadow.settled();
    }
    expect(ids).to.deep.equal(["apollo-1", "apollo-2", "apollo-3"]);
    const [only] = told;
    expect(told).to.have.length(1);
    expect(only).to.deep.include({ kind: "decision", old: { granted: true, reasons: [] } });
    expect(only).to.have.nested.property("budget.granted", false);
    expect(only).to.have.nested.property("budget.reasons[0]").that.includes("800 tokens held of 1000 tokens");

    for (const allocation_id of ids) {
      await shadow.recordTokenUsage({ allocation_id, tokens: 350, usage_type: "output" });
      await shadow.releaseAllocation(allocation_id);
    }
    await shadow.settled();
    const [row] = await budget.port.summary((await budget.port.defaultBudget()).budget_id);
    expect(row).to.include({ total_tokens_used: 1050, tokens_held: 0, active_allocations: 0 });

    await shadow.allocateTokens(request);
    await shadow.allocateTokens({ ...request, priority: 10 });
    await shadow.settled();
    expect(shadow.counts()).to.deep.equal({ agreed: 4, disagreed: 1, failed: 0, left_out: 0 });
    expect(await budget.port.allocations.list({ is_active: true })).to.have.length(1);
  });
});
