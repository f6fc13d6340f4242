import { accepted, type Clock, type IdSource, type Outcome } from "@budget/domain";
import { Ledger, type Database, type LedgerSession } from "@budget/repositories";
import { Batch, balanceKeys } from "./batch.ts";
import type { BudgetTree } from "./budget-tree.ts";
import { Catalog } from "./catalog.ts";
import type { Command } from "./command.ts";
import { CommandQueue } from "./command-queue.ts";
import { remember, replay } from "./idempotency.ts";

/** As many expired allocations as one transaction frees; where more are due, it frees these alone and goes again. */
const MAX_DUE_ALLOCATIONS = 1000;

export interface LedgerRunnerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
}

interface TenantState {
  readonly catalog: Catalog;
  readonly queue: CommandQueue;
}

/** Carries out commands: gathered per tenant, decided in memory under the locks of one transaction, answered durable. */
export class LedgerRunner {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly #ledger: Ledger;
  readonly #tenants = new Map<string, TenantState>();
  #stopped = false;

  constructor({ database, clock, ids }: LedgerRunnerOptions) {
    this.database = database;
    this.clock = clock;
    this.ids = ids;
    this.#ledger = new Ledger(database);
  }

  /** Runs a command in the tenant's next transaction. */
  submit<T>(tenant_id: string, command: Command<T>): Promise<Outcome<T>> {
    return this.#tenant(tenant_id).queue.submit(command);
  }

  /**
   * Runs a change of budgets or policies alone: no allocation of the tenant is decided meanwhile, and the next one sees
   * the change. `tree` is the state before it.
   */
  exclusively<T>(
    tenant_id: string,
    work: (session: LedgerSession, tree: BudgetTree) => Promise<T>,
  ): Promise<T> {
    const { catalog } = this.#tenant(tenant_id);
    return this.#ledger.transaction(tenant_id, "exclusive", async (session) => {
      await catalog.refresh(
        this.database,
        session.transaction,
        await catalog.readVersions(session.transaction),
      );
      return work(session, catalog.budgets);
    });
  }

  /** Frees what expired allocations hold, and brings the tenant's catalogue up to date: an empty transaction does both. */
  async freeExpired(tenant_id: string): Promise<void> {
    await this.submit(tenant_id, NO_COMMAND);
  }

  /** The tenant's catalogue as of the last transaction of this server. */
  catalog(tenant_id: string): Catalog {
    return this.#tenant(tenant_id).catalog;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#tenants.values()].map(({ queue }) => queue.stop()));
  }

  #tenant(tenant_id: string): TenantState {
    let state = this.#tenants.get(tenant_id);
    if (state === undefined) {
      const catalog = new Catalog(tenant_id);
      const queue = new CommandQueue((commands, attempt) => this.#runBatch(catalog, commands, attempt));
      state = { catalog, queue };
      this.#tenants.set(tenant_id, state);
      if (this.#stopped) void queue.stop();
    }
    return state;
  }

  async #runBatch(
    catalog: Catalog,
    commands: readonly Command<unknown>[],
    attempt: number,
  ): Promise<Outcome<unknown>[]> {
    for (;;) {
      const outcomes = await this.#ledger.transaction(catalog.tenant_id, "shared", (session) =>
        this.#decide(session, catalog, commands, attempt),
      );
      if (outcomes !== null) return outcomes;
    }
  }

  /** @returns the answers, or null where more allocations were due than one transaction frees */
  async #decide(
    session: LedgerSession,
    catalog: Catalog,
    commands: readonly Command<unknown>[],
    attempt: number,
  ): Promise<Outcome<unknown>[] | null> {
    const now_ms = this.clock.now();
    const made = attempt === 0 ? [] : commands.map(({ creates }) => creates);
    const allocation_ids = [
      ...commands.flatMap((command) => command.allocation_ids),
      ...made.flatMap(({ allocation_id }) => allocation_id ?? []),
    ];
    const [versions, remembered, allocations, usage_records] = await Promise.all([
      catalog.readVersions(session.transaction),
      session.findIdempotencyRecords(commands.flatMap(({ idempotency }) => idempotency?.key ?? [])),
      session.lockAllocations(allocation_ids, now_ms, MAX_DUE_ALLOCATIONS),
      session.findUsageRecords(made.flatMap(({ record_id }) => record_id ?? [])),
    ]);
    await catalog.refresh(this.database, session.transaction, versions);
    const due = allocations.filter((one) => one.status === "active" && one.expiration_time_ms <= now_ms);
    const onlyExpire = due.length >= MAX_DUE_ALLOCATIONS;

    const preview = {
      catalog,
      now_ms,
      allocations: new Map(allocations.map((one) => [one.allocation_id, one])),
    };
    const targets = (onlyExpire ? due : allocations).map((allocation) => ({
      policies: catalog.budgets.policiesCounting(allocation.budget_id, allocation),
      context_id: allocation.context_id,
    }));
    if (!onlyExpire) for (const command of commands) targets.push(...command.targets(preview));
    const balances = await session.lockBalances(balanceKeys(targets));

    const nextId = (at_ms: number) => this.ids.next(at_ms);
    const batch = new Batch({ catalog, now_ms, nextId, allocations, balances, usage_records });
    batch.expireDue();
    if (onlyExpire) {
      await session.write(batch.changes());
      return null;
    }
    const records = new Map(remembered.map((record) => [record.idempotency_key, record]));
    const outcomes = commands.map((command) => {
      const { idempotency } = command;
      if (idempotency === null) return command.execute(batch);
      const before = records.get(idempotency.key) ?? batch.idempotencyRecord(idempotency.key);
      if (before !== undefined) return replay<unknown>(before, idempotency);
      const outcome = command.execute(batch);
      if (isFinal(outcome)) batch.addIdempotencyRecord(remember(idempotency, outcome, batch.now_ms));
      return outcome;
    });
    await session.write(batch.changes());
    return outcomes;
  }
}

const NO_COMMAND: Command<null> = {
  idempotency: null,
  allocation_ids: [],
  creates: {},
  targets: () => [],
  execute: () => accepted(null),
};

/**
 * Whether an answer is kept for its idempotency key: what was done, and what the budget refused. A request that was
 * malformed, or named something unknown, may be mended and sent again.
 */
const isFinal = (outcome: Outcome<unknown>): boolean =>
  outcome.ok || outcome.rejection.code === "insufficient_budget";
