import { expect } from "chai";
import fc from "fast-check";
import type { Database } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { CONTEXT, TestEngine, code, onEveryDatabase, request, value } from "./support.ts";

onEveryDatabase("many callers at once", (open) => {
  it("fill a limit to the last token, and pass it by none", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const outcomes = await Promise.all(Array.from({ length: 300 }, () => test.allocate(budget_id, 7)));
    expect(outcomes.filter(({ ok }) => ok).length).to.equal(Math.floor(1000 / 7));
    expect((await test.counted(budget_id)).held).to.equal(994);
  });

  it("are each refused alone: a bad one spoils none of its batch", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const outcomes = await Promise.all([
      test.allocate(budget_id, 10),
      test.allocate(budget_id, 10, { model: "nobody-knows" }),
      test.allocate("0190a000-0000-7000-8000-000000000000", 10),
      test.allocate(budget_id, 10),
    ]);
    expect(outcomes.map(code)).to.deep.equal(["ok", "insufficient_budget", "budget_not_found", "ok"]);
  });

  it("leave nothing half-written where one of them cannot be stored", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const unstorable = test.allocate(budget_id, 10, { metadata: { number: 10n } });
    const outcomes = await Promise.allSettled([
      test.allocate(budget_id, 10),
      unstorable,
      test.allocate(budget_id, 10),
    ]);
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["fulfilled", "rejected", "fulfilled"]);
    expect((await test.counted(budget_id)).held).to.equal(20);
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("leave nothing half-written where the database refuses a row", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    await test.test_database.database.knex.schema.renameTable("events", "events_away");
    const refused = await Promise.allSettled([test.allocate(budget_id, 10), test.allocate(budget_id, 10)]);
    await test.test_database.database.knex.schema.renameTable("events_away", "events");
    expect(refused.map(({ status }) => status)).to.deep.equal(["rejected", "rejected"]);
    expect((await test.counted(budget_id)).held).to.equal(0);
    expect((await test.engine.allocations.list(CONTEXT, {})).total).to.equal(0);
    expect(code(await test.allocate(budget_id, 1000))).to.equal("ok");
  });

  it("are booked once where a commit's answer was lost", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const { database } = test.test_database;
    let answers_to_lose = 0;
    const forgetful: Database = {
      ...database,
      async transaction(scope, work) {
        const result = await database.transaction(scope, work);
        if (answers_to_lose === 0) return result;
        answers_to_lose -= 1;
        throw new Error("Connection terminated unexpectedly");
      },
    };
    const other = TestEngine.on({ ...test.test_database, database: forgetful }, test.clock);
    answers_to_lose = 1;
    const granted = await Promise.all([other.allocate(budget_id, 10), other.allocate(budget_id, 10)]);
    expect((await test.counted(budget_id)).held).to.equal(20);
    answers_to_lose = 1;
    const used = { input_tokens: 4, output_tokens: 0, final: true };
    const { allocation_id } = value(granted[0]).allocation;
    value(await other.engine.usage.record(CONTEXT, { ...used, allocation_id }));
    expect(await test.counted(budget_id)).to.include({ used: 4, held: 10 });
    await other.engine.stop();
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("leave nothing held and nothing lost once all is settled", async () => {
    const test = await open();
    const root = await test.budgetWith({ cost_limit: 1000 });
    const leaves = await Promise.all(
      [1, 2, 3].map(() => test.budgetWith({ token_limit: 50_000 }, root.budget_id)),
    );
    const call = async (index: number) => {
      const { budget_id } = leaves[index % leaves.length] ?? root;
      const granted = await test.allocate(budget_id, 100 + index);
      if (!granted.ok) return 0;
      const { allocation_id } = granted.value.allocation;
      if (index % 5 === 0) {
        value(await test.engine.allocations.release(CONTEXT, allocation_id));
        return 0;
      }
      const input = { allocation_id, input_tokens: index, output_tokens: 50, final: true };
      return value(await test.engine.usage.record(CONTEXT, input)).total_tokens;
    };
    const used = await Promise.all(Array.from({ length: 400 }, (_, index) => call(index)));
    const total = used.reduce((sum, tokens) => sum + tokens, 0);
    expect(await test.counted(root.budget_id)).to.include({ used: total, held: 0, cost_held: 0 });
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });
});

