import { ALL_TENANTS, type Database } from "@budget/repositories";

/** An allocation as the database has it. */
export interface AllocationRow {
  readonly id: string;
  /** Of the request that made it. */
  readonly name: string;
  readonly tokens: number;
}

/** A usage record as the database has it. */
export interface UsageRow {
  readonly id: string;
  /** Of the request that made it. */
  readonly name: string;
  /** Empty where it was booked without one. */
  readonly allocation_id: string;
  readonly tokens: number;
  readonly cost_nano_usd: bigint;
}

export interface Rows {
  readonly allocations: readonly AllocationRow[];
  readonly usage_records: readonly UsageRow[];
}

/** What the database holds of the contexts whose names begin with `prefix`, read by plain SQL. */
export function readRows(database: Database, prefix: string): Promise<Rows> {
  return database.snapshot(ALL_TENANTS, async (transaction) => {
    const allocations = await transaction.query(
      "SELECT allocation_id, metadata, tokens_allocated FROM allocations WHERE context_id LIKE $1",
      [`${prefix}%`],
    );
    const usage_records = await transaction.query(
      `SELECT record_id, operation_id, allocation_id, total_tokens, total_cost_nano_usd
       FROM usage_records WHERE context_id LIKE $1`,
      [`${prefix}%`],
    );
    return {
      allocations: allocations.map((row) => ({
        id: row.allocation_id as string,
        name: (JSON.parse(row.metadata as string) as { name?: string }).name ?? "",
        tokens: Number(row.tokens_allocated),
      })),
      usage_records: usage_records.map((row) => ({
        id: row.record_id as string,
        name: (row.operation_id as string | null) ?? "",
        allocation_id: (row.allocation_id as string | null) ?? "",
        tokens: Number(row.total_tokens),
        cost_nano_usd: BigInt(row.total_cost_nano_usd as string | bigint),
      })),
    };
  });
}

/** What still counts as held anywhere: in balances, or by allocations that are active. */
export interface Held {
  readonly tokens: number;
  readonly cost_nano_usd: bigint;
  readonly active_allocations: number;
}

export function readHeld(database: Database): Promise<Held> {
  return database.snapshot(ALL_TENANTS, async (transaction) => {
    const [row] = await transaction.query(
      `SELECT COALESCE(SUM(held_tokens), 0) AS tokens, COALESCE(SUM(held_cost_nano_usd), 0) AS cost_nano_usd,
         (SELECT COUNT(*) FROM allocations WHERE status = 'active') AS active_allocations
       FROM balances`,
      [],
    );
    return {
      tokens: Number(row?.tokens),
      cost_nano_usd: BigInt(row?.cost_nano_usd as string | bigint),
      active_allocations: Number(row?.active_allocations),
    };
  });
}
