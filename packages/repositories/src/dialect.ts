import type { Knex } from "knex";
import type { TenantScope } from "./tenant-scope.ts";

/** A row as a driver gives or takes it. Only `rows.ts` and `price-rows.ts` turn rows into entities. */
export type Row = Record<string, unknown>;

/** What the verbs below need to know of a table. */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns of the primary key, in order. */
  readonly key: readonly string[];
  /** The columns that may change after a row was inserted. */
  readonly changing: readonly string[];
}

/** A value that every driver here can bind: an array stands for a list, used by {@link Dialect.inList}. */
export type Parameter = string | number | bigint | boolean | null | readonly string[];

/** A statement that answers whole rows of one table. */
export type Select = Knex.QueryBuilder<Row, Row[]>;

/** A connection of the driver, held for one transaction. */
export type Connection = object;

/**
 * The few places where SQLite and PostgreSQL differ. SQL is written once, with `$1` placeholders, and everything that
 * writes many rows is one call, prepared once for each connection.
 */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Whether statements are sent without waiting for the answers to those before, and one that fails fails the rest. */
  readonly pipelines: boolean;
  /** Opens a transaction that is going to write rows of `scope`. */
  begin(connection: Connection, scope: TenantScope): Promise<unknown>;
  /** Opens a transaction that reads one state of the database throughout. */
  beginSnapshot(connection: Connection, scope: TenantScope): Promise<unknown>;
  /** Answers one statement in a transaction of its own, in one round trip. */
  read(connection: Connection, scope: TenantScope, select: Select): Promise<Row[]>;
  /**
   * Selects `product`, its version; `time_ms`, what its clock shows, null where that is this machine's; and `locks_rows`,
   * whether rows of tenants that a transaction does not name are kept from it, null where the database does no such thing.
   */
  readonly serverState: string;
  /** A text column in the order of its characters, for an ORDER BY. */
  readonly byCharacters: (column: string) => string;
  /** Appended to a SELECT whose rows are to be kept from other transactions until the end of this one. */
  readonly forUpdate: string;
  /** Ends a transaction; throws unless everything in it is now durable. */
  commit(connection: Connection): Promise<void>;
  /** A condition that holds where `column` is one of the values in the array bound to `placeholder`. */
  inList(column: string, placeholder: string, type: "uuid" | "text"): string;
  /** A condition that holds where no transaction up to the one in `column` is running any more. */
  isSettled(column: string): string;
  /** The same, for the values of the array and those that `query` selects. */
  inListOrQuery(column: string, placeholder: string, type: "uuid" | "text", query: string): string;
  /** Lets many transactions of a tenant run together (shared), or one alone (exclusive), until this one ends. */
  lockTenant(connection: Connection, tenant_id: string, mode: "shared" | "exclusive"): Promise<void>;
  /**
   * Whether statements on this connection, or also what is done between them, may take as long as they need; the end of
   * a transaction does not undo it.
   */
  setPatience(connection: Connection, isPatient: boolean, isAlsoBetween?: boolean): Promise<void>;
  query(connection: Connection, sql: string, parameters: readonly Parameter[]): Promise<Row[]>;
  /** The rows with these keys, in key order. Each key has all columns of the key. */
  getByKeys(connection: Connection, table: Table, keys: readonly Row[]): Promise<Row[]>;
  /** The same rows, locked in key order until the transaction ends. */
  lockByKeys(connection: Connection, table: Table, keys: readonly Row[]): Promise<Row[]>;
  insert(connection: Connection, table: Table, rows: readonly Row[]): Promise<void>;
  /** Inserts the rows whose key is not there yet. */
  insertMissing(connection: Connection, table: Table, rows: readonly Row[]): Promise<void>;
  /** Writes the changing columns of rows that exist. */
  update(connection: Connection, table: Table, rows: readonly Row[]): Promise<void>;
  /** Inserts rows, or adds their changing columns to the rows that are there. Keys are distinct within one call. */
  add(connection: Connection, table: Table, rows: readonly Row[]): Promise<void>;
}

const assignments = (columns: readonly string[], value: (column: string) => string): string =>
  columns.map((column) => `${column} = ${value(column)}`).join(", ");

/** `ON CONFLICT` clauses that both databases share. */
export const onConflict = {
  ignore: (table: Table): string => `ON CONFLICT (${table.key.join(", ")}) DO NOTHING`,
  add: (table: Table): string =>
    `ON CONFLICT (${table.key.join(", ")}) DO UPDATE SET ` +
    assignments(table.changing, (column) => `${table.name}.${column} + excluded.${column}`),
  assignments,
};
