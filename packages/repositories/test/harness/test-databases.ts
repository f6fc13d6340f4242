import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { openDatabase, type Database } from "../../src/database.ts";
import { migrate } from "../../src/migrate.ts";
import { startPostgres, type PostgresServer } from "./postgres-server.ts";

export { startPostgres, type PostgresServer, type PostgresServerOptions } from "./postgres-server.ts";

/** A database of one test's own. */
export interface TestDatabase {
  readonly name: "sqlite" | "postgres";
  /** Opens the same database from elsewhere; not with SQLite in memory, which only `database` sees. */
  readonly url: string;
  readonly database: Database;
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
 * databases), else a server of this process's own, started when the first test asks for it.
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
    async close() {
      await database.close();
      if (folder !== undefined) rmSync(folder, { recursive: true });
    },
  };
}

async function openPostgresTest(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const server = await testServer();
  const template = options.empty === true ? "template0" : await migratedTemplate(server);
  const name = newName("test");
  await administrate(server.url, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  const url = urlOf(server.url, name);
  const database = openDatabase({ url, ...(options.pool_size === undefined ? {} : { pool_size: options.pool_size }) });
  return {
    name: "postgres",
    url,
    database,
    async close() {
      await database.close();
      await administrate(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

type TestServer = Pick<PostgresServer, "url" | "stop">;

// A server costs a second to start, so all test files of a process share one.
let running: Promise<TestServer> | undefined;
let template: Promise<string> | undefined;

function testServer(): Promise<TestServer> {
  const given = process.env.TEST_POSTGRES_URL;
  running ??= given === undefined ? startPostgres() : Promise.resolve({ url: given, stop: () => Promise.resolve() });
  return running;
}

function migratedTemplate(server: TestServer): Promise<string> {
  template ??= makeTemplate(server);
  return template;
}

async function makeTemplate(server: TestServer): Promise<string> {
  const name = newName("template");
  await administrate(server.url, `CREATE DATABASE ${name} TEMPLATE template0`);
  const database = openDatabase({ url: urlOf(server.url, name), pool_size: 2 });
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
  return name;
}

/** Drops what all test databases shared, and ends the server. Under mocha this happens by itself after the last test. */
export async function stopTestServer(): Promise<void> {
  if (running === undefined) return;
  const [server, name] = [await running, await template];
  [running, template] = [undefined, undefined];
  if (name !== undefined) await administrate(server.url, `DROP DATABASE ${name} WITH (FORCE)`);
  await server.stop();
}

// Hooks at the top of a test file, and of what it imports, are root hooks.
if (typeof after === "function") after(stopTestServer);

const newName = (purpose: string): string => `budget_${purpose}_${process.pid}_${randomBytes(6).toString("hex")}`;

function urlOf(server_url: string, database: string): string {
  const url = new URL(server_url);
  url.pathname = `/${database}`;
  return url.href;
}

async function administrate(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
