import type {
  Alert,
  AlertQuery,
  AllocationCheck,
  AllocationCreate,
  AllocationExtend,
  AllocationQuery,
  ApiKey,
  FoundKey,
  AuditDraft,
  AuditEntry,
  AuditQuery,
  Budget,
  BudgetAllocation,
  BudgetCreate,
  BudgetPolicy,
  BudgetQuery,
  BudgetSummaryWire,
  BudgetUpdate,
  ChangedBy,
  CountedPolicy,
  CoverageQuery,
  CoverageWire,
  CurrentPriceRequest,
  RecommendationRequest,
  RecommendationsWire,
  KeyCreate,
  KeyRotate,
  NanoUsd,
  RepriceRequest,
  ExplainedDecision,
  Grant,
  Outcome,
  Period,
  PolicyCreate,
  PolicyQuery,
  PolicyUpdate,
  PriceMatch,
  PriceQuery,
  ProviderPricing,
  UsageCost,
  UsageQuantities,
  Tenant,
  TenantCreate,
  TenantUpdate,
  UsageAnalyticsQuery,
  UsageAnalyticsRow,
  UsageCreate,
  UsageQuery,
  UsageRecord,
  UsageGroupWire,
  UsageSummaryListQuery,
  UsageSummaryQuery,
  UsageSummaryWire,
} from "@budget/domain";

/** On whose behalf a command runs. */
export interface CommandContext extends ChangedBy {
  /** The same key with the same request has one effect and one answer. */
  readonly idempotency_key?: string;
  /** What the key stands for, where requests are made out of it that differ with time; the request itself if left out. */
  readonly asked?: object;
}

export interface Page<T> {
  readonly items: readonly T[];
  /** How many there are in all, beyond this page. */
  readonly total: number;
}

export interface UsagePage extends Page<UsageRecord> {
  readonly next_cursor: string | null;
}

/** A call's usage as the engine takes it: counted already, whatever form it arrived in. */
export type UsageInput = Omit<UsageCreate, "response">;

/** One number that a recount found different. */
export interface VerifyDifference {
  readonly subject: string;
  readonly field: string;
  readonly recorded: string;
  readonly recounted: string;
}

export interface VerifyReport {
  readonly policies_checked: number;
  readonly allocations_checked: number;
  readonly usage_records_checked: number;
  readonly differences: readonly VerifyDifference[];
}

export interface BudgetManager {
  create(context: CommandContext, input: BudgetCreate): Promise<Outcome<Budget>>;
  get(context: CommandContext, budget_id: string): Promise<Outcome<Budget>>;
  /** The one that requests are charged to which name none. */
  getDefault(context: CommandContext): Promise<Budget>;
  list(context: CommandContext, query: BudgetQuery): Promise<Page<Budget>>;
  /** @param expected_version the version that the caller saw; null to change whatever is there */
  update(
    context: CommandContext,
    budget_id: string,
    input: BudgetUpdate,
    expected_version: number | null,
  ): Promise<Outcome<Budget>>;
  /** Its usage and allocations stay; nothing new is granted. */
  delete(
    context: CommandContext,
    budget_id: string,
    expected_version: number | null,
  ): Promise<Outcome<Budget>>;
  /** One row per policy of the budget, and per context for policies that count each by itself. */
  summary(
    context: CommandContext,
    budget_id: string,
    period: Period | null,
  ): Promise<Outcome<readonly BudgetSummaryWire[]>>;
}

export interface PolicyManager {
  create(context: CommandContext, input: PolicyCreate): Promise<Outcome<BudgetPolicy>>;
  get(context: CommandContext, policy_id: string): Promise<Outcome<BudgetPolicy>>;
  list(context: CommandContext, query: PolicyQuery): Promise<Page<BudgetPolicy>>;
  /** What every policy counts in its window of now, oldest first; without those that count each context by itself. */
  counted(context: CommandContext): Promise<readonly CountedPolicy[]>;
  update(
    context: CommandContext,
    policy_id: string,
    input: PolicyUpdate,
    expected_version: number | null,
  ): Promise<Outcome<BudgetPolicy>>;
  delete(
    context: CommandContext,
    policy_id: string,
    expected_version: number | null,
  ): Promise<Outcome<BudgetPolicy>>;
}

