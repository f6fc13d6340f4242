import { createRhetorAdapter, type TokenCounter } from "@budget/adapters-rhetor";
import { expect } from "chai";
import { everyWay } from "../src/test-budget.ts";

everyWay("Rhetor's routing", (open) => {
  it("counts a text once for all models of an encoding, however many it looks at", async () => {
    const { port, clock } = await open();
    const counted: string[] = [];
    const tokens: TokenCounter = {
      count(provider) {
        counted.push(provider);
        return Promise.resolve({ tokens: 1000, counted_by: "estimate" });
      },
    };
    const rhetor = createRhetorAdapter({ port, tokens, clock });
    await port.policies.create({ type: "enforce", period: "daily", cost_limit: "0.000000001" });
    const request = { default_provider: "openai", default_model: "gpt-4o", input_text: "What is it?" };
    expect(await rhetor.routeWithBudgetAwareness(request)).to.include({ model: "codellama" });
    // One of OpenAI's has a tokenizer; of others the size is taken.
    expect(counted.map((provider) => provider === "openai")).to.deep.equal([true, false]);
    await rhetor.routeWithBudgetAwareness(request);
    expect(counted).to.have.length(4);
  });
});
