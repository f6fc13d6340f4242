import type * as domain from "@budget/domain";
import type * as client from "../src/index.ts";

/**
 * The client writes the wire shapes down for itself, so that it depends on nothing. This file does not compile where
 * they differ from the shapes that the server validates with.
 */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;
type Sent<Ours, Theirs> = [Ours] extends [Theirs] ? true : false;

/** Answers are the same on both sides. */
export const ANSWERS: readonly [
  Same<client.Budget, domain.BudgetWire>,
  Same<client.BudgetSummary, domain.BudgetSummaryWire>,
  Same<client.Policy, domain.PolicyWire>,
  Same<client.Allocation, domain.AllocationWire>,
  Same<client.Grant, domain.GrantWire>,
  Same<client.AllocationCheck, domain.AllocationCheckWire>,
  Same<client.UsageRecord, domain.UsageRecordWire>,
  Same<client.UsageList, domain.UsageListWire>,
  Same<client.UsageSummary, domain.UsageSummaryWire>,
  Same<client.UsageAnalyticsRow, domain.UsageAnalyticsRow>,
  Same<client.Price, domain.PriceWire>,
  Same<client.CurrentPrice, domain.CurrentPriceWire>,
  Same<client.Alert, domain.AlertWire>,
  Same<client.Message, domain.MessageWire>,
  Same<keyof client.Refusal, keyof domain.RefusalWire>,
  Same<keyof client.Problem, keyof domain.ProblemWire>,
] = [true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true];

/** What a request of the client may say, the server knows; and the client knows every field that the server does. */
export const REQUESTS: readonly [
  Sent<client.BudgetCreate, domain.BudgetCreate>,
  Sent<client.BudgetUpdate, domain.BudgetUpdate>,
  Same<keyof client.BudgetCreate, keyof domain.BudgetCreate>,
  Same<keyof client.BudgetQuery, keyof domain.BudgetQuery>,
  Same<keyof client.PolicyCreate, keyof domain.PolicyCreate>,
  Same<keyof client.PolicyUpdate, keyof domain.PolicyUpdate>,
  Same<keyof client.PolicyQuery, keyof domain.PolicyQuery>,
  Sent<client.AllocationCreate, domain.AllocationCreate>,
  Same<keyof client.AllocationCreate, keyof domain.AllocationCreate>,
  Same<keyof client.AllocationExtend, keyof domain.AllocationExtend>,
  Same<keyof client.AllocationQuery, keyof domain.AllocationQuery>,
  Sent<client.UsageCreate, domain.UsageCreate>,
  Same<keyof client.UsageCreate, keyof domain.UsageCreate>,
  Same<keyof client.UsageQuery, keyof domain.UsageQuery>,
  Same<keyof client.UsageSummaryQuery, keyof domain.UsageSummaryQuery>,
  Same<keyof client.UsageAnalyticsQuery, keyof domain.UsageAnalyticsQuery>,
  Same<keyof client.PriceQuery, keyof domain.PriceQuery>,
  Same<keyof client.AlertQuery, keyof domain.AlertQuery>,
] = [
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
  true,
];
