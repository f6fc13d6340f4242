import {
  encodeDecision,
  type Alert,
  type Balance,
  type BudgetAllocation,
  type DecisionRecord,
  type OutboxEvent,
  type StoredRefusal,
  type UsageRecord,
  type UsageRollup,
} from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import {
  alertToRow,
  allocationFromRow,
  allocationToRow,
  balanceFromRow,
  balanceToRow,
  eventToRow,
  refusalToRow,
  usageRecordFromRow,
  usageRecordToRow,
  usageRollupToRow,
} from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

export interface BalanceKey {
  readonly policy_id: string;
  /** Context id of a per-context policy, else empty. */
  readonly scope: string;
}

/** What a command with an idempotency key did the first time. `request` and `outcome` are JSON texts. */
export interface IdempotencyRecord {
  readonly idempotency_key: string;
  readonly operation: string;
  readonly request: string;
  readonly outcome: string;
  readonly created_at_ms: number;
}

/** An allocation, and the decision that granted it. */
export interface NewAllocation {
  readonly allocation: BudgetAllocation;
  readonly decision: DecisionRecord;
}

/** Everything that a batch of commands changes. */
export interface LedgerChanges {
  readonly balances: readonly Balance[];
  readonly new_allocations: readonly NewAllocation[];
  readonly changed_allocations: readonly BudgetAllocation[];
  readonly refusals: readonly StoredRefusal[];
  readonly usage_records: readonly UsageRecord[];
  readonly rollups: readonly UsageRollup[];
  readonly alerts: readonly Alert[];
  readonly events: readonly OutboxEvent[];
  readonly idempotency_records: readonly IdempotencyRecord[];
}

/**
 * The money side of the database: balances, allocations, usage, and what is written with them. A ledger transaction
 * takes its locks in one order (tenant, allocations by id, balances by policy and scope), so that two never wait for
 * each other in a circle. Many of one tenant's run side by side in `shared` mode; a change of budgets or policies runs
 * `exclusive`, so that it sees every allocation and every allocation sees it.
 */
export class Ledger {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** @param also another tenant whose rows are read and written, such as its record of changes */
  transaction<T>(
    tenant_id: string,
    mode: "shared" | "exclusive",
    work: (session: LedgerSession) => Promise<T>,
    also = tenant_id,
  ): Promise<T> {
    const scope = also === tenant_id ? tenant_id : [tenant_id, also];
    return this.#database.transaction(scope, async (transaction) => {
      const locked = transaction.lockTenant(tenant_id, mode);
      // An exclusive transaction reads what others committed before it, so it must have its lock first. A shared one
      // reads what it decides on under row locks, and need not wait for the answer before it sends its first reads; a
      // failure of the lock shows below.
      if (mode === "exclusive") await locked;
      else locked.catch(() => undefined);
      try {
        return await work(new LedgerSession(tenant_id, transaction));
      } finally {
        // Where the lock was not given, the reads sent behind it only say that something before them failed.
        await locked;
      }
    });
  }
}

/** The operations of one ledger transaction of one tenant. */
export class LedgerSession {
  readonly tenant_id: string;
  readonly transaction: Transaction;

  constructor(tenant_id: string, transaction: Transaction) {
    this.tenant_id = tenant_id;
    this.transaction = transaction;
  }

  /** What commands with these keys did before. */
  async findIdempotencyRecords(keys: readonly string[]): Promise<readonly IdempotencyRecord[]> {
    if (keys.length === 0) return [];
    const rows = await this.transaction.query(
      "SELECT idempotency_key, operation, request, outcome, created_at_ms FROM idempotency_keys " +
        `WHERE tenant_id = $1 AND ${this.transaction.dialect.inList("idempotency_key", "$2", "text")}`,
      [this.tenant_id, keys],
    );
    return rows.map((row) => ({
      idempotency_key: row.idempotency_key as string,
      operation: row.operation as string,
      request: row.request as string,
      outcome: row.outcome as string,
      created_at_ms: Number(row.created_at_ms),
    }));
  }

