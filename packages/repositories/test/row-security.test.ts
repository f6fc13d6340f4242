import { SHARED_TENANT_ID } from "@budget/domain";
import { expect } from "chai";
import { once } from "node:events";
import { connect, createServer, type AddressInfo } from "node:net";
import { openDatabase, type Database } from "../src/database.ts";
import type { Row } from "../src/dialect.ts";
import { MIGRATIONS, ensureUsagePartitions } from "../src/migrate.ts";
import { TENANT_TABLES, secureRows } from "../src/row-security.ts";
import { readServerState } from "../src/server-state.ts";
import { ALL_TENANTS, type TenantScope } from "../src/tenant-scope.ts";
import {
  HOUR_MS,
  OTHER_TENANT,
  T0,
  TENANT,
  budget,
  id,
  outboxEvent,
  usageRecord,
  write,
} from "./entities.ts";
import { TEST_DATABASES, startPostgres, type TestDatabase } from "./harness/test-databases.ts";
import { rejectionOf } from "./rejection.ts";

const postgres = TEST_DATABASES.find((kind) => kind.name === "postgres")!;

/** A value that a column of this type takes; an id is another one for every tenant. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  text: "text",
  bigint: "7",
  integer: 7,
  "double precision": 0.5,
  boolean: true,
  xid8: "7",
};

describe("row-level security", () => {
  let test: TestDatabase;
  let database: Database;
  beforeEach(async () => {
    test = await postgres.open();
    ({ database } = test);
    await ensureUsagePartitions(database, T0);
  });
  afterEach(() => test.close());

  const tables = async (): Promise<readonly string[]> => {
    const { rows } = await database.knex.raw<{ rows: { name: string }[] }>(TENANT_TABLES);
    return rows.map(({ name }) => name);
  };

  /** Gives a tenant a row in every table that has tenants, whatever the table holds. */
  async function furnish(tenant_id: string): Promise<void> {
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await write.tenants(transaction, tenant_id);
      await write.budgets(transaction, budget({ tenant_id }));
    });
    for (const table of await tables()) {
      if (["tenants", "budgets", "usage_records"].includes(table)) continue;
      await test.knex(table).insert(await sampleOf(table, tenant_id));
    }
  }

  async function sampleOf(table: string, tenant_id: string): Promise<Row> {
    const columns = await database.knex(table).columnInfo();
    const row: Row = {};
    for (const [column, { type, nullable, defaultValue }] of Object.entries(columns)) {
      if (nullable || defaultValue !== null) continue;
      row[column] = column === "timestamp_ms" ? timeIn(table) : type === "uuid" ? tenant_id : SAMPLES[type];
    }
    return "budget_id" in row ? { ...row, budget_id: id(100) } : row;
  }

  /** An instant that the partition is for. */
  const timeIn = (table: string): number => {
    const month = /_(\d{4})_(\d{2})$/.exec(table);
    return month === null ? 0 : Date.UTC(Number(month[1]), Number(month[2]) - 1, 2);
  };

  const within = (scope: TenantScope, sql: string, ...parameters: string[]): Promise<Row[]> =>
    database.transaction(scope, (transaction) => transaction.query(sql, parameters));

  const tenantsIn = async (scope: TenantScope, table: string): Promise<readonly unknown[]> =>
    (await within(scope, `SELECT DISTINCT tenant_id FROM ${table} ORDER BY 1`)).map((row) => row.tenant_id);

  it("is forced, with its policy, on every table that has tenants, partitions among them", async () => {
    const { rows } = await database.knex.raw<{ rows: Row[] }>(
      `SELECT t.name, c.relrowsecurity AND c.relforcerowsecurity AS forced,
         EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'named_tenants') AS has_policy
       FROM (${TENANT_TABLES}) t JOIN pg_class c ON c.oid = t.name::regclass`,
    );
    expect(rows).to.have.length.above(20);
    const names = rows.map(({ name }) => name);
    expect(names).to.include.members(["usage_records", "usage_records_default", "usage_records_2026_11"]);
    for (const row of rows)
      expect(row, `${String(row.name)}: its migration must run the statements of secureRows()`).to.deep.equal(
        {
          name: row.name,
          forced: true,
          has_policy: true,
        },
      );
  });

  describe("for a transaction that names a tenant", () => {
    beforeEach(async () => {
      await furnish(TENANT);
      await furnish(OTHER_TENANT);
    });

    it("shows its rows in every table, and no others, also to a statement without a condition", async () => {
      for (const table of await tables()) {
        expect(await tenantsIn(ALL_TENANTS, table), table).to.deep.equal([TENANT, OTHER_TENANT]);
        expect(await tenantsIn(TENANT, table), table).to.deep.equal([TENANT]);
        expect(await tenantsIn(OTHER_TENANT, table), table).to.deep.equal([OTHER_TENANT]);
        expect(await tenantsIn([OTHER_TENANT, TENANT], table), table).to.deep.equal([TENANT, OTHER_TENANT]);
      }
    });

    it("changes and deletes none of another's", async () => {
      for (const table of await tables()) {
        const theirs = () => test.knex<Row, Row[]>(table).where({ tenant_id: OTHER_TENANT });
        const before = await theirs();
        expect(before, table).to.have.length.above(0);
        for (const sql of [
          `UPDATE ${table} SET tenant_id = tenant_id WHERE tenant_id = $1 RETURNING 1`,
          `DELETE FROM ${table} WHERE tenant_id = $1 RETURNING 1`,
        ])
          expect(await within(TENANT, sql, OTHER_TENANT), sql).to.deep.equal([]);
        expect(await theirs(), table).to.deep.equal(before);
      }
    });

    it("inserts no row for another, and gives none of its own away", async () => {
      for (const table of await tables()) {
        const row = await sampleOf(table, id(3));
        const columns = Object.keys(row);
        const insert =
          `INSERT INTO ${table} (${columns.join(", ")}) ` +
          `SELECT ${columns.join(", ")} FROM json_populate_record(NULL::${table}, $1::json)`;
        const refused = [
          await rejectionOf(within(TENANT, insert, JSON.stringify(row))),
          await rejectionOf(within(TENANT, `UPDATE ${table} SET tenant_id = $1`, OTHER_TENANT)),
        ];
        for (const { message } of refused)
          expect(message, table).to.match(/new row violates row-level security policy/);
      }
    });

    it("empties only its own rows by a statement that has forgotten its condition", async () => {
      // Others point to tenants and budgets, and partitions go with their table.
      const alone = (await tables()).filter((name) => !/^(tenants|budgets|usage_records_.*)$/.test(name));
      for (const table of alone) {
        expect(await within(TENANT, `DELETE FROM ${table} RETURNING 1`), table).to.not.deep.equal([]);
        expect(await tenantsIn(ALL_TENANTS, table), table).to.deep.equal([OTHER_TENANT]);
      }
    });

    it("is forgotten with the transaction: by the next one on the same connection, and where none is named", async () => {
      const alone = openDatabase({ url: test.url, pool_size: 1 });
      try {
        const seen = async () =>
          (await alone.knex.raw<{ rows: Row[] }>("SELECT tenant_id FROM budgets")).rows.length;
        const read = (scope: TenantScope) => alone.reader(scope).run(alone.knex<Row, Row[]>("budgets"));
        expect(await seen()).to.equal(0);
        expect(await read(TENANT)).to.have.length(1);
        expect(await seen()).to.equal(0);
        expect(await read(ALL_TENANTS)).to.have.length(2);
        expect(await seen()).to.equal(0);
        expect(await read(OTHER_TENANT)).to.have.length(1);
        await rejectionOf(
          alone.transaction(TENANT, (transaction) => transaction.query("SELECT nothing", [])),
        );
        expect(await seen()).to.equal(0);
        const inserted = alone.knex("idempotency_keys").insert(await sampleOf("idempotency_keys", TENANT));
        expect((await rejectionOf(Promise.resolve(inserted))).message).to.match(/row-level security/);
      } finally {
        await alone.close();
      }
    });
  });

  it("lets every tenant see what all share, and nobody but the shared tenant change it", async () => {
    await furnish(TENANT);
    await furnish(SHARED_TENANT_ID);
    const shared = [];
    for (const table of await tables()) {
      const seen = await tenantsIn(TENANT, table);
      if (seen.length > 1) shared.push(table);
      for (const sql of [
        `UPDATE ${table} SET tenant_id = tenant_id WHERE tenant_id = $1 RETURNING 1`,
        `DELETE FROM ${table} WHERE tenant_id = $1 RETURNING 1`,
      ])
        expect(await within(TENANT, sql, SHARED_TENANT_ID), sql).to.deep.equal([]);
    }
    expect(shared).to.deep.equal(["alerts", "model_aliases", "prices", "tenants"]);
    expect(await within([], "SELECT 1 FROM prices")).to.deep.equal([]);
  });

  it("keeps what a month's partition takes in and is asked for later", async () => {
    const later = usageRecord({ timestamp_ms: T0 + 90 * 24 * HOUR_MS });
    await database.transaction(TENANT, (transaction) => write.usageRecords(transaction, later));
    await ensureUsagePartitions(database, later.timestamp_ms);
    expect(await tenantsIn(TENANT, "usage_records_2027_02")).to.deep.equal([TENANT]);
    expect(await tenantsIn(OTHER_TENANT, "usage_records_2027_02")).to.deep.equal([]);
  });

  it("takes no text for a tenant that is no id", async () => {
    for (const text of ["", "all", "'; DROP TABLE budgets; --", `${TENANT}}`, `{${TENANT}}`]) {
      const { message } = await rejectionOf(within(text, "SELECT 1"));
      expect(message).to.equal(`${JSON.stringify(text)} is not the id of a tenant.`);
    }
  });

  it("is taken back by its migration, and made again", async () => {
    const { migration } = MIGRATIONS.find(({ name }) => name === "0011-row-level-security")!;
    await migration.down?.(database.knex);
    const { rows } = await database.knex.raw<{ rows: Row[] }>("SELECT 1 FROM pg_policy");
    expect(rows).to.deep.equal([]);
    await migration.up(database.knex);
    expect(await tenantsIn([], "budgets")).to.deep.equal([]);
  });

  it("is put on a table of a later migration by the same statements", async () => {
    const { knex } = test;
    await knex.raw("CREATE TABLE later (tenant_id uuid NOT NULL)");
    for (const statement of secureRows("later")) await knex.raw(statement);
    await knex("later").insert([{ tenant_id: TENANT }, { tenant_id: OTHER_TENANT }]);
    expect(await tenantsIn(TENANT, "later")).to.deep.equal([TENANT]);
  });
});

