import { expect } from "chai";
import { isConnectionLoss } from "../src/connection-loss.ts";
import { isTransient, isUnavailable, openDatabase, type Database } from "../src/database.ts";
import { migrate } from "../src/migrate.ts";
import { mayHaveCommitted, type Transaction } from "../src/transaction.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, write } from "./entities.ts";
import { freeze, resume, startPostgres, type PostgresServer } from "./harness/test-databases.ts";
import { rejectionOf } from "./rejection.ts";

/** Long enough for an answer on a busy machine, short enough to wait for. */
const ANSWER_TIMEOUT_MS = 1500;

describe("a PostgreSQL that stands still", () => {
  let server: PostgresServer;
  let database: Database;

  before(async () => {
    server = await startPostgres();
    database = openDatabase({ url: server.url });
    await migrate(database);
    await database.close();
  });
  beforeEach(() => {
    database = openDatabase({ url: server.url, pool_size: 2, answer_timeout_ms: ANSWER_TIMEOUT_MS });
  });
  afterEach(async () => {
    resume(server.pid);
    await database.close();
  });
  after(() => server.stop());

  const read = () => database.reader(ALL_TENANTS).run(database.knex("tenants"));
  const ask = () => database.transaction(ALL_TENANTS, (transaction) => transaction.query("SELECT 1", []));

  it("is given up by everybody: who has a connection, who wants one, and who waits for its turn", async () => {
    await ask();
    freeze(server.pid);
    const errors = await Promise.all([
      ...Array.from({ length: 4 }, () => rejectionOf(ask())),
      rejectionOf(read()),
      rejectionOf(database.snapshot(ALL_TENANTS, (transaction) => transaction.query("SELECT 1", []))),
    ]);
    for (const error of errors) {
      // Whoever has waited for so long is answered, and not made to wait for another try.
      expect([isUnavailable(error), isTransient(error)], error.message).to.deep.equal([true, false]);
    }
    resume(server.pid);
    expect(await Promise.all([ask(), ask(), ask()])).to.have.length(3);
  });

  it("is given up by a statement of its own that has its connection", async () => {
    await read();
    freeze(server.pid);
    const error = await rejectionOf(read());
    expect([isUnavailable(error), isConnectionLoss(error), isTransient(error)], error.message).to.deep.equal([
      true,
      true,
      false,
    ]);
    resume(server.pid);
    expect(await read()).to.deep.equal([]);
  });

  it("may have committed what it was told to commit", async () => {
    await ask();
    const error = await rejectionOf(
      database.transaction(ALL_TENANTS, async (transaction) => {
        await write.tenants(transaction, TENANT);
        freeze(server.pid);
      }),
    );
    expect([isConnectionLoss(error), mayHaveCommitted(error)]).to.deep.equal([true, true]);
    resume(server.pid);
    // It holds its row until it has ended.
    await database
      .transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT))
      .catch(() => undefined);
    expect(await read()).to.have.length(1);
  });

  it("does not keep its pool from closing", async () => {
    await ask();
    freeze(server.pid);
    await database.close();
  });

  it("is waited for where a statement may take its time, and no longer than that transaction", async () => {
    const slow = `SELECT pg_sleep(${(2 * ANSWER_TIMEOUT_MS) / 1000})`;
    const cut = await rejectionOf(
      database.transaction(ALL_TENANTS, (transaction) => transaction.query(slow, [])),
    );
    expect([cut.code, isUnavailable(cut), isTransient(cut)]).to.deep.equal(["57014", true, false]);
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await transaction.takeTime();
      await transaction.query(slow, []);
    });
    const again = await rejectionOf(
      database.transaction(ALL_TENANTS, (transaction) => transaction.query(slow, [])),
    );
    expect(again.code).to.equal("57014");
  });

  it("may have a transaction stand still between statements where that may take its time", async () => {
    const settings = (transaction: Transaction) =>
      transaction.query(
        "SELECT current_setting('idle_in_transaction_session_timeout') AS idle, current_setting('statement_timeout') AS statement",
        [],
      );
    const before = await database.transaction(ALL_TENANTS, settings);
    expect(before).to.deep.equal([{ idle: "10s", statement: "1200ms" }]);
    const patient = (options?: { readonly between_statements: boolean }) =>
      database.transaction(ALL_TENANTS, async (transaction) => {
        await transaction.takeTime(options);
        return settings(transaction);
      });
    expect(await patient({ between_statements: true })).to.deep.equal([{ idle: "0", statement: "0" }]);
    expect(await patient()).to.deep.equal([{ idle: "10s", statement: "0" }]);
    expect(await database.transaction(ALL_TENANTS, settings)).to.deep.equal(before);
  });

  it("lets nobody wait for a lock for long, nor behind somebody who has given up", async () => {
    const lock = (mode: "shared" | "exclusive") =>
      database.transaction(ALL_TENANTS, (transaction) => transaction.lockTenant(TENANT, mode));
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await transaction.lockTenant(TENANT, "shared");
      const error = await rejectionOf(lock("exclusive"));
      expect(error.code).to.be.oneOf(["55P03", "57014"]);
      expect([isUnavailable(error), isTransient(error)]).to.deep.equal([true, false]);
      await lock("shared");
    });
    await lock("exclusive");
  });

  it("takes its time for changes of the schema", async () => {
    await database.patiently(async (knex) => {
      await knex.raw(`SELECT pg_sleep(${(2 * ANSWER_TIMEOUT_MS) / 1000})`);
    });
  });
});
