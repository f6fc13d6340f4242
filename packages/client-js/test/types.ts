import type * as domain from "@budget/domain";
import type * as client from "../src/index.ts";

/**
 * The client writes the wire shapes down for itself, so that it depends on nothing. This file does not compile where
 * they differ from the shapes that the server validates with.
 */
type IsAny<A> = 0 extends 1 & A ? true : false;
/** `Required` too, since a field that may be left out can be missing on one side unnoticed. */
type Same<A, B> = [IsAny<A>, IsAny<B>, A, B, Required<A>, Required<B>] extends [
  false,
  false,
  B,
  A,
  Required<B>,
  Required<A>,
]
  ? true
  : false;

/** Answers are the same on both sides. */
export const ANSWERS = {
  Budget: true satisfies Same<client.Budget, domain.BudgetWire>,
  BudgetSummary: true satisfies Same<client.BudgetSummary, domain.BudgetSummaryWire>,
  Policy: true satisfies Same<client.Policy, domain.PolicyWire>,
  Allocation: true satisfies Same<client.Allocation, domain.AllocationWire>,
  Grant: true satisfies Same<client.Grant, domain.GrantWire>,
  AllocationCheck: true satisfies Same<client.AllocationCheck, domain.AllocationCheckWire>,
  Decision: true satisfies Same<client.Decision, domain.DecisionWire>,
  PolicyWarning: true satisfies Same<client.PolicyWarning, domain.PolicyWarningWire>,
  Violation: true satisfies Same<client.Violation, domain.ViolationWire>,
  Alternative: true satisfies Same<client.Alternative, domain.AlternativeWire>,
  UsageRecord: true satisfies Same<client.UsageRecord, domain.UsageRecordWire>,
  UsageList: true satisfies Same<client.UsageList, domain.UsageListWire>,
  UsageSummary: true satisfies Same<client.UsageSummary, domain.UsageSummaryWire>,
  UsageGroup: true satisfies Same<client.UsageGroup, domain.UsageGroupWire>,
  UsageAnalyticsRow: true satisfies Same<client.UsageAnalyticsRow, domain.UsageAnalyticsRow>,
  Price: true satisfies Same<client.Price, domain.PriceWire>,
  CurrentPrice: true satisfies Same<client.CurrentPrice, domain.CurrentPriceWire>,
  Cost: true satisfies Same<client.Cost, domain.CostWire>,
  PriceSource: true satisfies Same<client.PriceSource, domain.PriceSourceWire>,
  PriceSourceCredentialChange: true satisfies Same<
    client.PriceSourceCredentialChange,
    domain.SourceCredentialWire
  >,
  PriceReview: true satisfies Same<client.PriceReview, domain.PriceReviewWire>,
  PriceEvidence: true satisfies Same<client.PriceEvidence, domain.PriceEvidenceWire>,
  PriceByHand: true satisfies Same<client.PriceByHand, domain.PriceByHandWire>,
  Recommendations: true satisfies Same<client.Recommendations, domain.RecommendationsWire>,
  Coverage: true satisfies Same<client.Coverage, domain.CoverageWire>,
  RepriceReport: true satisfies Same<client.RepriceReport, domain.RepriceReportWire>,
  PriceRun: true satisfies Same<client.PriceRun, domain.PriceRunWire>,
  Alert: true satisfies Same<client.Alert, domain.AlertWire>,
  Message: true satisfies Same<client.Message, domain.MessageWire>,
  Problem: true satisfies Same<client.Problem, domain.ProblemWire>,
  Refusal: true satisfies Same<client.Refusal, domain.RefusalWire>,
  BatchAnswerOfGrant: true satisfies Same<client.BatchAnswer<client.Grant>, domain.AllocationBatchAnswer>,
  BatchAnswerOfUsageRecord: true satisfies Same<
    client.BatchAnswer<client.UsageRecord>,
    domain.UsageBatchAnswer
  >,
};

/** What may be asked is the same on both sides. */
export const REQUESTS = {
  BudgetCreate: true satisfies Same<client.BudgetCreate, domain.BudgetCreate>,
  BudgetUpdate: true satisfies Same<client.BudgetUpdate, domain.BudgetUpdate>,
  BudgetQuery: true satisfies Same<client.BudgetQuery, domain.BudgetQuery>,
  PolicyCreate: true satisfies Same<client.PolicyCreate, domain.PolicyCreate>,
  PolicyUpdate: true satisfies Same<client.PolicyUpdate, domain.PolicyUpdate>,
  PolicyQuery: true satisfies Same<client.PolicyQuery, domain.PolicyQuery>,
  AllocationCreate: true satisfies Same<client.AllocationCreate, domain.AllocationCreate>,
  AllocationExtend: true satisfies Same<client.AllocationExtend, domain.AllocationExtend>,
  AllocationQuery: true satisfies Same<client.AllocationQuery, domain.AllocationQuery>,
  UsageCreate: true satisfies Same<client.UsageCreate, domain.UsageCreate>,
  UsageQuery: true satisfies Same<client.UsageQuery, domain.UsageQuery>,
  UsageSummaryQuery: true satisfies Same<client.UsageSummaryQuery, domain.UsageSummaryQuery>,
  UsageSummaryListQuery: true satisfies Same<client.UsageSummaryListQuery, domain.UsageSummaryListQuery>,
  UsageAnalyticsQuery: true satisfies Same<client.UsageAnalyticsQuery, domain.UsageAnalyticsQuery>,
  PriceQuery: true satisfies Same<client.PriceQuery, domain.PriceQuery>,
  CurrentPriceRequest: true satisfies Same<client.CurrentPriceRequest, domain.CurrentPriceRequest>,
  CostRequest: true satisfies Same<client.CostRequest, domain.CostRequest>,
  PriceReviewQuery: true satisfies Same<client.PriceReviewQuery, domain.PriceReviewQuery>,
  ReviewDecision: true satisfies Same<client.ReviewDecision, domain.ReviewDecisionRequest>,
  PriceByHandRequest: true satisfies Same<client.PriceByHandRequest, domain.PriceByHandRequest>,
  PriceWithdrawal: true satisfies Same<client.PriceWithdrawal, domain.Withdrawal>,
  PriceSourceCredentialRequest: true satisfies Same<
    client.PriceSourceCredentialRequest,
    domain.SourceCredentialRequest
  >,
  RecommendationRequest: true satisfies Same<client.RecommendationRequest, domain.RecommendationRequest>,
  CoverageQuery: true satisfies Same<client.CoverageQuery, domain.CoverageQuery>,
  RepriceRequest: true satisfies Same<client.RepriceRequest, domain.RepriceRequest>,
  PriceUpdateRequest: true satisfies Same<client.PriceUpdateRequest, domain.PriceUpdateRequest>,
  AlertQuery: true satisfies Same<client.AlertQuery, domain.AlertQuery>,
};

/** That the comparison can fail: without it, all of the above would say nothing. */
export const DIFFERENCES = {
  missing: false satisfies Same<Omit<client.Budget, "owner">, domain.BudgetWire>,
  missing_optional: false satisfies Same<Omit<client.UsageCreate, "final">, domain.UsageCreate>,
  other_type: false satisfies Same<Omit<client.Budget, "name"> & { name: number }, domain.BudgetWire>,
};
