import {
  NOTHING,
  addHeld,
  addUsed,
  balanceInWindow,
  closeAllocation,
  createWindowCache,
  holdChange,
  isInForce,
  isPerContext,
  toViolationWire,
  type Alert,
  type Amount,
  type AuditDraft,
  type Balance,
  type BudgetAllocation,
  type BudgetPolicy,
  type CountedPolicy,
  type DecisionRecord,
  type EventType,
  type Metadata,
  type Refusal,
  type StoredRefusal,
  type UsageRecord,
  type OutboxEvent,
} from "@budget/domain";
import {
  alertRaised,
  type BalanceKey,
  type IdempotencyRecord,
  type LedgerChanges,
} from "@budget/repositories";
import { alertsAfterUsage, newAlert, type AlertReason } from "./alerts.ts";
import type { Catalog } from "./catalog.ts";
import type { Target } from "./command.ts";
import { RollupSums } from "./rollup-sums.ts";

/** An event about something that has a row of its own names it, and no more. */
const NO_PAYLOAD: Metadata = {};

/** The windows of all policies; the calendar does not depend on the tenant. */
const windowAt = createWindowCache();

const keyOf = (policy: BudgetPolicy, context_id: string): string =>
  isPerContext(policy.period) ? `${policy.policy_id}/${context_id}` : policy.policy_id;

/** The balances that targets touch, each once. */
export function balanceKeys(targets: readonly Target[]): readonly BalanceKey[] {
  const keys = new Map<string, BalanceKey>();
  for (const { policies, context_id } of targets) {
    for (const policy of policies) {
      const key = keyOf(policy, context_id);
      if (keys.has(key)) continue;
      keys.set(key, { policy_id: policy.policy_id, scope: isPerContext(policy.period) ? context_id : "" });
    }
  }
  return [...keys.values()];
}

/** The policies that hold what an allocation holds. */
export const targetOf = (catalog: Catalog, allocation: BudgetAllocation): Target => ({
  policies: catalog.budgets.policiesCounting(allocation.budget_id, allocation),
  context_id: allocation.context_id,
});

/** What a policy counts before it has counted anything. */
export const emptyBalance = (
  { tenant_id, policy_id, period }: BudgetPolicy,
  context_id: string,
): Balance => ({
  tenant_id,
  policy_id,
  scope: isPerContext(period) ? context_id : "",
  window_start_ms: 0,
  used_tokens: 0,
  used_cost_nano_usd: 0n,
  held_tokens: 0,
  held_cost_nano_usd: 0n,
  alerts_raised: 0,
});

/** What a batch starts from: rows that are locked until it commits. */
export interface BatchState {
  readonly catalog: Catalog;
  readonly now_ms: number;
  readonly nextId: (at_ms: number) => string;
  readonly allocations: readonly BudgetAllocation[];
  readonly balances: readonly Balance[];
  /** Found only where an earlier attempt was committed and its answer lost. */
  readonly usage_records: readonly UsageRecord[];
}

/**
 * The memory of one ledger transaction. Commands read and change it in arrival order, so that each sees what those
 * before it did; then everything that changed is written at once.
 */
export class Batch {
  readonly catalog: Catalog;
  readonly now_ms: number;
  readonly allocations: Map<string, BudgetAllocation>;
  readonly usage_records: ReadonlyMap<string, UsageRecord>;
  readonly #nextId: (at_ms: number) => string;
  readonly #balances = new Map<string, Balance>();
  readonly #changedBalances = new Set<string>();
  /** The decisions that granted allocations of this batch. */
  readonly #grants = new Map<string, DecisionRecord>();
  readonly #changedAllocations = new Set<string>();
  readonly #refusals: StoredRefusal[] = [];
  readonly #usageRecords: UsageRecord[] = [];
  readonly #rollups = new RollupSums();
  readonly #alerts: Alert[] = [];
  readonly #events: OutboxEvent[] = [];
  readonly #auditDrafts: AuditDraft[] = [];
  readonly #idempotencyRecords = new Map<string, IdempotencyRecord>();

