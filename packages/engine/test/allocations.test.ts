import { expect } from "chai";
import {
  CONTEXT,
  DAY_MS,
  HOUR_MS,
  START_MS,
  TestEngine,
  code,
  onEveryDatabase,
  request,
  value,
} from "./support.ts";

onEveryDatabase("allocations", (open) => {
  it("holds tokens and their cost at the dearest token price", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 10_000 });
    const { allocation, warnings } = value(await test.allocate(budget_id, 1000));
    expect(allocation).to.include({
      budget_id,
      status: "active",
      tokens_allocated: 1000,
      cost_allocated_nano_usd: 4_000_000n,
      tier: "remote_heavyweight",
      task_type: "default",
      priority: 5,
      creation_time_ms: START_MS,
      expiration_time_ms: START_MS + HOUR_MS,
    });
    expect(warnings).to.deep.equal([]);
    expect(await test.counted(budget_id)).to.deep.equal({ used: 0, held: 1000, cost: 0, cost_held: 0.004 });
  });

  it("holds the exact cost where input and the most output are known", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const input = {
      budget_id,
      context_id: "c",
      component: "x",
      provider: "acme",
      model: "small",
      input_tokens: 700,
      max_output_tokens: 300,
    };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, input));
    expect(allocation.tokens_allocated).to.equal(1000);
    expect(allocation.cost_allocated_nano_usd).to.equal(700n * 1000n + 300n * 4000n);
  });

  it("takes the default tokens of the task type and priority where none are asked for", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    const input = { budget_id, context_id: "c", component: "x", task_type: "coding", priority: 8 };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, input));
    expect(allocation.tokens_allocated).to.equal(16_000);
  });

  it("charges the default budget where none is named", async () => {
    const test = await open();
    const input = { context_id: "c", component: "x", tokens_allocated: 10 };
    const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, input));
    const budget = value(await test.engine.budgets.get(CONTEXT, allocation.budget_id));
    expect(budget.name).to.equal("default");
  });

  it("fills a limit exactly and refuses the next token", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 1000 });
    value(await test.allocate(budget_id, 600));
    const refused = await test.allocate(budget_id, 401);
    if (refused.ok || refused.rejection.code !== "insufficient_budget")
      throw new Error("It was not refused.");
    expect(refused.rejection.tokens_that_fit).to.equal(400);
    expect(refused.rejection.violations.map(({ policy }) => policy.policy_id)).to.deep.equal([policy_id]);
    value(await test.allocate(budget_id, 400));
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    expect((await test.counted(budget_id)).held).to.equal(1000);
  });

  it("refuses by a limit of cost, and says how many tokens would fit", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: "0.001" });
    const refused = await test.allocate(budget_id, 251);
    if (refused.ok || refused.rejection.code !== "insufficient_budget")
      throw new Error("It was not refused.");
    expect(refused.rejection.tokens_that_fit).to.equal(250);
    expect(refused.rejection.resets_at_ms).to.equal(null);
    expect(code(await test.allocate(budget_id, 250))).to.equal("ok");
  });

  it("says when a request will fit that usage stands in the way of", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const { allocation } = value(await test.allocate(budget_id, 900));
    const used = {
      allocation_id: allocation.allocation_id,
      input_tokens: 900,
      output_tokens: 0,
      final: true,
    };
    value(await test.engine.usage.record(CONTEXT, used));
    const refused = await test.allocate(budget_id, 200);
    if (refused.ok || refused.rejection.code !== "insufficient_budget")
      throw new Error("It was not refused.");
    expect(refused.rejection.resets_at_ms).to.equal(Date.parse("2026-11-24T00:00:00.000Z"));
  });

  it("counts a request in the limits of every ancestor", async () => {
    const test = await open();
    const root = await test.budgetWith({ token_limit: 1000 });
    const middle = await test.budgetWith({ token_limit: 5000 }, root.budget_id);
    const leaf = await test.budgetWith({ token_limit: 5000 }, middle.budget_id);
    value(await test.allocate(leaf.budget_id, 700));
    for (const { budget_id } of [root, middle, leaf])
      expect((await test.counted(budget_id)).held).to.equal(700);
    const refused = await test.allocate(leaf.budget_id, 301);
    if (refused.ok || refused.rejection.code !== "insufficient_budget")
      throw new Error("It was not refused.");
    expect(refused.rejection.violations.map(({ policy }) => policy.policy_id)).to.deep.equal([
      root.policy_id,
    ]);
  });

  it("stops holding at the expiry time itself, without a sweep", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const expiration_time = new Date(START_MS + 1000).toISOString();
    const { allocation } = value(await test.allocate(budget_id, 1000, { expiration_time }));
    test.clock.now_ms = START_MS + 999;
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    test.clock.now_ms = START_MS + 1000;
    expect(code(await test.allocate(budget_id, 1000))).to.equal("ok");
    const expired = value(await test.engine.allocations.get(CONTEXT, allocation.allocation_id));
    expect(expired).to.include({ status: "expired", closed_at_ms: START_MS + 1000 });
  });

  it("frees thousands of expired allocations before it decides", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 2500 });
    await Promise.all(Array.from({ length: 2500 }, () => test.allocate(budget_id, 1)));
    expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
    test.clock.now_ms += HOUR_MS;
    expect(code(await test.allocate(budget_id, 2500))).to.equal("ok");
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  }).timeout(60_000);

  it("carries live holds over the turn of a window, and starts used anew", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const expiration_time = new Date(START_MS + 2 * DAY_MS).toISOString();
    const { allocation } = value(await test.allocate(budget_id, 600, { expiration_time }));
    const { allocation_id } = allocation;
    value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 250, output_tokens: 0 }));
    test.clock.now_ms = START_MS + DAY_MS;
    expect(await test.counted(budget_id)).to.include({ used: 0, held: 350 });
    expect(code(await test.allocate(budget_id, 651))).to.equal("insufficient_budget");
    expect(code(await test.allocate(budget_id, 650))).to.equal("ok");
  });

  it("counts each context by itself for per-session limits", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ period: "per_session", token_limit: 100 });
    value(await test.allocate(budget_id, 100, { context_id: "one" }));
    expect(code(await test.allocate(budget_id, 1, { context_id: "one" }))).to.equal("insufficient_budget");
    expect(code(await test.allocate(budget_id, 100, { context_id: "two" }))).to.equal("ok");
    const summary = value(await test.engine.budgets.summary(CONTEXT, budget_id, null));
    expect(summary.map(({ context_id, tokens_held }) => [context_id, tokens_held])).to.deep.equal([
      ["one", 100],
      ["two", 100],
    ]);
  });

  it("warns at the thresholds and names cheaper models from the action threshold on", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const early = value(await test.allocate(budget_id, 800, { model: "large" }));
    expect(early.warnings.map((warning) => warning.code)).to.deep.equal(["warning_threshold"]);
    expect(early.alternatives).to.deep.equal([]);
    const late = value(await test.allocate(budget_id, 150, { model: "large" }));
    expect(late.warnings.map((warning) => warning.code)).to.deep.equal(["action_threshold"]);
    expect(late.alternatives.map(({ model }) => model)).to.deep.equal(["small"]);
  });

  it("lets critical priority pass where the policy allows it, with an alert", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 100, priority_override: true });
    expect(code(await test.allocate(budget_id, 101))).to.equal("insufficient_budget");
    expect(code(await test.allocate(budget_id, 101, { priority: 10 }))).to.equal("ok");
    const alerts = await test.engine.alerts.list(CONTEXT, { budget_id });
    expect(alerts.items.map(({ kind }) => kind)).to.deep.equal(["priority_override"]);
  });

  it("puts every grant that passes limits into the record, and no other", async () => {
    const test = await open();
    const parent = await test.budgetWith({ token_limit: 100, cost_limit: 0.0001, priority_override: true });
    const child = await test.budgetWith({ token_limit: 200, priority_override: true }, parent.budget_id);
    const actor = { key_id: null, name: "ada", origin: "10.0.0.9", request_id: "r-1" };
    const context = { ...CONTEXT, actor, idempotency_key: "once" };
    const asked = request(child.budget_id, 150, { priority: 10 });
    const entries = async () =>
      (await test.engine.access.audit(CONTEXT, { action: "limit.overridden" })).items.toReversed();

    expect(code(await test.allocate(child.budget_id, 10, { priority: 10 }))).to.equal("ok");
    expect(await entries()).to.deep.equal([]);
    for (let call = 0; call < 2; call += 1) value(await test.engine.allocations.allocate(context, asked));
    const { allocation_id } = value(await test.engine.allocations.allocate(context, asked)).allocation;
    value(await test.engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens: 100 }));
    const found = await entries();
    expect(found.map(({ subject_id }) => subject_id)).to.deep.equal([allocation_id, allocation_id]);
    expect(found[0]).to.deep.include({
      kind: "change",
      actor,
      before: null,
      after: {
        policy_ids: [parent.policy_id],
        budget_id: child.budget_id,
        context_id: "context",
        component: "rhetor",
        priority: 10,
      },
    });
    const passed = [parent.policy_id, child.policy_id];
    expect(found[1]?.after).to.deep.include({ policy_ids: passed });
    expect((await test.engine.access.verifyAudit(CONTEXT)).intact).to.equal(true);
  });

  it("keeps the record whole where many grants of several servers pass limits at once", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 0, priority_override: true });
    const other = TestEngine.on(test.test_database, test.clock);
    const outcomes = await Promise.all(
      Array.from({ length: 40 }, (_, index) => [
        [test, other][index % 2]!.allocate(budget_id, 1, { priority: 10 }),
        [test, other][index % 2]!.allocate(budget_id, 1, { priority: 5 }),
      ]).flat(),
    );
    const granted = outcomes.flatMap((outcome) => (outcome.ok ? outcome.value.allocation.allocation_id : []));
    expect(granted).to.have.length(40);
    const { items } = await test.engine.access.audit(CONTEXT, { action: "limit.overridden", limit: 100 });
    expect(items.map(({ subject_id }) => subject_id)).to.have.members(granted);
    expect((await test.engine.access.verifyAudit(CONTEXT)).intact).to.equal(true);
    await other.engine.stop();
  });

  describe("what cannot be decided", () => {
    const unknown = "0190a000-0000-7000-8000-000000000000";
    const cases: readonly [string, Parameters<typeof request>[2], string, string | undefined][] = [
      ["an unknown budget", { budget_id: unknown }, "budget_not_found", "/budget_id"],
      [
        "no provider, where cost is limited",
        { provider: undefined } as never,
        "dimension_required",
        "/provider",
      ],
      ["no model, where cost is limited", { model: undefined } as never, "dimension_required", "/model"],
      [
        "an unknown model, where cost is limited",
        { model: "nobody-knows" },
        "insufficient_budget",
        undefined,
      ],
      [
        "input without output",
        { tokens_allocated: undefined, input_tokens: 5 } as never,
        "invalid_value",
        "/max_output_tokens",
      ],
      ["tokens in two ways", { input_tokens: 5, max_output_tokens: 5 }, "invalid_value", "/tokens_allocated"],
      [
        "an expiry in the past",
        { expiration_time: "2020-01-01T00:00:00Z" },
        "invalid_value",
        "/expiration_time",
      ],
      [
        "an expiry in a year",
        { expiration_time: "2027-11-23T00:00:00Z" },
        "invalid_value",
        "/expiration_time",
      ],
    ];
    for (const [name, fields, expected, field] of cases) {
      it(`${name}: ${expected}`, async () => {
        const test = await open();
        const { budget_id } = await test.budgetWith({ cost_limit: 1 });
        const outcome = await test.allocate(budget_id, 10, fields);
        expect(code(outcome)).to.equal(expected);
        if (!outcome.ok && "field" in outcome.rejection) expect(outcome.rejection.field).to.equal(field);
        expect((await test.counted(budget_id)).held).to.equal(0);
      });
    }

    it("an inactive budget, or one below it", async () => {
      const test = await open();
      const parent = await test.budgetWith({ token_limit: 100 });
      const child = await test.budgetWith({ token_limit: 100 }, parent.budget_id);
      value(await test.engine.budgets.update(CONTEXT, parent.budget_id, { is_active: false }, null));
      expect(code(await test.allocate(parent.budget_id, 1))).to.equal("budget_inactive");
      expect(code(await test.allocate(child.budget_id, 1))).to.equal("budget_inactive");
    });
  });

  describe("check", () => {
    it("leaves nothing behind, not even the balance of a context that it is the first to name", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 100, period: "per_task" });
      value(await test.engine.allocations.check(CONTEXT, request(budget_id, 10, { context_id: "new" })));
      expect(await test.test_database.knex("balances")).to.deep.equal([]);
    });

    it("answers like allocate, and holds nothing", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const fits = value(await test.engine.allocations.check(CONTEXT, request(budget_id, 1000)));
      expect(fits).to.include({ tokens_requested: 1000, cost_nano_usd: 4_000_000n, refusal: null });
      const refused = value(await test.engine.allocations.check(CONTEXT, request(budget_id, 1001)));
      expect(refused.refusal?.tokens_that_fit).to.equal(1000);
      expect((await test.counted(budget_id)).held).to.equal(0);
    });
  });

  describe("extend", () => {
    it("holds more tokens, or refuses and says how many would fit", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 600));
      const { allocations } = test.engine;
      const refused = await allocations.extend(CONTEXT, allocation.allocation_id, { additional_tokens: 401 });
      if (refused.ok || refused.rejection.code !== "insufficient_budget")
        throw new Error("It was not refused.");
      expect(refused.rejection.tokens_that_fit).to.equal(400);
      const granted = value(
        await allocations.extend(CONTEXT, allocation.allocation_id, { additional_tokens: 400 }),
      );
      expect(granted.allocation).to.include({ tokens_allocated: 1000, cost_allocated_nano_usd: 4_000_000n });
      expect((await test.counted(budget_id)).held).to.equal(1000);
    });

    it("says how many more tokens would fit where more was used than allocated", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 500 });
      const { allocation } = value(await test.allocate(budget_id, 100));
      const { allocation_id } = allocation;
      value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 150, output_tokens: 0 }));
      const extend = (additional_tokens: number) =>
        test.engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens });
      const refused = await extend(1000);
      expect(
        refused.ok ? null : "tokens_that_fit" in refused.rejection && refused.rejection.tokens_that_fit,
      ).to.equal(400);
      expect(code(await extend(401))).to.equal("insufficient_budget");
      expect(code(await extend(400))).to.equal("ok");
    });

    it("adds output at its price to an allocation whose input is known", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ cost_limit: 1 });
      const call = { context_id: "c", component: "x", provider: "acme", model: "small", budget_id };
      const { allocation } = value(
        await test.engine.allocations.allocate(CONTEXT, {
          ...call,
          input_tokens: 100,
          max_output_tokens: 10,
        }),
      );
      expect(allocation).to.include({ input_tokens: 100, cost_allocated_nano_usd: 140_000n });
      const extended = value(
        await test.engine.allocations.extend(CONTEXT, allocation.allocation_id, { additional_tokens: 5 }),
      );
      expect(extended.allocation.cost_allocated_nano_usd).to.equal(160_000n);
    });

    it("asks for a dimension that a policy has come to look at", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const nameless = { context_id: "c", component: "x", tokens_allocated: 10, budget_id };
      const { allocation } = value(await test.engine.allocations.allocate(CONTEXT, nameless));
      const policy = {
        budget_id,
        type: "enforce",
        period: "daily",
        provider: "acme",
        token_limit: 100,
      } as const;
      value(await test.engine.policies.create(CONTEXT, policy));
      const more = { additional_tokens: 500 };
      expect(code(await test.engine.allocations.extend(CONTEXT, allocation.allocation_id, more))).to.equal(
        "dimension_required",
      );
    });

    it("makes up first for what was used beyond the allocation", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 100));
      const { allocation_id } = allocation;
      value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 150, output_tokens: 0 }));
      value(await test.engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens: 200 }));
      expect(await test.counted(budget_id)).to.include({ used: 150, held: 150 });
    });

    it("holds longer", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 1000));
      const expiration_time = new Date(START_MS + 3 * HOUR_MS).toISOString();
      value(await test.engine.allocations.extend(CONTEXT, allocation.allocation_id, { expiration_time }));
      test.clock.now_ms = START_MS + 2 * HOUR_MS;
      expect(code(await test.allocate(budget_id, 1))).to.equal("insufficient_budget");
      test.clock.now_ms = START_MS + 3 * HOUR_MS;
      expect(code(await test.allocate(budget_id, 1))).to.equal("ok");
    });

    it("is for live allocations only", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 10));
      const more = { additional_tokens: 1 };
      test.clock.now_ms += HOUR_MS;
      const { allocations } = test.engine;
      expect(code(await allocations.extend(CONTEXT, allocation.allocation_id, more))).to.equal(
        "allocation_not_active",
      );
      expect(code(await allocations.extend(CONTEXT, "0190a000-0000-7000-8000-000000000000", more))).to.equal(
        "allocation_not_found",
      );
    });
  });

  describe("release", () => {
    it("frees what is still held, keeps what was used, and may be repeated", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 1000));
      const { allocation_id } = allocation;
      value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 300, output_tokens: 0 }));
      expect(value(await test.engine.allocations.release(CONTEXT, allocation_id)).status).to.equal(
        "released",
      );
      expect(await test.counted(budget_id)).to.include({ used: 300, held: 0 });
      expect(value(await test.engine.allocations.release(CONTEXT, allocation_id)).status).to.equal(
        "released",
      );
      expect((await test.counted(budget_id)).held).to.equal(0);
    });

    it("is refused for what has settled, and for what is not there", async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const { allocation } = value(await test.allocate(budget_id, 10));
      const { allocation_id } = allocation;
      const last = { allocation_id, input_tokens: 1, output_tokens: 0, final: true };
      value(await test.engine.usage.record(CONTEXT, last));
      expect(code(await test.engine.allocations.release(CONTEXT, allocation_id))).to.equal(
        "allocation_not_active",
      );
      expect(
        code(await test.engine.allocations.release(CONTEXT, "0190a000-0000-7000-8000-000000000000")),
      ).to.equal("allocation_not_found");
    });
  });
});
