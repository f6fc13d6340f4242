import type { Database, Statement } from "better-sqlite3";
import {
  onConflict,
  type Connection,
  type Dialect,
  type Parameter,
  type Row,
  type Table,
} from "./dialect.ts";

/** A statement, and which of the numbered parameters each of its placeholders takes, from 0. */
interface Prepared {
  readonly statement: Statement;
  readonly order: readonly number[];
}

const prepared = new WeakMap<Connection, Map<string, Prepared>>();

/** The driver knows no numbered placeholders: each `$n` becomes `?`, and `order` keeps the number. */
function prepare(connection: Connection, sql: string): Prepared {
  let statements = prepared.get(connection);
  if (statements === undefined) {
    statements = new Map();
    prepared.set(connection, statements);
  }
  let found = statements.get(sql);
  if (found === undefined) {
    const order: number[] = [];
    const text = sql.replaceAll(/\$(\d+)/g, (_placeholder, number: string) => {
      order.push(Number(number) - 1);
      return "?";
    });
    found = { statement: (connection as Database).prepare(text).safeIntegers(true), order };
    statements.set(sql, found);
  }
  return found;
}

const bindable = (value: unknown): unknown => {
  if (typeof value === "boolean") return Number(value);
  if (Array.isArray(value)) return JSON.stringify(value);
  return value;
};

// The driver is synchronous; a promise that is resolved already keeps one interface for both databases.
function query(connection: Connection, sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
  const { statement, order } = prepare(connection, sql);
  const values = order.map((index) => bindable(parameters[index]));
  if (statement.reader) return Promise.resolve(statement.all(...values) as Row[]);
  statement.run(...values);
  return Promise.resolve([]);
}

function forEachRow(
  connection: Connection,
  sql: string,
  columns: readonly string[],
  rows: readonly Row[],
): Promise<void> {
  const { statement } = prepare(connection, sql);
  for (const row of rows) statement.run(...columns.map((column) => bindable(row[column])));
  return Promise.resolve();
}

const placeholders = (count: number): string =>
  Array.from({ length: count }, (_, index) => `$${index + 1}`).join(", ");

const insertText = (table: Table): string =>
  `INSERT INTO ${table.name} (${table.columns.join(", ")}) VALUES (${placeholders(table.columns.length)})`;

const keyCondition = (table: Table, offset: number): string =>
  table.key.map((column, index) => `${column} = $${offset + index + 1}`).join(" AND ");

function getByKeys(connection: Connection, table: Table, keys: readonly Row[]): Promise<Row[]> {
  const { statement } = prepare(connection, `SELECT * FROM ${table.name} WHERE ${keyCondition(table, 0)}`);
  const rows: Row[] = [];
  for (const key of keys) {
    const row = statement.get(...table.key.map((column) => bindable(key[column])));
    if (row !== undefined) rows.push(row as Row);
  }
  return Promise.resolve(rows);
}

export const sqliteDialect: Dialect = {
  name: "sqlite",
  pipelines: false,
  begin: (connection) => query(connection, "BEGIN IMMEDIATE", []),
  beginSnapshot: (connection) => query(connection, "BEGIN DEFERRED", []),
  async read(connection, _scope, select) {
    return await select.connection(connection);
  },
  serverState: "SELECT 'SQLite ' || sqlite_version() AS product, NULL AS time_ms, NULL AS locks_rows",
  byCharacters: (column) => column,
  forUpdate: "",
  async commit(connection) {
    await query(connection, "COMMIT", []);
  },
  inList: (column, placeholder) => `${column} IN (SELECT value FROM json_each(${placeholder}))`,
  // Transactions that write run one after the other.
  isSettled: () => "TRUE",
  inListOrQuery: (column, placeholder, _type, query) =>
    `${column} IN (SELECT value FROM json_each(${placeholder}) UNION ALL SELECT * FROM (${query}))`,
  // A transaction that writes has the whole file to itself.
  lockTenant: () => Promise.resolve(),
  // The driver waits for each statement, however long that takes.
  setPatience: () => Promise.resolve(),
  query,
  getByKeys,
  // A transaction that writes has the whole file to itself.
  lockByKeys: getByKeys,
  insert: (connection, table, rows) => forEachRow(connection, insertText(table), table.columns, rows),
  insertMissing: (connection, table, rows) =>
    forEachRow(connection, `${insertText(table)} ${onConflict.ignore(table)}`, table.columns, rows),
  update(connection, table, rows) {
    const set = table.changing.map((column, index) => `${column} = $${index + 1}`).join(", ");
    const sql = `UPDATE ${table.name} SET ${set} WHERE ${keyCondition(table, table.changing.length)}`;
    return forEachRow(connection, sql, [...table.changing, ...table.key], rows);
  },
  add: (connection, table, rows) =>
    forEachRow(connection, `${insertText(table)} ${onConflict.add(table)}`, table.columns, rows),
};
