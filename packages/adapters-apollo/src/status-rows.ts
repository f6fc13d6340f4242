import type { BudgetStatusRow } from "./calls.ts";
import { policiesInForce, type Scope } from "./scope.ts";
import type { ApolloPeriod } from "./words.ts";

/** What the token policies of a budget and a period that are in force count now. */
export async function statusRows(
  scope: Pick<Scope, "port" | "clock">,
  budget_id: string,
  period: ApolloPeriod,
): Promise<BudgetStatusRow[]> {
  const [rows, inForce] = await Promise.all([
    scope.port.summary(budget_id, period),
    policiesInForce(scope, { budget_id, period }),
  ]);
  const counting = new Set(inForce.map(({ policy_id }) => policy_id));
  return rows.flatMap((row): BudgetStatusRow[] => {
    const { policy_id, token_limit: limit, total_tokens_used, total_tokens_allocated } = row;
    if (limit === null || !counting.has(policy_id)) return [];
    return [
      {
        policy_id,
        period,
        tier: row.tier,
        component: row.component,
        task_type: row.task_type,
        provider: row.provider,
        model: row.model,
        context_id: row.context_id,
        total_allocated: total_tokens_allocated,
        total_used: total_tokens_used,
        limit,
        usage_percentage: row.token_usage_percentage ?? 0,
        remaining: Math.max(0, limit - total_tokens_allocated),
        is_exceeded: total_tokens_used > limit,
        active_allocations: row.active_allocations,
        start_time: row.start_time,
        end_time: row.end_time,
      },
    ];
  });
}
