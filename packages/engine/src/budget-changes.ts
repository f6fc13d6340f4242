import { changeBy, toBudgetWire, type Budget, type EventType } from "@budget/domain";
import {
  AuditRepository,
  BudgetRepository,
  TenantRepository,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import type { CommandContext } from "./engine.ts";

/** Writes budgets, for whoever has the tenant for itself. */
export class BudgetChanges {
  readonly #budgets: BudgetRepository;
  readonly #tenants: TenantRepository;
  readonly #audit: AuditRepository;

  constructor(database: Database) {
    this.#budgets = new BudgetRepository(database);
    this.#tenants = new TenantRepository(database);
    this.#audit = new AuditRepository(database);
  }

  /** Writes a budget under the next version of the catalogue, and tells of it; `before` is null for a new one. */
  async save(
    session: LedgerSession,
    context: CommandContext,
    before: Budget | null,
    budget: Budget,
  ): Promise<void> {
    const catalog_version = await this.#tenants.bumpCatalogVersion(session.transaction, session.tenant_id);
    const write = before === null ? "create" : "update";
    await this.#budgets[write](session.transaction, { ...budget, deleted_at_ms: null }, catalog_version);
    const event_type = before === null ? "budget.created" : "budget.updated";
    await this.announce(session, context, event_type, before, budget);
  }

  /** Tells listeners of a change, and puts it into the record. */
  async announce(
    session: LedgerSession,
    context: CommandContext,
    event_type: EventType,
    before: Budget | null,
    budget: Budget,
  ): Promise<void> {
    const { budget_id, updated_at_ms } = budget;
    await session.writeEvents([
      {
        tenant_id: session.tenant_id,
        event_type,
        budget_id,
        subject_id: budget_id,
        payload: toBudgetWire(budget),
        created_at_ms: updated_at_ms,
      },
    ]);
    const change = {
      action: event_type,
      subject_id: budget_id,
      before: before && toBudgetWire(before),
      after: event_type === "budget.deleted" ? null : toBudgetWire(budget),
      at_ms: updated_at_ms,
    };
    await this.#audit.append(session.transaction, session.tenant_id, [changeBy(context, change)]);
  }

  /** Charges requests that name no budget to another one. */
  async makeDefault(
    session: LedgerSession,
    context: CommandContext,
    before_id: string | null,
    budget_id: string,
    at_ms: number,
  ): Promise<void> {
    const { transaction, tenant_id } = session;
    await this.#tenants.bumpCatalogVersion(transaction, tenant_id);
    await this.#tenants.setDefaultBudget(transaction, tenant_id, budget_id);
    const change = {
      action: "tenant.default_budget_changed",
      subject_id: tenant_id,
      before: { default_budget_id: before_id },
      after: { default_budget_id: budget_id },
      at_ms,
    };
    await this.#audit.append(transaction, tenant_id, [changeBy(context, change)]);
  }
}
