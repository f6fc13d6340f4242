import type { Knex } from "knex";
import { isConnectionLoss } from "./connection-loss.ts";
import type { Connection, Dialect, Parameter, Row, Table } from "./dialect.ts";

/** Failures of commits whose answer was lost. */
const unanswered = new WeakSet();

/** Whether nobody knows if the transaction that failed with this error was committed. */
export const mayHaveCommitted = (error: unknown): boolean =>
  typeof error === "object" && error !== null && unanswered.has(error);

/** One transaction on one connection. Every operation that must be part of it takes it as an argument. */
export class Transaction {
  readonly knex: Knex;
  readonly dialect: Dialect;
  readonly #connection: Connection;
  readonly #unawaited: Promise<void>[] = [];
  #isPatient = false;

  private constructor(knex: Knex, dialect: Dialect, connection: Connection) {
    this.knex = knex;
    this.dialect = dialect;
    this.#connection = connection;
  }

  /** Runs `work` in the transaction that `opened` opens, and commits; a failure rolls back and is thrown on. */
  static async run<T>(
    knex: Knex,
    dialect: Dialect,
    connection: Connection,
    opened: Promise<unknown>,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> {
    // It is waited for below; a failure before that must not count as one that nobody handles.
    opened.catch(() => undefined);
    let isCommitting = false;
    const transaction = new Transaction(knex, dialect, connection);
    try {
      const result = await work(transaction);
      isCommitting = true;
      await transaction.#commit(opened);
      return result;
    } catch (error) {
      if (isCommitting && error instanceof Error && isConnectionLoss(error)) unanswered.add(error);
      // A rollback that fails as well says nothing new: the connection is gone, and so is the transaction.
      await opened.then(() => dialect.query(connection, "ROLLBACK", [])).catch(() => undefined);
      throw error;
    } finally {
      if (transaction.#isPatient) await dialect.setPatience(connection, false);
    }
  }

  /**
   * Lets the statements from here on take as long as they need, where others are given up after a few seconds: for
   * recounts and imports, which read much. They still wait no longer than others for locks.
   * @param between_statements whether what is done between them may, too: a process that stops there holds its locks
   *   until its connection ends
   */
  async takeTime({ between_statements = false } = {}): Promise<void> {
    this.#isPatient = true;
    await this.dialect.setPatience(this.#connection, true, between_statements);
  }

  /**
   * Leaves a write to the end of the transaction: its failure fails the commit. Where the database takes statements
   * without waiting for the answers to those before, the commit is sent right behind it.
   */
  defer(write: Promise<void>): void {
    write.catch(() => undefined);
    this.#unawaited.push(write);
  }

  async #commit(opened: Promise<unknown>): Promise<void> {
    const before = Promise.all([opened, ...this.#unawaited]);
    // SQLite would commit what the statements before a failed one have done; PostgreSQL rolls it back.
    if (!this.dialect.pipelines) await before;
    const committed = this.dialect.commit(this.#connection);
    committed.catch(() => undefined);
    // A statement that failed says why; the commit after it only says that there was one.
    await before;
    await committed;
  }

  /** Runs a statement of Knex's builder in this transaction. */
  async run<T>(statement: PromiseLike<T> & { connection(connection: Connection): unknown }): Promise<T> {
    statement.connection(this.#connection);
    return await statement;
  }

  query(sql: string, parameters: readonly Parameter[]): Promise<Row[]> {
    return this.dialect.query(this.#connection, sql, parameters);
  }

  lockTenant(tenant_id: string, mode: "shared" | "exclusive"): Promise<void> {
    return this.dialect.lockTenant(this.#connection, tenant_id, mode);
  }

  async getByKeys(table: Table, keys: readonly Row[]): Promise<Row[]> {
    return keys.length === 0 ? [] : this.dialect.getByKeys(this.#connection, table, keys);
  }

  async lockByKeys(table: Table, keys: readonly Row[]): Promise<Row[]> {
    return keys.length === 0 ? [] : this.dialect.lockByKeys(this.#connection, table, keys);
  }

  async insert(table: Table, rows: readonly Row[]): Promise<void> {
    if (rows.length > 0) await this.dialect.insert(this.#connection, table, rows);
  }

  async insertMissing(table: Table, rows: readonly Row[]): Promise<void> {
    if (rows.length > 0) await this.dialect.insertMissing(this.#connection, table, rows);
  }

  async update(table: Table, rows: readonly Row[]): Promise<void> {
    if (rows.length > 0) await this.dialect.update(this.#connection, table, rows);
  }

  async add(table: Table, rows: readonly Row[]): Promise<void> {
    if (rows.length > 0) await this.dialect.add(this.#connection, table, rows);
  }
}
