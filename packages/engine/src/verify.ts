import { windowAt, type Balance, type BudgetPolicy, type Clock, type Window } from "@budget/domain";
import {
  countRows,
  findDoubledRecords,
  findAllocationMismatches,
  findRollupMismatches,
  listBalances,
  recountPolicy,
  type Database,
  type Transaction,
} from "@budget/repositories";
import { BudgetTree } from "./budget-tree.ts";
import type { VerifyDifference, VerifyReport } from "./engine.ts";

/**
 * Recounts every balance, every allocation's use and every rollup of a tenant from allocations and usage records, on
 * one unchanging state of the database, while servers go on working.
 */
export function verifyTenant(database: Database, tenant_id: string, clock: Clock): Promise<VerifyReport> {
  return database.snapshot(tenant_id, async (transaction) => {
    await transaction.takeTime();
    const tree = await BudgetTree.read(database, transaction, tenant_id);
    const differences = await findDifferences(transaction, tree, clock.now());
    const counted = await countRows(transaction, tenant_id);
    return {
      policies_checked: tree.policies().length,
      allocations_checked: counted.allocations,
      usage_records_checked: counted.usage_records,
      differences,
    };
  });
}

/** Everything of a tenant that a recount finds different, as one transaction sees it. */
export async function findDifferences(
  transaction: Transaction,
  tree: BudgetTree,
  now_ms: number,
): Promise<readonly VerifyDifference[]> {
  const differences: VerifyDifference[] = [];
  for (const policy of tree.policies())
    differences.push(...(await verifyPolicy(transaction, tree, policy, now_ms)));
  differences.push(...(await verifyAllocations(transaction, tree.tenant_id)));
  differences.push(...(await verifyUsageRecords(transaction, tree.tenant_id)));
  differences.push(...(await verifyRollups(transaction, tree.tenant_id)));
  return differences;
}

/**
 * The window that a policy's balances are recounted in: a balance that nothing touched since its window ended still
 * shows that window, and is right about it; one that is missing would show the window of now.
 */
export function recountedWindow(policy: BudgetPolicy, recorded: readonly Balance[], now_ms: number): Window {
  const at_ms =
    recorded.length === 0 ? now_ms : Math.max(...recorded.map((balance) => balance.window_start_ms));
  return windowAt(policy.period, policy.time_zone, at_ms);
}

async function verifyPolicy(
  transaction: Transaction,
  tree: BudgetTree,
  policy: BudgetPolicy,
  now_ms: number,
): Promise<readonly VerifyDifference[]> {
  const recorded = await listBalances(transaction, policy.tenant_id, policy.policy_id);
  const window = recountedWindow(policy, recorded, now_ms);
  const recounted = await recountPolicy(transaction, policy, tree.family(policy.budget_id), window);
  const byScope = new Map(recounted.map((balance) => [balance.scope, balance]));
  const differences = recorded.flatMap((balance) => {
    const difference = compareBalances(policy, balance, byScope.get(balance.scope));
    byScope.delete(balance.scope);
    return difference;
  });
  return [
    ...differences,
    ...[...byScope.values()].flatMap((balance) => compareBalances(policy, undefined, balance)),
  ];
}

const COUNTED = ["used_tokens", "used_cost_nano_usd", "held_tokens", "held_cost_nano_usd"] as const;

function compareBalances(
  policy: BudgetPolicy,
  recorded: Balance | undefined,
  recounted: Balance | undefined,
): readonly VerifyDifference[] {
  const scope = (recorded ?? recounted)?.scope ?? "";
  const subject = `policy ${policy.policy_id}${scope === "" ? "" : ` in context ${scope}`}`;
  return COUNTED.flatMap((field) => {
    const [was, is] = [String(recorded?.[field] ?? 0), String(recounted?.[field] ?? 0)];
    return was === is ? [] : [{ subject, field, recorded: was, recounted: is }];
  });
}

async function verifyAllocations(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly VerifyDifference[]> {
  const mismatches = await findAllocationMismatches(transaction, tenant_id);
  return mismatches.map((one) => ({
    subject: `allocation ${one.allocation_id}`,
    field: "used",
    recorded: `${one.tokens_used} tokens, ${one.cost_used_nano_usd} nano-USD`,
    recounted: `${one.recounted_tokens} tokens, ${one.recounted_cost_nano_usd} nano-USD`,
  }));
}

/** Ids of usage records are unique by the month only, so two of one id would otherwise go unseen. */
async function verifyUsageRecords(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly VerifyDifference[]> {
  const doubled = await findDoubledRecords(transaction, tenant_id);
  return doubled.map(({ record_id, count }) => ({
    subject: `usage record ${record_id}`,
    field: "count",
    recorded: String(count),
    recounted: "1",
  }));
}

async function verifyRollups(
  transaction: Transaction,
  tenant_id: string,
): Promise<readonly VerifyDifference[]> {
  const mismatches = await findRollupMismatches(transaction, tenant_id);
  return mismatches.map((one) => ({
    subject:
      `rollup of budget ${one.budget_id} in the hour of ${new Date(one.hour_start_ms).toISOString()} ` +
      `(${one.provider} ${one.model}, ${one.component}, ${one.tier}, ${one.task_type})`,
    field: "sums",
    recorded: one.recorded,
    recounted: one.recounted,
  }));
}
