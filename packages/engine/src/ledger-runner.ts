import {
  accepted,
  type Balance,
  type BudgetAllocation,
  type Clock,
  type IdSource,
  type Meter,
  type Outcome,
} from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  isTransient,
  mayHaveCommitted,
  type BalanceKey,
  type Database,
  type IdempotencyRecord,
  type LedgerSession,
} from "@budget/repositories";
import { Batch, balanceKeys, targetOf } from "./batch.ts";
import type { BudgetTree } from "./budget-tree.ts";
import { Catalog } from "./catalog.ts";
import type { Command, Target } from "./command.ts";
import { CommandQueue, type Backlog } from "./command-queue.ts";
import { remember, replay } from "./idempotency.ts";

/** As many expired allocations as one transaction frees; where more are due, it frees these alone and goes again. */
const MAX_DUE_ALLOCATIONS = 1000;

export interface LedgerRunnerOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
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
  readonly meter: Meter;
  readonly #ledger: Ledger;
  readonly #audit: AuditRepository;
  readonly #tenants = new Map<string, TenantState>();
  readonly #backlog: Backlog = { waiting: 0 };
  #stopped = false;

  constructor({ database, clock, ids, meter }: LedgerRunnerOptions) {
    this.database = database;
    this.clock = clock;
    this.ids = ids;
    this.meter = meter;
    this.#ledger = new Ledger(database);
    this.#audit = new AuditRepository(database);
  }

  /** Runs a command in the tenant's next transaction. */
  submit<T>(tenant_id: string, command: Command<T>): Promise<Outcome<T>> {
    return this.#tenant(tenant_id).queue.submit(command);
  }

  /**
   * Runs a change of budgets or policies alone: no allocation of the tenant is decided meanwhile, and the next one sees
   * the change. `tree` is the state before it.
   * @param also another tenant whose rows the change may read and write
   */
  exclusively<T>(
    tenant_id: string,
    work: (session: LedgerSession, tree: BudgetTree) => Promise<T>,
    also?: string,
  ): Promise<T> {
    const { catalog } = this.#tenant(tenant_id);
    const change = () =>
      this.#ledger.transaction(
        tenant_id,
        "exclusive",
        async (session) => {
          const versions = await catalog.readVersions(session.transaction);
          await catalog.refresh(this.database, session.transaction, versions);
          return work(session, catalog.budgets);
        },
        also,
      );
    return retried(change);
  }

  /** Frees what expired allocations hold, and brings the tenant's catalogue up to date: an empty transaction does both. */
  async freeExpired(tenant_id: string): Promise<void> {
    await this.submit(tenant_id, NO_COMMAND);
  }

  /** Answers the commands that have waited too long, also while the transaction before them hangs. */
  answerOverdue(): void {
    for (const { queue } of this.#tenants.values()) queue.answerOverdue();
  }

  /** The tenant's catalogue as of the last transaction of this server. */
  catalog(tenant_id: string): Catalog {
    return this.#tenant(tenant_id).catalog;
  }

  /** How many commands wait for a transaction. */
  waiting(): number {
    return this.#backlog.waiting;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#tenants.values()].map(({ queue }) => queue.stop()));
  }

  #tenant(tenant_id: string): TenantState {
    let state = this.#tenants.get(tenant_id);
    if (state === undefined) {
      const catalog = new Catalog(tenant_id);
      const queue = new CommandQueue({
        runBatch: (commands, attempt) => this.#runBatch(catalog, commands, attempt),
        clock: this.clock,
        meter: this.meter,
        backlog: this.#backlog,
      });
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
      // A first attempt whose commit got no answer may still be committing: to run alone is to wait for its end.
      const mode = attempt === 0 ? "shared" : "exclusive";
      const outcomes = await this.#ledger.transaction(catalog.tenant_id, mode, (session) =>
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
    const nextId = (at_ms: number) => this.ids.next(at_ms);
    const foreseen = foreseenBalances(commands, catalog, now_ms);
    const found = await this.#read(session, catalog, commands, attempt, now_ms, foreseen);
    const due = found.allocations.filter(
      ({ status, expiration_time_ms }) => status === "active" && expiration_time_ms <= now_ms,
    );
    const onlyExpire = due.length >= MAX_DUE_ALLOCATIONS;
    const allocations = onlyExpire ? due : found.allocations;

    const preview = {
      catalog,
      now_ms,
      allocations: new Map(allocations.map((one) => [one.allocation_id, one])),
    };
    const changed = allocations.map((allocation) => targetOf(catalog, allocation));
    const asked: Target[] = [];
    for (const command of onlyExpire ? [] : commands)
      (command.asks_only === true ? asked : changed).push(...command.targets(preview));
    const locked = await lockRest(session, balanceKeys(changed), found.balances);
    const peeked = await session.lockKnownBalances(missingKeys(balanceKeys(asked), locked));
    const balances = [...locked, ...peeked];

    const { usage_records } = found;
    const batch = new Batch({ catalog, now_ms, nextId, allocations, balances, usage_records });
    batch.expireDue();
    const outcomes = onlyExpire ? null : executeAll(commands, batch, found.remembered);
    // The record is locked before rollups are, as everywhere.
    await this.#audit.append(session.transaction, session.tenant_id, batch.auditDrafts);
    session.write(batch.changes());
    return outcomes;
  }

  /** Everything that a batch starts from, asked for in one go; allocations are locked before balances. */
  async #read(
    session: LedgerSession,
    catalog: Catalog,
    commands: readonly Command<unknown>[],
    attempt: number,
    now_ms: number,
    foreseen: readonly BalanceKey[],
  ) {
    const made = attempt === 0 ? [] : commands.map(({ creates }) => creates);
    const changed_ids = commands.flatMap(({ allocation_ids }) => allocation_ids);
    const made_ids = made.flatMap(({ allocation_id }) => allocation_id ?? []);
    const [versions, remembered, allocations, usage_records, balances] = await Promise.all([
      catalog.readVersions(session.transaction),
      session.findIdempotencyRecords(commands.flatMap(({ idempotency }) => idempotency?.key ?? [])),
      session.lockAllocations([...changed_ids, ...made_ids], now_ms, MAX_DUE_ALLOCATIONS),
      session.findUsageRecords(made.flatMap(({ record_id }) => record_id ?? [])),
      session.lockKnownBalances(foreseen),
    ]);
    this.meter.catalogueUsed(!(await catalog.refresh(this.database, session.transaction, versions)));
    return { remembered, allocations, usage_records, balances };
  }
}

