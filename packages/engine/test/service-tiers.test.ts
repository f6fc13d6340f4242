import { SHARED_TENANT_ID, type ProviderPricing } from "@budget/domain";
import { ALL_TENANTS, PriceRepository, TenantRepository } from "@budget/repositories";
import { expect } from "chai";
import { CONTEXT, PRICES, START_MS, code, onEveryDatabase, value, type TestEngine } from "./support.ts";

/** `acme/small` costs $0.000001 for an input token and $0.000004 for an output token; at the flex tier half of it. */
async function addFlexPrice({ test_database: { database } }: TestEngine): Promise<ProviderPricing> {
  const [small] = PRICES;
  if (small === undefined) throw new Error("There is no price to halve.");
  const price: ProviderPricing = {
    ...small,
    service_tier: "flex",
    components: small.components.map((component) => ({
      ...component,
      amount_femto_usd: component.amount_femto_usd / 2n,
    })),
    tenant_id: SHARED_TENANT_ID,
    pricing_id: "01a00000-0000-7000-8000-000000000001",
    evidence: [],
    markup_ppm: 0,
    created_at_ms: START_MS,
  };
  await database.transaction(ALL_TENANTS, async (transaction) => {
    const version = await new TenantRepository(database).bumpCatalogVersion(transaction, SHARED_TENANT_ID);
    await new PriceRepository(database).insertMany(transaction, [price], version);
  });
  return price;
}

const CALL = { context_id: "context", component: "rhetor", provider: "acme", model: "small" };

onEveryDatabase("service tiers", (open) => {
  it("are held and booked at their own price, and usage inherits that of its allocation", async () => {
    const test = await open();
    const price = await addFlexPrice(test);
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const flex = {
      ...CALL,
      budget_id,
      service_tier: "flex" as const,
      input_tokens: 1000,
      max_output_tokens: 100,
    };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, flex));
    expect(allocation).to.include({
      service_tier: "flex",
      price_scope: "",
      cost_allocated_nano_usd: 700_000n,
    });
    const { allocation_id } = allocation;
    const used = { allocation_id, input_tokens: 1000, output_tokens: 100 };
    const record = value(await test.engine.usage.record(CONTEXT, used));
    expect(record).to.include({
      service_tier: "flex",
      total_cost_nano_usd: 700_000n,
      overage_cost_nano_usd: 0n,
      pricing_id: price.pricing_id,
    });
    const stored = value(await test.engine.usage.get(CONTEXT, record.record_id));
    expect(stored).to.deep.equal(record);
    const standard = value(await test.engine.usage.record(CONTEXT, { ...used, service_tier: "standard" }));
    expect(standard).to.include({ service_tier: "standard", total_cost_nano_usd: 1_400_000n });
  });

  it("that are cheaper and have no price are held and booked at the standard one, as an estimate", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const batch = { ...CALL, budget_id, service_tier: "batch" as const };
    const asked = { ...batch, input_tokens: 1000, max_output_tokens: 0 };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, asked));
    expect(allocation.cost_allocated_nano_usd).to.equal(1_000_000n);
    const record = value(
      await test.engine.usage.record(CONTEXT, { ...batch, input_tokens: 1000, output_tokens: 0 }),
    );
    expect(record.total_cost_nano_usd).to.equal(1_000_000n);
    expect(record.cost_components.map(({ estimated }) => estimated)).to.deep.equal([true]);
    const { items } = await test.engine.alerts.list(CONTEXT, {});
    expect(items.filter(({ kind }) => kind === "price_unknown")).to.be.empty;
  });

  it("that are dearer and have no price are refused under a cost limit, and booked with an alert", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const priority = { ...CALL, budget_id, service_tier: "priority" as const };
    const asked = { ...priority, input_tokens: 1000, max_output_tokens: 0 };
    const refused = await test.engine.allocations.allocate(CONTEXT, asked);
    expect(code(refused)).to.equal("insufficient_budget");
    const record = value(
      await test.engine.usage.record(CONTEXT, { ...priority, input_tokens: 1000, output_tokens: 0 }),
    );
    expect(record.total_cost_nano_usd).to.equal(1_000_000n);
    const { items } = await test.engine.alerts.list(CONTEXT, {});
    expect(items.filter(({ kind }) => kind === "price_unknown").map(({ message }) => message)).to.deep.equal([
      "Usage of acme/small was booked at the standard price instead of that of the service tier priority: no price is known.",
    ]);
  });
});