describe("several servers on one PostgreSQL", () => {
  const postgres = TEST_DATABASES.find(({ name }) => name === "postgres");
  let first: TestEngine;
  let second: TestEngine;

  beforeEach(async () => {
    if (postgres === undefined) throw new Error("There is no PostgreSQL among the test databases.");
    first = await TestEngine.open(postgres);
    second = TestEngine.on(first.test_database, first.clock);
  });

  afterEach(async () => {
    await second.engine.stop();
    await first.close();
  });

  it("never pass a limit together, and refuse nothing that fits", async () => {
    const { budget_id } = await first.budgetWith({ token_limit: 1000 });
    const outcomes = await Promise.all(
      Array.from({ length: 300 }, (_, index) => (index % 2 === 0 ? first : second).allocate(budget_id, 7)),
    );
    expect(outcomes.filter(({ ok }) => ok).length).to.equal(Math.floor(1000 / 7));
    expect((await first.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });

  it("see each other's policies from the next decision on", async () => {
    const { budget_id, policy_id } = await first.budgetWith({ token_limit: 1000 });
    expect(code(await second.allocate(budget_id, 600))).to.equal("ok");
    value(await first.engine.policies.update(CONTEXT, policy_id, { token_limit: 600 }, null));
    expect(code(await second.allocate(budget_id, 1))).to.equal("insufficient_budget");
  });

  it("keep one effect for one idempotency key that reaches both", async () => {
    const { budget_id } = await first.budgetWith({ token_limit: 1000 });
    const context = { ...CONTEXT, idempotency_key: "both" };
    const outcomes = await Promise.all(
      [first, second].map(({ engine }) => engine.allocations.allocate(context, request(budget_id, 100))),
    );
    const ids = new Set(outcomes.map((outcome) => value(outcome).allocation.allocation_id));
    expect(ids.size).to.equal(1);
    expect((await first.counted(budget_id)).held).to.equal(100);
  });

  it("book no usage into a window that a server with a later clock has closed", async () => {
    const { budget_id } = await first.budgetWith({ token_limit: 1000, period: "hourly" });
    const behind = TestEngine.on(first.test_database, {
      ...first.clock,
      now: () => first.clock.now_ms - 1_800_000,
    });
    const whole = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
    first.clock.now_ms = Date.parse("2026-11-23T10:00:01Z");
    value(await first.engine.usage.record(CONTEXT, { ...whole, input_tokens: 5, output_tokens: 0 }));
    value(await behind.engine.usage.record(CONTEXT, { ...whole, input_tokens: 7, output_tokens: 0 }));
    await behind.engine.stop();
    expect((await first.counted(budget_id)).used).to.equal(12);
    expect((await first.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });
});

onEveryDatabase("random histories", (open) => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant("allocate" as const),
        budget: fc.nat(2),
        tokens: fc.integer({ min: 1, max: 400 }),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("use" as const),
        which: fc.nat(30),
        tokens: fc.nat(500),
        final: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("release" as const), which: fc.nat(30) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("extend" as const),
        which: fc.nat(30),
        tokens: fc.integer({ min: 1, max: 300 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("wait" as const), minutes: fc.integer({ min: 1, max: 900 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("limit" as const),
        budget: fc.nat(2),
        tokens: fc.integer({ min: 0, max: 2000 }),
      }),
    },
  );

  it("never leave a balance that a recount finds different, nor grant beyond a limit", async () => {
    const test = await open();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const root = await test.budgetWith({ token_limit: 2000 });
        const left = await test.budgetWith({ token_limit: 1000, period: "hourly" }, root.budget_id);
        const right = await test.budgetWith({ token_limit: 1000, period: "per_task" }, root.budget_id);
        const budgets = [root, left, right];
        const allocation_ids: string[] = [];
        for (const one of steps) {
          const allocation_id =
            "which" in one ? allocation_ids[one.which % allocation_ids.length] : undefined;
          if (one.kind === "allocate") {
            const before = await Promise.all(
              budgets.slice(0, 2).map(({ budget_id }) => test.counted(budget_id)),
            );
            const granted = await test.allocate(budgets[one.budget]?.budget_id ?? "", one.tokens);
            if (granted.ok) allocation_ids.push(granted.value.allocation.allocation_id);
            const rootBefore = before[0];
            if (rootBefore === undefined) throw new Error("The root has no balance.");
            if (granted.ok)
              expect((await test.counted(root.budget_id)).held).to.equal(rootBefore.held + one.tokens);
          } else if (one.kind === "wait") {
            test.clock.now_ms += one.minutes * 60_000;
          } else if (one.kind === "limit") {
            const { policy_id } = budgets[one.budget] ?? root;
            value(await test.engine.policies.update(CONTEXT, policy_id, { token_limit: one.tokens }, null));
          } else if (allocation_id !== undefined && one.kind === "use") {
            const input = { allocation_id, input_tokens: one.tokens, output_tokens: 0, final: one.final };
            value(await test.engine.usage.record(CONTEXT, input));
          } else if (allocation_id !== undefined && one.kind === "release") {
            await test.engine.allocations.release(CONTEXT, allocation_id);
          } else if (allocation_id !== undefined && one.kind === "extend") {
            await test.engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens: one.tokens });
          }
        }
        expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
        for (const allocation_id of allocation_ids)
          await test.engine.allocations.release(CONTEXT, allocation_id);
        expect(await test.counted(root.budget_id)).to.include({ held: 0, cost_held: 0 });
      }),
      { numRuns: 15 },
    );
  }).timeout(120_000);
});
