import { expect } from "chai";
import type { Database } from "../src/database.ts";
import { openDatabase } from "../src/database.ts";
import { MIGRATIONS, ensureUsagePartitions, migrate, migrationState } from "../src/migrate.ts";
import * as tables from "../src/tables.ts";
import { UsageRecordRepository } from "../src/usage-record-repository.ts";
import { ALL_TENANTS } from "../src/tenant-scope.ts";
import { TENANT, id, rollup, usageRecord, write } from "./entities.ts";
import { TEST_DATABASES, type TestDatabase } from "./harness/test-databases.ts";

const NAMES = MIGRATIONS.map(({ name }) => name);

const postgres = TEST_DATABASES.find((kind) => kind.name === "postgres")!;

async function columnsOf(database: Database): Promise<unknown> {
  const columns: Record<string, unknown> = {};
  for (const table of Object.values(tables))
    columns[table.name] = await database.knex(table.name).columnInfo();
  return columns;
}

for (const kind of TEST_DATABASES) {
  describe(`migrations: ${kind.name}`, () => {
    let test: TestDatabase;
    beforeEach(async () => {
      test = await kind.open({ empty: true });
    });
    afterEach(() => test.close());

    it("are applied once", async () => {
      expect(await migrate(test.database)).to.deep.equal(NAMES);
      expect(await migrate(test.database)).to.deep.equal([]);
    });

    it("are compared with those of this version, which changes nothing", async () => {
      expect(await migrationState(test.database)).to.deep.equal({ missing: NAMES, unknown: [] });
      expect(await test.database.knex.schema.hasTable("schema_migrations")).to.equal(false);
      await migrate(test.database);
      expect(await migrationState(test.database)).to.deep.equal({ missing: [], unknown: [] });
      const applied = test.knex("schema_migrations");
      await applied
        .clone()
        .where({ name: NAMES.at(-1) })
        .update({ name: "9999-later" });
      expect(await migrationState(test.database)).to.deep.equal({
        missing: [NAMES.at(-1)],
        unknown: ["9999-later"],
      });
    });

    it("need no more than one connection of the pool", async () => {
      const small = await kind.open({ empty: true, pool_size: 1 });
      try {
        expect(await migrate(small.database)).to.deep.equal(NAMES);
      } finally {
        await small.close();
      }
    });

    it("go down and up again to the same schema", async () => {
      await migrate(test.database);
      await ensureUsagePartitions(test.database, Date.UTC(2026, 10, 1));
      const before = await columnsOf(test.database);
      for (const { migration } of MIGRATIONS.toReversed()) await migration.down?.(test.database.knex);
      for (const table of Object.values(tables)) {
        expect(await test.database.knex.schema.hasTable(table.name), table.name).to.equal(false);
      }
      for (const { migration } of MIGRATIONS) await migration.up(test.database.knex);
      expect(await columnsOf(test.database)).to.deep.equal(before);
    });

    it("sum the tokens of rollups that were written before sums had tokens of their own", async () => {
      await migrate(test.database);
      const last = MIGRATIONS.find(({ name }) => name === "0012-history-import")?.migration;
      await last?.down?.(test.knex);
      const now = Object.entries(rollup({ input_tokens: 11, output_tokens: 6 }));
      const before = Object.fromEntries(now.filter(([name]) => name !== "total_tokens"));
      await test.knex("usage_rollups").insert(before);
      await last?.up(test.knex);
      const [row]: { total_tokens: unknown }[] = await test.knex("usage_rollups");
      expect(Number(row?.total_tokens)).to.equal(17);
    });

    it("make every column that the tables are said to have", async () => {
      await migrate(test.database);
      for (const table of Object.values(tables)) {
        const found = Object.keys(await test.knex(table.name).columnInfo());
        const givenByDatabase = table === tables.events ? ["sequence", "transaction_id"] : [];
        expect(found.toSorted(), table.name).to.deep.equal([...table.columns, ...givenByDatabase].toSorted());
      }
    });

    it("leave an interrupted run's lock behind", async () => {
      await migrate(test.database);
      await test.knex("schema_migrations_lock").update({ is_locked: 1 });
      expect(await migrate(test.database)).to.deep.equal([]);
    });
  });
}

