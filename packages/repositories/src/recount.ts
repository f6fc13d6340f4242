import { isPerContext, matchesModel, type Balance, type BudgetPolicy, type Window } from "@budget/domain";
import type { Parameter, Row } from "./dialect.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Tokens and cost as rows add up, under a policy's scope (a context id, or empty). */
type Sums = ReadonlyMap<string, { readonly tokens: number; readonly cost_nano_usd: bigint }>;

/** Later than any time that is ever stored. */
const END_OF_TIME_MS = Number.MAX_SAFE_INTEGER;

/**
 * Counts a policy's balances from allocations and usage records alone, without looking at the balances that are kept.
 * Allocations count while their status is active: one whose time has come still counts until it is expired.
 * @param budget_ids the policy's budget and every budget below it
 * @param window the window that `used` is counted in
 * @returns one balance, or for a per-context policy one for each context that has anything
 */
export async function recountPolicy(
  transaction: Transaction,
  policy: BudgetPolicy,
  budget_ids: readonly string[],
  window: Window,
): Promise<readonly Balance[]> {
  const [used, held] = await Promise.all([
    sumUsage(transaction, policy, budget_ids, window),
    sumHolds(transaction, policy, budget_ids),
  ]);
  const scopes = isPerContext(policy.period) ? [...new Set([...used.keys(), ...held.keys()])].sort() : [""];
  return scopes.map((scope) => ({
    tenant_id: policy.tenant_id,
    policy_id: policy.policy_id,
    scope,
    window_start_ms: window.start_ms,
    used_tokens: used.get(scope)?.tokens ?? 0,
    used_cost_nano_usd: used.get(scope)?.cost_nano_usd ?? 0n,
    held_tokens: held.get(scope)?.tokens ?? 0,
    held_cost_nano_usd: held.get(scope)?.cost_nano_usd ?? 0n,
    alerts_raised: 0,
  }));
}

async function sumUsage(
  transaction: Transaction,
  policy: BudgetPolicy,
  budget_ids: readonly string[],
  window: Window,
): Promise<Sums> {
  const { condition, parameters } = dimensionCondition(policy, 5);
  const rows = await transaction.query(
    `SELECT ${scopeColumn(policy)} AS scope, model, SUM(total_tokens) AS tokens,
       SUM(total_cost_nano_usd) AS cost_nano_usd
     FROM usage_records
     WHERE tenant_id = $1 AND ${transaction.dialect.inList("budget_id", "$2", "uuid")}
       AND timestamp_ms >= $3 AND timestamp_ms < $4 ${condition}
     GROUP BY 1, 2`,
    [policy.tenant_id, budget_ids, window.start_ms, window.end_ms ?? END_OF_TIME_MS, ...parameters],
  );
  return sumsByScope(policy, rows);
}

async function sumHolds(
  transaction: Transaction,
  policy: BudgetPolicy,
  budget_ids: readonly string[],
): Promise<Sums> {
  const { condition, parameters } = dimensionCondition(policy, 3);
  const held = (allocated: string, used: string) =>
    `SUM(CASE WHEN ${allocated} > ${used} THEN ${allocated} - ${used} ELSE 0 END)`;
  const rows = await transaction.query(
    `SELECT ${scopeColumn(policy)} AS scope, model, ${held("tokens_allocated", "tokens_used")} AS tokens,
       ${held("cost_allocated_nano_usd", "cost_used_nano_usd")} AS cost_nano_usd
     FROM allocations
     WHERE tenant_id = $1 AND ${transaction.dialect.inList("budget_id", "$2", "uuid")} AND status = 'active' ${condition}
     GROUP BY 1, 2`,
    [policy.tenant_id, budget_ids, ...parameters],
  );
  return sumsByScope(policy, rows);
}