  constructor(state: BatchState) {
    this.catalog = state.catalog;
    this.#nextId = state.nextId;
    this.allocations = new Map(state.allocations.map((allocation) => [allocation.allocation_id, allocation]));
    this.usage_records = new Map(state.usage_records.map((record) => [record.record_id, record]));
    for (const balance of state.balances) {
      this.#balances.set(
        balance.scope === "" ? balance.policy_id : `${balance.policy_id}/${balance.scope}`,
        balance,
      );
    }
    // A server whose clock is behind must not book into a window that another one has closed already.
    this.now_ms = Math.max(state.now_ms, ...state.balances.map((balance) => balance.window_start_ms));
  }

  nextId(): string {
    return this.#nextId(this.now_ms);
  }

  /** The policies of a target with their balances in the window of now, in id order. */
  counted({ policies, context_id }: Target): readonly CountedPolicy[] {
    return policies.map((policy) => {
      const window = windowAt(policy.period, policy.time_zone, this.now_ms);
      return { policy, window, balance: balanceInWindow(this.#balance(policy, context_id), window) };
    });
  }

  /** The same for a command that only asks, where a balance that is not there yet is an empty one. */
  peek({ policies, context_id }: Target): readonly CountedPolicy[] {
    return policies.map((policy) => {
      const window = windowAt(policy.period, policy.time_zone, this.now_ms);
      const balance = this.#balances.get(keyOf(policy, context_id)) ?? emptyBalance(policy, context_id);
      return { policy, window, balance: balanceInWindow(balance, window) };
    });
  }

  #balance(policy: BudgetPolicy, context_id: string): Balance {
    const balance = this.#balances.get(keyOf(policy, context_id));
    if (balance === undefined) throw new Error(`The balance of policy ${policy.policy_id} was not locked.`);
    return balance;
  }

  #setBalance(policy: BudgetPolicy, context_id: string, balance: Balance): void {
    const key = keyOf(policy, context_id);
    this.#balances.set(key, balance);
    this.#changedBalances.add(key);
  }

  /** Adds an allocation, and what it holds to its policies' balances. */
  addAllocation(allocation: BudgetAllocation, decision: DecisionRecord): void {
    this.#grants.set(allocation.allocation_id, decision);
    this.#putAllocation(null, allocation, "allocation.granted");
  }

  /** Puts an allocation in its new state, and its policies' balances with it. */
  changeAllocation(allocation: BudgetAllocation, event_type: EventType | null): void {
    const { allocation_id } = allocation;
    const before = this.#allocation(allocation_id);
    if (!this.#grants.has(allocation_id)) this.#changedAllocations.add(allocation_id);
    this.#putAllocation(before, allocation, event_type);
  }

  #allocation(allocation_id: string): BudgetAllocation {
    const allocation = this.allocations.get(allocation_id);
    if (allocation === undefined) throw new Error(`Allocation ${allocation_id} was not locked.`);
    return allocation;
  }

  #putAllocation(
    before: BudgetAllocation | null,
    after: BudgetAllocation,
    event_type: EventType | null,
  ): void {
    this.#hold(targetOf(this.catalog, after), holdChange(before, after));
    this.allocations.set(after.allocation_id, after);
    if (event_type !== null) this.addEvent(event_type, after.budget_id, after.allocation_id, NO_PAYLOAD);
  }

  /** Keeps a refusal, and tells listeners what was refused. */
  addRefusal(refused: StoredRefusal, { tokens_that_fit, violations }: Refusal): void {
    this.#refusals.push(refused);
    const { budget_id, context_id, component } = refused;
    this.addEvent("allocation.refused", budget_id, refused.refusal_id, {
      budget_id,
      context_id,
      component,
      tokens_that_fit,
      violations: violations.map(toViolationWire),
    });
  }

  #hold(target: Target, change: Amount): void {
    if (change.tokens === NOTHING.tokens && change.cost_nano_usd === NOTHING.cost_nano_usd) return;
    for (const { policy, balance } of this.counted(target)) {
      this.#setBalance(policy, target.context_id, addHeld(balance, change));
    }
  }

  /** Frees what the live allocations among those locked hold past their time. */
  expireDue(): void {
    for (const allocation of this.allocations.values()) {
      if (allocation.status !== "active" || allocation.expiration_time_ms > this.now_ms) continue;
      this.changeAllocation(
        closeAllocation(allocation, "expired", allocation.expiration_time_ms),
        "allocation.expired",
      );
    }
  }

  /**
   * Books a usage record to the policies that count it, to its hour, and to the alerts that it causes. One that sets an
   * older cost right may belong to a window that is over: then nothing counts it any more.
   */
  addUsage(record: UsageRecord, target: Target, unpriced: string | null): void {
    const amount: Amount = { tokens: record.total_tokens, cost_nano_usd: record.total_cost_nano_usd };
    for (const { policy, balance, window } of this.counted(target)) {
      const isCounted = record.timestamp_ms >= window.start_ms;
      const used = isCounted ? addUsed(balance, amount) : balance;
      const isHeard = isCounted && isInForce(policy, this.now_ms);
      const reasons = isHeard ? alertsAfterUsage(policy, used, record, unpriced) : [];
      this.#setBalance(policy, target.context_id, this.#raise(policy, used, reasons, window.end_ms));
    }
    this.#usageRecords.push(record);
    this.#rollups.add(record);
    this.addEvent("usage.recorded", record.budget_id, record.record_id, NO_PAYLOAD);
  }

  /** Raises an alert on a policy, once in a window. */
  raiseAlert(policy: BudgetPolicy, context_id: string, reason: AlertReason): void {
    for (const { balance, window } of this.counted({ policies: [policy], context_id })) {
      this.#setBalance(policy, context_id, this.#raise(policy, balance, [reason], window.end_ms));
    }
  }

  #raise(
    policy: BudgetPolicy,
    balance: Balance,
    reasons: readonly AlertReason[],
    resets_at_ms: number | null,
  ): Balance {
    let { alerts_raised } = balance;
    for (const reason of reasons) {
      if ((alerts_raised & reason.bit) !== 0) continue;
      alerts_raised |= reason.bit;
      const alert = newAlert(this.nextId(), policy, balance, reason, resets_at_ms, this.now_ms);
      this.#alerts.push(alert);
      this.#events.push(alertRaised(alert));
    }
    return alerts_raised === balance.alerts_raised ? balance : { ...balance, alerts_raised };
  }

  addEvent(event_type: EventType, budget_id: string | null, subject_id: string, payload: Metadata): void {
    this.#events.push({
      tenant_id: this.catalog.tenant_id,
      event_type,
      budget_id,
      subject_id,
      payload,
      created_at_ms: this.now_ms,
    });
  }

  /** Leaves something for the record of changes. Whoever writes there keeps others from it until the commit. */
  addAuditDraft(draft: AuditDraft): void {
    this.#auditDrafts.push(draft);
  }

  /** What goes into the record of changes; nearly always nothing. */
  get auditDrafts(): readonly AuditDraft[] {
    return this.#auditDrafts;
  }

  addIdempotencyRecord(record: IdempotencyRecord): void {
    this.#idempotencyRecords.set(record.idempotency_key, record);
  }

  /** What a command of this very batch answered for a key. */
  idempotencyRecord(key: string): IdempotencyRecord | undefined {
    return this.#idempotencyRecords.get(key);
  }

  /** Everything that has to be written. */
  changes(): LedgerChanges {
    const pick = <T>(names: ReadonlySet<string>, map: ReadonlyMap<string, T>): T[] =>
      [...names].map((name) => map.get(name) as T);
    return {
      balances: pick(this.#changedBalances, this.#balances),
      new_allocations: [...this.#grants].map(([allocation_id, decision]) => ({
        allocation: this.#allocation(allocation_id),
        decision,
      })),
      changed_allocations: pick(this.#changedAllocations, this.allocations),
      refusals: this.#refusals,
      usage_records: this.#usageRecords,
      rollups: this.#rollups.rows(),
      alerts: this.#alerts,
      events: this.#events,
      idempotency_records: [...this.#idempotencyRecords.values()],
    };
  }
}
