import { expect } from "chai";
import { RateLimitRepository } from "../src/rate-limit-repository.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import type { Transaction } from "../src/transaction.ts";
import { TENANT, id, write } from "./entities.ts";
import { TEST_DATABASES, type TestDatabase } from "./harness/test-databases.ts";

const repository = new RateLimitRepository();
const NEW = { left_milli: 0, at_ms: 0, leased: 0, leased_before: 0 };
const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;

describe("buckets of requests that several servers lock", () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await postgres.open();
    await test.database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
  });
  afterEach(() => test.close());

  const lock = (transaction: Transaction, ...numbers: readonly number[]) =>
    repository.lock(
      transaction,
      numbers.map((number) => ({ tenant_id: TENANT, limit_id: id(number) })),
    );
  const locked = (...numbers: readonly number[]) =>
    test.database.transaction(ALL_TENANTS, (transaction) => lock(transaction, ...numbers));

  /** A transaction that makes a bucket, and holds it until it is told to let go. */
  async function holding(number: number) {
    const held = Promise.withResolvers<null>();
    const released = Promise.withResolvers<null>();
    const done = test.database.transaction(ALL_TENANTS, async (transaction) => {
      await lock(transaction, number);
      held.resolve(null);
      await released.promise;
    });
    await Promise.race([held.promise, done]);
    return async () => {
      released.resolve(null);
      await done;
    };
  }

  /** How many connections wait for a lock. */
  const waiting = async (): Promise<number> => {
    const sql =
      "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    return (await test.database.knex.raw<{ rows: unknown[] }>(sql)).rows.length;
  };

  it("are made, and found as they were left", async () => {
    expect([...(await locked(7, 8))]).to.deep.equal([
      [id(7), NEW],
      [id(8), NEW],
    ]);
    const bucket = { left_milli: 5, at_ms: 6, leased: 7, leased_before: 8 };
    await test.database.transaction(ALL_TENANTS, async (transaction) => {
      await lock(transaction, 8);
      await repository.update(transaction, [{ tenant_id: TENANT, limit_id: id(8), bucket }]);
    });
    expect((await locked(8, 7)).get(id(8))).to.deep.equal(bucket);
  });

  it("never keep two of them waiting for each other, whichever are new", async () => {
    const letFirstGo = await holding(1);
    const seen = { isFirstDone: false };
    const first = locked(1, 8, 9).finally(() => (seen.isFirstDone = true));
    while ((await waiting()) < 1);
    const letSecondGo = await holding(2);
    // Only the second finds this one, which the first has asked for already.
    await locked(9);
    const second = locked(2, 8, 9);
    while ((await waiting()) < 2);
    await letFirstGo();
    while (!seen.isFirstDone && (await waiting()) < 2);
    await letSecondGo();
    const both = await Promise.all([first, second]);
    expect(both.map(({ size }) => size)).to.deep.equal([3, 3]);
  });
});
