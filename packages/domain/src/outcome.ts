import type { BudgetAllocation, BudgetPolicy } from "./entities.ts";
import type { Quantile } from "./schemas/allocation.ts";
import type { NanoUsd } from "./money.ts";

/**
 * Why a command was not carried out. The set is closed; refusals and other rejections are values, and only the HTTP
 * layer knows which status each one has.
 */
export const REJECTION_CODES = [
  "invalid_value",
  "dimension_required",
  "budget_not_found",
  "policy_not_found",
  "allocation_not_found",
  "decision_not_found",
  "usage_record_not_found",
  "price_not_found",
  "price_unit_unknown",
  "price_source_not_found",
  "source_credential_not_found",
  "secret_keys_missing",
  "price_observation_not_found",
  "price_review_not_found",
  "price_review_closed",
  "price_run_active",
  "alert_not_found",
  "key_not_found",
  "tenant_not_found",
  "tenant_limit_reached",
  "budget_inactive",
  "budget_has_children",
  "allocation_not_active",
  "insufficient_budget",
  "idempotency_conflict",
  "version_conflict",
  "overloaded",
] as const;
export type RejectionCode = (typeof REJECTION_CODES)[number];

export interface Rejection {
  readonly code: Exclude<RejectionCode, "insufficient_budget">;
  /** What is wrong, and what would be right. */
  readonly detail: string;
  /** The field of the request that is wrong, as a JSON pointer such as `/provider`. */
  readonly field?: string;
}

/** What a measure (tokens or nano-USD) of one policy looked like when a request met it. */
export interface PolicyReading {
  readonly policy: BudgetPolicy;
  readonly measure: "tokens" | "cost";
  readonly limit: bigint;
  readonly used: bigint;
  readonly held: bigint;
  /** Null where the cost of the request cannot be known. */
  readonly requested: bigint | null;
  /** Limit less used and held, never below 0. */
  readonly remaining: bigint;
  readonly resets_at_ms: number | null;
}

export interface Violation extends PolicyReading {
  readonly code: "token_limit" | "cost_limit" | "price_unknown";
}

export interface PolicyWarning extends PolicyReading {
  readonly code:
    "warning_threshold" | "action_threshold" | "limit_passed" | "priority_override" | "price_unknown";
}

/** The answer to a request that does not fit. */
export interface Refusal {
  readonly code: "insufficient_budget";
  readonly detail: string;
  /** Under which the decision is kept for a while; null where it was only asked what would be decided. */
  readonly refusal_id: string | null;
  readonly violations: readonly Violation[];
  /** The largest number of tokens that would have been granted. */
  readonly tokens_that_fit: number;
  /** When the same request would fit if nothing else were used; null where waiting does not help. */
  readonly resets_at_ms: number | null;
}

/** A cheaper model for the same tokens. */
export interface Alternative {
  readonly provider: string;
  readonly model: string;
  readonly cost_nano_usd: NanoUsd;
}

/** What calls of the same kind were seen to answer with, where a request asked for that instead of a worst case. */
export interface LearnedOutput {
  readonly quantile: Quantile;
  readonly output_tokens: number;
  /** How many calls it was learned from. */
  readonly samples: number;
}

/** A granted request: the allocation, and what its caller should know. */
export interface Grant {
  readonly allocation: BudgetAllocation;
  /** Null where the request named its tokens, or nothing was learned yet. */
  readonly learned: LearnedOutput | null;
  readonly warnings: readonly PolicyWarning[];
  readonly alternatives: readonly Alternative[];
}

/** What a request would get, without holding anything. */
export interface AllocationCheck {
  readonly tokens_requested: number;
  /** What would be granted of them; 0 where the request would be refused. */
  readonly tokens_granted: number;
  /** Of what would be granted, or else of what was requested; null where no price is known. */
  readonly cost_nano_usd: NanoUsd | null;
  readonly learned: LearnedOutput | null;
  readonly warnings: readonly PolicyWarning[];
  readonly alternatives: readonly Alternative[];
  readonly refusal: Refusal | null;
}

export type Outcome<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly rejection: Rejection | Refusal };

export const accepted = <T>(value: T): Outcome<T> => ({ ok: true, value });
export const rejected = (rejection: Rejection | Refusal): Outcome<never> => ({ ok: false, rejection });
