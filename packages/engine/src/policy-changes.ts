import { changeBy, toPolicyWire, type BudgetPolicy, type EventType } from "@budget/domain";
import {
  AuditRepository,
  PolicyRepository,
  TenantRepository,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import type { BudgetTree } from "./budget-tree.ts";
import type { CommandContext } from "./engine.ts";
import { recountPolicies } from "./policy-balances.ts";

/** Writes policies, for whoever has the tenant for itself. */
export class PolicyChanges {
  readonly #policies: PolicyRepository;
  readonly #tenants: TenantRepository;
  readonly #audit: AuditRepository;

  constructor(database: Database) {
    this.#policies = new PolicyRepository(database);
    this.#tenants = new TenantRepository(database);
    this.#audit = new AuditRepository(database);
  }

  /** Writes a policy under the next version of the catalogue, counts it anew, and tells of it. */
  async save(
    session: LedgerSession,
    context: CommandContext,
    tree: BudgetTree,
    before: BudgetPolicy | null,
    policy: BudgetPolicy,
  ): Promise<void> {
    const catalog_version = await this.#tenants.bumpCatalogVersion(session.transaction, session.tenant_id);
    const write = before === null ? "create" : "update";
    await this.#policies[write](session.transaction, { ...policy, deleted_at_ms: null }, catalog_version);
    await recountPolicies(session, tree, [policy], policy.updated_at_ms, "anew");
    const event_type = before === null ? "policy.created" : "policy.updated";
    await this.announce(session, context, event_type, before, policy);
  }

  /** Tells listeners of a change, and puts it into the record. */
  async announce(
    session: LedgerSession,
    context: CommandContext,
    event_type: EventType,
    before: BudgetPolicy | null,
    policy: BudgetPolicy,
  ): Promise<void> {
    const { budget_id, policy_id, updated_at_ms } = policy;
    await session.writeEvents([
      {
        tenant_id: session.tenant_id,
        event_type,
        budget_id,
        subject_id: policy_id,
        payload: toPolicyWire(policy),
        created_at_ms: updated_at_ms,
      },
    ]);
    const change = {
      action: event_type,
      subject_id: policy_id,
      before: before && toPolicyWire(before),
      after: event_type === "policy.deleted" ? null : toPolicyWire(policy),
      at_ms: updated_at_ms,
    };
    await this.#audit.append(session.transaction, session.tenant_id, [changeBy(context, change)]);
  }
}
