import { changeBy, type Clock } from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  correctAllocations,
  correctBalances,
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
import { findDifferences, recountedWindow, verifyTenant } from "./verify.ts";

/**
 * Writes what a recount gives over every balance, allocation and rollup that differs from it, in one transaction that
 * has the tenant for itself, beside running servers: they decide nothing of this tenant meanwhile. The same transaction
 * keeps an event, and an entry in the record of changes, with each number that was recorded and what it was replaced by.
 * @returns what was found and mended; where nothing differs nobody is kept from anything, and nothing is written
 * @throws Error, with everything left as it was, where something still differs
 */
export async function repairTenant(
  database: Database,
  tenant_id: string,
  clock: Clock,
): Promise<readonly VerifyDifference[]> {
  const { differences } = await verifyTenant(database, tenant_id, clock);
  if (differences.length === 0) return [];
  return new Ledger(database).transaction(tenant_id, "exclusive", (session) =>
    repair(session, database, clock),
  );
}

async function repair(
  session: LedgerSession,
  database: Database,
  clock: Clock,
): Promise<readonly VerifyDifference[]> {
  const { transaction, tenant_id } = session;
  await transaction.takeTime();
  const now_ms = clock.now();
  const tree = await BudgetTree.read(database, transaction, tenant_id);
  // Servers have gone on since the first look.
  const differences = await findDifferences(transaction, tree, now_ms);
  if (differences.length === 0) return [];
  // Holds are counted from what allocations have used, so these come first.
  await correctAllocations(transaction, tenant_id, await findAllocationMismatches(transaction, tenant_id));
  for (const policy of tree.policies()) {
    const recorded = await listBalances(transaction, tenant_id, policy.policy_id);
    const window = recountedWindow(policy, recorded, now_ms);
    const recounted = await recountPolicy(transaction, policy, tree.family(policy.budget_id), window);
    await correctBalances(transaction, policy, recorded, recounted);
  }
  await correctRollups(transaction, tenant_id, await findRollupMismatches(transaction, tenant_id));
  await session.writeEvents([
    {
      tenant_id,
      event_type: "balances.repaired",
      budget_id: null,
      subject_id: tenant_id,
      payload: { differences },
      created_at_ms: now_ms,
    },
  ]);
  const change = { subject_id: tenant_id, before: null, after: { differences }, at_ms: now_ms };
  await new AuditRepository(database).append(transaction, tenant_id, [
    changeBy({}, { action: "balances.repaired", ...change }),
  ]);
  const left = await findDifferences(transaction, tree, now_ms);
  if (left.length > 0) throw new Error(`${left.length} differences are left after the repair.`);
  return differences;
}
