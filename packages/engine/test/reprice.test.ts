import {
  SHARED_TENANT_ID,
  type PriceComponent,
  type ProviderPricing,
  type RepriceRequest,
} from "@budget/domain";
import { ALL_TENANTS, PriceRepository, TenantRepository } from "@budget/repositories";
import { expect } from "chai";
import { v7 } from "uuid";
import {
  CONTEXT,
  DAY_MS,
  HOUR_MS,
  PRICES,
  START_MS,
  code,
  onEveryDatabase,
  value,
  type TestEngine,
} from "./support.ts";

const at = (ms: number): string => new Date(ms).toISOString();

/** Closes the prices of a model and follows them by one that begins now, at a multiple of the prices of `small`. */
async function changePrice(
  { test_database: { database }, clock }: TestEngine,
  model: string,
  factor: bigint,
  more: Partial<ProviderPricing> = {},
): Promise<string> {
  const prices = new PriceRepository(database);
  const [small] = PRICES;
  if (small === undefined) throw new Error("There is no price to start from.");
  const now_ms = clock.now();
  const pricing_id = v7();
  const price: ProviderPricing = {
    ...small,
    model,
    components: small.components.map((component) => ({
      ...component,
      amount_femto_usd: component.amount_femto_usd * factor,
    })),
    tenant_id: SHARED_TENANT_ID,
    pricing_id,
    effective_ms: now_ms,
    evidence: [],
    markup_ppm: 0,
    created_at_ms: now_ms,
    ...more,
  };
  await database.transaction(ALL_TENANTS, async (transaction) => {
    const version = await new TenantRepository(database).bumpCatalogVersion(transaction, SHARED_TENANT_ID);
    const before = (await prices.ofModel(transaction, "acme", model)).filter(({ end_ms }) => end_ms === null);
    if (more.time_of_day === undefined) {
      const closed = before.map((old) => ({ ...old, end_ms: now_ms }));
      await prices.updateMany(transaction, closed, version);
    }
    await prices.insertMany(transaction, [price], version);
  });
  return pricing_id;
}

const use = async (
  test: TestEngine,
  budget_id: string,
  model = "small",
  input_tokens = 1000,
  usage: Record<string, number> = {},
) =>
  value(
    await test.engine.usage.record(CONTEXT, {
      budget_id,
      context_id: "context",
      component: "rhetor",
      provider: "acme",
      model,
      input_tokens,
      output_tokens: 0,
      usage,
    }),
  );

const DAY: RepriceRequest = {
  start_time: at(START_MS - DAY_MS),
  end_time: at(START_MS + DAY_MS),
  repriced_by: "ada",
  why: "The price was wrong.",
};

const reprice = async (test: TestEngine, request: Partial<RepriceRequest> = {}) =>
  value(await test.engine.prices.reprice(CONTEXT, { ...DAY, ...request }));

