import type {
  Allocation,
  AllocationCheck,
  AllocationCreate,
  AllocationQuery,
  Budget,
  BudgetSummary,
  Cost,
  CostRequest,
  CurrentPrice,
  CurrentPriceRequest,
  Grant,
  PageQuery,
  Period,
  Policy,
  PolicyCreate,
  PolicyQuery,
  PolicyUpdate,
  Price,
  PriceQuery,
  RecommendationRequest,
  Recommendations,
  Refusal,
  UsageAnalyticsQuery,
  UsageAnalyticsRow,
  UsageCreate,
  UsageGroup,
  UsageRecord,
  UsageSummary,
  UsageSummaryListQuery,
  UsageSummaryQuery,
} from "@budget/client-js";

/** A query whose answer is the whole list: there are no pages here. */
type Whole<Query extends PageQuery> = Omit<Query, keyof PageQuery>;

/** Why a request does not fit: which policies, how many tokens would fit, and when. */
export type PortRefusal = Pick<
  Refusal,
  "detail" | "refusal_id" | "violations" | "tokens_that_fit" | "resets_at"
>;

/** The answer to a request for tokens. */
export type Allocated =
  | { readonly granted: true; readonly grant: Grant }
  | { readonly granted: false; readonly refusal: PortRefusal };

/**
 * What adapters need from Budget, in the shapes that go over the wire: amounts are numbers of USD, times ISO 8601 in UTC.
 * Every call throws {@link PortError} where Budget rejects it; a refused allocation is an answer.
 */
export interface BudgetPort {
  /** The budget that calls are charged to which name none. */
  defaultBudget(): Promise<Budget>;
  /** What each policy of a budget counts now, and for policies that count contexts apart, for each context. */
  summary(budget_id: string, period?: Period): Promise<readonly BudgetSummary[]>;
  readonly policies: {
    /** Oldest first. */
    list(query: Whole<PolicyQuery>): Promise<readonly Policy[]>;
    create(policy: PolicyCreate): Promise<Policy>;
    /** Fields that are left out stay as they are. */
    update(policy_id: string, change: PolicyUpdate): Promise<Policy>;
  };
  readonly allocations: {
    create(request: AllocationCreate): Promise<Allocated>;
    /** What a request would get; nothing is held. */
    check(request: AllocationCreate): Promise<AllocationCheck>;
    get(allocation_id: string): Promise<Allocation>;
    /** Newest first. */
    list(query: Whole<AllocationQuery>): Promise<readonly Allocation[]>;
    /** Frees what is still held. */
    release(allocation_id: string): Promise<Allocation>;
  };
  readonly usage: {
    /** Counted already: a provider's own response is read by the HTTP server only. */
    record(usage: Omit<UsageCreate, "response">): Promise<UsageRecord>;
    summary(query: UsageSummaryQuery): Promise<UsageSummary>;
    /** Sums by one dimension, in the order of its values; one group of everything where none is named. */
    groups(query: Whole<UsageSummaryListQuery>): Promise<readonly UsageGroup[]>;
    /** By day, provider, model and component. */
    analytics(query: Whole<UsageAnalyticsQuery>): Promise<readonly UsageAnalyticsRow[]>;
  };
  readonly prices: {
    /** The price in force now, and how it was found. */
    current(wanted: CurrentPriceRequest): Promise<CurrentPrice>;
    /** What quantities cost, to the nano-dollar; books nothing. */
    cost(request: CostRequest): Promise<Cost>;
    list(query: Whole<PriceQuery>): Promise<readonly Price[]>;
    /** Cheaper models for what was really used lately. */
    recommendations(request: RecommendationRequest): Promise<Recommendations>;
  };
}