  /** Locks the allocations with these ids, and every live one that has expired at `now_ms`, up to `due_limit` of those. */
  async lockAllocations(
    ids: readonly string[],
    now_ms: number,
    due_limit: number,
  ): Promise<readonly BudgetAllocation[]> {
    const { dialect } = this.transaction;
    const due = `SELECT allocation_id FROM allocations
      WHERE tenant_id = $1 AND status = 'active' AND expiration_time_ms <= $3
      ORDER BY expiration_time_ms LIMIT $4`;
    const rows = await this.transaction.query(
      `SELECT * FROM allocations
       WHERE tenant_id = $1 AND ${dialect.inListOrQuery("allocation_id", "$2", "uuid", due)}
       ORDER BY allocation_id ${dialect.forUpdate}`,
      [this.tenant_id, ids, now_ms, due_limit],
    );
    return rows.map(allocationFromRow);
  }

  /** Usage records with these ids; only asked for after a commit whose answer was lost. */
  async findUsageRecords(ids: readonly string[]): Promise<readonly UsageRecord[]> {
    if (ids.length === 0) return [];
    const rows = await this.transaction.query(
      `SELECT * FROM usage_records WHERE tenant_id = $1 AND ${this.#in("record_id", "$2")}`,
      [this.tenant_id, ids],
    );
    return rows.map(usageRecordFromRow);
  }

  /** Locks those of these balances that there are, in key order. */
  async lockKnownBalances(keys: readonly BalanceKey[]): Promise<readonly Balance[]> {
    if (keys.length === 0) return [];
    return (await this.transaction.lockByKeys(tables.balances, this.#sorted(keys))).map(balanceFromRow);
  }

  /** Locks balances in key order; the ones of contexts that were never seen are made first. */
  async lockBalances(keys: readonly BalanceKey[]): Promise<readonly Balance[]> {
    const known = await this.lockKnownBalances(keys);
    if (known.length === keys.length) return known;
    const empty = this.#sorted(keys).map((key) => ({
      ...key,
      window_start_ms: 0,
      used_tokens: 0,
      used_cost_nano_usd: 0n,
      held_tokens: 0,
      held_cost_nano_usd: 0n,
      alerts_raised: 0,
    }));
    await this.transaction.insertMissing(tables.balances, empty);
    return this.lockKnownBalances(keys);
  }

  #sorted(keys: readonly BalanceKey[]): Row[] {
    return keys.map((key): Row => ({ tenant_id: this.tenant_id, ...key })).sort(byPolicyAndScope);
  }

  /**
   * Writes a whole batch with the commit: one statement per table, sent together. All rows are made before the first
   * statement is sent, so that what cannot be written fails the transaction and not a part of it.
   */
  write(changes: LedgerChanges): void {
    const { transaction, tenant_id } = this;
    const balances = changes.balances.map(balanceToRow);
    const new_allocations = changes.new_allocations.map(({ allocation, decision }): Row => ({
      ...allocationToRow(allocation),
      decision: encodeDecision(decision),
    }));
    const changed_allocations = changes.changed_allocations.map(allocationToRow);
    const refusals = changes.refusals.map(refusalToRow);
    const usage_records = changes.usage_records.map(usageRecordToRow);
    const rollups = changes.rollups.map(usageRollupToRow).sort(byRollupKey);
    const alerts = changes.alerts.map(alertToRow);
    const events = changes.events.map(eventToRow);
    const idempotency_records = changes.idempotency_records.map((record): Row => ({ tenant_id, ...record }));
    transaction.defer(transaction.update(tables.balances, balances));
    transaction.defer(transaction.insert(tables.allocations, new_allocations));
    transaction.defer(transaction.update(tables.allocations, changed_allocations));
    transaction.defer(transaction.insert(tables.refusals, refusals));
    transaction.defer(transaction.insert(tables.usageRecords, usage_records));
    transaction.defer(transaction.add(tables.usageRollups, rollups));
    transaction.defer(transaction.insert(tables.alerts, alerts));
    transaction.defer(transaction.insert(tables.events, events));
    transaction.defer(transaction.insert(tables.idempotencyKeys, idempotency_records));
  }

  /**
   * Writes usage of the past and what it adds to rollups, and waits for it: there may be more to come than fits into
   * memory. Balances are left to a recount.
   */
  async writeHistory(records: readonly UsageRecord[], rollups: readonly UsageRollup[]): Promise<void> {
    const { transaction } = this;
    await Promise.all([
      transaction.insert(tables.usageRecords, records.map(usageRecordToRow)),
      transaction.add(tables.usageRollups, rollups.map(usageRollupToRow)),
    ]);
  }

  async writeIdempotencyRecord(record: IdempotencyRecord): Promise<void> {
    await this.transaction.insert(tables.idempotencyKeys, [{ tenant_id: this.tenant_id, ...record }]);
  }

  async writeEvents(events: readonly OutboxEvent[]): Promise<void> {
    await this.transaction.insert(tables.events, events.map(eventToRow));
  }

  /** Writes alerts that no balance remembers, each with the event that tells of it. */
  async writeAlerts(alerts: readonly Alert[]): Promise<void> {
    await this.transaction.insert(tables.alerts, alerts.map(alertToRow));
    await this.writeEvents(alerts.map(alertRaised));
  }

  /** Replaces what the policy's balances were by what a recount gave. */
  async replaceBalances(policy_id: string, recounted: readonly Balance[]): Promise<void> {
    await this.transaction.query("DELETE FROM balances WHERE tenant_id = $1 AND policy_id = $2", [
      this.tenant_id,
      policy_id,
    ]);
    await this.transaction.insert(tables.balances, recounted.map(balanceToRow));
  }

  #in(column: string, placeholder: string): string {
    return this.transaction.dialect.inList(column, placeholder, "uuid");
  }
}

