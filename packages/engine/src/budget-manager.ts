import {
  accepted,
  rejected,
  type Budget,
  type BudgetCreate,
  type BudgetQuery,
  type BudgetSummaryWire,
  type BudgetUpdate,
  type Outcome,
  type Period,
  type Rejection,
} from "@budget/domain";
import {
  BudgetRepository,
  PolicyRepository,
  TenantRepository,
  type LedgerSession,
} from "@budget/repositories";
import { BudgetChanges } from "./budget-changes.ts";
import { summariseBudget } from "./budget-summary.ts";
import { BudgetTree } from "./budget-tree.ts";
import type { BudgetManager, CommandContext, Page } from "./engine.ts";
import { idempotentRequest, once } from "./idempotency.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { recountPolicies } from "./policy-balances.ts";
import { notFound, staleVersion } from "./requests.ts";
import { whyTooMany } from "./tenant-limits.ts";

export function createBudgetManager(runner: LedgerRunner): BudgetManager {
  const { database, clock, ids } = runner;
  const budgets = new BudgetRepository(database);
  const policies = new PolicyRepository(database);
  const tenants = new TenantRepository(database);
  const changes = new BudgetChanges(database);

  /** Counts every policy over a budget anew, as the budgets stand after a change in this transaction. */
  async function recountOver(
    session: LedgerSession,
    budget_ids: readonly string[],
    now_ms: number,
  ): Promise<void> {
    const tree = await BudgetTree.read(database, session.transaction, session.tenant_id);
    const over = new Map(
      budget_ids.flatMap((id) => tree.policiesOver(id)).map((policy) => [policy.policy_id, policy]),
    );
    await recountPolicies(session, tree, [...over.values()], now_ms, "kept");
  }

  async function change(
    context: CommandContext,
    budget_id: string,
    expected_version: number | null,
    work: (session: LedgerSession, tree: BudgetTree, budget: Budget) => Promise<Outcome<Budget>>,
  ): Promise<Outcome<Budget>> {
    return runner.exclusively(context.tenant_id, async (session, tree) => {
      const budget = tree.budget(budget_id);
      if (budget === undefined) return notFound("budget", budget_id);
      if (expected_version !== null && budget.version !== expected_version)
        return staleVersion(budget.version);
      return work(session, tree, budget);
    });
  }

  return {
    create(context: CommandContext, input: BudgetCreate): Promise<Outcome<Budget>> {
      const idempotency = idempotentRequest(context, "budget.create", input);
      return runner.exclusively(context.tenant_id, (session, tree) => {
        const now_ms = clock.now();
        return once(session, idempotency, now_ms, async () => {
          const parent_budget_id = input.parent_budget_id ?? null;
          const misplaced = whyMisplaced(tree, null, parent_budget_id);
          if (misplaced !== null) return rejected(misplaced);
          const tooMany = await whyTooMany(database, session, "max_budgets", () => tree.size);
          if (tooMany !== null) return rejected(tooMany);
          const budget: Budget = {
            tenant_id: context.tenant_id,
            budget_id: ids.next(now_ms),
            parent_budget_id,
            name: input.name,
            description: input.description ?? "",
            owner: input.owner ?? "",
            is_active: input.is_active ?? true,
            metadata: input.metadata ?? {},
            creation_time_ms: now_ms,
            updated_at_ms: now_ms,
            version: 1,
          };
          await changes.save(session, context, null, budget);
          return accepted(budget);
        });
      });
    },

    async get(context: CommandContext, budget_id: string): Promise<Outcome<Budget>> {
      const budget = await budgets.getById(context.tenant_id, budget_id);
      return budget === null ? notFound("budget", budget_id) : accepted(budget);
    },

    async getDefault({ tenant_id }: CommandContext): Promise<Budget> {
      const budget_id = (await tenants.getById(tenant_id))?.default_budget_id ?? null;
      const budget = budget_id === null ? null : await budgets.getById(tenant_id, budget_id);
      if (budget === null) throw new Error(`Tenant ${tenant_id} has no default budget.`);
      return budget;
    },

    list(context: CommandContext, query: BudgetQuery): Promise<Page<Budget>> {
      return budgets.list(context.tenant_id, query);
    },

    update(context, budget_id, input: BudgetUpdate, expected_version): Promise<Outcome<Budget>> {
      return change(context, budget_id, expected_version, async (session, tree, budget) => {
        const parent_budget_id =
          input.parent_budget_id === undefined ? budget.parent_budget_id : input.parent_budget_id;
        const misplaced = whyMisplaced(tree, budget_id, parent_budget_id);
        if (misplaced !== null) return rejected(misplaced);
        const now_ms = clock.now();
        const changed: Budget = {
          ...budget,
          parent_budget_id,
          name: input.name ?? budget.name,
          description: input.description ?? budget.description,
          owner: input.owner ?? budget.owner,
          is_active: input.is_active ?? budget.is_active,
          metadata: input.metadata ?? budget.metadata,
          updated_at_ms: now_ms,
          version: budget.version + 1,
        };
        await changes.save(session, context, budget, changed);
        if (parent_budget_id !== budget.parent_budget_id) {
          const formerParent = budget.parent_budget_id === null ? [] : [budget.parent_budget_id];
          await recountOver(session, [budget_id, ...formerParent], now_ms);
        }
        return accepted(changed);
      });
    },

    delete(context, budget_id, expected_version): Promise<Outcome<Budget>> {
      return change(context, budget_id, expected_version, async (session, tree, budget) => {
        if (tree.default_budget_id === budget_id) return rejected(DEFAULT_BUDGET_STAYS);
        if (tree.hasChildren(budget_id)) {
          return rejected({
            code: "budget_has_children",
            detail: `Budget ${budget_id} has budgets below it. Delete them, or move them to another parent, first.`,
          });
        }
        const now_ms = clock.now();
        const { transaction, tenant_id } = session;
        const catalog_version = await tenants.bumpCatalogVersion(transaction, tenant_id);
        for (const { policy_id } of tree.policiesOn(budget_id)) {
          await policies.delete(transaction, tenant_id, policy_id, now_ms, catalog_version);
          await session.replaceBalances(policy_id, []);
        }
        await budgets.delete(transaction, tenant_id, budget_id, now_ms, catalog_version);
        const deleted = { ...budget, is_active: false, updated_at_ms: now_ms, version: budget.version + 1 };
        await changes.announce(session, context, "budget.deleted", budget, deleted);
        return accepted(deleted);
      });
    },

    async summary(context, budget_id, period: Period | null): Promise<Outcome<readonly BudgetSummaryWire[]>> {
      await runner.freeExpired(context.tenant_id);
      return database.snapshot(context.tenant_id, async (transaction) => {
        const tree = await BudgetTree.read(database, transaction, context.tenant_id);
        if (tree.budget(budget_id) === undefined) return notFound("budget", budget_id);
        return accepted(await summariseBudget(transaction, tree, budget_id, period, clock.now()));
      });
    },
  };
}

const DEFAULT_BUDGET_STAYS: Rejection = {
  code: "invalid_value",
  detail: "The default budget cannot be deleted, because requests that name no budget are charged to it.",
};

/** Why a budget cannot be below a parent, or null where it can. */
function whyMisplaced(
  tree: BudgetTree,
  budget_id: string | null,
  parent_budget_id: string | null,
): Rejection | null {
  if (parent_budget_id === null) return null;
  const field = "/parent_budget_id";
  if (tree.budget(parent_budget_id) === undefined) {
    return { code: "budget_not_found", field, detail: `There is no budget with the id ${parent_budget_id}.` };
  }
  if (budget_id === null || !tree.family(budget_id).includes(parent_budget_id)) return null;
  return { code: "invalid_value", field, detail: "A budget cannot be below itself or below one of its own." };
}
