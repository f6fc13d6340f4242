import { existsSync, mkdirSync } from "node:fs";
import type { Socket } from "node:net";
import { dirname, resolve } from "node:path";
import type BetterSqlite from "better-sqlite3";
import knexModule, { type Knex } from "knex";
import { isConnectionLoss, isTimeout } from "./connection-loss.ts";
import { DatabaseError } from "./database-error.ts";
import type { Connection, Dialect, Row, Select } from "./dialect.ts";
import { postgresDialect } from "./dialect-postgres.ts";
import { sqliteDialect } from "./dialect-sqlite.ts";
import { readPostgresTls } from "./postgres-tls.ts";
import { openSqliteFile, useKey } from "./sqlite-key.ts";
import { holdFile } from "./sqlite-lock.ts";
import type { TenantScope } from "./tenant-scope.ts";
import { Transaction } from "./transaction.ts";

/** The connections of a pool, and who waits for one. */
export interface PoolState {
  readonly used: number;
  readonly free: number;
  readonly pending: number;
}

/** Answers statements that read, from within a transaction or each in one of its own. */
export interface Reader {
  run(select: Select): Promise<Row[]>;
}

/** An open database: a pool of connections, and what is special about its SQL. */
export interface Database {
  readonly knex: Knex;
  readonly dialect: Dialect;
  /** Runs `work` in a transaction that may write rows of `scope`; commits when it resolves, rolls back when it throws. */
  transaction<T>(scope: TenantScope, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Runs `work` on one unchanging state of the database. */
  snapshot<T>(scope: TenantScope, work: (transaction: Transaction) => Promise<T>): Promise<T>;
  /** Answers statements one by one, each as of its own moment. */
  reader(scope: TenantScope): Reader;
  /** Gives `work` connections whose statements may take and wait as long as they need: for changes of the schema. */
  patiently<T>(work: (knex: Knex) => Promise<T>): Promise<T>;
  poolState(): PoolState;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /**
   * `sqlite:PATH`, `sqlite::memory:` or `postgres://user:password@host:port/name`, this one with `sslmode` and what goes
   * with it where the connection is to be secured.
   */
  readonly url: string;
  /** What a SQLite file is encrypted with; empty or left out where it is not. */
  readonly key?: string;
  /** Connections to PostgreSQL at most, 1 to 1000. SQLite always has one. */
  readonly pool_size?: number;
  /**
   * Whether this process serves the database alone, as SQLite needs. A second server on the same file is told so;
   * command-line tools that only look leave it out.
   */
  readonly exclusive?: boolean;
  /** Whether a SQLite file that is not there is an error, and not made. */
  readonly must_exist?: boolean;
  /** How long PostgreSQL may take to answer a statement, in milliseconds, 100 or more; 5000 where it is left out. */
  readonly answer_timeout_ms?: number;
}

const DEFAULT_POOL_SIZE = 10;
/**
 * A database that stands still (a paused machine, a network that swallows packets) does not say so. Whoever waits for
 * it is told within two of these: one for a connection, one for the answer.
 */
const DEFAULT_ANSWER_TIMEOUT_MS = 5000;
/**
 * A database that works, but has other things to do, gives a statement up by itself a little earlier: otherwise it
 * would go on for somebody who has left, and keep a place in the queue for a lock.
 */
const OWN_TIMEOUT_SHARE = 0.8;
/** Nothing depends on how a connection ends; only the end of the server waits for it. */
const DESTROY_TIMEOUT_MS = 1000;
/** Connections that nobody uses are asked for a sign of life after this, so that one to a machine that is gone ends. */
const KEEP_ALIVE_AFTER_MS = 10_000;
/**
 * A server that stands still in the middle of a transaction, because its machine is paused or gone, keeps others from
 * its tenants no longer than this; a transaction that takes its time may stand still for as long as it likes.
 */
const IDLE_IN_TRANSACTION_TIMEOUT_MS = 10_000;
/** A tool reads much once, and sorts in as much again; a server reads the same again and again. */
const SQLITE_CACHE_KIB = { server: 64 * 1024, tool: 32 * 1024 };
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
 * @throws DatabaseError where the URL names no database that Budget knows or none that is there, another server has the
 *   file, or its key is wrong
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { url } = options;
  if (url.startsWith("sqlite:")) return openSqlite(url.slice("sqlite:".length), options);
  if (/^postgres(ql)?:\/\//.test(url)) return openPostgres(options);
  throw new DatabaseError(
    "unsupported_url",
    "The database URL must start with sqlite: or postgres://, for example sqlite:./data/budget.db.",
  );
}

/**
 * How long a statement waits for another process that writes the file. The wait stops everything else in the process, so
 * a server, which others wait for, gives up sooner than a tool.
 */
const SQLITE_BUSY_TIMEOUT_MS = { server: 1000, tool: 10_000 };

function openSqlite(path: string, options: DatabaseOptions): Database {
  const { key = "", exclusive = false, must_exist = false } = options;
  if (Number(process.versions.napi) < REQUIRED_NAPI) {
    throw new DatabaseError(
      "unsupported_runtime",
      `SQLite needs Node 22.14 or later; this is Node ${process.versions.node}.`,
    );
  }
  const inMemory = path === ":memory:";
  const role = exclusive || inMemory ? "server" : "tool";
  const filename = inMemory ? path : resolve(path);
  if (must_exist && !inMemory && !existsSync(filename)) {
    throw new DatabaseError("not_found", `There is no database at ${filename}. Check BUDGET_DATABASE_URL.`);
  }
  if (!inMemory) mkdirSync(dirname(filename), { recursive: true });
  const release = exclusive && !inMemory ? holdFile(filename) : () => undefined;
  if (!inMemory && existsSync(filename)) proveKey(filename, key, release);
  const knex = knexModule({
    client: "better-sqlite3",
    connection: { filename, options: { safeIntegers: true } as never },
    useNullAsDefault: true,
    log: SILENT,
    // Otherwise errors carry the bound values, which nobody wants in a log.
    compileSqlOnError: false,
    pool: {
      min: 1,
      max: 1,
      afterCreate(
        connection: BetterSqlite.Database,
        done: (error: Error | null, connection: unknown) => void,
      ) {
        if (!inMemory) useKey(connection, key);
        connection.pragma("journal_mode = WAL");
        connection.pragma("synchronous = FULL");
        connection.pragma("foreign_keys = ON");
        connection.pragma(`busy_timeout = ${SQLITE_BUSY_TIMEOUT_MS[role]}`);
        // Sums over millions of rows sort them first. Beside an encrypted file they are not written anywhere plain.
        if (inMemory || key !== "") connection.pragma("temp_store = MEMORY");
        connection.pragma(`cache_size = -${SQLITE_CACHE_KIB[role]}`);
        connection.pragma(`wal_autocheckpoint = ${SQLITE_CHECKPOINT_PAGES}`);
        done(null, connection);
      },
    },
  });
  return database(knex, sqliteDialect, { patiently: (work) => work(knex), release });
}

/** Connections are opened later, for somebody who can do nothing about a wrong key. */
function proveKey(filename: string, key: string, release: () => void): void {
  try {
    openSqliteFile(filename, key).close();
  } catch (error) {
    release();
    throw error;
  }
}

function openPostgres(options: DatabaseOptions): Database {
  if ((options.key ?? "") !== "") {
    throw new DatabaseError(
      "not_encrypted",
      "BUDGET_DATABASE_KEY encrypts SQLite files only. Leave it out; docs/data-protection.md tells how to protect PostgreSQL.",
    );
  }
  const { url, ssl } = readPostgresTls(options.url);
  const { pool_size = DEFAULT_POOL_SIZE, answer_timeout_ms = DEFAULT_ANSWER_TIMEOUT_MS } = options;
  const own_timeout_ms = Math.round(answer_timeout_ms * OWN_TIMEOUT_SHARE);
  const connection = {
    connectionString: url,
    ...(ssl !== undefined && { ssl }),
    // Statements of one transaction are sent without waiting for each other's answers.
    pipeline: true,
    application_name: "budget",
    idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_TIMEOUT_MS,
    connectionTimeoutMillis: own_timeout_ms,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_AFTER_MS,
  };
  const limits = {
    query_timeout: answer_timeout_ms,
    statement_timeout: own_timeout_ms,
    lock_timeout: own_timeout_ms,
  };
  const open = (settings: object, max: number) =>
    knexModule({
      client: "pg",
      connection: settings as Knex.PgConnectionConfig,
      acquireConnectionTimeout: own_timeout_ms,
      pool: { min: 0, max, destroyTimeoutMillis: DESTROY_TIMEOUT_MS, validate: isOpen },
      log: SILENT,
      // Otherwise errors carry the bound values, which nobody wants in a log.
      compileSqlOnError: false,
    });
  return database(open({ ...connection, ...limits }, pool_size), postgresDialect, {
    async patiently(work) {
      const knex = open(connection, 1);
      try {
        return await work(knex);
      } finally {
        await knex.destroy();
      }
    },
  });
}

/** What the driver leaves out of its type. */
interface WithSocket {
  readonly connection: { readonly stream: Socket };
}

/** A connection that the driver has just cut is back in the pool before it says so. */
const isOpen = ({ connection }: WithSocket): boolean => !connection.stream.destroyed;

/** What Knex does with connections, which its types leave open. */
interface Pool {
  readonly pool: { numUsed(): number; numFree(): number; numPendingAcquires(): number };
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
  /** A connection beside the pool. */
  acquireRawConnection(): Promise<Connection>;
  destroyRawConnection(connection: Connection): Promise<void>;
}

export const poolOf = (knex: Knex): Pool => knex.client as Pool;

interface Peculiarities extends Pick<Database, "patiently"> {
  /** Gives up what was held beside the pool. */
  readonly release?: () => void;
}

function database(knex: Knex, dialect: Dialect, { patiently, release }: Peculiarities): Database {
  async function onConnection<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = await poolOf(knex).acquireConnection();
    let usable = true;
    try {
      return await work(connection);
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
    transaction: (scope, work) =>
      onConnection((connection) =>
        Transaction.run(knex, dialect, connection, dialect.begin(connection, scope), work),
      ),
    snapshot: (scope, work) =>
      onConnection((connection) =>
        Transaction.run(knex, dialect, connection, dialect.beginSnapshot(connection, scope), work),
      ),
    reader: (scope) => ({
      run: (select) => onConnection((connection) => dialect.read(connection, scope, select)),
    }),
    patiently,
    poolState() {
      const { pool } = poolOf(knex);
      return { used: pool.numUsed(), free: pool.numFree(), pending: pool.numPendingAcquires() };
    },
    async close() {
      await knex.destroy();
      release?.();
    },
  };
}

const TRANSIENT = new Set(["40001", "40P01", "23505"]);
/** What ends after seconds of waiting: a lock, a statement, SQLite's file. */
const WAITED = new Set(["55P03", "57014", "SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT"]);
/** What Knex says, without a code, where its pool is full. */
const NO_CONNECTION = "Knex: Timeout acquiring a connection";

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";

/** Whether a failure comes after so long a wait that nobody should wait for another try. */
const hasWaited = (error: unknown): boolean =>
  WAITED.has(codeOf(error)) ||
  isTimeout(error) ||
  (error instanceof Error && error.message.startsWith(NO_CONNECTION));

/**
 * Whether the same transaction may succeed when it is tried again at once: it met another one (a deadlock, a key that
 * both inserted), or lost its connection.
 */
export const isTransient = (error: unknown): boolean =>
  !hasWaited(error) && (TRANSIENT.has(codeOf(error)) || isConnectionLoss(error));

/**
 * Whether the database, and not what was asked of it, is the reason of a failure: it is away, stands still, or is too
 * busy. The same request may succeed later.
 */
export const isUnavailable = (error: unknown): boolean => hasWaited(error) || isConnectionLoss(error);
