import type { Metadata, Tier } from "@budget/client-js";
import type { ApolloPeriod, ApolloPolicyType } from "./words.ts";

/**
 * Apollo's calls, their requests and answers, in Apollo's words. Tiers, periods and types are read in any case and in the
 * short words of Apollo's export too, and answered as Apollo's own models write them. What is optional may be null, since
 * Apollo's callers are Python. Tokens are whole numbers, costs USD, times ISO 8601 in UTC.
 */
export interface ApolloCalls {
  /** Asks for tokens before a model is called. */
  allocateTokens(request: TokenRequest): Promise<TokenAllocation | TokenRefusal>;
  /** Frees what an allocation still holds. */
  releaseAllocation(allocation_id: string): Promise<ReleasedAllocation | ApolloFailure>;
  /** Books what was used, in full. */
  recordTokenUsage(usage: TokenUsage): Promise<RecordedTokens | ApolloFailure>;
  /** What Apollo's policies of a period count now. */
  getBudgetStatus(query?: BudgetStatusQuery): Promise<BudgetStatus>;
  getAllocationStatus(allocation_id: string): Promise<AllocationStatus | ApolloFailure>;
  /** Sets what a tier may use in a period. */
  setBudgetLimit(limit: TokenLimit): Promise<TokenLimitSet>;
  /** Which model for this task within this budget, and why. */
  provideModelGuidance(request: GuidanceRequest): Promise<ModelGuidance>;
  /** Sums of usage. */
  getTokenUsageAnalytics(query?: AnalyticsQuery): Promise<TokenAnalytics>;
}

type Optional<T> = T | null | undefined;

/** An answer that says no, and why. */
export interface ApolloFailure {
  success: false;
  /** Stable name of the reason, such as `allocation_not_found`. */
  code: string;
  error: string;
}

export interface TokenRequest {
  context_id: string;
  /** At least 1; Apollo's default for the task type and priority if left out. */
  amount?: Optional<number>;
  /** `apollo` if left out. */
  component?: Optional<string>;
  /** By model, component and provider if left out. */
  tier?: Optional<string>;
  provider?: Optional<string>;
  model?: Optional<string>;
  task_type?: Optional<string>;
  /** 1 low, 5 normal, 8 high, 10 critical; 5 if left out. */
  priority?: Optional<number>;
}

/** What one policy says to a request. */
export interface PolicyReason {
  code: string;
  policy_id: string;
  type: ApolloPolicyType;
  measure: "tokens" | "cost";
  message: string;
}

export interface TokenAllocation {
  success: true;
  allocation_id: string;
  context_id: string;
  amount: number;
  remaining: number;
  tier: Tier;
  provider: string | null;
  model: string | null;
  warnings: PolicyReason[];
}

/** The answer to a request that does not fit: nothing is held. */
export interface TokenRefusal extends ApolloFailure {
  context_id: string;
  amount: 0;
  remaining: 0;
  tier: Tier;
  /** Every policy that it does not fit. */
  reasons: PolicyReason[];
  /** The most that would have been granted. */
  tokens_that_fit: number;
  /** When the same request would fit if nothing else is used; null where waiting does not help. */
  resets_at: string | null;
}

export interface ReleasedAllocation {
  success: true;
  allocation_id: string;
}

/** `total` where only the sum of input and output is known. */
export type UsageType = "input" | "output" | "total";

export interface TokenUsage {
  /** The allocation that held the tokens; the newest live one of the context if left out. */
  allocation_id?: Optional<string>;
  context_id?: Optional<string>;
  tokens: number;
  /** A {@link UsageType} in any case; `total` if left out. */
  usage_type?: Optional<string>;
  /** The allocation's if left out, and so on; where there is none, `apollo` and `unknown`. */
  component?: Optional<string>;
  provider?: Optional<string>;
  model?: Optional<string>;
  task_type?: Optional<string>;
  operation_id?: Optional<string>;
  metadata?: Optional<Metadata>;
}

export interface RecordedTokens {
  success: true;
  /** Null where nothing was held for it. */
  allocation_id: string | null;
  context_id: string;
  recorded_tokens: number;
  /** What the allocation still holds. */
  remaining: number;
}