export interface AllocationManager {
  allocate(context: CommandContext, input: AllocationCreate): Promise<Outcome<Grant>>;
  check(context: CommandContext, input: AllocationCreate): Promise<Outcome<AllocationCheck>>;
  extend(context: CommandContext, allocation_id: string, input: AllocationExtend): Promise<Outcome<Grant>>;
  release(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>>;
  get(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>>;
  /** What a decision looked at. Refusals are kept for 30 days, grants as long as their allocations. */
  explain(context: CommandContext, decision_id: string): Promise<Outcome<ExplainedDecision>>;
  list(context: CommandContext, query: AllocationQuery): Promise<Page<BudgetAllocation>>;
}

export interface TrackingManager {
  record(context: CommandContext, input: UsageInput): Promise<Outcome<UsageRecord>>;
  get(context: CommandContext, record_id: string): Promise<Outcome<UsageRecord>>;
  list(context: CommandContext, query: UsageQuery): Promise<UsagePage>;
  summary(context: CommandContext, query: UsageSummaryQuery): Promise<UsageSummaryWire>;
  /** Sums by one dimension, in the order of its values; one group of everything where none is named. */
  groups(context: CommandContext, query: UsageSummaryListQuery): Promise<readonly UsageGroupWire[]>;
  analytics(context: CommandContext, query: UsageAnalyticsQuery): Promise<readonly UsageAnalyticsRow[]>;
}

/** What a usage costs, and the price that makes the cost. */
export interface PricedUsage {
  readonly match: PriceMatch;
  readonly cost: UsageCost;
}

/** What repricing did, or would do, to the costs of one budget or model. */
export interface RepricedSums {
  /** The budget's id, or the provider and model. */
  readonly key: string;
  /** Those whose cost was wrong. */
  readonly records: number;
  readonly booked_nano_usd: NanoUsd;
  readonly repriced_nano_usd: NanoUsd;
}

export interface RepriceReport {
  readonly dry_run: boolean;
  readonly records_checked: number;
  readonly records_adjusted: number;
  /** Those whose price nobody knows, or not for all that they used; their cost stays. */
  readonly records_unpriced: number;
  /** What was, or would be, booked in all; negative where too much had been booked. */
  readonly difference_nano_usd: NanoUsd;
  /** The largest difference first; models too. */
  readonly budgets: readonly RepricedSums[];
  readonly models: readonly RepricedSums[];
}

export interface PriceManager {
  list(context: CommandContext, query: PriceQuery): Promise<Page<ProviderPricing>>;
  /** The price in force now, and how it was found. */
  current(context: CommandContext, wanted: CurrentPriceRequest): Promise<Outcome<PriceMatch>>;
  /**
   * What a usage costs at the price in force at an instant, now if left out. `price_unit_unknown` where the price does
   * not know a quantity.
   */
  cost(
    context: CommandContext,
    wanted: CurrentPriceRequest,
    usage: UsageQuantities,
    at_ms?: number,
  ): Promise<Outcome<PricedUsage>>;
  /**
   * Works out anew what past usage costs, and books the differences. `invalid_value` where the span is empty.
   */
  reprice(context: CommandContext, request: RepriceRequest): Promise<Outcome<RepriceReport>>;
  /** Cheaper models for what was really used lately. */
  recommendations(
    context: CommandContext,
    request: RecommendationRequest,
  ): Promise<Outcome<RecommendationsWire>>;
  /** Which models in use have a price that can be relied on. */
  coverage(context: CommandContext, query: CoverageQuery): Promise<CoverageWire>;
  /** Every price that a model had, oldest first. */
  history(
    context: CommandContext,
    provider: string,
    model: string,
  ): Promise<Outcome<readonly ProviderPricing[]>>;
}

export interface AlertManager {
  list(context: CommandContext, query: AlertQuery): Promise<Page<Alert>>;
  get(context: CommandContext, alert_id: string): Promise<Outcome<Alert>>;
  /** Marks an alert as seen, with an entry in the record; one that is marked already stays as it is. */
  acknowledge(context: CommandContext, alert_id: string): Promise<Outcome<Alert>>;
  /**
   * Looks at the limits of every policy now, and raises what is due and was not raised in this window: after a policy was
   * changed or counted anew, when no usage has come since.
   * @returns the alerts that were raised
   */
  check(context: CommandContext): Promise<readonly Alert[]>;
}

/** A key, and its text, which nobody is told again. */
export interface NewKey {
  readonly key: ApiKey;
  readonly text: string;
}

/** What working all hashes of a record out anew found. */
export interface AuditVerification {
  readonly entries: number;
  readonly intact: boolean;
  /** The first entry that is not as it was written, or is missing; null where there is none. */
  readonly first_wrong: number | null;
  readonly what: string;
  /** The hash of the last entry. */
  readonly head: string;
}

/** Keys, and the record of what was done with them. */
export interface AccessManager {
  /**
   * The key that this text is of; null where it opens nothing.
   * @param mayBeOld whether what was last known of it will do while the database is away: only for what is read without
   *   the database, because a revocation is not seen then
   */
  authenticate(text: string, mayBeOld?: boolean): Promise<FoundKey | null>;
  /**
   * Whether there is a key that this text may be of, by a list that is read once a second at most: for callers whose
   * guesses are not to be looked up one by one. A key that another server made is on it within a second. Where the
   * database is away, every text may open.
   */
  mayOpen(text: string): Promise<boolean>;
  /** Not idempotent: its answer has a secret, which is kept nowhere. */
  create(context: CommandContext, input: KeyCreate): Promise<Outcome<NewKey>>;
  get(context: CommandContext, key_id: string): Promise<Outcome<ApiKey>>;
  list(context: CommandContext, query: { page?: number; limit?: number }): Promise<Page<ApiKey>>;
  /** Gives a key another secret; the old one still opens for a while. */
  rotate(context: CommandContext, key_id: string, input: KeyRotate): Promise<Outcome<NewKey>>;
  /** Binds on this server at once, and on all others within half a second. */
  revoke(context: CommandContext, key_id: string): Promise<Outcome<ApiKey>>;
  /** Puts a denial into the record with the next flush. */
  deny(tenant_id: string, denial: Omit<AuditDraft, "at_ms">): void;
  audit(context: CommandContext, query: AuditQuery): Promise<Page<AuditEntry>>;
  verifyAudit(context: CommandContext): Promise<AuditVerification>;
  /** Writes denials, and when keys were used. */
  flush(): Promise<void>;
}

/** The organisations that the installation serves. */
export interface TenantManager {
  /** With a default budget of its own. */
  create(context: CommandContext, input: TenantCreate): Promise<Outcome<Tenant>>;
  /** Limits below what the tenant has already take nothing away from it. */
  update(
    context: CommandContext,
    tenant_id: string,
    input: TenantUpdate,
    expected_version: number | null,
  ): Promise<Outcome<Tenant>>;
  get(tenant_id: string): Promise<Outcome<Tenant>>;
  list(): Promise<readonly Tenant[]>;
}

/** The core of Budget, over one database. */
export interface Engine {
  readonly budgets: BudgetManager;
  readonly policies: PolicyManager;
  readonly allocations: AllocationManager;
  readonly usage: TrackingManager;
  readonly prices: PriceManager;
  readonly alerts: AlertManager;
  readonly access: AccessManager;
  readonly tenants: TenantManager;
  /** How many commands wait for a transaction. */
  waiting(): number;
  /** Recounts every balance of the tenant and reports what differs. */
  verify(context: CommandContext): Promise<VerifyReport>;
  /** Takes no new command, commits what is running, and resolves when all of it is answered. */
  stop(): Promise<void>;
}
