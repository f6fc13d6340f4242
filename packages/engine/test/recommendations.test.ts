import { NOTHING_KNOWN, SHARED_TENANT_ID, type ModelCapabilities, type PriceComponent } from "@budget/domain";
import { ALL_TENANTS, ModelRepository, PriceRepository, TenantRepository } from "@budget/repositories";
import { expect } from "chai";
import { v7 } from "uuid";
import { CONTEXT, DAY_MS, PRICES, code, onEveryDatabase, value, type TestEngine } from "./support.ts";

/** Amounts are dollars for a million tokens. */
async function addModel(
  { test_database: { database } }: TestEngine,
  provider: string,
  model: string,
  amounts: readonly [unit: PriceComponent["unit"], dollars: number, above?: number][],
  capabilities: Partial<ModelCapabilities> = {},
): Promise<void> {
  const [small] = PRICES;
  if (small === undefined) throw new Error("There is no price to start from.");
  const price = {
    ...small,
    provider,
    model,
    components: amounts.map(([unit, dollars, above_input_tokens = 0]) => ({
      unit,
      amount_femto_usd: BigInt(Math.round(dollars * 1e9)),
      above_input_tokens,
    })),
    tenant_id: SHARED_TENANT_ID,
    pricing_id: v7(),
    verified: true,
    status: "verified" as const,
    evidence: [],
    markup_ppm: 0,
    created_at_ms: 0,
  };
  await database.transaction(ALL_TENANTS, async (transaction) => {
    const version = await new TenantRepository(database).bumpCatalogVersion(transaction, SHARED_TENANT_ID);
    await new PriceRepository(database).insertMany(transaction, [price], version);
    const said = { ...NOTHING_KNOWN, provider, model, ...capabilities };
    await new ModelRepository(database).saveCapabilities(transaction, "test", [said]);
  });
}

const use = async (
  test: TestEngine,
  usage: Record<string, number>,
  more: { component?: string; task_type?: string } = {},
) => {
  const { budget_id } = await test.engine.budgets.getDefault(CONTEXT);
  return value(
    await test.engine.usage.record(CONTEXT, {
      budget_id,
      context_id: "context",
      component: "rhetor",
      provider: "acme",
      model: "large",
      usage,
      ...more,
    }),
  );
};

const LARGE = { provider: "acme", model: "large" };