/** What listeners are told of an alert. */
export const alertRaised = (alert: Alert): OutboxEvent => ({
  tenant_id: alert.tenant_id,
  event_type: "alert.raised",
  budget_id: alert.budget_id,
  subject_id: alert.alert_id,
  payload: {
    kind: alert.kind,
    severity: alert.severity,
    policy_id: alert.policy_id,
    message: alert.message,
  },
  created_at_ms: alert.created_at_ms,
});

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

const byPolicyAndScope = (left: Row, right: Row): number =>
  compare(left.policy_id as string, right.policy_id as string) ||
  compare(left.scope as string, right.scope as string);

/** Transactions that add to the same rollups do so in one order. */
const byRollupKey = (left: Row, right: Row): number => {
  for (const column of tables.usageRollups.key) {
    const order = compare(String(left[column]), String(right[column]));
    if (order !== 0) return order;
  }
  return 0;
};

/**
 * The versions of the catalogues (budgets, policies, prices) of some tenants. In a ledger transaction they are final,
 * because the tenant's lock is held.
 */
export async function readCatalogVersions(
  transaction: Transaction,
  tenant_ids: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await transaction.query(
    `SELECT tenant_id, catalog_version FROM tenants WHERE ${transaction.dialect.inList("tenant_id", "$1", "uuid")}`,
    [tenant_ids],
  );
  return new Map(rows.map((row) => [row.tenant_id as string, Number(row.catalog_version)]));
}

/** What a policy's balances are recorded as, without locking them. */
export async function listBalances(
  transaction: Transaction,
  tenant_id: string,
  policy_id: string,
): Promise<readonly Balance[]> {
  const rows = await transaction.query(
    "SELECT * FROM balances WHERE tenant_id = $1 AND policy_id = $2 ORDER BY scope",
    [tenant_id, policy_id],
  );
  return rows.map(balanceFromRow);
}
