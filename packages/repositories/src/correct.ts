import type { Balance, BudgetPolicy } from "@budget/domain";
import type { AllocationMismatch, RollupMismatch } from "./recount.ts";
import { balanceToRow } from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** What a repair writes over sums that a recount found different. Only for transactions that hold the tenant alone. */

/** Sets what allocations have used to the sum of their usage records. */
export async function correctAllocations(
  transaction: Transaction,
  tenant_id: string,
  mismatches: readonly AllocationMismatch[],
): Promise<void> {
  for (const { allocation_id, recounted_tokens, recounted_cost_nano_usd } of mismatches) {
    await transaction.query(
      "UPDATE allocations SET tokens_used = $3, cost_used_nano_usd = $4 WHERE tenant_id = $1 AND allocation_id = $2",
      [tenant_id, allocation_id, recounted_tokens, recounted_cost_nano_usd],
    );
  }
}

/**
 * Writes recounted balances over those of the same policy that are recorded, and leaves those alone that are right. What
 * was raised as an alert stays raised.
 */
export async function correctBalances(
  transaction: Transaction,
  policy: Pick<BudgetPolicy, "tenant_id" | "policy_id">,
  recorded: readonly Balance[],
  recounted: readonly Balance[],
): Promise<void> {
  const unexplained = new Map(recorded.map((balance) => [balance.scope, balance]));
  const missing: Balance[] = [];
  const wrong: Balance[] = [];
  for (const balance of recounted) {
    const before = unexplained.get(balance.scope);
    unexplained.delete(balance.scope);
    if (counts(before) === counts(balance)) continue;
    if (before === undefined) missing.push(balance);
    else wrong.push({ ...balance, alerts_raised: before.alerts_raised });
  }
  await transaction.insert(tables.balances, missing.map(balanceToRow));
  await transaction.update(tables.balances, wrong.map(balanceToRow));
  const scopes = [...unexplained.values()]
    .filter((one) => counts(one) !== counts())
    .map(({ scope }) => scope);
  await transaction.query(
    `DELETE FROM balances
     WHERE tenant_id = $1 AND policy_id = $2 AND ${transaction.dialect.inList("scope", "$3", "text")}`,
    [policy.tenant_id, policy.policy_id, scopes],
  );
}

/** What a balance counts, as a text to compare; without one, that of a balance that counts nothing. */
const counts = (balance?: Balance): string =>
  balance === undefined
    ? "0 0 0 0"
    : `${balance.used_tokens} ${balance.used_cost_nano_usd} ${balance.held_tokens} ${balance.held_cost_nano_usd}`;

const HOUR_MS = 3_600_000;
const DIMENSIONS = "tenant_id, budget_id, component, tier, provider, model, task_type";

/** Makes the rollups of these hours and budgets anew from their usage records. */
export async function correctRollups(
  transaction: Transaction,
  tenant_id: string,
  mismatches: readonly RollupMismatch[],
): Promise<void> {
  const hours = new Map(mismatches.map((one) => [`${one.budget_id} ${one.hour_start_ms}`, one]));
  for (const { hour_start_ms, budget_id } of hours.values()) {
    await transaction.query(
      "DELETE FROM usage_rollups WHERE tenant_id = $1 AND budget_id = $2 AND hour_start_ms = $3",
      [tenant_id, budget_id, hour_start_ms],
    );
    await transaction.query(
      `INSERT INTO usage_rollups (${DIMENSIONS}, hour_start_ms, request_count, input_tokens, output_tokens, total_tokens,
         input_cost_nano_usd, output_cost_nano_usd, other_cost_nano_usd, total_cost_nano_usd)
       SELECT ${DIMENSIONS}, timestamp_ms - timestamp_ms % ${HOUR_MS}, COUNT(*), SUM(input_tokens),
         SUM(output_tokens), SUM(total_tokens), SUM(input_cost_nano_usd), SUM(output_cost_nano_usd), SUM(other_cost_nano_usd),
         SUM(total_cost_nano_usd)
       FROM usage_records
       WHERE tenant_id = $1 AND budget_id = $2 AND timestamp_ms >= $3 AND timestamp_ms < $4
       GROUP BY ${DIMENSIONS}, timestamp_ms - timestamp_ms % ${HOUR_MS}`,
      [tenant_id, budget_id, hour_start_ms, hour_start_ms + HOUR_MS],
    );
  }
}
