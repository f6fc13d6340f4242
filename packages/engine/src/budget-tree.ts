import { matches, type Budget, type BudgetPolicy, type RequestDimensions } from "@budget/domain";
import {
  BudgetRepository,
  PolicyRepository,
  TenantRepository,
  readCatalogVersions,
  type Database,
  type StoredBudget,
  type StoredPolicy,
  type Transaction,
} from "@budget/repositories";

/** As many combinations of budget and dimensions as are remembered with their policies. */
const MAX_REMEMBERED_MATCHES = 50_000;

const NEVER_READ = -1;

/** A tenant's budgets, how they are nested, and their policies, held in memory. */
export class BudgetTree {
  readonly tenant_id: string;
  readonly #budgets = new Map<string, StoredBudget>();
  readonly #children = new Map<string, Set<string>>();
  readonly #policies = new Map<string, StoredPolicy>();
  readonly #policiesByBudget = new Map<string, Map<string, StoredPolicy>>();
  readonly #chains = new Map<string, readonly BudgetPolicy[]>();
  readonly #matches = new Map<string, readonly BudgetPolicy[]>();
  #version = NEVER_READ;
  #default_budget_id: string | null = null;

  constructor(tenant_id: string) {
    this.tenant_id = tenant_id;
  }

  /** The tree as one transaction sees it, its own changes included. */
  static async read(database: Database, transaction: Transaction, tenant_id: string): Promise<BudgetTree> {
    const tree = new BudgetTree(tenant_id);
    const versions = await readCatalogVersions(transaction, [tenant_id]);
    await tree.refresh(database, transaction, versions.get(tenant_id));
    return tree;
  }

  /** Reads what changed since the version that is held, where the database has a newer one. */
  async refresh(database: Database, transaction: Transaction, version: number | undefined): Promise<void> {
    if (version === undefined || version === this.#version) return;
    const { tenant_id } = this;
    const tenant = await new TenantRepository(database).getById(tenant_id, transaction);
    const budgets = await new BudgetRepository(database).changedSince(transaction, tenant_id, this.#version);
    const policies = await new PolicyRepository(database).changedSince(transaction, tenant_id, this.#version);
    this.#default_budget_id = tenant?.default_budget_id ?? null;
    for (const budget of budgets) this.#keepBudget(budget);
    for (const policy of policies) this.#keepPolicy(policy);
    this.#chains.clear();
    this.#matches.clear();
    this.#version = version;
  }

  #keepBudget(budget: StoredBudget): void {
    const formerParent = this.#budgets.get(budget.budget_id)?.parent_budget_id ?? null;
    if (formerParent !== null) this.#children.get(formerParent)?.delete(budget.budget_id);
    this.#budgets.set(budget.budget_id, budget);
    if (budget.parent_budget_id === null) return;
    const siblings = this.#children.get(budget.parent_budget_id) ?? new Set();
    this.#children.set(budget.parent_budget_id, siblings.add(budget.budget_id));
  }

  #keepPolicy(policy: StoredPolicy): void {
    const ofBudget = this.#policiesByBudget.get(policy.budget_id) ?? new Map<string, StoredPolicy>();
    this.#policiesByBudget.set(policy.budget_id, ofBudget);
    if (policy.deleted_at_ms === null) {
      this.#policies.set(policy.policy_id, policy);
      ofBudget.set(policy.policy_id, policy);
    } else {
      this.#policies.delete(policy.policy_id);
      ofBudget.delete(policy.policy_id);
    }
  }

  /** How many budgets there are. */
  get size(): number {
    let count = 0;
    for (const { deleted_at_ms } of this.#budgets.values()) if (deleted_at_ms === null) count += 1;
    return count;
  }

  /** Charged by requests that name no budget. */
  get default_budget_id(): string | null {
    return this.#default_budget_id;
  }

  /** A budget that exists and was not deleted. */
  budget(budget_id: string): Budget | undefined {
    const budget = this.#budgets.get(budget_id);
    return budget?.deleted_at_ms === null ? budget : undefined;
  }

  policy(policy_id: string): BudgetPolicy | undefined {
    return this.#policies.get(policy_id);
  }

  policies(): readonly BudgetPolicy[] {
    return [...this.#policies.values()];
  }

  hasChildren(budget_id: string): boolean {
    return [...(this.#children.get(budget_id) ?? [])].some((id) => this.budget(id) !== undefined);
  }

  /** A budget and its ancestors, from the budget up; deleted ones are among them. */
  lineage(budget_id: string): readonly StoredBudget[] {
    const line: StoredBudget[] = [];
    let budget = this.#budgets.get(budget_id);
    while (budget !== undefined) {
      line.push(budget);
      budget = budget.parent_budget_id === null ? undefined : this.#budgets.get(budget.parent_budget_id);
    }
    return line;
  }

  /** A budget and everything below it; deleted ones are among them, because their usage still counts. */
  family(budget_id: string): readonly string[] {
    const family = [budget_id];
    for (const member of family) family.push(...(this.#children.get(member) ?? []));
    return family;
  }

  /** The policies of a budget itself, in id order. */
  policiesOn(budget_id: string): readonly BudgetPolicy[] {
    return this.policiesOver(budget_id).filter((policy) => policy.budget_id === budget_id);
  }

  /** Every policy of a budget and of its ancestors, in id order. */
  policiesOver(budget_id: string): readonly BudgetPolicy[] {
    let chain = this.#chains.get(budget_id);
    if (chain === undefined) {
      chain = this.lineage(budget_id)
        .flatMap((budget) => [...(this.#policiesByBudget.get(budget.budget_id)?.values() ?? [])])
        .sort((left, right) => (left.policy_id < right.policy_id ? -1 : 1));
      this.#chains.set(budget_id, chain);
    }
    return chain;
  }

  /** The policies over a budget that count a request with these dimensions, in id order. */
  policiesCounting(budget_id: string, request: RequestDimensions): readonly BudgetPolicy[] {
    const chain = this.policiesOver(budget_id);
    if (chain.length === 0) return chain;
    const key = JSON.stringify([
      budget_id,
      request.tier,
      request.provider,
      request.model,
      request.component,
      request.task_type,
    ]);
    let counting = this.#matches.get(key);
    if (counting === undefined) {
      counting = chain.filter((policy) => matches(policy, request));
      if (this.#matches.size >= MAX_REMEMBERED_MATCHES) this.#matches.clear();
      this.#matches.set(key, counting);
    }
    return counting;
  }
}
