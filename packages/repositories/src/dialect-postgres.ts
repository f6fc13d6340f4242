import type { Client, QueryConfig } from "pg";
import {
  onConflict,
  type Connection,
  type Dialect,
  type Parameter,
  type Row,
  type Table,
} from "./dialect.ts";
import { nameTenants } from "./row-security.ts";
import type { TenantScope } from "./tenant-scope.ts";

/** Each distinct text is prepared once for a connection, under a name that depends on nothing else. */
const statementNames = new Map<string, string>();

function statementName(sql: string): string {
  let name = statementNames.get(sql);
  if (name === undefined) {
    name = `budget_${statementNames.size}`;
    statementNames.set(sql, name);
  }
  return name;
}

/** Connections whose statements may take as long as they need. */
const patient = new WeakSet<Connection>();

/** How long the driver waits for such a statement: its timers know no longer time than a few weeks. */
const PATIENCE_MS = 24 * 3_600_000;

/** What the driver's own type leaves out: how long it waits for this one statement. */
type Statement = QueryConfig & { readonly query_timeout?: number };

async function query(connection: Connection, sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
  const statement: Statement = { name: statementName(sql), text: sql, values: [...parameters] };
  const result = await (connection as Client).query<Row>(
    patient.has(connection) ? { ...statement, query_timeout: PATIENCE_MS } : statement,
  );
  return result.rows;
}

/** What is opened and for whom travels in one message. */
const begin = (connection: Connection, statement: string, scope: TenantScope): Promise<unknown> =>
  (connection as Client).query(`${statement}; ${nameTenants(scope)}`);

/** Rows travel as one JSON text, which the server turns into rows of the table's own type. */
const rowsFrom = (table: Table): string => `json_populate_recordset(NULL::${table.name}, $1::json)`;

/** 64-bit integers go as text: JSON numbers would lose digits. */
const asJson = (rows: readonly Row[]): string =>
  JSON.stringify(rows, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value));

function perTable(build: (table: Table) => string): (table: Table) => string {
  const texts = new Map<Table, string>();
  return (table) => {
    let text = texts.get(table);
    if (text === undefined) {
      text = build(table);
      texts.set(table, text);
    }
    return text;
  };
}

const insertText = perTable(
  (table) =>
    `INSERT INTO ${table.name} (${table.columns.join(", ")}) ` +
    `SELECT ${table.columns.join(", ")} FROM ${rowsFrom(table)}`,
);

/**
 * That a row of the table has one of the keys given, besides having exactly one of them: the arrays are looked up in the
 * index whatever the planner expects, which on a young table would be to read all of it.
 */
const hasKey = (table: Table): string =>
  table.key
    .flatMap((column) => [`t.${column} = ANY(ARRAY(SELECT r.${column} FROM r))`, `t.${column} = r.${column}`])
    .join(" AND ");

const updateText = perTable(
  (table) =>
    `WITH r AS MATERIALIZED (SELECT * FROM ${rowsFrom(table)}) ` +
    `UPDATE ${table.name} t SET ${onConflict.assignments(table.changing, (column) => `r.${column}`)} ` +
    `FROM r WHERE ${hasKey(table)}`,
);

const getText = perTable(
  (table) =>
    `WITH r AS MATERIALIZED (SELECT * FROM ${rowsFrom(table)}) ` +
    `SELECT t.* FROM ${table.name} t, r WHERE ${hasKey(table)} ` +
    `ORDER BY ${table.key.map((column) => `t.${column}`).join(", ")}`,
);

const lockText = perTable((table) => `${getText(table)} FOR UPDATE OF t`);

const write = async (connection: Connection, sql: string, rows: readonly Row[]): Promise<void> => {
  await query(connection, sql, [asJson(rows)]);
};

export const postgresDialect: Dialect = {
  name: "postgres",
  pipelines: true,
  begin: (connection, scope) => begin(connection, "BEGIN", scope),
  beginSnapshot: (connection, scope) =>
    begin(connection, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", scope),
  async read(connection, scope, select) {
    const { sql, bindings } = select.toSQL().toNative();
    const client = connection as Client;
    const begun = begin(connection, "BEGIN READ ONLY", scope);
    const selected = client.query<Row>(sql, [...bindings]);
    const ended = client.query("COMMIT");
    // A statement that fails says why; what fails with it is heard and says nothing new.
    ended.catch(() => undefined);
    selected.catch(() => undefined);
    await begun;
    const { rows } = await selected;
    await ended;
    return rows;
  },
  serverState: `SELECT 'PostgreSQL ' || current_setting('server_version') AS product,
    floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS time_ms,
    (SELECT NOT (rolsuper OR rolbypassrls) FROM pg_roles WHERE rolname = current_user) AS locks_rows`,
  byCharacters: (column) => `${column} COLLATE "C"`,
  forUpdate: "FOR UPDATE",
  async commit(connection) {
    const { command } = await (connection as Client).query("COMMIT");
    // Where a statement has failed, the server answers a COMMIT with ROLLBACK, and calls that a success.
    if (command !== "COMMIT")
      throw new Error("The transaction was rolled back: one of its statements had failed.");
  },
  inList: (column, placeholder, type) => `${column} = ANY(${placeholder}::${type}[])`,
  isSettled: (column) => `${column} < pg_snapshot_xmin(pg_current_snapshot())`,
  // An array is looked up in the index whatever the planner expects of the query.
  inListOrQuery: (column, placeholder, type, query) =>
    `${column} = ANY(${placeholder}::${type}[] || ARRAY(${query}))`,
  async lockTenant(connection, tenant_id, mode) {
    const lock = mode === "shared" ? "pg_advisory_xact_lock_shared" : "pg_advisory_xact_lock";
    await query(connection, `SELECT ${lock}(hashtextextended($1, 0))`, [tenant_id]);
  },
  async setPatience(connection, isPatient, isAlsoBetween = false) {
    if (!isPatient) {
      patient.delete(connection);
      return;
    }
    patient.add(connection);
    // Between two statements a file may be read, or another system asked.
    const settings = ["statement_timeout", ...(isAlsoBetween ? ["idle_in_transaction_session_timeout"] : [])];
    await query(
      connection,
      `SELECT ${settings.map((name) => `set_config('${name}', '0', true)`).join(", ")}`,
      [],
    );
  },
  query,
  getByKeys: (connection, table, keys) => query(connection, getText(table), [asJson(keys)]),
  lockByKeys: (connection, table, keys) => query(connection, lockText(table), [asJson(keys)]),
  insert: (connection, table, rows) => write(connection, insertText(table), rows),
  insertMissing: (connection, table, rows) =>
    write(connection, `${insertText(table)} ${onConflict.ignore(table)}`, rows),
  update: (connection, table, rows) => write(connection, updateText(table), rows),
  add: (connection, table, rows) => write(connection, `${insertText(table)} ${onConflict.add(table)}`, rows),
};
