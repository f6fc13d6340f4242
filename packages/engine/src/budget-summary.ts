import {
  balanceInWindow,
  isInForce,
  isPerContext,
  isoTime,
  nanoToUsdJson,
  windowAt,
  type Balance,
  type BudgetPolicy,
  type BudgetSummaryWire,
  type Period,
  type Window,
} from "@budget/domain";
import { countLiveAllocations, listBalances, type Transaction } from "@budget/repositories";
import type { BudgetTree } from "./budget-tree.ts";

/** What each policy of a budget counts now; for per-context policies one row for each context that has anything. */
export async function summariseBudget(
  transaction: Transaction,
  tree: BudgetTree,
  budget_id: string,
  period: Period | null,
  now_ms: number,
): Promise<readonly BudgetSummaryWire[]> {
  const rows: BudgetSummaryWire[] = [];
  for (const policy of tree.policiesOn(budget_id)) {
    if (period !== null && policy.period !== period) continue;
    const balances = await listBalances(transaction, policy.tenant_id, policy.policy_id);
    const live = await countLiveAllocations(transaction, policy, tree.family(budget_id));
    for (const balance of balances) {
      if (isPerContext(policy.period) && isEmpty(balance)) continue;
      const window = windowAt(policy.period, policy.time_zone, Math.max(now_ms, balance.window_start_ms));
      const counted = balanceInWindow(balance, window);
      const in_force = isInForce(policy, now_ms);
      rows.push(summaryRow(policy, in_force, counted, window, live.get(balance.scope) ?? 0));
    }
  }
  return rows;
}

/** A context that only ever asked, and was refused. */
const isEmpty = (balance: Balance): boolean =>
  balance.used_tokens === 0 &&
  balance.used_cost_nano_usd === 0n &&
  balance.held_tokens === 0 &&
  balance.held_cost_nano_usd === 0n;

function summaryRow(
  policy: BudgetPolicy,
  in_force: boolean,
  balance: Balance,
  window: Window,
  active_allocations: number,
): BudgetSummaryWire {
  const { token_limit, cost_limit_nano_usd } = policy;
  return {
    budget_id: policy.budget_id,
    policy_id: policy.policy_id,
    type: policy.type,
    in_force,
    period: policy.period,
    tier: policy.tier,
    provider: policy.provider,
    model: policy.model,
    component: policy.component,
    task_type: policy.task_type,
    context_id: isPerContext(policy.period) ? balance.scope : null,
    total_tokens_allocated: balance.used_tokens + balance.held_tokens,
    total_tokens_used: balance.used_tokens,
    tokens_held: balance.held_tokens,
    token_limit,
    token_usage_percentage: token_limit === null ? null : share(balance.used_tokens, token_limit),
    total_cost: nanoToUsdJson(balance.used_cost_nano_usd),
    cost_held: nanoToUsdJson(balance.held_cost_nano_usd),
    cost_limit: cost_limit_nano_usd === null ? null : nanoToUsdJson(cost_limit_nano_usd),
    cost_usage_percentage:
      cost_limit_nano_usd === null
        ? null
        : share(Number(balance.used_cost_nano_usd), Number(cost_limit_nano_usd)),
    active_allocations,
    start_time: window.end_ms === null ? null : isoTime(window.start_ms),
    end_time: window.end_ms === null ? null : isoTime(window.end_ms),
  };
}

/** A share for people to read; a limit of 0 is full from the start. */
const share = (used: number, limit: number): number => (limit === 0 ? 1 : used / limit);
