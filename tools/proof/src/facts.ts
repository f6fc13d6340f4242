/** What the database itself says happened: its events, and what its own triggers wrote down of every change of a row. */

export const MEASURES = ["tokens", "cost"] as const;
export type Measure = (typeof MEASURES)[number];

/** Tokens, and cost in nano-USD. */
export interface Amount {
  readonly tokens: bigint;
  readonly cost: bigint;
}

export const NOTHING: Amount = { tokens: 0n, cost: 0n };

export type AllocationStatus = "active" | "settled" | "released" | "expired";

/** An allocation as one version of its row has it. */
export interface AllocationState {
  readonly status: AllocationStatus;
  readonly expiration_time_ms: number;
  readonly allocated: Amount;
  readonly used: Amount;
}

/** A row of `allocations` that was written; `before` is null where it was made. */
export interface AllocationChange {
  readonly serial: number;
  readonly transaction_id: string;
  readonly allocation_id: string;
  readonly budget_id: string;
  readonly before: AllocationState | null;
  readonly after: AllocationState;
}

/** A row of `usage_records` that was made. */
export interface UsageChange {
  readonly serial: number;
  readonly transaction_id: string;
  readonly record_id: string;
  readonly allocation_id: string | null;
  readonly budget_id: string;
  readonly timestamp_ms: number;
  readonly used: Amount;
}

/** The periods that the proof uses: both have a window that anybody can work out, in UTC. */
export type Period = "total" | "hourly";

/** A row of `policies` that was written. */
export interface PolicyChange {
  readonly serial: number;
  readonly transaction_id: string;
  readonly policy_id: string;
  readonly budget_id: string;
  readonly period: Period;
  /** Null where the policy does not limit the measure. */
  readonly limit: Readonly<Record<Measure, bigint | null>>;
  /** Whether it refuses: it is enabled, of type `enforce`, and not deleted. */
  readonly binds: boolean;
}

/** What a refusal says of one policy that did not fit. */
export interface Violation {
  readonly policy_id: string;
  readonly measure: Measure;
  readonly limit: bigint;
  readonly used: bigint;
  readonly held: bigint;
  /** Null where no price was known. */
  readonly requested: bigint | null;
}

export interface Refusal {
  readonly tokens_that_fit: bigint;
  readonly violations: readonly Violation[];
}

/** A row of `events`. */
export interface LedgerEvent {
  readonly sequence: number;
  readonly transaction_id: string;
  readonly event_type: string;
  readonly budget_id: string | null;
  readonly subject_id: string;
  /** The time that the decision was made at. */
  readonly created_at_ms: number;
  /** What an `allocation.refused` says. */
  readonly refusal: Refusal | null;
}

export interface Facts {
  /** Every budget with the one above it. */
  readonly parents: ReadonlyMap<string, string | null>;
  /** In order of their sequence. */
  readonly events: readonly LedgerEvent[];
  /** Each in order of its serial. */
  readonly allocations: readonly AllocationChange[];
  readonly usage: readonly UsageChange[];
  readonly policies: readonly PolicyChange[];
  /** Usage records that were changed or deleted; a record of what was used never is. */
  readonly rewritten_usage: readonly string[];
  /** The server that each transaction came from. */
  readonly servers: ReadonlyMap<string, string>;
  /** `allocations` as they are in the end. */
  readonly final_allocations: ReadonlyMap<string, AllocationState>;
  /** How many rows `usage_records` has in the end, and what they add up to. */
  readonly final_usage: Amount & { readonly records: number };
  /** What holding one token costs, as all allocations have it. */
  readonly token_price_nano_usd: bigint;
}
