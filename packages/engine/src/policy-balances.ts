import { windowAt, type Balance, type BudgetPolicy } from "@budget/domain";
import { listBalances, recountPolicy, type LedgerSession } from "@budget/repositories";
import type { BudgetTree } from "./budget-tree.ts";

/**
 * Counts policies anew from allocations and usage, so that one that was made or changed in mid-window, or whose budget
 * has moved, counts what was used and held already. Only for exclusive transactions.
 * @param alerts whether what was raised in the window counts as raised; a policy that was changed starts anew
 */
export async function recountPolicies(
  session: LedgerSession,
  tree: BudgetTree,
  policies: readonly BudgetPolicy[],
  now_ms: number,
  alerts: "kept" | "anew",
): Promise<void> {
  if (policies.length > 0) await session.transaction.takeTime();
  for (const policy of policies) {
    const window = windowAt(policy.period, policy.time_zone, now_ms);
    const family = tree.family(policy.budget_id);
    const recounted = await recountPolicy(session.transaction, policy, family, window);
    const balances = alerts === "kept" ? await withAlerts(session, policy, recounted) : recounted;
    await session.replaceBalances(policy.policy_id, balances);
  }
}

/** The same balances, with the alerts that were raised in their windows. */
async function withAlerts(
  { transaction, tenant_id }: LedgerSession,
  { policy_id }: BudgetPolicy,
  recounted: readonly Balance[],
): Promise<readonly Balance[]> {
  const before = await listBalances(transaction, tenant_id, policy_id);
  const byScope = new Map(before.map((balance) => [balance.scope, balance]));
  return recounted.map((balance) => {
    const same = byScope.get(balance.scope);
    return same?.window_start_ms === balance.window_start_ms
      ? { ...balance, alerts_raised: same.alerts_raised }
      : balance;
  });
}
