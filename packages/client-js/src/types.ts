/**
 * The shapes that go over the wire. Amounts of money are numbers of USD, times ISO 8601 in UTC, words lower case; on the
 * way in words are read in either case.
 */

export type PolicyType = "log" | "warn" | "enforce";
export type Period = "hourly" | "daily" | "weekly" | "monthly" | "total" | "per_session" | "per_task";
export type Tier = "local_lightweight" | "local_midweight" | "remote_heavyweight";
/** How a provider serves a call: `batch` and `flex` are cheaper and slower, `priority` and `fast` dearer and faster. */
export type ServiceTier = "standard" | "batch" | "flex" | "priority" | "fast";

export type AllocationStatus = "active" | "settled" | "released" | "expired";
export type Severity = "info" | "warning" | "error";
export type Metadata = Record<string, unknown>;

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** How many there are in all. */
  total: number;
  /** From 1. */
  page: number;
  /** Items on a page. */
  limit: number;
}

export interface PageQuery {
  /** From 1; 1 if left out. */
  page?: number;
  /** 1 to 1000; 20 if left out. */
  limit?: number;
}

/** A container of limits; budgets form a tree. */
export interface Budget {
  budget_id: string;
  parent_budget_id: string | null;
  name: string;
  description: string;
  owner: string;
  is_active: boolean;
  creation_time: string;
  updated_at: string;
  metadata: Metadata;
}

export interface BudgetUpdate {
  name?: string;
  description?: string;
  owner?: string;
  /** The budget that this one is part of; its limits bind here too. */
  parent_budget_id?: string | null;
  is_active?: boolean;
  metadata?: Metadata;
}

export interface BudgetCreate extends BudgetUpdate {
  name: string;
}

export interface BudgetQuery extends PageQuery {
  is_active?: boolean;
  owner?: string;
  name?: string;
}

/** What one policy counts now. */
export interface BudgetSummary {
  budget_id: string;
  policy_id: string;
  type: string;
  /** Whether it refuses and warns; one that is disabled, or at its end, only counts. */
  in_force: boolean;
  period: Period;
  tier: Tier | null;
  provider: string | null;
  model: string | null;
  component: string | null;
  task_type: string | null;
  context_id: string | null;
  /** Used in this window and held. */
  total_tokens_allocated: number;
  total_tokens_used: number;
  /** By live allocations. */
  tokens_held: number;
  token_limit: number | null;
  /** 0 to 1; above 1 where the limit was passed. */
  token_usage_percentage: number | null;
  /** Of the usage in this window, in USD. */
  total_cost: number;
  /** By live allocations, in USD. */
  cost_held: number;
  cost_limit: number | null;
  /** 0 to 1; above 1 where the limit was passed. */
  cost_usage_percentage: number | null;
  active_allocations: number;
  /** Of the window; null where it has none. */
  start_time: string | null;
  end_time: string | null;
}

/** A limit of tokens, of cost or of both (one of type `log` may have none); a dimension that is null matches every call. */
export interface Policy {
  policy_id: string;
  budget_id: string;
  type: PolicyType;
  period: Period;
  time_zone: string;
  tier: Tier | null;
  provider: string | null;
  model: string | null;
  component: string | null;
  task_type: string | null;
  /** In a period. */
  token_limit: number | null;
  /** In a period, in USD. */
  cost_limit: number | null;
  /** Share of the limit, 0 to 1, from which a grant carries a warning. */
  warning_threshold: number;
  /** Share of the limit, 0 to 1, from which a grant carries cheaper alternatives. */
  action_threshold: number;
  enabled: boolean;
  /** From this instant on it refuses and warns of nothing, and only counts; null where it stays in force. */
  end_date: string | null;
  priority_override: boolean;
  allow_unpriced: boolean;
  created_at: string;
  updated_at: string;
}

