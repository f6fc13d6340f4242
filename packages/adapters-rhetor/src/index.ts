export type { CheckAnswer, CheckRequest, AllowedInfo, RefusedInfo } from "./check-budget.ts";
export type { CalculateRequest, CostEstimate, EstimateRequest } from "./costs.ts";
export type { EnforcementChange, LimitChange, SettingName } from "./limits.ts";
export type { AlternativeRequest, Model, ModelTiers, TierName, TieredModel } from "./model-tiers.ts";
export {
  createRhetorAdapter,
  type CompletionRecord,
  type CompletionRequest,
  type RhetorAdapterOptions,
  type RhetorCalls,
} from "./rhetor-adapter.ts";
export type { RouteAnswer, RouteRequest } from "./routing.ts";
export {
  createRhetorShadow,
  type Disagreement,
  type OldAnswer,
  type OldRhetor,
  type RhetorShadow,
  type ShadowCounts,
  type ShadowOptions,
  type Verdict,
} from "./shadow.ts";
export {
  createTokenCounter,
  type TokenCount,
  type TokenCounter,
  type TokenCounterOptions,
} from "./token-counter.ts";
export type { RhetorUsageSummary, SummaryRequest, UsageGroup } from "./usage-summary.ts";
export type { Enforcement, GroupBy, RhetorPeriod } from "./words.ts";
export {
  openRhetorHistory,
  type RhetorHistory,
  type RhetorHistoryOptions,
} from "./migration/rhetor-history.ts";
export type { RhetorRate } from "./migration/rates.ts";