onEveryDatabase("recommendations", (open) => {
  const recommend = async (test: TestEngine, more: object = {}) =>
    value(await test.engine.prices.recommendations(CONTEXT, { ...LARGE, ...more }));

  it("are worked out on what was really used, not on list prices", async () => {
    const test = await open();
    // By list price `reader` is dearer than `writer`; for calls that mostly read from a cache it is cheaper.
    await addModel(test, "acme", "writer", [
      ["input_tokens", 2],
      ["output_tokens", 2],
    ]);
    await addModel(test, "acme", "reader", [
      ["input_tokens", 4],
      ["cache_read_tokens", 0.1],
      ["output_tokens", 5],
    ]);
    await use(test, { input_tokens: 100_000, cache_read_tokens: 99_000, output_tokens: 100 });
    await use(test, { input_tokens: 100_000, cache_read_tokens: 99_000, output_tokens: 100 });
    const found = await recommend(test);
    expect(found).to.deep.include({ calls: 2, typical: false, current_cost: 0.226 });
    expect(found.items.map(({ model, estimated_cost }) => [model, estimated_cost])).to.deep.equal(
      [
        ["small", 0.0226],
        ["reader", 0.0288],
      ].sort((a, b) => Number(a[1]) - Number(b[1])),
    );
    expect(found.items[0]).to.deep.include({ cost_reduction: 0.2034, cost_reduction_percentage: 90 });
  });

  it("are those of a typical call where nothing was used", async () => {
    const test = await open();
    const found = await recommend(test);
    expect(found).to.deep.include({ calls: 0, typical: true, current_cost: 0.05 });
    expect(found.items.map(({ model, estimated_cost }) => [model, estimated_cost])).to.deep.equal([
      ["small", 0.005],
    ]);
    const unknown = await test.engine.prices.recommendations(CONTEXT, { provider: "acme", model: "nobody" });
    expect(code(unknown)).to.equal("price_not_found");
  });

  it("can do what is asked for, and take what the calls were long", async () => {
    const test = await open();
    const both: [PriceComponent["unit"], number][] = [
      ["input_tokens", 3],
      ["output_tokens", 3],
    ];
    await addModel(test, "acme", "seeing", both, { vision: true, context_tokens: 8_000, tools: true });
    await addModel(
      test,
      "other",
      "far",
      [
        ["input_tokens", 2.9],
        ["output_tokens", 2.9],
      ],
      { vision: true, context_tokens: 200_000 },
    );
    await addModel(
      test,
      "acme",
      "free",
      [
        ["input_tokens", 0],
        ["output_tokens", 0],
      ],
      { vision: true },
    );
    await addModel(
      test,
      "acme",
      "seeing-latest",
      [
        ["input_tokens", 1],
        ["output_tokens", 1],
      ],
      { vision: true },
    );
    const names = async (more: object) => (await recommend(test, more)).items.map(({ model }) => model);
    expect(await names({ vision: true })).to.deep.equal(["seeing"]);
    expect(await names({ vision: true, any_provider: true })).to.deep.equal(["far", "seeing"]);
    expect(await names({ vision: true, any_provider: true, context_tokens: 8_001 })).to.deep.equal(["far"]);
    expect(await names({ vision: true, tools: true, any_provider: true })).to.deep.equal(["seeing"]);
    expect(await names({ reasoning: true, any_provider: true })).to.deep.equal([]);
    expect(await names({ any_provider: true, limit: 1 })).to.have.length(1);
    expect(await names({ vision: true, any_provider: true, context_size: 8_000 })).to.have.length(2);
    expect(await names({ vision: true, any_provider: true, context_size: 8_001 })).to.deep.equal(["far"]);
    // Of `small` nobody says what it takes.
    expect(await names({ context_size: 1_000_000 })).to.deep.equal(["small"]);
    await use(test, { input_tokens: 9_000, output_tokens: 1 });
    expect(await names({ vision: true, any_provider: true })).to.deep.equal(["far"]);
  });

  it("leave out calls whose cost nobody knows, and say how many", async () => {
    const test = await open();
    await use(test, { input_tokens: 1000, output_tokens: 1000 });
    await use(test, { input_tokens: 1000, output_tokens: 1000, web_searches: 3 });
    const found = await recommend(test);
    expect(found).to.deep.include({ calls: 1, calls_left_out: 1, typical: false, current_cost: 0.05 });
    expect(found.items.map(({ model, estimated_cost }) => [model, estimated_cost])).to.deep.equal([
      ["small", 0.005],
    ]);
    test.clock.now_ms += 3 * DAY_MS;
    await use(test, { input_tokens: 1000, output_tokens: 1000, web_searches: 3 });
    expect(found.items[0]?.confidence).to.equal(0.5);
    const none = await recommend(test, { days: 1 });
    expect(none).to.deep.include({ calls: 0, calls_left_out: 1, typical: true, current_cost: 0.05 });
    expect(none.items[0]?.confidence).to.equal(0);
    expect(none.items.map(({ model }) => model)).to.deep.equal(found.items.map(({ model }) => model));
  });

  it("look at the usage that is asked for", async () => {
    const test = await open();
    await use(test, { input_tokens: 10, output_tokens: 0 }, { component: "athena" });
    test.clock.now_ms += 3 * DAY_MS;
    await use(test, { input_tokens: 10, output_tokens: 0 });
    expect((await recommend(test)).calls).to.equal(2);
    expect((await recommend(test, { component: "athena" })).calls).to.equal(1);
    expect((await recommend(test, { days: 1 })).calls).to.equal(1);
    expect((await recommend(test, { component: "athena", days: 1 })).typical).to.equal(true);
    await use(test, { input_tokens: 10, output_tokens: 0 }, { task_type: "chat" });
    expect((await recommend(test, { task_type: "chat" })).calls).to.equal(1);
    expect((await recommend(test)).calls).to.equal(3);
  });
});

onEveryDatabase("coverage", (open) => {
  it("lists the models in use, those whose price cannot be relied on first", async () => {
    const test = await open();
    await addModel(test, "acme", "sure", [
      ["input_tokens", 1],
      ["output_tokens", 1],
    ]);
    const { budget_id } = await test.engine.budgets.getDefault(CONTEXT);
    const of = async (model: string, input_tokens: number) =>
      test.engine.usage.record(CONTEXT, {
        budget_id,
        context_id: "context",
        component: "rhetor",
        provider: "acme",
        model,
        input_tokens,
        output_tokens: 0,
      });
    await of("sure", 5_000_000);
    await of("small", 1000);
    await of("large", 1000);
    await of("novel", 7);
    const report = await test.engine.prices.coverage(CONTEXT, {});
    expect(report).to.deep.include({
      days: 30,
      models: 4,
      models_verified: 1,
      total_cost: 5.011,
      verified_cost: 5,
    });
    expect(report.items.map(({ model, price_status }) => [model, price_status])).to.deep.equal([
      ["large", "provisional"],
      ["small", "provisional"],
      ["novel", null],
      ["sure", "verified"],
    ]);
    test.clock.now_ms += 3 * DAY_MS;
    expect((await test.engine.prices.coverage(CONTEXT, { days: 1 })).models).to.equal(0);
  });
});