/** How many live allocations a policy counts, by scope. */
export async function countLiveAllocations(
  transaction: Transaction,
  policy: BudgetPolicy,
  budget_ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const { condition, parameters } = dimensionCondition(policy, 3);
  const rows = await transaction.query(
    `SELECT ${scopeColumn(policy)} AS scope, model, COUNT(*) AS live FROM allocations
     WHERE tenant_id = $1 AND ${transaction.dialect.inList("budget_id", "$2", "uuid")} AND status = 'active' ${condition}
     GROUP BY 1, 2`,
    [policy.tenant_id, budget_ids, ...parameters],
  );
  const live = new Map<string, number>();
  for (const row of rowsOfModel(policy, rows)) {
    const scope = row.scope as string;
    live.set(scope, (live.get(scope) ?? 0) + Number(row.live));
  }
  return live;
}

const scopeColumn = (policy: BudgetPolicy): string => (isPerContext(policy.period) ? "context_id" : "''");

/** A policy on a model counts its dated snapshots too, which SQL does not know. */
const rowsOfModel = (policy: BudgetPolicy, rows: readonly Row[]): readonly Row[] =>
  rows.filter((row) => matchesModel(policy.model, row.model as string | null));

/** Every dimension but the model, which {@link rowsOfModel} looks at. */
function dimensionCondition(
  policy: BudgetPolicy,
  first: number,
): { condition: string; parameters: Parameter[] } {
  const parameters: Parameter[] = [];
  let condition = "";
  for (const dimension of ["tier", "provider", "component", "task_type"] as const) {
    const value = policy[dimension];
    if (value === null) continue;
    condition += ` AND ${dimension} = $${first + parameters.length}`;
    parameters.push(value);
  }
  return { condition, parameters };
}

function sumsByScope(policy: BudgetPolicy, rows: readonly Row[]): Sums {
  const sums = new Map<string, { tokens: number; cost_nano_usd: bigint }>();
  for (const row of rowsOfModel(policy, rows)) {
    const sum = sums.get(row.scope as string) ?? { tokens: 0, cost_nano_usd: 0n };
    sums.set(row.scope as string, {
      tokens: sum.tokens + Number(row.tokens),
      cost_nano_usd: sum.cost_nano_usd + BigInt(row.cost_nano_usd as string | bigint),
    });
  }
  return sums;
}

/** An allocation whose own sums differ from its usage records'. */
export interface AllocationMismatch {
  readonly allocation_id: string;
  readonly tokens_used: number;
  readonly recounted_tokens: number;
  readonly cost_used_nano_usd: bigint;
  readonly recounted_cost_nano_usd: bigint;
}

