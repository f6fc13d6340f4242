import type { BudgetPort } from "@budget/adapter-port";
import type { Price } from "@budget/client-js";
import { expect } from "chai";
import { createModels } from "../src/model-tiers.ts";

const NOW_MS = Date.parse("2026-11-23T09:30:00.000Z");

function price(name: string, input: number | null, output: number | null, fields: Partial<Price> = {}) {
  const [provider, model] = name.split("/");
  return {
    ...{ provider, model, scope: "", service_tier: "standard", time_of_day: null },
    ...{ input_cost_per_token: input, output_cost_per_token: output },
    ...{ effective_date: "2026-01-01T00:00:00.000Z", end_date: null, ...fields },
  } as Price;
}

/** Models over these prices; nothing else is asked of the port. */
function modelsOver(prices: readonly Price[]) {
  const port = { prices: { list: () => Promise.resolve(prices) } } as unknown as BudgetPort;
  return createModels(port, { now: () => NOW_MS });
}

describe("the tier of a model", () => {
  const cases: readonly (readonly [input: number, output: number, tier: string, per_1k: number])[] = [
    [0, 0, "free", 0],
    [0, 0.000000000000001, "low", 0.000000000001],
    // 0.0000033 + 0.0000067 is less than 0.00001 as floating point, and the same exactly.
    [0.0000033, 0.0000067, "medium", 0.01],
    [0.0000033, 0.000006699999999, "low", 0.009999999999],
    [0.000007, 0.000003, "medium", 0.01],
    [0.0000175, 0.000032499999999, "medium", 0.049999999999],
    // 0.0000175 + 0.0000325 is a little more or less than 0.00005 as floating point.
    [0.0000175, 0.0000325, "high", 0.05],
    [0.0001, 0.0002, "high", 0.3],
  ];
  for (const [input, output, tier, cost_per_1k_tokens] of cases) {
    it(`is ${tier} at $${cost_per_1k_tokens} for 1,000 tokens in and out`, async () => {
      const tiers = await modelsOver([price("acme/x", input, output)]).getModelTiers();
      const named = Object.entries(tiers).filter(([, models]) => models.length > 0);
      expect(named).to.deep.equal([[tier, [{ provider: "acme", model: "x", cost_per_1k_tokens }]]]);
    });
  }

  it("is that of its general price in force, and of models alone that answer text", async () => {
    const tiers = await modelsOver([
      price("acme/region", 0, 0, { scope: "us" }),
      price("acme/batch", 0, 0, { service_tier: "batch" }),
      price("acme/night", 0, 0, { time_of_day: { start: "16:30:00", end: "00:30:00" } }),
      price("acme/past", 0, 0, { end_date: "2026-11-23T09:30:00.000Z" }),
      price("acme/future", 0, 0, { effective_date: "2026-11-23T09:30:00.001Z" }),
      price("acme/image", null, null),
      price("acme/embedding", 0.00000002, 0),
      price("acme/now", 0, 0, {
        effective_date: "2026-11-23T09:30:00.000Z",
        end_date: "2026-11-23T09:30:00.001Z",
      }),
    ]).getModelTiers();
    expect(tiers.free.map(({ model }) => model)).to.deep.equal(["now"]);
    expect([...tiers.low, ...tiers.medium, ...tiers.high]).to.deep.equal([]);
  });
});

describe("another model", () => {
  const PRICES = [
    price("anthropic/dear", 15, 75),
    price("anthropic/cheap", 1, 5),
    price("anthropic/cheap-too", 1, 5),
    price("openai/middling", 2, 10),
    price("openai/free-with-a-key", 0, 0),
    price("ollama/paid", 0.5, 0.5),
    price("ollama/free", 0, 0),
    price("simulated/free", 0, 0),
    price("acme/cheapest", 0.1, 0.1),
    price("acme/own", 3, 3),
  ];
  const names = async (provider: string, model: string, task_type?: string) =>
    (await modelsOver(PRICES).alternatives({ provider, model, ...(task_type && { task_type }) })).map(
      (one) => `${one.provider}/${one.model}${one.isFree ? " (free)" : ""}`,
    );

  it("is the cheapest of each provider in Rhetor's order, then a free one", async () => {
    const free = ["ollama/free (free)", "simulated/free (free)"];
    expect(await names("anthropic", "dear", "code")).to.deep.equal([
      "anthropic/cheap",
      "openai/middling",
      "ollama/paid",
      ...free,
    ]);
    expect(await names("Anthropic", "DEAR", "chat")).to.deep.equal([
      "openai/middling",
      "anthropic/cheap",
      "ollama/paid",
      ...free,
    ]);
  });

  it("may be the provider's in use, and is of no other that Rhetor does not know", async () => {
    expect(await names("acme", "own", "constructor")).to.deep.equal([
      "ollama/paid",
      "acme/cheapest",
      "ollama/free (free)",
      "simulated/free (free)",
    ]);
    expect(await names("openai", "middling")).to.include("openai/free-with-a-key (free)");
    expect(await names("anthropic", "dear")).to.not.include("openai/free-with-a-key (free)");
  });

  it("is free where nobody knows what the model costs, and none where it is free itself", async () => {
    expect(await names("openai", "unknown")).to.deep.equal([
      "ollama/free (free)",
      "simulated/free (free)",
      "openai/free-with-a-key (free)",
    ]);
    expect(await names("simulated", "free")).to.deep.equal([]);
  });
});
