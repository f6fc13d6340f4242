import { createApolloAdapter } from "@budget/adapters-apollo";
import { createRhetorAdapter, createTokenCounter } from "@budget/adapters-rhetor";
import { expect } from "chai";
import { START_MS, everyWay } from "../src/test-budget.ts";

const CALL = { provider: "openai", model: "gpt-4o", input_text: "What is the capital of France?" };
const tokens = createTokenCounter({ rest: () => Promise.resolve() });

const ENDED = new Date(START_MS - 1).toISOString();
const TIER = "remote_heavyweight";

everyWay("Rhetor's limit of a day", (open) => {
  it("is not the one that is at its end, and binds when it is set", async () => {
    const { port, clock } = await open();
    const rhetor = createRhetorAdapter({ port, tokens, clock });
    await port.policies.create({
      type: "enforce",
      period: "daily",
      cost_limit: 5,
      end_date: ENDED,
    });
    expect(await rhetor.getBudgetLimit({ period: "daily" })).to.equal(0);
    await rhetor.setBudgetLimit({ period: "daily", limit: "0.000000001", enforcement: "enforce" });
    expect(await rhetor.getBudgetLimit({ period: "daily" })).to.equal(1e-9);
    expect((await rhetor.checkBudget(CALL)).allowed).to.equal(false);
  });

  it("is told as the lowest one in force", async () => {
    const { port, clock } = await open();
    const rhetor = createRhetorAdapter({ port, tokens, clock });
    const limit = { type: "enforce", period: "daily" } as const;
    await port.policies.create({ ...limit, cost_limit: 5, end_date: ENDED });
    await port.policies.create({ ...limit, cost_limit: 4, enabled: false });
    await port.policies.create({ ...limit, cost_limit: 30 });
    await port.policies.create({ ...limit, cost_limit: 20 });
    expect((await rhetor.checkBudget(CALL)).info).to.deep.include({ daily_limit: 20, monthly_limit: 0 });
  });
});

everyWay("Apollo's limit of a day", (open) => {
  /** A policy of 100 tokens a day that ends 1 ms from now, and that half of is used. */
  async function ending(type: string) {
    const { port, clock } = await open();
    const { budget_id } = await port.defaultBudget();
    await port.policies.create({
      ...{ budget_id, type, period: "daily", tier: TIER, token_limit: 100, warning_threshold: 0.4 },
      end_date: new Date(START_MS + 1).toISOString(),
    });
    await port.usage.record({
      ...{ budget_id, context_id: "chat-1", provider: "openai", model: "gpt-4o", tier: TIER },
      ...{ component: "apollo", input_tokens: 50 },
    });
    return { apollo: createApolloAdapter({ port, clock }), clock };
  }

  it("is not the one that is at its end, and binds when it is set", async () => {
    const { apollo, clock } = await ending("enforce");
    clock.now_ms += 1;
    const set = await apollo.setBudgetLimit({ tier: TIER, period: "daily", limit: 10 });
    const { summaries } = await apollo.getBudgetStatus({ tier: TIER, period: "daily" });
    expect(summaries.map(({ policy_id, limit }) => [policy_id, limit])).to.deep.equal([[set.policy_id, 10]]);
    const answer = await apollo.allocateTokens({ context_id: "chat-1", amount: 60, tier: TIER });
    expect(answer).to.have.nested.property("warnings[0].policy_id", set.policy_id);
  });

  it("has models of a lighter tier recommended until it is at its end", async () => {
    const { apollo, clock } = await ending("warn");
    const isNear = async () =>
      (await apollo.provideModelGuidance({ context_id: "chat-1", preferred_tier: TIER }))
        .approaching_budget_limit;
    expect(await isNear()).to.equal(true);
    clock.now_ms += 1;
    expect(await isNear()).to.equal(false);
  });
});