export interface PolicyUpdate {
  /** `log`, `warn` or `enforce`, or a synonym: `ignore`, `soft_limit`, `hard_limit`. */
  type?: string;
  period?: Period;
  /** IANA name such as `Europe/Berlin`. */
  time_zone?: string;
  tier?: Tier | null;
  provider?: string | null;
  model?: string | null;
  component?: string | null;
  task_type?: string | null;
  token_limit?: number | null;
  /** USD: a number, or decimal text with at most 9 decimals. */
  cost_limit?: number | string | null;
  warning_threshold?: number;
  action_threshold?: number;
  enabled?: boolean;
  /** ISO 8601; null for no end. */
  end_date?: string | null;
  priority_override?: boolean;
  allow_unpriced?: boolean;
}

export interface PolicyCreate extends PolicyUpdate {
  /** The default budget if left out. */
  budget_id?: string;
  type: string;
  period: Period;
}

export interface PolicyQuery extends PageQuery {
  budget_id?: string;
  period?: Period;
  tier?: Tier;
  provider?: string;
  component?: string;
  task_type?: string;
  enabled?: boolean;
}

/** Tokens and cost held for a call. */
export interface Allocation {
  allocation_id: string;
  budget_id: string;
  context_id: string;
  component: string;
  /** The input among the tokens, where the request named it; the others are for the output. */
  input_tokens: number | null;
  tokens_allocated: number;
  tokens_used: number;
  /** That it still holds. */
  remaining_tokens: number;
  /** Held when nothing is used yet, in USD. */
  estimated_cost: number;
  /** Booked against it, in USD. */
  cost_used: number;
  tier: Tier;
  provider: string | null;
  model: string | null;
  task_type: string;
  /** How the provider serves the call. */
  service_tier: ServiceTier;
  /** The region or commitment that the price depends on; empty for the general price. */
  price_scope: string;
  /** 1 low, 5 normal, 8 high, 10 critical. */
  priority: number;
  is_active: boolean;
  status: AllocationStatus;
  creation_time: string;
  expiration_time: string;
  closed_at: string | null;
  metadata: Metadata;
}

/** What a policy looked like when a request met it; numbers are tokens or USD, by `measure`. */
export interface PolicyReading {
  policy_id: string;
  budget_id: string;
  type: PolicyType;
  period: Period;
  measure: "tokens" | "cost";
  limit: number;
  used: number;
  held: number;
  requested: number | null;
  remaining: number;
  resets_at: string | null;
  message: string;
}

export interface PolicyWarning extends PolicyReading {
  code: "warning_threshold" | "action_threshold" | "limit_passed" | "priority_override" | "price_unknown";
}

export interface Violation extends PolicyReading {
  code: "token_limit" | "cost_limit" | "price_unknown";
}

/** What the same tokens would cost elsewhere, in USD. */
export interface Alternative {
  provider: string;
  model: string;
  estimated_cost: number;
}

/** Shares of calls whose output can be asked for instead of a number. */
export type Quantile = "p50" | "p75" | "p90" | "p95" | "p99";

/** What calls of the same provider, model, component and task type were seen to answer with. */
export interface LearnedOutput {
  quantile: Quantile;
  /** Output tokens that this share of calls stayed within. */
  output_tokens: number;
  /** How many calls it was learned from. */
  samples: number;
}

/** A granted request. */
export interface Grant extends Allocation {
  /** What `estimate` stood for; null where it was not asked for, or too few calls were seen. */
  learned: LearnedOutput | null;
  warnings: PolicyWarning[];
  /** Cheaper models, from a policy's action threshold on. */
  alternatives: Alternative[];
}

/** The fewest tokens that are of use, and the most that are wanted: the most that fits is granted. */
export interface TokenRange {
  min: number;
  max: number;
}

export interface AllocationCreate {
  /** The session, task or conversation that the call belongs to. */
  context_id: string;
  component: string;
  /** Input and output together. */
  tokens_allocated?: number | TokenRange;
  /** With `max_output_tokens`, `estimate` or both, instead of `tokens_allocated`: the cost is then exact. */
  input_tokens?: number;
  max_output_tokens?: number | TokenRange;
  /** Hold what this share of calls stayed within, at most `max_output_tokens`, instead of the worst case. */
  estimate?: Quantile;
  budget_id?: string;
  tier?: Tier;
  provider?: string;
  model?: string;
  task_type?: string;
  /** How the provider serves the call; `standard` if left out. */
  service_tier?: ServiceTier;
  /** The region or commitment that the price depends on; the general price if left out. */
  price_scope?: string;
  priority?: number;
  /** Within 30 days; in an hour if left out. */
  expiration_time?: string;
  metadata?: Metadata;
}