describe("migrations: postgres, by many servers", () => {
  it("run once where 20 servers start together", async () => {
    const test = await postgres.open({ empty: true });
    const servers = Array.from({ length: 20 }, () => openDatabase({ url: test.url, pool_size: 2 }));
    try {
      const applied = await Promise.all(servers.map((server) => migrate(server)));
      expect(applied.flat()).to.deep.equal(NAMES);
    } finally {
      await Promise.all(servers.map((server) => server.close()));
      await test.close();
    }
  });
});

describe("partitions of usage records", () => {
  let test: TestDatabase;
  beforeEach(async () => {
    test = await postgres.open();
  });
  afterEach(() => test.close());

  async function partitions(): Promise<readonly string[]> {
    const rows = await test.database.transaction(ALL_TENANTS, (transaction) =>
      transaction.query(
        `SELECT c.relname AS name, pg_get_expr(c.relpartbound, c.oid) AS bound, i.inhparent::regclass::text AS parent
         FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE c.relkind = 'r' ORDER BY c.relname`,
        [],
      ),
    );
    expect(rows.map((row) => row.parent)).to.deep.equal(rows.map(() => "usage_records"));
    return rows.map((row) => `${row.name as string} ${row.bound as string}`);
  }

  const span = (from: number, to: number) => `FOR VALUES FROM ('${from}') TO ('${to}')`;

  it("cover this month and the two after it, across the end of a year, and are made once", async () => {
    const expected = [
      `usage_records_2026_12 ${span(Date.UTC(2026, 11), Date.UTC(2027, 0))}`,
      `usage_records_2027_01 ${span(Date.UTC(2027, 0), Date.UTC(2027, 1))}`,
      `usage_records_2027_02 ${span(Date.UTC(2027, 1), Date.UTC(2027, 2))}`,
      "usage_records_default DEFAULT",
    ];
    await ensureUsagePartitions(test.database, Date.UTC(2027, 0) - 1);
    expect(await partitions()).to.deep.equal(expected);
    await ensureUsagePartitions(test.database, Date.UTC(2026, 11));
    expect(await partitions()).to.deep.equal(expected);
    await ensureUsagePartitions(test.database, Date.UTC(2027, 0));
    expect(await partitions()).to.have.length(5);
  });

  it("are made once where many servers ask for them together", async () => {
    await Promise.all(
      Array.from({ length: 9 }, () => ensureUsagePartitions(test.database, Date.UTC(2026, 5, 30))),
    );
    expect(await partitions()).to.have.length(4);
  });

  it("take in what was booked before they were there", async () => {
    const booked = [
      Date.UTC(2026, 10, 1) - 1,
      Date.UTC(2026, 10, 1),
      Date.UTC(2027, 0, 31),
      Date.UTC(2027, 1, 1),
    ].map((timestamp_ms, index) => usageRecord({ record_id: id(400 + index), timestamp_ms }));
    await test.database.transaction(ALL_TENANTS, (transaction) => write.usageRecords(transaction, ...booked));
    await ensureUsagePartitions(test.database, Date.UTC(2026, 10, 23));
    const count = async (table: string) => (await test.knex(table)).length;
    expect(await count("usage_records_default")).to.equal(2);
    expect(await count("usage_records_2026_11")).to.equal(1);
    expect(await count("usage_records_2027_01")).to.equal(1);
    const { items } = await new UsageRecordRepository(test.database).list(TENANT, {});
    expect(items).to.deep.equal(booked.toReversed());
  });

  it("do not exist on SQLite", async () => {
    const sqlite = await TEST_DATABASES.find((kind) => kind.name === "sqlite")!.open();
    await ensureUsagePartitions(sqlite.database, Date.UTC(2026, 10, 23));
    expect(await sqlite.database.knex.schema.hasTable("usage_records_2026_11")).to.equal(false);
    await sqlite.close();
  });
});
