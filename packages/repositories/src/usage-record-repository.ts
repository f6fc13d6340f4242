import type { UsageQuery, UsageRecord } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { countOf, rangeOf, readOne, whereEqual, type Page } from "./query.ts";
import { usageRecordFromRow } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

export interface UsageRecordPage extends Page<UsageRecord> {
  /** The cursor of the next, older records; null at the end. */
  readonly next_cursor: string | null;
}

/** Which calls are meant. */
export interface CallFilters {
  readonly start_ms: number;
  /** Not included. */
  readonly end_ms: number;
  readonly provider?: string;
  readonly model?: string;
}

/** Reads usage records; only the ledger writes them, with the balances that count them, and nobody changes them. */
export class UsageRecordRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, record_id: string, transaction?: Transaction): Promise<UsageRecord | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#of(tenant_id).where({ record_id }),
      usageRecordFromRow,
    );
  }

  /** The tenant's usage records, newest first. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly UsageRecord[]> {
    const rows = await this.#database
      .reader(tenant_id)
      .run(this.#of(tenant_id).orderBy("record_id", "desc").limit(limit).offset(offset));
    return rows.map(usageRecordFromRow);
  }

  /**
   * The usage records that the query asks for, newest first: a page of them, or with a cursor those older than it. The
   * total counts all of them, wherever the cursor is.
   */
  async list(tenant_id: string, query: UsageQuery): Promise<UsageRecordPage> {
    const select = this.#matching(tenant_id, query);
    const reader = this.#database.reader(tenant_id);
    const total = await countOf(reader, select);
    const { limit, offset } = rangeOf(query);
    if (query.cursor === undefined) void select.offset(offset);
    else void select.where("record_id", "<", query.cursor);
    // One more than wanted tells whether there are older ones.
    const rows = await reader.run(select.orderBy("record_id", "desc").limit(limit + 1));
    const items = rows.slice(0, limit).map(usageRecordFromRow);
    return { items, total, next_cursor: rows.length > limit ? (items.at(-1)?.record_id ?? null) : null };
  }

  /**
   * The usage of calls in a span of time, without what sets its cost right, by id: a part at a time, because there may
   * be millions.
   * @param after_id the last id that was read before; empty for the first part
   */
  async ofCalls(
    tenant_id: string,
    { start_ms, end_ms, provider, model }: CallFilters,
    after_id: string,
    limit: number,
    transaction?: Transaction,
  ): Promise<readonly UsageRecord[]> {
    const select = whereEqual(this.#of(tenant_id), { provider, model })
      .whereNull("adjusts_record_id")
      .where("timestamp_ms", ">=", start_ms)
      .where("timestamp_ms", "<", end_ms)
      .orderBy("record_id")
      .limit(limit);
    if (after_id !== "") void select.where("record_id", ">", after_id);
    const rows = await (transaction ?? this.#database.reader(tenant_id)).run(select);
    return rows.map(usageRecordFromRow);
  }

  /** Those of these records whose cost an older system booked. */
  async bookedElsewhere(
    tenant_id: string,
    record_ids: readonly string[],
    transaction?: Transaction,
  ): Promise<ReadonlySet<string>> {
    const select = this.#database
      .knex<Row, Row[]>("imported_records")
      .where({ tenant_id, booked_cost: true })
      .whereIn("record_id", [...record_ids])
      .select("record_id");
    const rows = await (transaction ?? this.#database.reader(tenant_id)).run(select);
    return new Set(rows.map((row) => row.record_id as string));
  }

  /** What sets the costs of some records right. */
  async adjusting(
    tenant_id: string,
    record_ids: readonly string[],
    transaction?: Transaction,
  ): Promise<readonly UsageRecord[]> {
    const select: Select = this.#of(tenant_id).whereIn("adjusts_record_id", [...record_ids]);
    const rows = await (transaction ?? this.#database.reader(tenant_id)).run(select);
    return rows.map(usageRecordFromRow);
  }

  #matching(tenant_id: string, query: UsageQuery): Select {
    const { budget_id, provider, component, model, task_type, context_id, allocation_id } = query;
    const values = { budget_id, provider, component, model, task_type, context_id, allocation_id };
    const select = whereEqual(this.#of(tenant_id), values);
    if (query.start_time !== undefined) void select.where("timestamp_ms", ">=", Date.parse(query.start_time));
    if (query.end_time !== undefined) void select.where("timestamp_ms", "<", Date.parse(query.end_time));
    return select;
  }

  #of(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("usage_records").where({ tenant_id });
  }
}
