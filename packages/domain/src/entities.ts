import type { AlertSeverity, AllocationStatus, Period, PolicyType, Tier } from "./enums.ts";
import type { CostComponent } from "./cost-of-usage.ts";
import type { NanoUsd } from "./money.ts";
import type { PriceTerms } from "./price-book.ts";
import type { ALERT_KINDS, LIMIT_ALERT_KINDS } from "./schemas/alert.ts";
import type { UsageQuantities } from "./usage.ts";

/** Free data that a caller keeps with a thing of ours; stored and answered, never read. */
export type Metadata = Readonly<Record<string, unknown>>;

/** What an organisation may have at most; null where it is not limited. */
export interface TenantLimits {
  /** Budgets that are not deleted. */
  readonly max_budgets: number | null;
  /** Keys that open something. */
  readonly max_keys: number | null;
  /** On average, over all of its keys; twice as many at once. */
  readonly requests_per_second: number | null;
}

/** An organisation. Every row belongs to one. */
export interface Tenant {
  readonly tenant_id: string;
  readonly name: string;
  readonly limits: TenantLimits;
  readonly created_at_ms: number;
  /** Counts the changes; the ETag of the resource. */
  readonly version: number;
}

/** A named container with an owner, in a tree. Requests are charged to it and count in every ancestor. */
export interface Budget {
  readonly tenant_id: string;
  readonly budget_id: string;
  readonly parent_budget_id: string | null;
  readonly name: string;
  readonly description: string;
  readonly owner: string;
  readonly is_active: boolean;
  readonly metadata: Metadata;
  readonly creation_time_ms: number;
  readonly updated_at_ms: number;
  /** Counts the changes; the ETag of the resource. */
  readonly version: number;
}

/** What a policy looks at. A null matches every request. Values are lower case. */
export interface PolicyDimensions {
  readonly tier: Tier | null;
  readonly provider: string | null;
  readonly model: string | null;
  readonly component: string | null;
  readonly task_type: string | null;
}

/** A limit on one budget, for the requests of it and of its descendants that match the dimensions. */
export interface BudgetPolicy extends PolicyDimensions {
  readonly tenant_id: string;
  readonly policy_id: string;
  readonly budget_id: string;
  readonly type: PolicyType;
  readonly period: Period;
  /** IANA name; the calendar that hours, days, weeks and months are taken from. */
  readonly time_zone: string;
  readonly token_limit: number | null;
  readonly cost_limit_nano_usd: NanoUsd | null;
  /** Share of the limit, 0 to 1, from which a grant carries a warning. */
  readonly warning_threshold: number;
  /** Share of the limit, 0 to 1, from which a grant carries cheaper alternatives. */
  readonly action_threshold: number;
  readonly enabled: boolean;
  /** From this instant on it refuses and warns of nothing, and only counts; null where it stays in force. */
  readonly end_ms: number | null;
  /** Whether a request of critical priority may pass this limit. */
  readonly priority_override: boolean;
  /** Whether a model without a known price may pass this policy's cost limit uncounted. */
  readonly allow_unpriced: boolean;
  readonly created_at_ms: number;
  readonly updated_at_ms: number;
  readonly version: number;
}

/** What a request is, as far as policies look at it. An open dimension is null. */
export interface RequestDimensions {
  readonly tier: Tier;
  readonly provider: string | null;
  readonly model: string | null;
  readonly component: string;
  readonly task_type: string;
}

/** Tokens, and their estimated cost, held for a context before it calls a model. */
export interface BudgetAllocation extends RequestDimensions, PriceTerms {
  readonly tenant_id: string;
  readonly allocation_id: string;
  readonly budget_id: string;
  readonly context_id: string;
  /** The input among the tokens, where the request named it; every other token may be output. */
  readonly input_tokens: number | null;
  readonly tokens_allocated: number;
  readonly tokens_used: number;
  readonly cost_allocated_nano_usd: NanoUsd;
  readonly cost_used_nano_usd: NanoUsd;
  readonly priority: number;
  readonly status: AllocationStatus;
  readonly creation_time_ms: number;
  readonly expiration_time_ms: number;
  /** When it stopped holding; null while active. */
  readonly closed_at_ms: number | null;
  readonly metadata: Metadata;
}

