import { mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import BetterSqlite from "better-sqlite3";
import knexModule, { type Knex } from "knex";
import type { Connection, Dialect } from "./dialect.ts";
import { postgresDialect } from "./dialect-postgres.ts";
import { sqliteDialect } from "./dialect-sqlite.ts";
import { Transaction } from "./transaction.ts";

/** An open database: a pool of connections, and what is special about its SQL. */
export interface Database {
  readonly knex: Knex;
  readonly dialect: Dialect;
  /** Runs `work` in a transaction that may write; commits when it resolves, rolls back when it throws. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` on one unchanging state of the database. */
  snapshot<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export type DatabaseErrorCode = "unsupported_url" | "in_use" | "unsupported_runtime";

/** A database that cannot be opened, and what to do about it. */
export class DatabaseError extends Error {
  readonly code: DatabaseErrorCode;
  constructor(code: DatabaseErrorCode, message: string) {
    super(message);
    this.name = "DatabaseError";
    this.code = code;
  }
}

export interface DatabaseOptions {
  /** `sqlite:PATH`, `sqlite::memory:` or `postgres://user:password@host:port/name`. */
  readonly url: string;
  /** Connections to PostgreSQL at most, 1 to 1000. SQLite always has one. */
  readonly pool_size?: number;
  /**
   * Whether this process serves the database alone, as SQLite needs. A second server on the same file is told so;
   * command-line tools that only look leave it out.
   */
  readonly exclusive?: boolean;
}

const DEFAULT_POOL_SIZE = 10;
const SQLITE_CACHE_KIB = 64 * 1024;
/** The log is copied into the file each time that it has grown by so many pages of 4 KiB. */
const SQLITE_CHECKPOINT_PAGES = 8000;

/** Whatever Knex would print is thrown as well, to somebody who knows where the log is. */
const SILENT: Knex.Logger = {
  warn: () => undefined,
  error: () => undefined,
  debug: () => undefined,
  deprecate: () => undefined,
};

// better-sqlite3 is built for this version of Node's native interface and crashes without a message below it.
const REQUIRED_NAPI = 10;

/**
 * Opens the database behind a URL. Nothing is migrated.
 * @throws DatabaseError where the URL names no database that Budget knows, or another server has the file
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { url } = options;
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length), options.exclusive ?? false);
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(url, options.pool_size ?? DEFAULT_POOL_SIZE);
  throw new DatabaseError(
    "unsupported_url",
    "The database URL must start with sqlite: or postgres://, for example sqlite:./data/budget.db.",
  );
}

function openSqlite(path: string, exclusive: boolean): Database {
  if (Number(process.versions.napi) < REQUIRED_NAPI) {
    throw new DatabaseError(
      "unsupported_runtime",
      `SQLite needs Node 22.14 or later; this is Node ${process.versions.node}.`,
    );
  }
  const inMemory = path === ":memory:";
  const filename = inMemory ? path : resolve(path);
  if (!inMemory) mkdirSync(dirname(filename), { recursive: true });
  const release = exclusive && !inMemory ? holdFile(filename) : () => undefined;
  const knex = knexModule({
    client: "better-sqlite3",
    connection: { filename, options: { safeIntegers: true } as never },
    useNullAsDefault: true,
    log: SILENT,
    pool: {
      min: 1,
      max: 1,
      afterCreate(
        connection: BetterSqlite.Database,
        done: (error: Error | null, connection: unknown) => void,
      ) {
        connection.pragma("journal_mode = WAL");
        connection.pragma("synchronous = FULL");
        connection.pragma("foreign_keys = ON");
        connection.pragma("busy_timeout = 10000");
        connection.pragma("temp_store = MEMORY");
        connection.pragma(`cache_size = -${SQLITE_CACHE_KIB}`);
        connection.pragma(`wal_autocheckpoint = ${SQLITE_CHECKPOINT_PAGES}`);
        done(null, connection);
      },
    },
  });
  return database(knex, sqliteDialect, release);
}

/**
 * Keeps other servers from this file by an exclusive transaction on a file beside it: the operating system gives the
 * lock back however the process ends.
 */
function holdFile(filename: string): () => void {
  const lock = new BetterSqlite(`${filename}.server-lock`, { timeout: 0 });
  try {
    lock.pragma("locking_mode = EXCLUSIVE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new DatabaseError(
      "in_use",
      `Another Budget server uses ${filename}. Stop it, or give this one another BUDGET_DATABASE_URL; ` +
        "several servers share one database only on PostgreSQL.",
    );
  }
  return () => lock.close();
}

function openPostgres(url: string, pool_size: number): Database {
  const knex = knexModule({
    client: "pg",
    // Statements of one transaction are sent without waiting for each other's answers.
    connection: {
      connectionString: url,
      pipeline: true,
      application_name: "budget",
    } as Knex.PgConnectionConfig,
    pool: { min: 0, max: pool_size },
    log: SILENT,
  });
  return database(knex, postgresDialect, () => undefined);
}

/** What Knex does with connections, which its types leave open. */
interface Pool {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
  /** A connection beside the pool. */
  acquireRawConnection(): Promise<Connection>;
  destroyRawConnection(connection: Connection): Promise<void>;
}

export const poolOf = (knex: Knex): Pool => knex.client as Pool;

function database(knex: Knex, dialect: Dialect, release: () => void): Database {
  async function within<T>(begin: string, work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const connection = await poolOf(knex).acquireConnection();
    let usable = true;
    try {
      return await Transaction.run(knex, dialect, connection, begin, work);
    } catch (error) {
      usable = !isConnectionLoss(error);
      throw error;
    } finally {
      // Knex looks at this mark when it next takes the connection from its pool.
      if (!usable) Object.assign(connection, { __knex__disposed: "connection lost" });
      await poolOf(knex).releaseConnection(connection);
    }
  }
  return {
    knex,
    dialect,
    transaction: (work) => within(dialect.begin, work),
    snapshot: (work) => within(dialect.beginSnapshot, work),
    async close() {
      await knex.destroy();
      release();
    },
  };
}

const CONNECTION_LOSS = new Set([
  "ECONNRESET",
  "ECONNREFUSED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "57P01",
  "57P02",
  "57P03",
]);

/** Whether a failure means that the connection is gone, so that nobody knows whether a commit happened. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  if (typeof code === "string") return CONNECTION_LOSS.has(code) || code.startsWith("08");
  return /^Connection terminated|Client has encountered a connection error/.test(error.message);
}

const TRANSIENT = new Set(["40001", "40P01", "23505", "55P03", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"]);

/**
 * Whether the same transaction may succeed when it is tried again: it met another one (a deadlock, a key that both
 * inserted), or lost its connection.
 */
export function isTransient(error: unknown): boolean {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return (typeof code === "string" && TRANSIENT.has(code)) || isConnectionLoss(error);
}
