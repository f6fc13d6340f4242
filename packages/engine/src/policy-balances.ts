import { windowAt, type BudgetPolicy } from "@budget/domain";
import { recountPolicy, type LedgerSession } from "@budget/repositories";
import type { BudgetTree } from "./budget-tree.ts";

/**
 * Counts policies anew from allocations and usage, so that one that was made or changed in mid-window, or whose budget
 * has moved, counts what was used and held already. Only for exclusive transactions.
 */
export async function recountPolicies(
  session: LedgerSession,
  tree: BudgetTree,
  policies: readonly BudgetPolicy[],
  now_ms: number,
): Promise<void> {
  for (const policy of policies) {
    const window = windowAt(policy.period, policy.time_zone, now_ms);
    const family = tree.family(policy.budget_id);
    const balances = await recountPolicy(session.transaction, policy, family, window);
    await session.replaceBalances(policy.policy_id, balances);
  }
}
