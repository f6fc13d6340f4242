import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne } from "./query.ts";
import * as tables from "./tables.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";
import type { Transaction } from "./transaction.ts";

/** A kind of call, whose outputs are alike. */
export interface OutputSketchKey {
  readonly tenant_id: string;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
  readonly task_type: string;
}

/** How many output tokens the calls of one kind made, in two generations. */
export interface StoredOutputSketch extends OutputSketchKey {
  /** The generation that is learning: a sketch in base64, empty where it has no samples. */
  readonly current: string;
  /** The full generation before it; null where there is none yet. */
  readonly previous: string | null;
  /** How many calls both generations were learned from. */
  readonly samples: number;
  readonly updated_at_ms: number;
}

const KEY_CONDITION = tables.outputSketches.key
  .map((column, index) => `${column} = $${index + 1}`)
  .join(" AND ");
const SELECT_ONE = `SELECT * FROM output_sketches WHERE ${KEY_CONDITION}`;

/**
 * What was learned of outputs. Every server of a database adds to the same rows, so a row is only written by who has
 * locked and read it in the same transaction.
 */
export class OutputSketchRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(key: OutputSketchKey, transaction?: Transaction): Promise<StoredOutputSketch | null> {
    return readOne(
      transaction ?? this.#database.reader(key.tenant_id),
      this.#all().where(keyToRow(key)),
      outputSketchFromRow,
    );
  }

  /** Those of the tenant, by provider, model, component and task type. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly StoredOutputSketch[]> {
    const order = tables.outputSketches.key.map((column) => ({ column }));
    const select = this.#all().where({ tenant_id }).orderBy(order).limit(limit).offset(offset);
    const rows = await this.#database.reader(tenant_id).run(select);
    return rows.map(outputSketchFromRow);
  }

  /** Those of all tenants that learned last, the latest first. */
  async getLatest(limit: number): Promise<readonly StoredOutputSketch[]> {
    const select = this.#all().orderBy("updated_at_ms", "desc").limit(limit);
    const rows = await this.#database.reader(ALL_TENANTS).run(select);
    return rows.map(outputSketchFromRow);
  }

  /** Those of these keys that there are, read without a lock. */
  async findMany(
    transaction: Transaction,
    keys: readonly OutputSketchKey[],
  ): Promise<readonly StoredOutputSketch[]> {
    const found = await Promise.all(
      keys.map(({ tenant_id, provider, model, component, task_type }) =>
        transaction.query(SELECT_ONE, [tenant_id, provider, model, component, task_type]),
      ),
    );
    return found.flat().map(outputSketchFromRow);
  }

  /**
   * Locks the rows of these keys until the transaction ends; those that are not there yet are made first, without a
   * sample.
   * @param keys distinct, and in the same order for every server: whoever makes a row waits for the others that make it
   * @throws Error where a row was deleted in between; the transaction may be tried again
   */
  async lockMany(
    transaction: Transaction,
    keys: readonly OutputSketchKey[],
    now_ms: number,
  ): Promise<readonly StoredOutputSketch[]> {
    const empty = { current: "", previous: null, samples: 0, updated_at_ms: now_ms };
    await transaction.insertMissing(
      tables.outputSketches,
      keys.map((key): Row => ({ ...keyToRow(key), ...empty })),
    );
    const rows = await transaction.lockByKeys(tables.outputSketches, keys.map(keyToRow));
    if (rows.length !== keys.length) {
      throw new Error(
        `${keys.length - rows.length} output sketches were deleted before they could be locked.`,
      );
    }
    return rows.map(outputSketchFromRow);
  }

  /** Writes sketches that {@link lockMany} has locked in the same transaction. */
  updateMany(transaction: Transaction, sketches: readonly StoredOutputSketch[]): Promise<void> {
    return transaction.update(tables.outputSketches, sketches.map(outputSketchToRow));
  }

  /** Deletes, of all tenants, what has learned nothing since `before_ms`. @returns how many there were */
  deleteUnusedSince(before_ms: number): Promise<number> {
    return this.#database.transaction(ALL_TENANTS, (transaction) =>
      transaction.run(this.#all().where("updated_at_ms", "<", before_ms).delete()),
    );
  }

  #all(): Select {
    return this.#database.knex<Row, Row[]>("output_sketches");
  }
}

const keyToRow = ({ tenant_id, provider, model, component, task_type }: OutputSketchKey): Row => ({
  tenant_id,
  provider,
  model,
  component,
  task_type,
});

const outputSketchFromRow = (row: Row): StoredOutputSketch => ({
  tenant_id: row.tenant_id as string,
  provider: row.provider as string,
  model: row.model as string,
  component: row.component as string,
  task_type: row.task_type as string,
  current: row.current as string,
  previous: (row.previous ?? null) as string | null,
  samples: Number(row.samples),
  updated_at_ms: Number(row.updated_at_ms),
});

const outputSketchToRow = (sketch: StoredOutputSketch): Row => ({ ...sketch });