/** What a request would get, without holding anything. */
export interface AllocationCheck {
  allowed: boolean;
  tokens_requested: number;
  /** What of them would be held; 0 where the request would be refused. */
  tokens_granted: number;
  /** In USD; null where no price is known. */
  estimated_cost: number | null;
  learned: LearnedOutput | null;
  warnings: PolicyWarning[];
  alternatives: Alternative[];
  /** Always null: what is only checked is not kept. */
  refusal_id: string | null;
  violations: Violation[];
  tokens_that_fit: number;
  resets_at: string | null;
}

/** What a policy looked like at a decision, before it. */
export interface DecidedPolicy {
  policy_id: string;
  budget_id: string;
  type: PolicyType;
  period: Period;
  time_zone: string;
  enabled: boolean;
  window_start: string;
  resets_at: string | null;
  token_limit: number | null;
  tokens_used: number;
  tokens_held: number;
  /** In USD. */
  cost_limit: number | null;
  cost_used: number;
  cost_held: number;
  /** Why it refused, or what it warned of. */
  codes: string[];
}

/** Why an allocation was granted or refused. */
export interface Decision {
  /** Id of the allocation, or of the refusal. */
  decision_id: string;
  allocation_id: string | null;
  budget_id: string;
  context_id: string;
  component: string;
  tier: Tier;
  provider: string | null;
  model: string | null;
  task_type: string;
  priority: number;
  granted: boolean;
  tokens_wanted: number;
  min_tokens: number;
  /** The most that fit, up to what was wanted. */
  tokens_that_fit: number;
  /** What the grant held, or the fewest would have held. */
  tokens_held: number;
  /** In USD; null where no price was known. */
  estimated_cost: number | null;
  learned: LearnedOutput | null;
  decided_at: string;
  /** Every policy that counted the request. */
  policies: DecidedPolicy[];
}

export interface AllocationExtend {
  additional_tokens?: number;
  expiration_time?: string;
}

export interface AllocationQuery extends PageQuery {
  budget_id?: string;
  context_id?: string;
  component?: string;
  is_active?: boolean;
}

/** One part of a cost, in USD. */
export interface CostComponent {
  unit: string;
  quantity: number;
  cost_per_unit: number;
  cost: number;
  /** Whether another unit's price stood in for this one's. */
  estimated: boolean;
}

/** What a call used; costs in USD. */
export interface UsageRecord {
  record_id: string;
  allocation_id: string | null;
  budget_id: string;
  context_id: string;
  component: string;
  tier: Tier;
  provider: string;
  model: string;
  task_type: string;
  /** How the provider serves the call. */
  service_tier: ServiceTier;
  /** The region or commitment that the price depends on; empty for the general price. */
  price_scope: string;
  /** All input, cached tokens included. */
  input_tokens: number;
  /** All output, reasoning included. */
  output_tokens: number;
  /** Input and output; more where an older system kept a sum without its parts. */
  total_tokens: number;
  /** Quantities by unit, such as `cache_read_tokens`. */
  usage: Record<string, number>;
  input_cost: number;
  output_cost: number;
  other_cost: number;
  total_cost: number;
  cost_components: CostComponent[];
  /** The price that made the cost; null where none was known. */
  pricing_id: string | null;
  /** That no allocation held. */
  overage_tokens: number;
  overage_cost: number;
  /** The record whose cost this one sets right by the differences; null for the usage of a call. */
  adjusts_record_id: string | null;
  timestamp: string;
  operation_id: string | null;
  request_id: string | null;
  user_id: string | null;
  metadata: Metadata;
}

/** What a call used: as tokens, as `usage` by unit, or as the provider's own `response`. */
export interface UsageCreate {
  allocation_id?: string;
  budget_id?: string;
  context_id?: string;
  component?: string;
  tier?: Tier;
  provider?: string;
  model?: string;
  task_type?: string;
  /** How the provider serves the call; `standard` if left out. */
  service_tier?: ServiceTier;
  /** The region or commitment that the price depends on; the general price if left out. */
  price_scope?: string;
  input_tokens?: number;
  output_tokens?: number;
  usage?: Record<string, number>;
  response?: Record<string, unknown>;
  /** Whether this settles the allocation and frees what it still holds. */
  final?: boolean;
  operation_id?: string;
  request_id?: string;
  user_id?: string;
  metadata?: Metadata;
}

