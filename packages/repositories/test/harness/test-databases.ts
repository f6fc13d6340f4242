import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Knex } from "knex";
import pg from "pg";
import { openDatabase, type Database } from "../../src/database.ts";
import { migrate } from "../../src/migrate.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

export { freeze, resume } from "./freeze.ts";
export { startPostgres, type PostgresServer, type PostgresServerOptions } from "./postgres-server.ts";

/** A database of one test's own. */
export interface TestDatabase {
  readonly name: "sqlite" | "postgres";
  /** Opens the same database from elsewhere; not with SQLite in memory, which only `database` sees. */
  readonly url: string;
  readonly database: Database;
  /** Sees and changes the rows of all tenants: for what a test itself looks at, and breaks. */
  readonly knex: Knex;
  /** Closes `database` and drops what is behind it. Whoever opened the URL has closed it before. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** SQLite: a file in a temporary folder instead of memory. */
  readonly file?: boolean;
  /** Without its schema, for tests of the migrations. */
  readonly empty?: boolean;
  readonly pool_size?: number;
}

export interface TestDatabaseKind {
  readonly name: "sqlite" | "postgres";
  /** A fresh database, migrated and without rows. */
  open(options?: TestDatabaseOptions): Promise<TestDatabase>;
}

/**
 * The databases that every test of rows runs on. PostgreSQL is the one that TEST_POSTGRES_URL names (its user may create
 * databases, and passes no row-level security), else a server of this process's own, started when the first test asks for it.
 */
export const TEST_DATABASES: readonly TestDatabaseKind[] = [
  { name: "sqlite", open: openSqliteTest },
  { name: "postgres", open: openPostgresTest },
];

