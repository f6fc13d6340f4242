import { POLICY_TYPE_WORDS, TIERS, readPolicyType, type Metadata, type Tier } from "@budget/domain";
import type { PolicyDraft, UnimportedRow, UsageDraft } from "@budget/engine";
import { RowFields, canonicalText, type RowReading, type TimeReader } from "@budget/migration";
import { APOLLO_PERIODS, readPeriod, readTier } from "../words.ts";

export interface RowContext {
  readonly times: TimeReader;
  /** IANA name of the zone that Apollo's machine was in: its days begin there. */
  readonly time_zone: string;
  readonly now_ms: number;
}

const USAGE_TYPES = ["input", "output", "total"] as const;
export type ApolloUsageType = (typeof USAGE_TYPES)[number];

/** A record of Apollo's usage, as far as it can be counted. */
export interface ApolloUsage {
  readonly record_id: string;
  readonly context_id: string;
  readonly component: string;
  readonly provider: string;
  readonly model: string;
  readonly task_type: string;
  readonly tokens_used: number;
  readonly usage_type: ApolloUsageType;
  readonly timestamp_ms: number;
  readonly operation_id: string | null;
  readonly metadata: Metadata;
}

/** What Apollo itself writes where it does not know a name. */
const UNKNOWN = "unknown";
const DEFAULT_TASK_TYPE = "default";

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Allocations of Apollo's do not move in, so the id of one is kept beside what is there. */
const metadataOf = (value: unknown, allocation_id: string | null): Metadata => ({
  ...(isRecord(value) ? value : {}),
  ...(allocation_id === null ? {} : { apollo_allocation_id: allocation_id }),
});

/** @param place what a row without an id is known by, such as `usage_records_1.json, record 3` */
function unimported(place: string, id: unknown, reason: string): UnimportedRow {
  return { source_id: typeof id === "string" && id !== "" ? id : place, reason };
}

/** Reads a record, or says why it cannot be counted. */
export function readUsage(
  row: unknown,
  place: string,
  { times, now_ms }: RowContext,
): ApolloUsage | UnimportedRow {
  if (!isRecord(row)) return unimported(place, null, "It is not a record with fields.");
  const fields = new RowFields(row);
  const usage: ApolloUsage = {
    record_id: fields.text("record_id"),
    context_id: fields.optionalText("context_id") ?? UNKNOWN,
    component: fields.optionalText("component") ?? UNKNOWN,
    provider: fields.optionalText("provider") ?? UNKNOWN,
    model: fields.optionalText("model") ?? UNKNOWN,
    task_type: fields.optionalText("task_type") ?? DEFAULT_TASK_TYPE,
    tokens_used: fields.tokens("tokens_used"),
    usage_type: fields.word("usage_type", (word) => USAGE_TYPES.find((one) => one === word), USAGE_TYPES),
    timestamp_ms: fields.pastTime("timestamp", times, now_ms),
    operation_id: fields.optionalText("operation_id"),
    metadata: fields.metadata("metadata", metadataOf(row.metadata, fields.optionalText("allocation_id"))),
  };
  return fields.reason === null ? usage : unimported(place, row.record_id, fields.reason);
}

/** A record in Budget's words. A total stays one: how it was split nobody knows. */
export function usageDraft(usage: ApolloUsage, row: unknown): UsageDraft {
  const { tokens_used, usage_type } = usage;
  return {
    source_id: usage.record_id,
    content: canonicalText(row),
    timestamp_ms: usage.timestamp_ms,
    context_id: usage.context_id,
    component: usage.component,
    provider: usage.provider,
    model: usage.model,
    task_type: usage.task_type,
    input_tokens: usage_type === "input" ? tokens_used : 0,
    output_tokens: usage_type === "output" ? tokens_used : 0,
    total_tokens: tokens_used,
    // Apollo counted tokens only.
    cost: null,
    operation_id: usage.operation_id,
    metadata: usage.metadata,
  };
}

/** Reads a policy of Apollo's and translates it, or says why it cannot be. */
export function readPolicy(
  row: unknown,
  place: string,
  { times, time_zone, now_ms }: RowContext,
): RowReading<PolicyDraft> {
  if (!isRecord(row)) return { unimported: unimported(place, null, "It is not a policy with fields.") };
  const fields = new RowFields(row);
  const type = fields.word("type", readPolicyType, POLICY_TYPE_WORDS);
  const draft: PolicyDraft = {
    source_id: fields.text("policy_id"),
    content: canonicalText({ ...row, tier: tierOrNull(row.tier) ?? row.tier }),
    type,
    period: fields.word("period", readPeriod, APOLLO_PERIODS),
    time_zone,
    tier: optionalTier(fields, row.tier),
    provider: null,
    model: null,
    component: fields.optionalText("component")?.toLowerCase() ?? null,
    task_type: fields.optionalText("task_type")?.toLowerCase() ?? null,
    token_limit: fields.tokens("limit"),
    cost_limit_nano_usd: null,
    warning_threshold: fields.share("warning_threshold"),
    action_threshold: fields.share("action_threshold"),
    enabled: row.enabled !== false,
    end_ms: endOf(fields, row.end_date, times),
    // A request of priority 10 passed Apollo's hard limits.
    priority_override: type === "enforce",
    allow_unpriced: false,
    created_at_ms: fields.pastTime("start_date", times, now_ms),
  };
  if (draft.warning_threshold > draft.action_threshold)
    fields.wrong("action_threshold", "at least warning_threshold");
  const { reason } = fields;
  return reason === null ? { draft } : { unimported: unimported(place, row.policy_id, reason) };
}

const tierOrNull = (word: unknown): Tier | null =>
  (typeof word === "string" ? readTier(word) : undefined) ?? null;

function optionalTier(fields: RowFields, word: unknown): Tier | null {
  if (word === null || word === undefined) return null;
  return fields.word("tier", readTier, TIERS);
}

function endOf(fields: RowFields, end_date: unknown, times: TimeReader): number | null {
  if (end_date === null || end_date === undefined) return null;
  const end_ms = times.read(end_date);
  if (end_ms === null) fields.wrong("end_date", "a time such as 2027-01-01T00:00:00, or null");
  return end_ms;
}
