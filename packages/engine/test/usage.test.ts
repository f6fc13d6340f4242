import { expect } from "chai";
import { CONTEXT, HOUR_MS, code, onEveryDatabase, value } from "./support.ts";

onEveryDatabase("usage", (open) => {
  it("books what a call used, to the nano-dollar, and settles its allocation", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const { allocation } = value(await test.allocate(budget_id, 1000));
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id: allocation.allocation_id,
        usage: { input_tokens: 600, cache_read_tokens: 100, output_tokens: 50 },
        final: true,
        request_id: "req-1",
      }),
    );
    expect(record).to.include({
      budget_id,
      context_id: "context",
      component: "rhetor",
      provider: "acme",
      model: "small",
      input_tokens: 600,
      output_tokens: 50,
      total_tokens: 650,
      input_cost_nano_usd: 500n * 1000n + 100n * 100n,
      output_cost_nano_usd: 50n * 4000n,
      total_cost_nano_usd: 710_000n,
      overage_tokens: 0,
      overage_cost_nano_usd: 0n,
      request_id: "req-1",
    });
    expect(await test.counted(budget_id)).to.deep.equal({ used: 650, held: 0, cost: 0.00071, cost_held: 0 });
    const settled = value(await test.engine.allocations.get(CONTEXT, allocation.allocation_id));
    expect(settled).to.include({ status: "settled", tokens_used: 650, cost_used_nano_usd: 710_000n });
    expect(value(await test.engine.usage.get(CONTEXT, record.record_id))).to.deep.equal(record);
  });

  it("books several times against one allocation, each freeing what it used of the hold", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 10_000 });
    const { allocation } = value(await test.allocate(budget_id, 1000));
    const { allocation_id } = allocation;
    for (const [input_tokens, expected] of [
      [300, { used: 300, held: 700 }],
      [500, { used: 800, held: 200 }],
      [500, { used: 1300, held: 0 }],
    ] as const) {
      value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens, output_tokens: 0 }));
      expect(await test.counted(budget_id)).to.include(expected);
    }
    const records = await test.engine.usage.list(CONTEXT, { allocation_id });
    expect(records.items.map(({ overage_tokens }) => overage_tokens)).to.deep.equal([300, 0, 0]);
  });

  it("books usage without an allocation in full, as overage", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100 });
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        budget_id,
        context_id: "c",
        component: "x",
        provider: "acme",
        model: "small",
        input_tokens: 150,
        output_tokens: 0,
      }),
    );
    expect(record).to.include({ allocation_id: null, overage_tokens: 150, overage_cost_nano_usd: 150_000n });
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    const { items } = await test.engine.alerts.list(CONTEXT, { budget_id });
    expect(items.map(({ kind, severity }) => `${kind} ${severity}`).sort()).to.deep.equal([
      "limit_exceeded error",
      "overage warning",
    ]);
  });

  it("books usage that comes after its allocation expired, and after it was released", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 10_000 });
    const expired = value(await test.allocate(budget_id, 1000)).allocation;
    const released = value(await test.allocate(budget_id, 1000)).allocation;
    value(await test.engine.allocations.release(CONTEXT, released.allocation_id));
    test.clock.now_ms += HOUR_MS;
    for (const { allocation_id } of [expired, released]) {
      const late = { allocation_id, input_tokens: 400, output_tokens: 0, final: true };
      expect(value(await test.engine.usage.record(CONTEXT, late)).overage_tokens).to.equal(400);
    }
    expect(await test.counted(budget_id)).to.include({ used: 800, held: 0 });
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("books to the policies that match the usage, not the allocation", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 10_000, model: "small" });
    const large = value(
      await test.engine.policies.create(CONTEXT, {
        budget_id,
        type: "warn",
        period: "daily",
        token_limit: 10_000,
        model: "large",
      }),
    );
    const { allocation } = value(await test.allocate(budget_id, 1000));
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id: allocation.allocation_id,
        model: "large",
        input_tokens: 100,
        output_tokens: 0,
        final: true,
      }),
    );
    expect(record).to.include({ model: "large", overage_tokens: 100, total_cost_nano_usd: 1_000_000n });
    expect(await test.counted(budget_id)).to.include({ used: 0, held: 0 });
    const rows = value(await test.engine.budgets.summary(CONTEXT, budget_id, null));
    const row = rows.find(({ policy_id }) => policy_id === large.policy_id);
    expect(row?.total_tokens_used).to.equal(100);
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("counts a dated snapshot in the limits of its model, whatever name holds and whatever name books", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 2000, model: "small", period: "total" });
    const { allocation } = value(await test.allocate(budget_id, 2000, { tier: "local_lightweight" }));
    const { allocation_id } = allocation;
    const body = {
      allocation_id,
      model: "small-2026-01-15",
      input_tokens: 1500,
      output_tokens: 0,
      final: true,
    };
    const record = value(await test.engine.usage.record(CONTEXT, body));
    expect(record).to.include({ model: "small-2026-01-15", tier: "local_lightweight", overage_tokens: 0 });
    expect(await test.counted(budget_id)).to.include({ used: 1500, held: 0 });
    expect(code(await test.allocate(budget_id, 501, { model: "small-2026-02-01" }))).to.equal(
      "insufficient_budget",
    );
    const later = { budget_id, type: "enforce", period: "total", model: "small", token_limit: 1 } as const;
    const { policy_id } = value(await test.engine.policies.create(CONTEXT, later));
    const rows = value(await test.engine.budgets.summary(CONTEXT, budget_id, null));
    expect(rows.find((row) => row.policy_id === policy_id)?.total_tokens_used).to.equal(1500);
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("alerts where the cost passes what was held, though the tokens do not", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const split = { tokens_allocated: undefined, input_tokens: 1999, max_output_tokens: 1 };
    const { tokens_allocated: _none, ...fields } = { ...split };
    const asked = { context_id: "c", component: "x", provider: "acme", model: "small", budget_id, ...fields };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, asked));
    const { allocation_id } = allocation;
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 1,
        output_tokens: 1999,
        final: true,
      }),
    );
    expect(record).to.include({ overage_tokens: 0, overage_cost_nano_usd: 1998n * 3000n });
    const { items } = await test.engine.alerts.list(CONTEXT, { budget_id });
    expect(items.map(({ kind }) => kind)).to.deep.equal(["overage"]);
  });

  it("prices what it can where several units have no price, one within the other", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
    const usage = { input_tokens: 100, output_tokens: 10, audio_seconds: 10, input_audio_seconds: 10 };
    const record = value(await test.engine.usage.record(CONTEXT, { ...call, usage }));
    expect(record.total_cost_nano_usd).to.equal(100n * 1000n + 10n * 4000n);
  });

  it("refuses what costs more than any call does, before it spoils a sum", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "large" };
    const outcome = await test.engine.usage.record(CONTEXT, {
      ...call,
      input_tokens: 0,
      output_tokens: 1e12,
    });
    expect(code(outcome)).to.equal("invalid_value");
    expect(await test.counted(budget_id)).to.include({ used: 0, cost: 0 });
  });

  it("raises an alert for tokens and another for cost, and none again when a budget moves", async () => {
    const test = await open();
    const root = await test.budgetWith({ token_limit: 1_000_000 });
    const { budget_id } = await test.budgetWith({ token_limit: 100, cost_limit: 0.001 });
    const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
    const kinds = async () =>
      (await test.engine.alerts.list(CONTEXT, { budget_id })).items.map(
        ({ kind, message }) => `${kind} ${message.includes("$") ? "cost" : "tokens"}`,
      );
    const use = (output_tokens: number) =>
      test.engine.usage.record(CONTEXT, { ...call, input_tokens: 0, output_tokens });
    value(await use(101));
    expect(await kinds())
      .to.include("limit_exceeded tokens")
      .and.not.include("limit_exceeded cost");
    value(await use(200));
    expect(await kinds()).to.include("limit_exceeded cost");
    const before = await kinds();
    value(await test.engine.budgets.update(CONTEXT, budget_id, { parent_budget_id: root.budget_id }, null));
    value(await use(1));
    expect(await kinds()).to.deep.equal(before);
  });

  it("books a model without a price at no cost, says so, and alerts where cost is limited", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1, type: "warn" });
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        budget_id,
        context_id: "c",
        component: "x",
        provider: "acme",
        model: "nobody-knows",
        input_tokens: 10,
        output_tokens: 10,
      }),
    );
    expect(record).to.include({ pricing_id: null, total_cost_nano_usd: 0n, total_tokens: 20 });
    const { items } = await test.engine.alerts.list(CONTEXT, { budget_id });
    expect(items.map(({ kind }) => kind)).to.deep.equal(["price_unknown"]);
  });

  it("books the quantities of a unit that the price does not know, and alerts", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const { allocation } = value(await test.allocate(budget_id, 1000));
    const record = value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id: allocation.allocation_id,
        usage: { input_tokens: 10, output_tokens: 10, web_searches: 2 },
      }),
    );
    expect(record.usage).to.deep.equal({ input_tokens: 10, output_tokens: 10, web_searches: 2 });
    expect(record.total_cost_nano_usd).to.equal(50_000n);
    const { items } = await test.engine.alerts.list(CONTEXT, { budget_id });
    expect(items.map(({ kind, message }) => [kind, message.includes("web_searches")])).to.deep.equal([
      ["price_unknown", true],
    ]);
  });

  it("raises each alert once in a window", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const use = async (input_tokens: number) => {
      const { allocation } = value(await test.allocate(budget_id, input_tokens));
      const { allocation_id } = allocation;
      value(
        await test.engine.usage.record(CONTEXT, {
          allocation_id,
          input_tokens,
          output_tokens: 0,
          final: true,
        }),
      );
    };
    const kinds = async () =>
      (await test.engine.alerts.list(CONTEXT, { budget_id })).items.map(({ kind }) => kind);
    await use(500);
    expect(await kinds()).to.deep.equal([]);
    await use(300);
    await use(100);
    expect(await kinds()).to.deep.equal(["warning_threshold"]);
    await use(60);
    expect((await kinds()).sort()).to.deep.equal(["action_threshold", "warning_threshold"]);
    test.clock.now_ms += 24 * HOUR_MS;
    await use(800);
    expect((await kinds()).length).to.equal(3);
  });

  describe("what cannot be booked", () => {
    const whole = { context_id: "c", component: "x", provider: "acme", model: "small" };
    const tokens = { input_tokens: 1, output_tokens: 1 };
    const unknown = "0190a000-0000-7000-8000-000000000000";
    const cases: readonly [string, Record<string, unknown>, string, string | undefined][] = [
      ["an unknown allocation", { ...tokens, allocation_id: unknown }, "allocation_not_found", undefined],
      ["an unknown budget", { ...whole, ...tokens, budget_id: unknown }, "budget_not_found", "/budget_id"],
      ["no context", { ...whole, ...tokens, context_id: undefined }, "invalid_value", "/context_id"],
      ["no component", { ...whole, ...tokens, component: undefined }, "invalid_value", "/component"],
      ["no provider", { ...whole, ...tokens, provider: undefined }, "invalid_value", "/provider"],
      ["no model", { ...whole, ...tokens, model: undefined }, "invalid_value", "/model"],
      ["no quantities", whole, "invalid_value", "/input_tokens"],
      ["an unknown unit", { ...whole, ...tokens, usage: { wishes: 3 } }, "invalid_value", "/usage/wishes"],
      [
        "two totals",
        { ...whole, ...tokens, usage: { input_tokens: 3 } },
        "invalid_value",
        "/usage/input_tokens",
      ],
    ];
    for (const [name, input, expected, field] of cases) {
      it(`${name}: ${expected}`, async () => {
        const test = await open();
        const outcome = await test.engine.usage.record(CONTEXT, input);
        expect(code(outcome)).to.equal(expected);
        if (!outcome.ok && "field" in outcome.rejection) expect(outcome.rejection.field).to.equal(field);
        expect((await test.engine.usage.list(CONTEXT, {})).total).to.equal(0);
      });
    }

    it("another budget or context than the allocation's", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const other = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 1000));
      const base = { allocation_id: allocation.allocation_id, ...tokens };
      expect(code(await test.engine.usage.record(CONTEXT, { ...base, budget_id: other.budget_id }))).to.equal(
        "invalid_value",
      );
      expect(code(await test.engine.usage.record(CONTEXT, { ...base, context_id: "other" }))).to.equal(
        "invalid_value",
      );
    });
  });

  it("sums the period up to an end that is named", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
    value(await test.engine.usage.record(CONTEXT, { ...call, input_tokens: 1, output_tokens: 0 }));
    test.clock.now_ms += 24 * HOUR_MS;
    value(await test.engine.usage.record(CONTEXT, { ...call, input_tokens: 2, output_tokens: 0 }));
    const end_time = new Date(test.clock.now_ms + HOUR_MS).toISOString();
    const summary = await test.engine.usage.summary(CONTEXT, { period: "daily", end_time });
    expect(summary).to.include({ total_tokens: 2, request_count: 1, start_time: "2026-11-24T00:00:00.000Z" });
  });

  it("sums usage by period and filter, and lists it by day", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100_000 });
    const use = async (model: string, input_tokens: number) => {
      const whole = { budget_id, context_id: "c", component: "x", provider: "acme", model };
      value(await test.engine.usage.record(CONTEXT, { ...whole, input_tokens, output_tokens: 10 }));
    };
    await use("small", 100);
    await use("large", 100);
    test.clock.now_ms += 24 * HOUR_MS;
    await use("small", 50);
    const today = await test.engine.usage.summary(CONTEXT, { period: "daily", budget_id });
    expect(today).to.include({ request_count: 1, total_tokens: 60, total_cost: 0.00009 });
    const all = await test.engine.usage.summary(CONTEXT, { budget_id });
    expect(all).to.include({
      request_count: 3,
      total_input_tokens: 250,
      total_output_tokens: 30,
      total_cost: 0.00163,
    });
    const { knex } = test.test_database;
    // Reports read sums alone: with the records out of reach they answer the same.
    await knex.schema.renameTable("usage_records", "usage_records_away");
    const by_model = { budget_id, group_by: "model" } as const;
    const groups = await test.engine.usage.groups(CONTEXT, by_model);
    expect(
      groups.map(({ group, total_tokens, total_cost }) => [group, total_tokens, total_cost]),
    ).to.deep.equal([
      ["large", 110, 0.0014],
      ["small", 170, 0.00023],
    ]);
    expect(await test.engine.usage.groups(CONTEXT, { budget_id })).to.deep.equal([{ group: null, ...all }]);
    await knex.schema.renameTable("usage_records_away", "usage_records");
    const small = await test.engine.usage.summary(CONTEXT, { model: "small" });
    expect(small.request_count).to.equal(2);
    const days = await test.engine.usage.analytics(CONTEXT, { budget_id });
    expect(days.map(({ date, model, total_cost }) => [date, model, total_cost])).to.deep.equal([
      ["2026-11-23", "large", 0.0014],
      ["2026-11-23", "small", 0.00014],
      ["2026-11-24", "small", 0.00009],
    ]);
  });
});