/**
 * The balances that a batch will need as far as anybody can say before its allocations are read. Where it changes
 * allocations, theirs are not known, and locking some balances now and others later could make two servers wait for each
 * other: then none is foreseen.
 */
function foreseenBalances(
  commands: readonly Command<unknown>[],
  catalog: Catalog,
  now_ms: number,
): readonly BalanceKey[] {
  if (commands.some(({ allocation_ids }) => allocation_ids.length > 0)) return [];
  const preview = { catalog, now_ms, allocations: new Map<string, BudgetAllocation>() };
  return balanceKeys(commands.flatMap((command) => command.targets(preview)));
}

function missingKeys(needed: readonly BalanceKey[], locked: readonly Balance[]): readonly BalanceKey[] {
  const have = new Set(locked.map(({ policy_id, scope }) => `${policy_id}/${scope}`));
  return needed.filter(({ policy_id, scope }) => !have.has(`${policy_id}/${scope}`));
}

/** Locks the balances that are needed and were not foreseen. */
async function lockRest(
  session: LedgerSession,
  needed: readonly BalanceKey[],
  locked: readonly Balance[],
): Promise<readonly Balance[]> {
  const missing = missingKeys(needed, locked);
  return missing.length === 0 ? locked : [...locked, ...(await session.lockBalances(missing))];
}

/** Answers each command in order: what its idempotency key did before, or what it does now. */
function executeAll(
  commands: readonly Command<unknown>[],
  batch: Batch,
  remembered: readonly IdempotencyRecord[],
): Outcome<unknown>[] {
  const records = new Map(remembered.map((record) => [record.idempotency_key, record]));
  return commands.map((command) => {
    const { idempotency } = command;
    if (idempotency === null) return command.execute(batch);
    const before = records.get(idempotency.key) ?? batch.idempotencyRecord(idempotency.key);
    if (before !== undefined) return replay<unknown>(before, idempotency);
    const outcome = command.execute(batch);
    if (isFinal(outcome)) batch.addIdempotencyRecord(remember(idempotency, outcome, batch.now_ms));
    return outcome;
  });
}

/** How often a change that met another transaction is tried again. */
const MAX_CHANGE_ATTEMPTS = 5;

/** Tries a change again where it failed for the moment, and is known not to have happened. */
async function retried<T>(change: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await change();
    } catch (error) {
      if (attempt >= MAX_CHANGE_ATTEMPTS || !isTransient(error) || mayHaveCommitted(error)) throw error;
    }
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