export interface UsageFilters {
  budget_id?: string;
  provider?: string;
  component?: string;
  model?: string;
  task_type?: string;
}

export interface UsageQuery extends PageQuery, UsageFilters {
  /** Id of the last record seen: answers older ones. */
  cursor?: string;
  context_id?: string;
  allocation_id?: string;
  start_time?: string;
  end_time?: string;
}

export interface UsageList extends Page<UsageRecord> {
  next_cursor: string | null;
}

export interface UsageSummaryQuery extends UsageFilters {
  period?: Period;
  start_time?: string;
  end_time?: string;
}

/** Sums of usage; costs in USD. */
export interface UsageSummary {
  period: Period | null;
  start_time: string | null;
  end_time: string | null;
  total_input_tokens: number;
  total_output_tokens: number;
  total_tokens: number;
  total_input_cost: number;
  total_output_cost: number;
  total_other_cost: number;
  total_cost: number;
  request_count: number;
}

/** What usage can be summed up by. */
export type UsageDimension = "provider" | "model" | "component" | "task_type";

export interface UsageSummaryListQuery extends PageQuery, UsageSummaryQuery {
  /** One group of everything if left out. */
  group_by?: UsageDimension;
}

/** Sums of usage that has one value in common. */
export interface UsageGroup extends UsageSummary {
  /** That value; null where usage was not grouped. */
  group: string | null;
}

export interface UsageAnalyticsQuery extends PageQuery {
  period?: Period;
  start_date?: string;
  end_date?: string;
  budget_id?: string;
  provider?: string;
  model?: string;
  component?: string;
}

export interface UsageAnalyticsRow {
  /** Day in UTC, such as `2026-11-23`. */
  date: string;
  provider: string;
  model: string;
  component: string;
  request_count: number;
  input_tokens: number;
  output_tokens: number;
  /** Input and output, and what older systems did not split. */
  total_tokens: number;
  total_cost: number;
}

export interface PriceComponent {
  unit: string;
  cost_per_unit: number;
  /** Only for requests with more input tokens than this. */
  above_input_tokens: number;
}

/** What a model costs, in USD for one unit; null where a unit has no price. */
export interface Price {
  pricing_id: string;
  provider: string;
  model: string;
  /** The region or commitment that it is for; empty where it is general. */
  scope: string;
  price_type: "token" | "character" | "image" | "time" | "fixed";
  service_tier: ServiceTier;
  time_of_day: { start: string; end: string } | null;
  input_cost_per_token: number | null;
  output_cost_per_token: number | null;
  input_cost_per_char: number | null;
  output_cost_per_char: number | null;
  cost_per_image: number | null;
  cost_per_second: number | null;
  fixed_cost_per_request: number | null;
  components: PriceComponent[];
  /** What the operator adds to the provider's price; part of the amounts already. */
  markup_percent: number;
  effective_date: string;
  end_date: string | null;
  source: string;
  status: string;
  verified: boolean;
  /** Ids of the observations that it rests on. */
  evidence: string[];
  created_at: string;
}

export interface CurrentPrice extends Price {
  /**
   * `alias`: the name is moved from model to model, and this is what it means now; `family`: a dated name without a price
   * of its own has that of its undated name.
   */
  matched_by: "exact" | "alias" | "family";
  /** In what the price is for something else than was asked for, so that costs are estimates. */
  stands_in: ("price_scope" | "service_tier")[];
}

/** A model, and how a call is served by it. */
export interface CurrentPriceRequest {
  provider: string;
  model: string;
  service_tier?: ServiceTier;
  price_scope?: string;
}

export interface CostRequest extends CurrentPriceRequest {
  /** Quantities by unit, such as `input_tokens`, `cache_read_tokens` and `output_tokens`. */
  usage: Record<string, number>;
  /** At the price that is in force then; now if left out. */
  at?: string;
}