onEveryDatabase("repricing", (open) => {
  const verify = async (test: TestEngine) =>
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);

  it("books the difference beside what was booked, once, and counts it where the usage counts", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const record = await use(test, budget_id);
    expect(record.total_cost_nano_usd).to.equal(1_000_000n);
    test.clock.now_ms += HOUR_MS;
    const pricing_id = await changePrice(test, "small", 3n);

    const before = await reprice(test, { dry_run: true });
    expect(before).to.deep.include({
      dry_run: true,
      records_checked: 1,
      records_adjusted: 1,
      difference_nano_usd: 2_000_000n,
    });
    expect((await test.counted(budget_id)).cost).to.equal(0.001);

    const report = await reprice(test);
    expect(report).to.deep.equal({ ...before, dry_run: false });
    expect(report.budgets).to.deep.equal([
      { key: budget_id, records: 1, booked_nano_usd: 1_000_000n, repriced_nano_usd: 3_000_000n },
    ]);
    expect(report.models.map(({ key }) => key)).to.deep.equal(["acme/small"]);
    expect((await test.counted(budget_id)).cost).to.equal(0.003);
    expect((await test.counted(budget_id)).used).to.equal(1000);

    const { items } = await test.engine.usage.list(CONTEXT, { budget_id });
    expect(items).to.have.length(2);
    expect(items.find(({ record_id }) => record_id === record.record_id)).to.deep.equal(record);
    expect(items.find(({ adjusts_record_id }) => adjusts_record_id === record.record_id)).to.deep.include({
      total_tokens: 0,
      usage: {},
      input_cost_nano_usd: 2_000_000n,
      total_cost_nano_usd: 2_000_000n,
      pricing_id,
      timestamp_ms: record.timestamp_ms,
      metadata: { repriced_by: "ada", why: "The price was wrong." },
    });
    const summary = await test.engine.usage.summary(CONTEXT, { budget_id });
    expect(summary).to.include({ request_count: 1, total_tokens: 1000, total_cost: 0.003 });
    await verify(test);

    const again = await reprice(test);
    expect(again).to.deep.include({ records_checked: 1, records_adjusted: 0, difference_nano_usd: 0n });
    await verify(test);
  });

  it("gives back what was booked too much, and frees what a limit held against it", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 0.01 });
    await use(test, budget_id, "large");
    const call = { input_tokens: 1000, max_output_tokens: 0 };
    expect(code(await test.allocate(budget_id, 1, call))).to.not.equal("ok");
    await changePrice(test, "large", 2n);
    expect((await reprice(test)).difference_nano_usd).to.equal(-8_000_000n);
    expect((await test.counted(budget_id)).cost).to.equal(0.002);
    const { tokens_allocated: _tokens, ...asked } = { ...call, tokens_allocated: 0 };
    const granted = await test.engine.allocations.allocate(CONTEXT, {
      ...asked,
      budget_id,
      context_id: "context",
      component: "rhetor",
      provider: "acme",
      model: "small",
    });
    expect(code(granted)).to.equal("ok");
    await changePrice(test, "large", 7n);
    expect((await reprice(test)).difference_nano_usd).to.equal(5_000_000n);
    expect((await test.counted(budget_id)).cost).to.equal(0.007);
    await verify(test);
  });

  it("prices usage that nobody knew the price of, and leaves what nobody knows yet", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1, type: "warn" });
    await use(test, budget_id, "novel");
    await use(test, budget_id, "unknown");
    await changePrice(test, "novel", 5n);
    expect(await reprice(test)).to.deep.include({
      records_checked: 2,
      records_adjusted: 1,
      records_unpriced: 1,
      difference_nano_usd: 5_000_000n,
    });
    await verify(test);
  });

  it("leaves a call as it was booked where the price does not know all that it used", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const [small] = PRICES;
    const search: PriceComponent = {
      unit: "web_searches",
      amount_femto_usd: 10_000_000_000_000n,
      above_input_tokens: 0,
    };
    await changePrice(test, "small", 1n, { components: [...(small?.components ?? []), search] });
    const record = await use(test, budget_id, "small", 1000, { web_searches: 10 });
    expect(record.total_cost_nano_usd).to.equal(101_000_000n);
    test.clock.now_ms += HOUR_MS;
    await changePrice(test, "small", 1n);
    expect(await reprice(test)).to.deep.include({
      records_checked: 1,
      records_adjusted: 0,
      records_unpriced: 1,
      difference_nano_usd: 0n,
    });
    expect((await test.counted(budget_id)).cost).to.equal(0.101);
    await verify(test);
  });

  it("changes the reports of a window that is over, and not the balance of the one that goes on", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1, period: "hourly" });
    await use(test, budget_id);
    test.clock.now_ms += HOUR_MS;
    await use(test, budget_id);
    await changePrice(test, "small", 2n);
    expect((await reprice(test)).records_adjusted).to.equal(2);
    expect((await test.counted(budget_id)).cost).to.equal(0.002);
    expect((await test.engine.usage.summary(CONTEXT, { budget_id })).total_cost).to.equal(0.004);
    await verify(test);
  });

  it("takes only what is asked for, at the prices of the instant that is asked for", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    await use(test, budget_id);
    await use(test, budget_id, "large");
    test.clock.now_ms += HOUR_MS;
    await changePrice(test, "small", 2n);
    const then = test.clock.now_ms;
    test.clock.now_ms += HOUR_MS;
    await changePrice(test, "small", 9n);
    await changePrice(test, "large", 9n);
    const nothing = { records_checked: 0, records_adjusted: 0 };
    expect(await reprice(test, { model: "other" })).to.include(nothing);
    expect(await reprice(test, { provider: "other" })).to.include(nothing);
    expect(await reprice(test, { end_time: at(START_MS) })).to.include(nothing);
    expect(await reprice(test, { start_time: at(START_MS + 1) })).to.include(nothing);
    const report = await reprice(test, { model: "small", at: at(then) });
    expect(report).to.deep.include({ records_adjusted: 1, difference_nano_usd: 1_000_000n });
    const empty = await test.engine.prices.reprice(CONTEXT, { ...DAY, end_time: DAY.start_time });
    expect(code(empty)).to.equal("invalid_value");
    await verify(test);
  });

  it("keeps to the hour of the day that a call was made at", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    await use(test, budget_id);
    test.clock.now_ms += 12 * HOUR_MS;
    await use(test, budget_id);
    await changePrice(test, "small", 4n, { time_of_day: { start: "09:00:00", end: "10:00:00" } });
    test.clock.now_ms += DAY_MS;
    expect((await reprice(test)).difference_nano_usd).to.equal(3_000_000n);
    await verify(test);
  });

  it("goes through many records, and two at once book each difference once", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 10, period: "per_session" });
    await Promise.all(Array.from({ length: 450 }, (_, index) => use(test, budget_id, "small", 1 + index)));
    await changePrice(test, "small", 2n);
    const [one, other] = await Promise.all([reprice(test), reprice(test)]);
    expect(one.records_checked).to.equal(450);
    expect(one.records_adjusted + other.records_adjusted).to.equal(450);
    const sum = (450n * 451n) / 2n;
    expect(one.difference_nano_usd + other.difference_nano_usd).to.equal(sum * 1000n);
    await verify(test);
  });
});
