import { createRhetorAdapter, createTokenCounter } from "@budget/adapters-rhetor";
import { expect } from "chai";
import { START_MS, everyWay } from "../src/test-budget.ts";

const CALL = { provider: "openai", model: "gpt-4o", input_text: "What is the capital of France?" };
const tokens = createTokenCounter({ rest: () => Promise.resolve() });

everyWay("Rhetor's limit of a day", (open) => {
  it("is not the one that is at its end, and binds when it is set", async () => {
    const { port, clock } = await open();
    const rhetor = createRhetorAdapter({ port, tokens, clock });
    await port.policies.create({
      type: "enforce",
      period: "daily",
      cost_limit: 5,
      end_date: new Date(START_MS - 1).toISOString(),
    });
    expect(await rhetor.getBudgetLimit({ period: "daily" })).to.equal(0);
    await rhetor.setBudgetLimit({ period: "daily", limit: "0.000000001", enforcement: "enforce" });
    expect(await rhetor.getBudgetLimit({ period: "daily" })).to.equal(1e-9);
    expect((await rhetor.checkBudget(CALL)).allowed).to.equal(false);
  });
});
