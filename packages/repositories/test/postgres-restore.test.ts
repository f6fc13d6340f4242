import { expect } from "chai";
import { ensureUsagePartitions, migrate } from "../src/migrate.ts";
import { EMPTY_POSTGRES } from "../src/postgres-restore.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { T0 } from "./entities.ts";
import { TEST_DATABASES } from "./harness/test-databases.ts";

const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;

describe("a restore into PostgreSQL", () => {
  it("takes all of Budget's tables away, and no others", async () => {
    const test = await postgres.open();
    try {
      const { knex } = test.database;
      await ensureUsagePartitions(test.database, T0);
      await knex.raw("CREATE TABLE another (id int)");
      await test.database.transaction(ALL_TENANTS, async (transaction) => {
        for (const statement of EMPTY_POSTGRES) await transaction.query(statement, []);
      });
      const { rows } = await knex.raw<{ rows: { relname: string }[] }>(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace",
      );
      expect(rows.map(({ relname }) => relname)).to.deep.equal(["another"]);
      // Nothing is left that the migrations would meet.
      expect(await migrate(test.database)).to.not.be.empty;
    } finally {
      await test.close();
    }
  });
});
