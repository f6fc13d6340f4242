import type { AllocationMismatch, RollupMismatch } from "./recount.ts";
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

const HOUR_MS = 3_600_000;
const DIMENSIONS = "tenant_id, budget_id, component, tier, provider, model, task_type";

/** Makes the rollups of these hours and budgets anew from their usage records. */
export async function correctRollups(
  transaction: Transaction,
  tenant_id: string,
  mismatches: readonly RollupMismatch[],
): Promise<void> {
  for (const { hour_start_ms, budget_id } of mismatches) {
    await transaction.query(
      "DELETE FROM usage_rollups WHERE tenant_id = $1 AND budget_id = $2 AND hour_start_ms = $3",
      [tenant_id, budget_id, hour_start_ms],
    );
    await transaction.query(
      `INSERT INTO usage_rollups (${DIMENSIONS}, hour_start_ms, request_count, input_tokens, output_tokens,
         input_cost_nano_usd, output_cost_nano_usd, other_cost_nano_usd, total_cost_nano_usd)
       SELECT ${DIMENSIONS}, timestamp_ms - timestamp_ms % ${HOUR_MS}, COUNT(*), SUM(input_tokens),
         SUM(output_tokens), SUM(input_cost_nano_usd), SUM(output_cost_nano_usd), SUM(other_cost_nano_usd),
         SUM(total_cost_nano_usd)
       FROM usage_records
       WHERE tenant_id = $1 AND budget_id = $2 AND timestamp_ms >= $3 AND timestamp_ms < $4
       GROUP BY ${DIMENSIONS}, timestamp_ms - timestamp_ms % ${HOUR_MS}`,
      [tenant_id, budget_id, hour_start_ms, hour_start_ms + HOUR_MS],
    );
  }
}