async function openSqliteTest(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const folder = options.file === true ? mkdtempSync(join(tmpdir(), "budget-sqlite-")) : undefined;
  const url = folder === undefined ? "sqlite::memory:" : `sqlite:${join(folder, "budget.db")}`;
  const database = openDatabase({ url });
  if (options.empty !== true) await migrate(database);
  return {
    name: "sqlite",
    url,
    database,
    knex: database.knex,
    async close() {
      await database.close();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

async function openPostgresTest(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer();
  const name =
    options.empty === true ? await createDatabase(server, "template0") : await migratedDatabase(server);
  const url = urlOf(server.url, name);
  const database = openDatabase({
    url,
    ...(options.pool_size === undefined ? {} : { pool_size: options.pool_size }),
  });
  const everything = openDatabase({ url: forAllTenants(url), pool_size: 1 });
  return {
    name: "postgres",
    url,
    database,
    knex: everything.knex,
    async close() {
      await Promise.all([database.close(), everything.close()]);
      if (server.reuses && options.empty !== true && (await becomesNew(urlOf(server.admin_url, name))))
        idle.push(name);
      else await administrate(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

interface TestServer extends Pick<PostgresServer, "url" | "admin_url" | "stop"> {
  /** Whether its databases serve one test after the other; that takes a superuser. */
  readonly reuses: boolean;
}

// A server costs a second to start, so all test files of a process share one.
let running: Promise<TestServer> | undefined;
let template: Promise<string> | undefined;
/** Migrated databases without rows. To empty one takes a hundredth of the time that it takes to make one. */
let idle: string[] = [];

function testServer(): Promise<TestServer> {
  running ??= startTestServer();
  return running;
}

async function startTestServer(): Promise<TestServer> {
  const given = process.env.TEST_POSTGRES_URL;
  if (given !== undefined) {
    const [role] = await administrate(given, ROLE);
    if (role?.passes === true)
      throw new Error("TEST_POSTGRES_URL must name a role that is no superuser and has no BYPASSRLS.");
    return { url: given, admin_url: given, reuses: false, stop: () => Promise.resolve() };
  }
  const server = await startPostgres();
  const { url, admin_url } = server;
  return { url, admin_url, reuses: true, stop: () => server.stop() };
}

const ROLE = "SELECT rolsuper OR rolbypassrls AS passes FROM pg_roles WHERE rolname = current_user";

async function migratedDatabase(server: TestServer): Promise<string> {
  const name = idle.pop();
  if (name !== undefined) return name;
  template ??= makeTemplate(server);
  return createDatabase(server, await template);
}

async function createDatabase(server: TestServer, source: string): Promise<string> {
  const name = newName("test");
  await administrate(server.url, `CREATE DATABASE ${name} TEMPLATE ${source} STRATEGY FILE_COPY`);
  return name;
}

async function makeTemplate(server: TestServer): Promise<string> {
  const name = newName("template");
  await administrate(server.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const database = openDatabase({ url: urlOf(server.url, name), pool_size: 2 });
  try {
    await migrate(database);
    await database.knex.raw(`COMMENT ON SCHEMA public IS ${await schemaFingerprint(database)}`);
  } finally {
    await database.close();
  }
  return name;
}

// What a test may have left: other relations, or a log of migrations that is not the template's.
const FINGERPRINT = `(SELECT quote_literal(string_agg(relname, ',' ORDER BY relname) || (SELECT count(*) FROM schema_migrations))
  FROM pg_class WHERE relnamespace = 'public'::regnamespace)`;

async function schemaFingerprint(database: Database): Promise<string> {
  const { rows } = await database.knex.raw<{ rows: { fingerprint: string }[] }>(
    `SELECT ${FINGERPRINT} AS fingerprint`,
  );
  return rows[0]!.fingerprint;
}

const IS_UNCHANGED = `
  SELECT quote_literal(obj_description('public'::regnamespace)) = ${FINGERPRINT}
    AND NOT EXISTS (
      SELECT FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
    ) AS unchanged`;

// Without its triggers a foreign key does not ask for an order of deletion.
const EMPTY = `
  DO $$ DECLARE relation record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR relation IN
      SELECT oid::regclass AS name, relkind FROM pg_class
      WHERE relnamespace = 'public'::regnamespace AND NOT relispartition AND relname NOT LIKE 'schema_migrations%'
    LOOP
      IF relation.relkind IN ('r', 'p') THEN EXECUTE format('DELETE FROM %s', relation.name); END IF;
      IF relation.relkind = 'S' THEN PERFORM setval(relation.name, 1, false); END IF;
    END LOOP;
  END $$`;

/** Empties a database; one whose schema was changed, or that somebody still looks at, is left to be dropped. */
async function becomesNew(url: string): Promise<boolean> {
  const [row] = await administrate(url, IS_UNCHANGED);
  if (row?.unchanged !== true) return false;
  await administrate(url, EMPTY);
  return true;
}

/** Drops what all test databases shared, and ends the server. Under mocha this happens by itself after the last test. */
export async function stopTestServer(): Promise<void> {
  if (running === undefined) return;
  const [server, name] = [await running, await template];
  const names = name === undefined ? idle : [...idle, name];
  [running, template, idle] = [undefined, undefined, []];
  // A server of our own goes as a whole.
  if (!server.reuses)
    for (const one of names) await administrate(server.url, `DROP DATABASE ${one} WITH (FORCE)`);
  await server.stop();
}

// Hooks at the top of a test file, and of what it imports, are root hooks.
if (typeof after === "function") after(stopTestServer);

const newName = (purpose: string): string =>
  `budget_${purpose}_${process.pid}_${randomBytes(6).toString("hex")}`;

function urlOf(server_url: string, database: string): string {
  const url = new URL(server_url);
  url.pathname = `/${database}`;
  return url.href;
}

/** A connection that names all tenants from its start, as no server of Budget does. */
function forAllTenants(database_url: string): string {
  const url = new URL(database_url);
  url.searchParams.set("options", "-c budget.all_tenants=on");
  return url.href;
}

async function administrate(url: string, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}