/** What a usage costs, in USD: its parts, which add up to the total exactly, and the price that makes them. */
export interface Cost {
  input_cost: number;
  output_cost: number;
  other_cost: number;
  total_cost: number;
  cost_components: CostComponent[];
  price: CurrentPrice;
}

/** Somewhere that prices are read from. */
export interface PriceSource {
  source: string;
  /** Whom its prices are from in the end; a lineage has one vote. */
  lineage: string;
  address: string;
  /** Whether it is read at all; `detail` says why where it is not. */
  enabled: boolean;
  interval_ms: number;
  /** Its weight in a vote, from 0 to 1. */
  trust: number;
  agreed: number;
  differed: number;
  /** Attempts in a row that gave no prices. */
  failures: number;
  attempted_at: string | null;
  read_at: string | null;
  due_at: string | null;
  fault: PriceSourceFault | null;
  detail: string | null;
  credential: PriceSourceCredential | null;
}

/** What may be known of the header that a source is asked with. */
export interface PriceSourceCredential {
  header: string;
  /** The key of BUDGET_SECRET_KEYS that its value is encrypted with. */
  key_id: string;
  set_at: string;
}

/** A source, and what it is asked with from now on. */
export interface PriceSourceCredentialChange {
  source: string;
  credential: PriceSourceCredential | null;
}

/** A header that a source is asked with. */
export interface PriceSourceCredentialRequest {
  header: string;
  /** All of its value, such as `Bearer sk-…`. It is never answered. */
  value: string;
}

/** Why a source gave no prices. */
export type PriceSourceFault =
  | "EMPTY"
  | "LOW_ROWS"
  | "MISSING_REQUIRED"
  | "UNIT_UNKNOWN"
  | "HTTP"
  | "TOO_BIG"
  | "NOT_READABLE"
  | "CREDENTIAL";

/** What became of one source in a run. */
export interface PriceSourceReport {
  source: string;
  outcome: "read" | "not_modified" | "failed";
  fault: PriceSourceFault | null;
  detail: string | null;
  observations: number;
  set_aside: number;
  new: number;
  changed: number;
  withdrawn: number;
  agreed: number;
  in_conflict: number;
  rejected: number;
  duration_ms: number;
}

/** How many prices have which status after a run, and what the run did to them. */
export interface PriceVerificationReport {
  things: number;
  verified: number;
  verified_with_dissent: number;
  provisional: number;
  conflict: number;
  rejected: number;
  prices_added: number;
  prices_changed: number;
  prices_held_back: number;
  reviews_opened: number;
  reviews_settled: number;
  duration_ms: number;
}

/** A run over the sources of prices. */
export interface PriceRun {
  run_id: string;
  trigger: "schedule" | "request";
  started_at: string;
  /** Null while it goes on, and where its server died over it. */
  ended_at: string | null;
  report: { sources: PriceSourceReport[]; verification: PriceVerificationReport } | null;
}

export interface PriceUpdateRequest {
  /** The sources to read, due or not; those that are due if left out. */
  sources?: string[];
}

/** What one source says in a review. */
export interface PriceReviewCandidate {
  source: string;
  observation_id: string;
  /** How it came out: agrees, dissents, gated, stale, ahead, or copy of a more trusted one. */
  testimony: string;
  address: string;
  observed_at: string;
  components: PriceComponent[];
}

/** A price that people are or were asked about. */
export interface PriceReview {
  review_id: string;
  provider: string;
  model: string;
  scope: string;
  service_tier: ServiceTier;
  time_of_day: { start: string; end: string } | null;
  /** Why the price in force was not changed. */
  kind: "conflict" | "guarded_change" | "unconfirmed_change" | "all_gated";
  status: "open" | "accepted" | "entered" | "rejected" | "settled";
  candidates: PriceReviewCandidate[];
  opened_at: string;
  closed_at: string | null;
  decided_by: string | null;
  why: string | null;
}

export interface PriceReviewQuery extends PageQuery {
  status?: PriceReview["status"];
  provider?: string;
  model?: string;
}

