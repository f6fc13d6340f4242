import type { BudgetPolicy, Clock } from "@budget/domain";
import {
  Ledger,
  correctAllocations,
  correctRollups,
  findAllocationMismatches,
  findRollupMismatches,
  listBalances,
  recountPolicy,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import { BudgetTree } from "./budget-tree.ts";
import type { VerifyDifference } from "./engine.ts";
import { findDifferences, recountedWindow } from "./verify.ts";

/**
 * Writes what a recount gives over every balance, allocation and rollup that differs from it, in one transaction that
 * has the tenant for itself, beside running servers. The same transaction keeps an event with each number that was
 * recorded and what it was replaced by.
 * @returns what was found and mended; nothing is written where nothing differs
 * @throws Error, with everything left as it was, where something still differs
 */
export function repairTenant(
  database: Database,
  tenant_id: string,
  clock: Clock,
): Promise<readonly VerifyDifference[]> {
  return new Ledger(database).transaction(tenant_id, "exclusive", async (session) => {
    const { transaction } = session;
    const now_ms = clock.now();
    const tree = await BudgetTree.read(database, transaction, tenant_id);
    const differences = await findDifferences(transaction, tree, now_ms);
    if (differences.length === 0) return differences;
    // Holds are counted from what allocations have used, so these come first.
    await correctAllocations(transaction, tenant_id, await findAllocationMismatches(transaction, tenant_id));
    for (const policy of tree.policies()) await repairPolicy(session, tree, policy, now_ms);
    await correctRollups(transaction, tenant_id, await findRollupMismatches(transaction, tenant_id));
    await session.writeEvent({
      tenant_id,
      event_type: "balances.repaired",
      budget_id: null,
      subject_id: tenant_id,
      payload: { differences },
      created_at_ms: now_ms,
    });
    const left = await findDifferences(transaction, tree, now_ms);
    if (left.length > 0) throw new Error(`${left.length} differences are left after the repair.`);
    return differences;
  });
}

async function repairPolicy(
  session: LedgerSession,
  tree: BudgetTree,
  policy: BudgetPolicy,
  now_ms: number,
): Promise<void> {
  const { transaction, tenant_id } = session;
  const recorded = await listBalances(transaction, tenant_id, policy.policy_id);
  const window = recountedWindow(policy, recorded, now_ms);
  const recounted = await recountPolicy(transaction, policy, tree.family(policy.budget_id), window);
  const raised = new Map(recorded.map(({ scope, alerts_raised }) => [scope, alerts_raised]));
  await session.replaceBalances(
    policy.policy_id,
    recounted.map((balance) => ({ ...balance, alerts_raised: raised.get(balance.scope) ?? 0 })),
  );
}
