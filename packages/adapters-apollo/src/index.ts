export { createApolloAdapter, type ApolloAdapterOptions } from "./adapter.ts";
export type {
  AllocationStatus,
  AnalyticsQuery,
  ApolloCalls,
  ApolloFailure,
  BudgetStatus,
  BudgetStatusQuery,
  BudgetStatusRow,
  GuidanceRequest,
  ModelGuidance,
  PassedOverModel,
  PolicyReason,
  RecommendedModel,
  RecordedTokens,
  ReleasedAllocation,
  TokenAllocation,
  TokenAnalytics,
  TokenLimit,
  TokenLimitSet,
  TokenRefusal,
  TokenRequest,
  TokenSums,
  TokenUsage,
  UsageType,
} from "./calls.ts";
export { defaultPolicies } from "./default-policies.ts";
export {
  createApolloShadow,
  type ApolloShadow,
  type ApolloShadowOptions,
  type Disagreement,
  type ShadowCounts,
  type ShadowDecision,
} from "./shadow.ts";
export {
  APOLLO_PERIODS,
  readPeriod,
  readTier,
  toApolloPeriod,
  toApolloPolicyType,
  toExportTier,
  type ApolloExportTier,
  type ApolloPeriod,
  type ApolloPolicyType,
} from "./words.ts";
export {
  openApolloHistory,
  type ApolloHistory,
  type ApolloHistoryOptions,
} from "./migration/apollo-history.ts";
export type { ExportedAllocation } from "./migration/export.ts";