/** What a person decides: a source's price, another one, or what is charged already. */
export interface ReviewDecision {
  decision: "accept" | "enter" | "reject";
  /** With accept. */
  source?: string;
  /** With enter; USD for one unit, as decimal text where a double would lose digits. */
  components?: { unit: string; cost_per_unit: number | string; above_input_tokens?: number }[];
  decided_by: string;
  why: string;
}

/** What a source says about a price, with the row that it was read from. */
export interface PriceObservation {
  observation_id: string;
  source: string;
  /** The provider and model by the source's own names. */
  name: string;
  scope: string;
  service_tier: ServiceTier;
  time_of_day: { start: string; end: string } | null;
  components: PriceComponent[];
  effective_date: string | null;
  end_date: string | null;
  address: string;
  content_hash: string;
  observed_at: string;
  /** Since when the source no longer says it; null while it does. */
  withdrawn_at: string | null;
  raw: unknown;
}

/** Why a model costs what it costs. */
export interface PriceEvidence {
  prices: Price[];
  observations: PriceObservation[];
  reviews: PriceReview[];
}

/** A price that is charged without a vote, in USD for one unit. */
export interface PriceByHandRequest extends CurrentPriceRequest {
  components: { unit: string; cost_per_unit: number | string; above_input_tokens?: number }[];
  /** Hours in UTC, such as 16:30, past midnight where the end is earlier; all day if left out. */
  time_of_day?: { start: string; end: string };
  effective_date?: string;
  end_date?: string;
  set_by: string;
  why: string;
}

/** For which model a cheaper one is looked for, on whose usage, and what it must be able to do. */
export interface RecommendationRequest {
  provider: string;
  model: string;
  budget_id?: string;
  component?: string;
  task_type?: string;
  /** Usage of so many days up to now; 30 if left out. */
  days?: number;
  /** Tokens that a call may have: leaves out models that are known to take fewer. */
  context_size?: number;
  /** Whether models of other providers are looked at, too; no if left out. */
  any_provider?: boolean;
  context_tokens?: number;
  tools?: boolean;
  vision?: boolean;
  reasoning?: boolean;
  limit?: number;
}

/** A cheaper model; what nobody knows about it is null. */
export interface Recommendation {
  provider: string;
  model: string;
  /** What the calls would have cost. */
  estimated_cost: number;
  cost_reduction: number;
  /** From 0 to 100. */
  cost_reduction_percentage: number;
  /** The share of the calls found that costs are worked out for; 0 where they are those of a typical call. */
  confidence: number;
  /** No source says how well a model does a task. */
  quality_impact: null;
  /** No source says how fast a model is. */
  speed_impact: null;
  /** What is known of it, in a sentence. */
  description: string;
  price_status: string;
  context_tokens: number | null;
  tools: boolean | null;
  vision: boolean | null;
  reasoning: boolean | null;
}

/** Cheaper models for what was really used lately, the cheapest first. */
export interface Recommendations {
  items: Recommendation[];
  current_provider: string;
  current_model: string;
  /** What the calls cost with the model in use, at its price of now. */
  current_cost: number;
  /** Calls that costs are worked out for. */
  calls: number;
  /** Calls that are not among them, because the model in use has no price for all that they used. */
  calls_left_out: number;
  /** Whether there were none, so that costs are those of one call of 1,000 tokens in and out. */
  typical: boolean;
}

export interface CoverageQuery {
  days?: number;
}

/** Which models in use have a price that can be relied on, those that have none first. */
export interface Coverage {
  days: number;
  models: number;
  models_verified: number;
  total_cost: number;
  verified_cost: number;
  items: {
    provider: string;
    model: string;
    request_count: number;
    total_tokens: number;
    total_cost: number;
    price_status: string | null;
    matched_by: CurrentPrice["matched_by"] | null;
    verified: boolean;
  }[];
}

/** Which usage is priced anew, and by which prices: those in force `at` an instant, now if left out. */
export interface RepriceRequest {
  start_time: string;
  end_time: string;
  provider?: string;
  model?: string;
  at?: string;
  dry_run?: boolean;
  repriced_by: string;
  why: string;
}

export interface RepricedSums {
  records: number;
  booked_cost: number;
  repriced_cost: number;
  difference: number;
}