/** What a call really used, at the price of that moment. Never changed: a correction is another record. */
export interface UsageRecord extends PriceTerms {
  readonly tenant_id: string;
  readonly record_id: string;
  readonly allocation_id: string | null;
  readonly budget_id: string;
  readonly context_id: string;
  readonly component: string;
  readonly tier: Tier;
  readonly provider: string;
  readonly model: string;
  readonly task_type: string;
  /** All input, cache reads and writes and audio included. */
  readonly input_tokens: number;
  /** All output, reasoning included. */
  readonly output_tokens: number;
  /**
   * Input and output together. A record of an older system may have more: what that one did not split is in neither of
   * the two.
   */
  readonly total_tokens: number;
  /** Every quantity by its unit, the two above among them. */
  readonly usage: UsageQuantities;
  readonly input_cost_nano_usd: NanoUsd;
  readonly output_cost_nano_usd: NanoUsd;
  /** Fees per request, per search and the like, which are neither input nor output. */
  readonly other_cost_nano_usd: NanoUsd;
  readonly total_cost_nano_usd: NanoUsd;
  readonly cost_components: readonly CostComponent[];
  /** The price that made the cost; null where none was known, and then every cost is 0. */
  readonly pricing_id: string | null;
  /** Tokens and cost that no allocation held. */
  readonly overage_tokens: number;
  readonly overage_cost_nano_usd: NanoUsd;
  /**
   * The record whose cost this one sets right, at the same time: it has no quantities, and its costs are the differences,
   * which may be negative. Null for the usage of a call.
   */
  readonly adjusts_record_id: string | null;
  readonly timestamp_ms: number;
  readonly operation_id: string | null;
  readonly request_id: string | null;
  readonly user_id: string | null;
  readonly metadata: Metadata;
}

/** Why an alert was raised. */
export type AlertKind = (typeof ALERT_KINDS)[number];
/** Why an alert about a limit was raised. */
export type LimitAlertKind = (typeof LIMIT_ALERT_KINDS)[number];

/**
 * A notice about a limit, raised at most once per kind, policy, context and window (a changed policy starts anew); or one
 * about the prices that every tenant shares, raised once for what happened.
 */
export interface Alert {
  readonly tenant_id: string;
  readonly alert_id: string;
  /** Null for alerts about prices. */
  readonly budget_id: string | null;
  readonly policy_id: string | null;
  readonly kind: AlertKind;
  readonly severity: AlertSeverity;
  readonly message: string;
  readonly details: Metadata;
  readonly acknowledged: boolean;
  readonly acknowledged_at_ms: number | null;
  readonly created_at_ms: number;
}

/**
 * What a policy counts: `used` in the window that starts at `window_start_ms`, and `held` by all live allocations,
 * whenever they were made. `scope` is the context id for per-context policies, else empty.
 */
export interface Balance {
  readonly tenant_id: string;
  readonly policy_id: string;
  readonly scope: string;
  readonly window_start_ms: number;
  readonly used_tokens: number;
  readonly used_cost_nano_usd: NanoUsd;
  readonly held_tokens: number;
  readonly held_cost_nano_usd: NanoUsd;
  /** Which kinds of alert were raised in this window, a bit for each; see `alerts.ts`. */
  readonly alerts_raised: number;
}

/** The sums of one hour for one combination of dimensions; reports read these and never raw records. */
export interface UsageRollup {
  readonly tenant_id: string;
  readonly hour_start_ms: number;
  readonly budget_id: string;
  readonly component: string;
  readonly tier: Tier;
  readonly provider: string;
  readonly model: string;
  readonly task_type: string;
  readonly request_count: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly total_tokens: number;
  readonly input_cost_nano_usd: NanoUsd;
  readonly output_cost_nano_usd: NanoUsd;
  readonly other_cost_nano_usd: NanoUsd;
  readonly total_cost_nano_usd: NanoUsd;
}

export const EVENT_TYPES = [
  "budget.created",
  "budget.updated",
  "budget.deleted",
  "policy.created",
  "policy.updated",
  "policy.deleted",
  "allocation.granted",
  "allocation.refused",
  "allocation.extended",
  "allocation.settled",
  "allocation.released",
  "allocation.expired",
  "usage.recorded",
  "alert.raised",
  "alert.acknowledged",
  "balances.repaired",
  "history.imported",
  "price.changed",
] as const;
export type EventType = (typeof EVENT_TYPES)[number];

/** A change, written with the change itself in one transaction, and read by every listener with a cursor. */
export interface OutboxEvent {
  readonly tenant_id: string;
  readonly event_type: EventType;
  readonly budget_id: string | null;
  /** What it happened to. */
  readonly subject_id: string;
  /** What listeners could not read elsewhere later on; empty for allocations and usage, which have rows of their own. */
  readonly payload: Metadata;
  readonly created_at_ms: number;
}
