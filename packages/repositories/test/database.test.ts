import { expect } from "chai";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isConnectionLoss } from "../src/connection-loss.ts";
import { isTransient, openDatabase } from "../src/database.ts";
import { DatabaseError } from "../src/database-error.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, write } from "./entities.ts";
import { TEST_DATABASES } from "./harness/test-databases.ts";
import { rejectionOf } from "./rejection.ts";

describe("opening a database", () => {
  it("refuses a URL that it does not know, and names those that it does", () => {
    for (const url of ["mysql://localhost/budget", "", "./budget.db", "postgress://x"]) {
      expect(() => openDatabase({ url }))
        .to.throw(DatabaseError, /sqlite:.*postgres:/)
        .with.property("code", "unsupported_url");
    }
  });

  describe("a SQLite file", () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), "budget-open-"));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    it("makes its folder, and is durable at every commit", async () => {
      const path = join(folder, "deep/er/budget.db");
      const database = openDatabase({ url: `sqlite:${path}` });
      const pragmas = await database.transaction(ALL_TENANTS, async (transaction) => [
        ...(await transaction.query("PRAGMA journal_mode", [])),
        ...(await transaction.query("PRAGMA synchronous", [])),
        ...(await transaction.query("PRAGMA foreign_keys", [])),
      ]);
      await database.close();
      expect(existsSync(path)).to.equal(true);
      expect(pragmas).to.deep.equal([{ journal_mode: "wal" }, { synchronous: 2n }, { foreign_keys: 1n }]);
    });

    it("serves one server at a time, and tells a second one so at once", async () => {
      const options = { url: `sqlite:${join(folder, "budget.db")}`, exclusive: true };
      const first = openDatabase(options);
      expect(() => openDatabase(options))
        .to.throw(DatabaseError, /Another Budget server uses/)
        .with.property("code", "in_use");
      const tool = openDatabase({ url: options.url });
      await tool.knex.raw("SELECT 1");
      await tool.close();
      expect(() => openDatabase(options)).to.throw(DatabaseError);
      await first.close();
      await openDatabase(options).close();
    });
  });
});

for (const kind of TEST_DATABASES) {
  describe(`a transaction: ${kind.name}`, () => {
    it("keeps everything of it, or nothing", async () => {
      const test = await kind.open();
      try {
        const failure = new Error("no");
        const error = await rejectionOf(
          test.database.transaction(ALL_TENANTS, async (transaction) => {
            await write.tenants(transaction, TENANT);
            throw failure;
          }),
        );
        expect(error).to.equal(failure);
        expect(await test.knex("tenants")).to.have.length(0);
        const result = await test.database.transaction(ALL_TENANTS, async (transaction) => {
          await write.tenants(transaction, TENANT);
          return "done";
        });
        expect(result).to.equal("done");
        expect(await test.knex("tenants")).to.have.length(1);
      } finally {
        await test.close();
      }
    });

    it("fails with the reason of a write that was left to its end", async () => {
      const test = await kind.open();
      try {
        await test.database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
        for (let round = 0; round < 20; round += 1) {
          const error = await rejectionOf(
            test.database.transaction(ALL_TENANTS, (transaction) => {
              transaction.defer(write.tenants(transaction, TENANT));
              return Promise.resolve();
            }),
          );
          expect((error as { code?: string }).code).to.match(/^(23505|SQLITE_CONSTRAINT_PRIMARYKEY)$/);
        }
      } finally {
        await test.close();
      }
    });

    it("gives its connection back, whatever happens", async () => {
      const test = await kind.open({ pool_size: 1 });
      try {
        for (let round = 0; round < 3; round += 1) {
          await rejectionOf(
            test.database.transaction(ALL_TENANTS, (transaction) => transaction.query("SELECT nothing", [])),
          );
          await test.database.transaction(ALL_TENANTS, (transaction) => transaction.query("SELECT 1", []));
        }
      } finally {
        await test.close();
      }
    });
  });
}

describe("a transaction: postgres, among others", () => {
  it("is worth another try where another one inserted the same key", async () => {
    const test = await TEST_DATABASES.find((kind) => kind.name === "postgres")!.open();
    try {
      const insert = () =>
        test.database.transaction(ALL_TENANTS, (transaction) => write.tenants(transaction, TENANT));
      await insert();
      const error = await rejectionOf(insert());
      expect([isTransient(error), isConnectionLoss(error)]).to.deep.equal([true, false]);
      const wrong = await rejectionOf(
        test.database.transaction(ALL_TENANTS, (transaction) => transaction.query("SELECT x", [])),
      );
      expect(isTransient(wrong)).to.equal(false);
    } finally {
      await test.close();
    }
  });

  it("fails as a loss of connection where that is lost, and the next one gets another", async () => {
    const test = await TEST_DATABASES.find((kind) => kind.name === "postgres")!.open({ pool_size: 1 });
    try {
      for (let round = 0; round < 3; round += 1) {
        const error = await rejectionOf(
          test.database.transaction(ALL_TENANTS, async (transaction) => {
            const lost = transaction.query("SELECT pg_terminate_backend(pg_backend_pid())", []);
            await Promise.all([lost, transaction.query("SELECT 1", []), transaction.query("SELECT 2", [])]);
          }),
        );
        expect([isConnectionLoss(error), isTransient(error)]).to.deep.equal([true, true]);
        await test.database.transaction(ALL_TENANTS, (transaction) => transaction.query("SELECT 1", []));
      }
    } finally {
      await test.close();
    }
  });
});