/** What repricing booked, or would book. */
export interface RepriceReport {
  dry_run: boolean;
  records_checked: number;
  records_adjusted: number;
  records_unpriced: number;
  difference: number;
  budgets: ({ budget_id: string } & RepricedSums)[];
  models: ({ model: string } & RepricedSums)[];
}

/** A price that was set by hand; `price` is null where it begins later. */
export interface PriceByHand {
  observation_id: string;
  price: Price | null;
}

export interface PriceWithdrawal {
  withdrawn_by: string;
  why: string;
}

export interface PriceQuery extends PageQuery {
  provider?: string;
  model?: string;
}

/** A notice about a limit. */
export interface Alert {
  alert_id: string;
  /** Null for alerts about prices. */
  budget_id: string | null;
  policy_id: string | null;
  kind:
    | "warning_threshold"
    | "action_threshold"
    | "limit_exceeded"
    | "overage"
    | "price_unknown"
    | "priority_override"
    | "price_review"
    | "price_changed"
    | "price_source_unhealthy";
  severity: Severity;
  message: string;
  details: Metadata;
  acknowledged: boolean;
  acknowledged_at: string | null;
  created_at: string;
}

export interface AlertQuery extends PageQuery {
  budget_id?: string;
  severity?: Severity;
  acknowledged?: boolean;
}

/** What a key may do. */
export type Role = "viewer" | "agent" | "operator" | "admin";

/** A key, without its secret. */
export interface Key {
  key_id: string;
  name: string;
  owner: string;
  role: Role;
  /** The budgets and components that an agent is bound to; all where there are none. */
  budget_ids: string[];
  components: string[];
  created_at: string;
  expires_at: string | null;
  revoked_at: string | null;
  last_used_at: string | null;
}

/** A key with its secret, which is answered once. */
export interface NewKey extends Key {
  key: string;
}

export interface KeyCreate {
  name: string;
  owner?: string;
  role: Role;
  budget_ids?: string[];
  components?: string[];
  expires_at?: string;
}

export interface KeyRotate {
  /** For how many seconds the old secret still opens. */
  overlap_s?: number;
}

/** What a tenant may have at most; null where it is not limited. */
export interface TenantLimits {
  max_budgets: number | null;
  max_keys: number | null;
  requests_per_second: number | null;
}

/** What is left out stays as it is. */
export interface TenantUpdate {
  name?: string;
  limits?: Partial<TenantLimits>;
}

export interface Tenant {
  tenant_id: string;
  name: string;
  limits: TenantLimits;
  created_at: string;
}

/** What was changed or denied, by whom and from where. */
export interface AuditEntry {
  sequence: number;
  at: string;
  kind: "change" | "denial";
  key_id: string | null;
  actor: string;
  origin: string;
  request_id: string;
  action: string;
  subject_id: string;
  before: Metadata | null;
  after: Metadata | null;
  previous_hash: string;
  hash: string;
}

export interface AuditQuery extends PageQuery {
  kind?: "change" | "denial";
  key_id?: string;
  subject_id?: string;
  action?: string;
}

export interface AuditVerification {
  entries: number;
  intact: boolean;
  first_wrong: number | null;
  what: string;
  head: string;
}

/** RFC 9457 problem details: the body of every error. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  /** What is wrong and what would be right. */
  detail: string;
  /** Stable name of the problem. */
  code: string;
  /** The field that is wrong, as a JSON pointer. */
  field?: string;
  errors?: { field: string; detail: string }[];
}

/** The problem of a request that does not fit. */
export interface Refusal extends Problem {
  code: "insufficient_budget";
  /** For `allocations.explain`, for 30 days. */
  refusal_id: string | null;
  violations: Violation[];
  tokens_that_fit: number;
  resets_at: string | null;
}

/** One answer of a batch. */
export interface BatchItem<T> {
  /** The status that the item alone would have had. */
  status: number;
  result?: T;
  problem?: Problem | Refusal;
}

export interface BatchAnswer<T> {
  items: BatchItem<T>[];
}

export interface Message {
  message: string;
}

export interface Health {
  status: "healthy";
  component: "budget";
  version: string;
}
