import { claimJobRun, deleteOlder } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { CONTEXT, DAY_MS, HOUR_MS, TestEngine, code, onEveryDatabase, request, value } from "./support.ts";

/** Lets what was started go on until it has come so far. */
async function settled(isDone: () => Promise<boolean>): Promise<void> {
  while (!(await isDone())) await new Promise((resolve) => setImmediate(resolve));
}

interface Run {
  readonly name: string;
  readonly started_at_ms: bigint | string;
}

const runs = async (test: TestEngine): Promise<readonly Run[]> => test.test_database.knex("job_runs");
const areAt = async (test: TestEngine, at_ms: number): Promise<boolean> => {
  const all = await runs(test);
  return all.length === 3 && all.every(({ started_at_ms }) => Number(started_at_ms) === at_ms);
};

onEveryDatabase("background jobs", (open) => {
  it("free what has expired where no request does it", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    value(await test.allocate(budget_id, 100));
    test.clock.now_ms += 2 * HOUR_MS;
    test.repeated[0]?.();
    const held = async () => {
      const row = (await test.test_database.knex("balances").first()) as {
        held_tokens: bigint | string;
      };
      return Number(row.held_tokens);
    };
    await settled(async () => (await held()) === 0);
    expect(await held()).to.equal(0);
  });

  it("delete old keys and refusals, and keep what is young", async () => {
    const test = await open();
    const { knex } = test.test_database;
    const { budget_id } = await test.budgetWith({ token_limit: 100 });
    const ask = (key: string, tokens: number) =>
      test.engine.allocations.allocate({ ...CONTEXT, idempotency_key: key }, request(budget_id, tokens));
    expect(code(await ask("old", 10))).to.equal("ok");
    expect(code(await ask("old refusal", 1000))).to.equal("insufficient_budget");
    test.clock.now_ms += 31 * DAY_MS;
    expect(code(await ask("young", 10))).to.equal("ok");
    expect(code(await ask("young refusal", 1000))).to.equal("insufficient_budget");
    test.repeated[0]?.();
    const keys = async () => {
      const rows: { idempotency_key: string }[] = await knex("idempotency_keys");
      return rows.map(({ idempotency_key }) => idempotency_key).sort();
    };
    const refusals = async () => (await knex("refusals")).length;
    await settled(async () => (await keys()).length === 2 && (await refusals()) === 1);
    expect(await keys()).to.deep.equal(["young", "young refusal"]);
    expect(await refusals()).to.equal(1);
  });

  it("delete old events, and change no balance, report or recount", async () => {
    const test = await open();
    const { knex } = test.test_database;
    const { budget_id } = await test.budgetWith({ token_limit: 1000, period: "total" });
    const used = { input_tokens: 20, output_tokens: 10 };
    const { allocation_id } = value(await test.allocate(budget_id, 100)).allocation;
    value(await test.engine.usage.record(CONTEXT, { allocation_id, ...used }));
    value(await test.engine.allocations.release(CONTEXT, allocation_id));
    expect(code(await test.allocate(budget_id, 5000))).to.equal("insufficient_budget");
    const state = async () => ({
      counted: await test.counted(budget_id),
      summary: await test.engine.usage.summary(CONTEXT, {}),
      rollups: await knex("usage_rollups").orderBy("hour_start_ms"),
      balances: await knex("balances").orderBy("policy_id"),
      verified: (await test.engine.verify(CONTEXT)).differences,
    });
    const ages = async () => {
      const rows: { created_at_ms: bigint | string }[] = await knex("events");
      return rows.map(({ created_at_ms }) => test.clock.now_ms - Number(created_at_ms));
    };
    const before = await state();
    expect(before.verified).to.deep.equal([]);
    expect(await ages()).to.have.length.above(2);
    test.clock.now_ms += 31 * DAY_MS;
    value(await test.allocate(budget_id, 10));
    const with_young = await state();
    test.repeated[0]?.();
    await settled(async () => (await ages()).every((age_ms) => age_ms === 0));
    expect(await ages()).to.have.length.above(0);
    expect(await state()).to.deep.equal(with_young);
    expect(with_young.rollups).to.deep.equal(before.rollups);
    expect(with_young.verified).to.deep.equal([]);
  });

  it("delete to the millisecond what is older than they are told, and no more", async () => {
    const test = await open();
    const { database, knex } = test.test_database;
    const { budget_id } = await test.budgetWith({ token_limit: 100 });
    expect(code(await test.allocate(budget_id, 1000))).to.equal("insufficient_budget");
    const left = async () => (await knex("refusals")).length;
    const { now_ms } = test.clock;
    for (const [table, count] of [
      ["refusals", 1],
      ["idempotency_keys", 0],
    ] as const) {
      expect(await deleteOlder(database, table, now_ms)).to.equal(0);
      expect(await deleteOlder(database, table, now_ms + 1)).to.equal(count);
    }
    expect(await left()).to.equal(0);
    const events = (await knex("events")).length;
    expect(await deleteOlder(database, "events", now_ms)).to.equal(0);
    expect(await deleteOlder(database, "events", now_ms + 1)).to.equal(events);
  });

  it("run again when their time has come, and not before", async () => {
    const test = await open();
    const began_ms = test.clock.now_ms;
    test.repeated[0]?.();
    await settled(() => areAt(test, began_ms));
    test.clock.now_ms += 1000;
    test.repeated[0]?.();
    await test.engine.usage.list(CONTEXT, {});
    expect(await areAt(test, began_ms)).to.equal(true);
    test.clock.now_ms += DAY_MS;
    test.repeated[0]?.();
    await settled(() => areAt(test, test.clock.now_ms));
  });
});

onEveryDatabase("a background job", (open) => {
  it("that is running when the engine stops is waited for", async () => {
    const test = await open();
    test.repeated[0]?.();
    await test.engine.stop();
    expect(await areAt(test, test.clock.now_ms)).to.equal(true);
  });

  it("is not kept from everybody by a clock that was ahead for a while", async () => {
    const test = await open();
    const { database } = test.test_database;
    const now_ms = test.clock.now_ms;
    const claim = (at_ms: number) => claimJobRun(database, "job", at_ms, HOUR_MS);
    expect(await claim(now_ms + 365 * DAY_MS)).to.equal(true);
    expect(await claim(now_ms)).to.equal(true);
    // A clock that is a little behind is no reason to do it again.
    expect([await claim(now_ms - 1000), await claim(now_ms + 1000)]).to.deep.equal([false, false]);
  });
});

describe("background jobs of several servers on one PostgreSQL", () => {
  it("are each done by one of them", async () => {
    const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;
    const first = await TestEngine.open(postgres);
    const { budget_id } = await first.budgetWith({ token_limit: 1000 });
    value(await first.allocate(budget_id, 100));
    const others = Array.from({ length: 4 }, () => TestEngine.on(first.test_database, first.clock));
    first.clock.now_ms += 2 * HOUR_MS;
    for (const { repeated } of [first, ...others]) repeated[0]?.();
    const expired = async () =>
      (await first.test_database.knex("events").where({ event_type: "allocation.expired" })).length;
    await settled(async () => (await expired()) > 0 && (await areAt(first, first.clock.now_ms)));
    for (const { engine } of others) await engine.stop();
    expect(await expired()).to.equal(1);
    await first.close();
  });
});
