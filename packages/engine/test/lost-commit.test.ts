import { ALL_TENANTS, type Database } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { CONTEXT, TestEngine, value } from "./support.ts";

describe("a commit that goes on after its connection was lost", () => {
  const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;

  it("is waited for by the next attempt, which finds what it made", async () => {
    const test = await TestEngine.open(postgres);
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const { database } = test.test_database;
    let losses = 0;
    const lost: Promise<unknown>[] = [];
    const losing: Database = {
      ...database,
      transaction(scope, work) {
        if (losses === 0) return database.transaction(scope, work);
        losses -= 1;
        return new Promise((_resolve, reject) => {
          lost.push(
            database.transaction(scope, async (transaction) => {
              const result = await work(transaction);
              // Time goes on, so that the next attempt would make another row.
              test.clock.now_ms += 1000;
              reject(Object.assign(new Error("the connection is gone"), { code: "ECONNRESET" }));
              await somebodyWaits(database);
              return result;
            }),
          );
        });
      },
    };
    const other = TestEngine.on({ ...test.test_database, database: losing }, test.clock);
    try {
      losses = 1;
      const { allocation } = value(await other.allocate(budget_id, 100));
      losses = 1;
      const more = { additional_tokens: 50 };
      value(await other.engine.allocations.extend(CONTEXT, allocation.allocation_id, more));
      losses = 1;
      const call = { budget_id, context_id: "c", component: "x", provider: "acme", model: "small" };
      value(await other.engine.usage.record(CONTEXT, { ...call, input_tokens: 30, output_tokens: 0 }));
      await Promise.all(lost);
      expect(lost).to.have.length(3);
      expect(await test.counted(budget_id)).to.include({ used: 30, held: 150 });
      expect((await test.engine.usage.list(CONTEXT, {})).total).to.equal(1);
      expect((await test.engine.verify(CONTEXT)).differences).to.deep.equal([]);
    } finally {
      await other.engine.stop();
      await test.close();
    }
  });
});

/** Resolves when a transaction of this database waits for another one. */
async function somebodyWaits(database: Database): Promise<void> {
  for (;;) {
    const waiting = await database.transaction(ALL_TENANTS, (transaction) =>
      transaction.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        [],
      ),
    );
    if (waiting.length > 0) return;
  }
}
