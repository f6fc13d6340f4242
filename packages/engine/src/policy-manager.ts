import {
  accepted,
  balanceInWindow,
  createWindowCache,
  isPerContext,
  rejected,
  type BudgetPolicy,
  type CountedPolicy,
  type Outcome,
  type PolicyCreate,
  type PolicyQuery,
  type PolicyUpdate,
} from "@budget/domain";
import { PolicyRepository, TenantRepository, type LedgerSession } from "@budget/repositories";
import { emptyBalance } from "./batch.ts";
import type { BudgetTree } from "./budget-tree.ts";
import type { CommandContext, Page, PolicyManager } from "./engine.ts";
import { idempotentRequest, once } from "./idempotency.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { PolicyChanges } from "./policy-changes.ts";
import { DEFAULT_POLICY_FIELDS, readPolicyFields } from "./policy-fields.ts";
import { invalid, notFound, staleVersion } from "./requests.ts";

export function createPolicyManager(runner: LedgerRunner): PolicyManager {
  const { database, clock, ids } = runner;
  const policies = new PolicyRepository(database);
  const tenants = new TenantRepository(database);
  const changes = new PolicyChanges(database);

  async function change(
    context: CommandContext,
    policy_id: string,
    expected_version: number | null,
    work: (session: LedgerSession, tree: BudgetTree, policy: BudgetPolicy) => Promise<Outcome<BudgetPolicy>>,
  ): Promise<Outcome<BudgetPolicy>> {
    return runner.exclusively(context.tenant_id, async (session, tree) => {
      const policy = tree.policy(policy_id);
      if (policy === undefined) return notFound("policy", policy_id);
      if (expected_version !== null && policy.version !== expected_version)
        return staleVersion(policy.version);
      return work(session, tree, policy);
    });
  }

  return {
    create(context: CommandContext, input: PolicyCreate): Promise<Outcome<BudgetPolicy>> {
      const idempotency = idempotentRequest(context, "policy.create", input);
      return runner.exclusively(context.tenant_id, (session, tree) => {
        // Read under the lock: while it was waited for, a window may have turned.
        const now_ms = clock.now();
        return once(session, idempotency, now_ms, async () => {
          const budget_id = input.budget_id ?? tree.default_budget_id;
          if (budget_id === null)
            return invalid("/budget_id", "There is no default budget, so a budget_id is needed.");
          if (tree.budget(budget_id) === undefined) {
            return rejected({
              code: "budget_not_found",
              field: "/budget_id",
              detail: `There is no budget with the id ${budget_id}.`,
            });
          }
          const fields = readPolicyFields(
            { ...DEFAULT_POLICY_FIELDS, type: "log", period: input.period },
            input,
          );
          if (!fields.ok) return fields;
          const policy: BudgetPolicy = {
            tenant_id: context.tenant_id,
            policy_id: ids.next(now_ms),
            budget_id,
            ...fields.value,
            created_at_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
          };
          await changes.save(session, context, tree, null, policy);
          return accepted(policy);
        });
      });
    },

    async get(context: CommandContext, policy_id: string): Promise<Outcome<BudgetPolicy>> {
      const policy = await policies.getById(context.tenant_id, policy_id);
      return policy === null ? notFound("policy", policy_id) : accepted(policy);
    },

    list(context: CommandContext, query: PolicyQuery): Promise<Page<BudgetPolicy>> {
      return policies.list(context.tenant_id, query);
    },

    async counted(context: CommandContext): Promise<readonly CountedPolicy[]> {
      const windowAt = createWindowCache();
      const now_ms = clock.now();
      return (await policies.withBalances(context.tenant_id))
        .filter(({ policy }) => !isPerContext(policy.period))
        .map(({ policy, balance }) => {
          const window = windowAt(policy.period, policy.time_zone, now_ms);
          return { policy, window, balance: balanceInWindow(balance ?? emptyBalance(policy, ""), window) };
        });
    },

    update(context, policy_id, input: PolicyUpdate, expected_version): Promise<Outcome<BudgetPolicy>> {
      return change(context, policy_id, expected_version, async (session, tree, policy) => {
        const fields = readPolicyFields(policy, input);
        if (!fields.ok) return fields;
        const changed: BudgetPolicy = {
          ...policy,
          ...fields.value,
          updated_at_ms: clock.now(),
          version: policy.version + 1,
        };
        await changes.save(session, context, tree, policy, changed);
        return accepted(changed);
      });
    },

    delete(context, policy_id, expected_version): Promise<Outcome<BudgetPolicy>> {
      return change(context, policy_id, expected_version, async (session, _tree, policy) => {
        const now_ms = clock.now();
        const { transaction, tenant_id } = session;
        const catalog_version = await tenants.bumpCatalogVersion(transaction, tenant_id);
        await policies.delete(transaction, tenant_id, policy_id, now_ms, catalog_version);
        await session.replaceBalances(policy_id, []);
        const deleted = { ...policy, enabled: false, updated_at_ms: now_ms, version: policy.version + 1 };
        await changes.announce(session, context, "policy.deleted", policy, deleted);
        return accepted(deleted);
      });
    },
  };
}