/** Stands between a client and a server, and counts how often the client went on after it was answered. */
async function startCounting(server_url: string) {
  const { hostname, port } = new URL(server_url);
  let round_trips = 0;
  const proxy = createServer((client) => {
    const server = connect(Number(port), hostname);
    let wasAnswered = true;
    client.on("data", (data) => {
      if (wasAnswered) round_trips += 1;
      wasAnswered = false;
      server.write(data);
    });
    server.on("data", (data) => {
      wasAnswered = true;
      client.write(data);
    });
    client.on("close", () => server.destroy()).on("error", () => undefined);
    server.on("close", () => client.destroy()).on("error", () => undefined);
  });
  await once(proxy.listen(0, "127.0.0.1"), "listening");
  const url = new URL(server_url);
  url.host = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    url: url.href,
    async during(work: () => Promise<unknown>): Promise<number> {
      const before = round_trips;
      await work();
      return round_trips - before;
    },
    stop: () => new Promise((resolve) => proxy.close(resolve)),
  };
}

describe("naming tenants", () => {
  it("costs no round trip: neither a read of its own nor a transaction", async () => {
    const test = await postgres.open();
    const counting = await startCounting(test.url);
    const database = openDatabase({ url: counting.url, pool_size: 1 });
    try {
      const read = () => database.reader(TENANT).run(database.knex<Row, Row[]>("budgets"));
      await read();
      expect(await counting.during(read)).to.equal(1);
      const insert = () =>
        database.transaction(TENANT, (transaction) => {
          transaction.defer(write.events(transaction, outboxEvent()));
          return Promise.resolve();
        });
      expect(await counting.during(insert)).to.equal(1);
      const readAndInsert = () =>
        database.transaction(TENANT, async (transaction) => {
          await transaction.query("SELECT 1 FROM budgets", []);
          transaction.defer(write.events(transaction, outboxEvent()));
        });
      expect(await counting.during(readAndInsert)).to.equal(2);
    } finally {
      await database.close();
      await counting.stop();
      await test.close();
    }
  });
});

describe("a role of PostgreSQL", () => {
  it("is told from one that passes row-level security, which SQLite does not have", async () => {
    const server = await startPostgres();
    try {
      const locks = async (url: string) => {
        const database = openDatabase({ url });
        try {
          return (await readServerState(database)).locks_rows;
        } finally {
          await database.close();
        }
      };
      expect(await locks(server.url)).to.equal(true);
      expect(await locks(server.admin_url)).to.equal(false);
      const admin = openDatabase({ url: server.admin_url });
      await admin.knex.raw("CREATE ROLE passing LOGIN BYPASSRLS");
      await admin.close();
      expect(await locks(server.url.replace("budget@", "passing@"))).to.equal(false);
      expect(await locks("sqlite::memory:")).to.equal(null);
    } finally {
      await server.stop();
    }
  });
});