/** Every allocation whose `used` is not the sum of its usage records. */
export async function findAllocationMismatches(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly AllocationMismatch[]> {
  const rows = await transaction.query(
    `SELECT a.allocation_id, a.tokens_used, a.cost_used_nano_usd,
       COALESCE(u.tokens, 0) AS recounted_tokens, COALESCE(u.cost_nano_usd, 0) AS recounted_cost_nano_usd
     FROM allocations a
     LEFT JOIN (
       SELECT allocation_id, SUM(total_tokens) AS tokens, SUM(total_cost_nano_usd) AS cost_nano_usd
       FROM usage_records WHERE tenant_id = $1 AND allocation_id IS NOT NULL GROUP BY allocation_id
     ) u ON u.allocation_id = a.allocation_id
     WHERE a.tenant_id = $1
       AND (a.tokens_used <> COALESCE(u.tokens, 0) OR a.cost_used_nano_usd <> COALESCE(u.cost_nano_usd, 0))
     ORDER BY a.allocation_id`,
    [tenant_id],
  );
  return rows.map((row) => ({
    allocation_id: row.allocation_id as string,
    tokens_used: Number(row.tokens_used),
    recounted_tokens: Number(row.recounted_tokens),
    cost_used_nano_usd: BigInt(row.cost_used_nano_usd as string | bigint),
    recounted_cost_nano_usd: BigInt(row.recounted_cost_nano_usd as string | bigint),
  }));
}

/** Ids that more than one usage record of a tenant has. */
export async function findDoubledRecords(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly { readonly record_id: string; readonly count: number }[]> {
  const rows = await transaction.query(
    `SELECT record_id, COUNT(*) AS records FROM usage_records WHERE tenant_id = $1
     GROUP BY record_id HAVING COUNT(*) > 1 ORDER BY record_id`,
    [tenant_id],
  );
  return rows.map((row) => ({ record_id: row.record_id as string, count: Number(row.records) }));
}

/** A rollup that does not say what its records add up to. */
export interface RollupMismatch {
  readonly hour_start_ms: number;
  readonly budget_id: string;
  readonly component: string;
  readonly tier: string;
  readonly provider: string;
  readonly model: string;
  readonly task_type: string;
  readonly recorded: string;
  readonly recounted: string;
}

const HOUR_MS = 3_600_000;
const SUMS = tables.usageRollups.changing;
const DIMENSIONS = ["budget_id", "component", "tier", "provider", "model", "task_type"] as const;

/** What sets a cost right is no request. */
const REQUESTS = "CASE WHEN adjusts_record_id IS NULL THEN 1 ELSE 0 END";

/** Every rollup that differs from its records, is missing, or has none. */
export async function findRollupMismatches(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly RollupMismatch[]> {
  const each = (text: (name: string) => string, separator = ", ") => SUMS.map(text).join(separator);
  const dimensions = DIMENSIONS.join(", ");
  const rows = await transaction.query(
    `SELECT hour, ${dimensions}, ${each((name) => `SUM(recorded_${name}) AS recorded_${name}`)},
       ${each((name) => `SUM(recounted_${name}) AS recounted_${name}`)}
     FROM (
       SELECT hour_start_ms / ${HOUR_MS} AS hour, ${dimensions}, ${each((name) => `${name} AS recorded_${name}`)},
         ${each((name) => `0 AS recounted_${name}`)}
       FROM usage_rollups WHERE tenant_id = $1
       UNION ALL
       SELECT timestamp_ms / ${HOUR_MS} AS hour, ${dimensions}, ${each((name) => `0 AS recorded_${name}`)},
         ${each((name) => `${name === "request_count" ? REQUESTS : name} AS recounted_${name}`)}
       FROM usage_records WHERE tenant_id = $1
     ) both_of_them
     GROUP BY hour, ${dimensions}
     HAVING ${each((name) => `SUM(recorded_${name}) <> SUM(recounted_${name})`, " OR ")}
     ORDER BY hour, ${dimensions}`,
    [tenant_id],
  );
  const sums = (row: Row, side: "recorded" | "recounted"): string => {
    const of = (name: string) => String(row[`${side}_${name}`]);
    return (
      `${of("request_count")} requests, ${of("input_tokens")} input and ${of("output_tokens")} output of ${of("total_tokens")} tokens, ` +
      `${of("input_cost_nano_usd")} + ${of("output_cost_nano_usd")} + ${of("other_cost_nano_usd")} = ` +
      `${of("total_cost_nano_usd")} nano-USD`
    );
  };
  return rows.map((row) => ({
    hour_start_ms: Number(row.hour) * HOUR_MS,
    budget_id: row.budget_id as string,
    component: row.component as string,
    tier: row.tier as string,
    provider: row.provider as string,
    model: row.model as string,
    task_type: row.task_type as string,
    recorded: sums(row, "recorded"),
    recounted: sums(row, "recounted"),
  }));
}

/** How many allocations and usage records a tenant has. */
export async function countRows(
  transaction: Transaction,
  tenant_id: string,
): Promise<{ readonly allocations: number; readonly usage_records: number }> {
  const [row] = await transaction.query(
    `SELECT (SELECT COUNT(*) FROM allocations WHERE tenant_id = $1) AS allocations,
       (SELECT COUNT(*) FROM usage_records WHERE tenant_id = $1) AS usage_records`,
    [tenant_id],
  );
  return { allocations: Number(row?.allocations), usage_records: Number(row?.usage_records) };
}