export interface BudgetStatusQuery {
  /** Every tier if left out. */
  tier?: Optional<string>;
  /** `daily` if left out. */
  period?: Optional<string>;
}

export interface BudgetStatus {
  success: true;
  period: ApolloPeriod;
  summaries: BudgetStatusRow[];
}

/** What one policy counts; what it does not look at is null. */
export interface BudgetStatusRow {
  policy_id: string;
  period: ApolloPeriod;
  tier: Tier | null;
  component: string | null;
  task_type: string | null;
  provider: string | null;
  model: string | null;
  /** The session or task that is counted; null for the periods of the calendar. */
  context_id: string | null;
  /** Used, and held by live allocations. */
  total_allocated: number;
  total_used: number;
  limit: number;
  /** Of the limit, used: 0 to 1, above where it was passed. */
  usage_percentage: number;
  /** What can still be allocated: the limit less what is used and held. */
  remaining: number;
  is_exceeded: boolean;
  active_allocations: number;
  start_time: string | null;
  end_time: string | null;
}

export interface AllocationStatus {
  success: true;
  allocation_id: string;
  context_id: string;
  allocated: number;
  used: number;
  remaining: number;
  tier: Tier;
  is_active: boolean;
  created_at: string;
  expires_at: string;
}

export interface TokenLimit {
  tier: string;
  period: string;
  /** Tokens in a period. */
  limit: number;
}

export interface TokenLimitSet {
  success: true;
  tier: Tier;
  period: ApolloPeriod;
  limit: number;
  /** The policy that holds it, the oldest where there are several. */
  policy_id: string;
}

export interface GuidanceRequest {
  context_id: string;
  task_type?: Optional<string>;
  component?: Optional<string>;
  priority?: Optional<number>;
  /** Tokens that the task needs; Apollo's default for the task type and priority if left out. */
  amount?: Optional<number>;
  /** Providers that can be called, the preferred one first; those that Apollo knows if left out. */
  provider_preferences?: Optional<readonly string[]>;
  /** In USD. */
  max_cost?: Optional<number>;
  /** `remote_heavyweight` if left out. */
  preferred_tier?: Optional<string>;
}

export interface RecommendedModel {
  provider: string;
  model: string;
  tier: Tier;
  /** Of the task, at most, in USD. */
  estimated_cost: number;
  input_cost_per_token: number | null;
  output_cost_per_token: number | null;
  reasons: string[];
}

/** A model that would have been recommended, and why it is not. */
export interface PassedOverModel {
  provider: string;
  model: string;
  tier: Tier;
  reason: string;
}

export interface ModelGuidance {
  context_id: string;
  task_type: string;
  /** Tokens that the task was taken to need. */
  amount: number;
  /** Whether a policy of the preferred tier has reached its warning threshold. */
  approaching_budget_limit: boolean;
  preferred_tier: Tier;
  /** The best first, three at most. */
  recommended_models: RecommendedModel[];
  passed_over: PassedOverModel[];
  reasoning: string;
}

export interface AnalyticsQuery {
  /** The current one in UTC; `daily` if left out. */
  period?: Optional<string>;
  /** With `end_date`, instead of a period; whole hours. */
  start_date?: Optional<string>;
  end_date?: Optional<string>;
  provider?: Optional<string>;
  model?: Optional<string>;
  component?: Optional<string>;
}

export interface TokenSums {
  input_tokens: number;
  output_tokens: number;
  total_tokens: number;
  cost: number;
  count: number;
}

export interface TokenAnalytics {
  period: ApolloPeriod | "custom";
  start_date: string | null;
  end_date: string | null;
  total_input_tokens: number;
  total_output_tokens: number;
  total_tokens: number;
  total_cost: number;
  record_count: number;
  providers: Record<string, TokenSums & { models: Record<string, TokenSums> }>;
  components: Record<string, TokenSums>;
  /** By day in UTC. */
  time_series: {
    labels: string[];
    input_tokens: number[];
    output_tokens: number[];
    costs: number[];
    counts: number[];
  };
  budget_id: string;
}
