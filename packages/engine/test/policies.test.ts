import { expect } from "chai";
import { CONTEXT, DAY_MS, code, onEveryDatabase, value } from "./support.ts";

onEveryDatabase("budgets and policies", (open) => {
  const create = { type: "enforce" as const, period: "daily" as const };

  it("counts what was used and held already when a policy is made in mid-window", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100_000 });
    const { allocation } = value(await test.allocate(budget_id, 1000));
    const { allocation_id } = allocation;
    value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 400, output_tokens: 0 }));
    const { policy_id } = value(
      await test.engine.policies.create(CONTEXT, {
        ...create,
        budget_id,
        period: "monthly",
        token_limit: 1500,
      }),
    );
    const rows = value(await test.engine.budgets.summary(CONTEXT, budget_id, "monthly"));
    expect(rows).to.have.length(1);
    expect(rows[0]).to.include({
      policy_id,
      total_tokens_used: 400,
      tokens_held: 600,
      active_allocations: 1,
    });
    expect(code(await test.allocate(budget_id, 501))).to.equal("insufficient_budget");
    expect(code(await test.allocate(budget_id, 500))).to.equal("ok");
  });

  it("does not count yesterday's usage in a daily policy that is made today", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100_000 });
    const { allocation_id } = value(await test.allocate(budget_id, 1000)).allocation;
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 400,
        output_tokens: 0,
        final: true,
      }),
    );
    test.clock.now_ms += DAY_MS;
    const { policy_id } = value(
      await test.engine.policies.create(CONTEXT, { ...create, budget_id, token_limit: 1 }),
    );
    const rows = value(await test.engine.budgets.summary(CONTEXT, budget_id, null));
    expect(rows.find((row) => row.policy_id === policy_id)?.total_tokens_used).to.equal(0);
  });

  it("counts anew when dimensions, period or limit change, and binds from the next decision", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 1000, model: "large" });
    value(await test.allocate(budget_id, 900));
    expect((await test.counted(budget_id)).held).to.equal(0);
    value(await test.engine.policies.update(CONTEXT, policy_id, { model: "small" }, null));
    expect((await test.counted(budget_id)).held).to.equal(900);
    expect(code(await test.allocate(budget_id, 101))).to.equal("insufficient_budget");
    value(
      await test.engine.policies.update(CONTEXT, policy_id, { token_limit: 1001, period: "hourly" }, null),
    );
    expect(code(await test.allocate(budget_id, 101))).to.equal("ok");
  });

  it("stops refusing while a policy is disabled, and counts on", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 100 });
    value(await test.engine.policies.update(CONTEXT, policy_id, { enabled: false }, null));
    value(await test.allocate(budget_id, 5000));
    expect((await test.counted(budget_id)).held).to.equal(5000);
    value(await test.engine.policies.update(CONTEXT, policy_id, { enabled: true }, null));
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
  });

  it("refuses and warns of nothing from the instant of a policy's end on, and counts on", async () => {
    const test = await open();
    const end_date = new Date(test.clock.now_ms + 1000).toISOString();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 100, period: "total", end_date });
    test.clock.now_ms += 999;
    expect(code(await test.allocate(budget_id, 101))).to.equal("insufficient_budget");
    test.clock.now_ms += 1;
    const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
    expect(value(await test.allocate(budget_id, 5000)).warnings).to.deep.equal([]);
    value(await test.engine.usage.record(CONTEXT, { ...call, input_tokens: 3000, output_tokens: 0 }));
    expect(await test.counted(budget_id)).to.include({ used: 3000, held: 5000 });
    expect((await test.engine.alerts.list(CONTEXT, {})).total).to.equal(0);
    value(await test.engine.policies.update(CONTEXT, policy_id, { end_date: null }, null));
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("asks a request for no dimension that only a policy at its end looks at", async () => {
    const test = await open();
    const end_date = new Date(test.clock.now_ms + 1000).toISOString();
    const { budget_id } = await test.budgetWith({ token_limit: 100, provider: "acme", end_date });
    const open_request = { budget_id, context_id: "c", component: "x", tokens_allocated: 1 };
    const ask = () => test.engine.allocations.allocate(CONTEXT, open_request);
    expect(code(await ask())).to.equal("dimension_required");
    test.clock.now_ms += 1000;
    expect(code(await ask())).to.equal("ok");
  });

  it("takes a policy without limits where it only counts", async () => {
    const test = await open();
    for (const type of ["warn", "enforce"])
      expect(code(await test.engine.policies.create(CONTEXT, { type, period: "daily" }))).to.equal(
        "invalid_value",
      );
    const { budget_id, policy_id } = await test.budgetWith({ type: "log" });
    value(await test.allocate(budget_id, 70));
    expect((await test.counted(budget_id)).held).to.equal(70);
    const outcome = await test.engine.policies.update(CONTEXT, policy_id, { type: "enforce" }, null);
    expect(code(outcome)).to.equal("invalid_value");
  });

  it("forgets a deleted policy, and its live holds settle without it", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 100 });
    const { allocation_id } = value(await test.allocate(budget_id, 100)).allocation;
    value(await test.engine.policies.delete(CONTEXT, policy_id, null));
    expect(code(await test.engine.policies.get(CONTEXT, policy_id))).to.equal("policy_not_found");
    expect(code(await test.allocate(budget_id, 5000))).to.equal("ok");
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 5,
        output_tokens: 5,
        final: true,
      }),
    );
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("moves a budget to another parent with everything that it counts", async () => {
    const test = await open();
    const left = await test.budgetWith({ token_limit: 1000 });
    const right = await test.budgetWith({ token_limit: 1000 });
    const child = await test.budgetWith({ token_limit: 1000 }, left.budget_id);
    const { allocation_id } = value(await test.allocate(child.budget_id, 600)).allocation;
    value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 200, output_tokens: 0 }));
    value(
      await test.engine.budgets.update(CONTEXT, child.budget_id, { parent_budget_id: right.budget_id }, null),
    );
    expect(await test.counted(left.budget_id)).to.include({ used: 0, held: 0 });
    expect(await test.counted(right.budget_id)).to.include({ used: 200, held: 400 });
    expect(code(await test.allocate(right.budget_id, 401))).to.equal("insufficient_budget");
    expect(code(await test.allocate(left.budget_id, 1000))).to.equal("ok");
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 100,
        output_tokens: 0,
        final: true,
      }),
    );
    expect(await test.counted(right.budget_id)).to.include({ used: 300, held: 0 });
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("refuses to put a budget below itself or its own", async () => {
    const test = await open();
    const parent = await test.budgetWith({ token_limit: 1 });
    const child = await test.budgetWith({ token_limit: 1 }, parent.budget_id);
    for (const parent_budget_id of [parent.budget_id, child.budget_id]) {
      const outcome = await test.engine.budgets.update(CONTEXT, parent.budget_id, { parent_budget_id }, null);
      expect(code(outcome)).to.equal("invalid_value");
    }
  });

  it("deletes a budget with its policies; what it holds still settles and counts above it", async () => {
    const test = await open();
    const parent = await test.budgetWith({ token_limit: 1000 });
    const child = await test.budgetWith({ token_limit: 1000 }, parent.budget_id);
    const { allocation_id } = value(await test.allocate(child.budget_id, 600)).allocation;
    expect(code(await test.engine.budgets.delete(CONTEXT, parent.budget_id, null))).to.equal(
      "budget_has_children",
    );
    value(await test.engine.budgets.delete(CONTEXT, child.budget_id, null));
    expect(code(await test.engine.budgets.get(CONTEXT, child.budget_id))).to.equal("budget_not_found");
    expect(code(await test.engine.policies.get(CONTEXT, child.policy_id))).to.equal("policy_not_found");
    expect(code(await test.allocate(child.budget_id, 1))).to.equal("budget_not_found");
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 70,
        output_tokens: 0,
        final: true,
      }),
    );
    expect(await test.counted(parent.budget_id)).to.include({ used: 70, held: 0 });
    expect(code(await test.engine.budgets.delete(CONTEXT, parent.budget_id, null))).to.equal("ok");
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("keeps the default budget", async () => {
    const test = await open();
    const { items } = await test.engine.budgets.list(CONTEXT, { name: "default" });
    const outcome = await test.engine.budgets.delete(CONTEXT, items[0]?.budget_id ?? "", null);
    expect(code(outcome)).to.equal("invalid_value");
  });

  it("changes only the version that the caller saw", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 1000 });
    expect(code(await test.engine.budgets.update(CONTEXT, budget_id, { name: "new" }, 7))).to.equal(
      "version_conflict",
    );
    expect(value(await test.engine.budgets.update(CONTEXT, budget_id, { name: "new" }, 1)).version).to.equal(
      2,
    );
    expect(code(await test.engine.budgets.delete(CONTEXT, budget_id, 1))).to.equal("version_conflict");
    expect(code(await test.engine.policies.update(CONTEXT, policy_id, { token_limit: 1 }, 2))).to.equal(
      "version_conflict",
    );
    expect(
      value(await test.engine.policies.update(CONTEXT, policy_id, { token_limit: 1 }, 1)).version,
    ).to.equal(2);
    expect(code(await test.engine.policies.delete(CONTEXT, policy_id, 1))).to.equal("version_conflict");
  });

  describe("policies that make no sense", () => {
    const cases: readonly [string, Record<string, unknown>, string][] = [
      ["no limit at all", {}, "/token_limit"],
      [
        "thresholds the wrong way round",
        { token_limit: 1, warning_threshold: 0.9, action_threshold: 0.5 },
        "/warning_threshold",
      ],
      ["an unknown time zone", { token_limit: 1, time_zone: "Mars/Olympus" }, "/time_zone"],
      ["more than nine decimals", { cost_limit: 0.1 + 0.2 }, "/cost_limit"],
      [
        "an unknown budget",
        { token_limit: 1, budget_id: "0190a000-0000-7000-8000-000000000000" },
        "/budget_id",
      ],
    ];
    for (const [name, fields, field] of cases) {
      it(name, async () => {
        const test = await open();
        const outcome = await test.engine.policies.create(CONTEXT, { ...create, ...fields });
        if (outcome.ok || !("field" in outcome.rejection)) throw new Error("It was not rejected.");
        expect(outcome.rejection.field).to.equal(field);
      });
    }
  });

  it("reads older components' words", async () => {
    const test = await open();
    for (const [word, type] of [
      ["ignore", "log"],
      ["soft_limit", "warn"],
      ["hard_limit", "enforce"],
    ] as const) {
      const policy = value(
        await test.engine.policies.create(CONTEXT, { type: word, period: "daily", token_limit: 1 }),
      );
      expect(policy.type).to.equal(type);
    }
  });

  it("turns the day at midnight of the policy's time zone, an hour later on the day the clocks go back", async () => {
    const test = await open();
    test.clock.now_ms = Date.parse("2026-10-24T22:00:00Z");
    const { budget_id } = await test.budgetWith({ token_limit: 100, time_zone: "Europe/Berlin" });
    const use = { input_tokens: 100, output_tokens: 0, final: true };
    const { allocation_id } = value(await test.allocate(budget_id, 100)).allocation;
    value(await test.engine.usage.record(CONTEXT, { ...use, allocation_id }));
    test.clock.now_ms = Date.parse("2026-10-25T22:59:59.999Z");
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    test.clock.now_ms = Date.parse("2026-10-25T23:00:00Z");
    expect(code(await test.allocate(budget_id, 100))).to.equal("ok");
  });

  it("writes an event for every change, in order", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 100 });
    const { allocation_id } = value(await test.allocate(budget_id, 100)).allocation;
    await test.allocate(budget_id, 1);
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 1,
        output_tokens: 0,
        final: true,
      }),
    );
    value(await test.engine.policies.delete(CONTEXT, policy_id, null));
    const rows = await test.test_database
      .knex("events")
      .where({ budget_id })
      .orderBy("sequence")
      .select("event_type");
    expect(rows.map(({ event_type }) => String(event_type))).to.deep.equal([
      "budget.created",
      "policy.created",
      "allocation.granted",
      "allocation.refused",
      "allocation.settled",
      "usage.recorded",
      "policy.deleted",
    ]);
  });
});
