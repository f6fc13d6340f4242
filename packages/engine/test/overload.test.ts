import { freeze, resume, startPostgres, type TestDatabase } from "@budget/repositories/testing";
import { isUnavailable, migrate, openDatabase } from "@budget/repositories";
import { expect } from "chai";
import { MAX_WAITING_COMMANDS, MAX_WAIT_MS } from "../src/command-queue.ts";
import { CONTEXT, TestEngine, code, onEveryDatabase, request, value } from "./support.ts";

/** How often each code was answered. */
function countCodes(outcomes: readonly Parameters<typeof code>[0][]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[code(outcome)] = (counts[code(outcome)] ?? 0) + 1;
  return counts;
}

onEveryDatabase("more work than can wait", (open) => {
  it("is turned away at once, and what was taken is done", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    const taken = Array.from({ length: MAX_WAITING_COMMANDS }, () => test.allocate(budget_id, 1));
    const answered: string[] = [];
    for (const answer of taken) void answer.then((outcome) => answered.push(code(outcome)));
    const beyond = await Promise.all(
      Array.from({ length: 3 * MAX_WAITING_COMMANDS }, () => test.allocate(budget_id, 1)),
    );
    // They did not wait for those before them.
    expect([countCodes(beyond), answered]).to.deep.equal([{ overloaded: 3 * MAX_WAITING_COMMANDS }, []]);
    expect(countCodes(await Promise.all(taken))).to.deep.equal({ ok: MAX_WAITING_COMMANDS });
    expect((await test.counted(budget_id)).held).to.equal(MAX_WAITING_COMMANDS);
    expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  }).timeout(120_000);

  it("is turned away by an engine that has stopped", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    await test.engine.stop();
    expect(code(await test.allocate(budget_id, 1))).to.equal("overloaded");
  });
});

/** A PostgreSQL server of this test's own, so that nobody else stands still with it. */
async function openOwnPostgres(): Promise<TestDatabase & { readonly pid: number }> {
  const server = await startPostgres();
  const database = openDatabase({ url: server.url, answer_timeout_ms: 1500 });
  await migrate(database);
  return {
    name: "postgres",
    url: server.url,
    pid: server.pid,
    database,
    knex: database.knex,
    async close() {
      resume(server.pid);
      await database.close();
      await server.stop();
    },
  };
}

describe("an engine whose PostgreSQL stands still", () => {
  it("answers everybody, and books once what is asked for again", async () => {
    const own = await openOwnPostgres();
    const test = await TestEngine.open({ name: "postgres", open: () => Promise.resolve(own) });
    try {
      const { budget_id } = await test.budgetWith({ token_limit: 1000 });
      const ask = (key: string) =>
        test.engine.allocations.allocate({ ...CONTEXT, idempotency_key: key }, request(budget_id, 10));
      freeze(own.pid);
      const running = Promise.allSettled(["a", "b", "c"].map(ask));
      // Their transaction begins within a few turns of the event loop.
      for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      const waiting = ask("d");
      test.clock.now_ms += MAX_WAIT_MS + 1;
      for (const work of test.repeated) work();
      expect(code(await waiting)).to.equal("overloaded");
      expect(code(await ask("e"))).to.equal("overloaded");
      for (const one of await running)
        expect(one.status === "rejected" && isUnavailable(one.reason)).to.equal(true);

      resume(own.pid);
      const again = await Promise.all(["a", "b", "c", "d", "e", "a"].map(ask));
      expect(new Set(again.map((outcome) => value(outcome).allocation.allocation_id)).size).to.equal(5);
      expect((await test.counted(budget_id)).held).to.equal(50);
      expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
    } finally {
      resume(own.pid);
      await test.close();
    }
  }).timeout(60_000);
});
