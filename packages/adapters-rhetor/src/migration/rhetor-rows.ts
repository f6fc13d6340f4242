import {
  MAX_USD,
  divideHalfEven,
  parseDecimal,
  readPolicyType,
  type Metadata,
  type NanoUsd,
  type Period,
} from "@budget/domain";
import {
  MAX_CALL_COST_NANO_USD,
  type PolicyDraft,
  type UnimportedRow,
  type UsageDraft,
} from "@budget/engine";
import { RowFields, canonicalText, type RowReading, type TimeReader } from "@budget/migration";
import type { RateTable } from "./rates.ts";
import type { RhetorRow } from "./rhetor-file.ts";

export interface RowContext {
  readonly times: TimeReader;
  /** IANA name of the zone that Rhetor's machine was in: its days begin there. */
  readonly time_zone: string;
  readonly now_ms: number;
}

const NANO_DECIMALS = 9;
/** Enough for every digit of a double between a nano-dollar and the largest amount. */
const EXACT_DECIMALS = 30;
const NANO_IN_EXACT = 10n ** BigInt(EXACT_DECIMALS - NANO_DECIMALS);

/** An amount as Rhetor wrote it, a double, in nano-dollars. */
export interface ReadAmount {
  readonly nano_usd: NanoUsd;
  /** What rounding moved it by, in 10^-30 dollars. */
  readonly moved: bigint;
}

/** Reads a double by its shortest decimal text, rounded half-even to a nano-dollar; null where it is out of range. */
function readAmount(value: unknown, most_usd: number): ReadAmount | null {
  if (typeof value !== "number" || !(value >= 0 && value <= most_usd)) return null;
  const exact = parseDecimal(value, EXACT_DECIMALS, "half-even");
  const nano_usd = divideHalfEven(exact, NANO_IN_EXACT);
  return { nano_usd, moved: nano_usd * NANO_IN_EXACT - exact };
}

/** A row of Rhetor's usage, as far as it can be counted. */
export interface RhetorUsage {
  readonly id: string;
  readonly timestamp_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
  readonly task_type: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost: ReadAmount;
  readonly metadata: Metadata;
}

const UNKNOWN = "unknown";
const DEFAULT_TASK_TYPE = "default";
/** Rhetor knew no contexts: all of its calls are of one. */
const CONTEXT = "rhetor";
const MOST_CALL_USD = Number(MAX_CALL_COST_NANO_USD / 10n ** BigInt(NANO_DECIMALS));

/** Reads a row, or says why it cannot be counted. */
export function readUsage(row: RhetorRow, { times, now_ms }: RowContext): RhetorUsage | UnimportedRow {
  const fields = new RowFields(row);
  const cost = readAmount(row.cost, MOST_CALL_USD);
  if (cost === null) fields.wrong("cost", `dollars from 0 to ${MOST_CALL_USD}`);
  const usage: RhetorUsage = {
    id: String(row.id),
    timestamp_ms: fields.pastTime("timestamp", times, now_ms),
    provider: fields.optionalText("provider") ?? UNKNOWN,
    model: fields.optionalText("model") ?? UNKNOWN,
    component: fields.optionalText("component") ?? UNKNOWN,
    task_type: fields.optionalText("task_type") ?? DEFAULT_TASK_TYPE,
    input_tokens: fields.tokens("input_tokens"),
    output_tokens: fields.tokens("output_tokens"),
    cost: cost ?? { nano_usd: 0n, moved: 0n },
    metadata: fields.metadata("metadata", readMetadata(row.metadata)),
  };
  return fields.reason === null ? usage : { source_id: usage.id, reason: fields.reason };
}

/** What is no JSON object is kept as it is: the row was paid for all the same. */
function readMetadata(stored: unknown): Metadata {
  if (stored === null || stored === "") return {};
  const text = typeof stored === "string" ? stored : JSON.stringify(stored);
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Metadata;
  } catch {
    // Kept below.
  }
  return { rhetor_metadata: text };
}

export const isUnreadable = ({ metadata }: RhetorUsage): boolean =>
  Object.hasOwn(metadata, "rhetor_metadata");

/** A row in Budget's words, at the cost that Rhetor booked. */
export function usageDraft(usage: RhetorUsage, row: RhetorRow, rates: RateTable): UsageDraft {
  const { id, cost, input_tokens, output_tokens } = usage;
  const split = rates.split(usage, input_tokens, output_tokens, cost.nano_usd);
  const { row: _row, ...content } = row;
  return {
    source_id: id,
    content: canonicalText(content),
    timestamp_ms: usage.timestamp_ms,
    context_id: CONTEXT,
    component: usage.component,
    provider: usage.provider,
    model: usage.model,
    task_type: usage.task_type,
    input_tokens,
    output_tokens,
    total_tokens: input_tokens + output_tokens,
    cost:
      split === null
        ? { input_nano_usd: 0n, output_nano_usd: 0n, other_nano_usd: cost.nano_usd }
        : { ...split, other_nano_usd: 0n },
    operation_id: null,
    metadata: usage.metadata,
  };
}

const PERIODS = ["daily", "weekly", "monthly"] as const satisfies readonly Period[];
const ENFORCEMENTS = ["ignore", "warn", "enforce"] as const;

/**
 * Reads the settings, in the order in which they were set, and translates them. One that is not active any more is a
 * policy that is switched off, and that ended when the next one for the same period and provider began.
 */
export function readSettings(
  rows: readonly RhetorRow[],
  context: RowContext,
): readonly RowReading<PolicyDraft>[] {
  const readings = rows.map((row) => readSetting(row, context));
  return readings.map((reading, index) => {
    if (!("draft" in reading) || reading.draft.enabled) return reading;
    const next = readings
      .slice(index + 1)
      .find((later) => "draft" in later && isForTheSame(later.draft, reading.draft));
    const end_ms = next !== undefined && "draft" in next ? next.draft.created_at_ms : null;
    return { draft: { ...reading.draft, end_ms } };
  });
}

const isForTheSame = (a: PolicyDraft, b: PolicyDraft): boolean =>
  a.period === b.period && a.provider === b.provider;

function readSetting(row: RhetorRow, { times, time_zone, now_ms }: RowContext): RowReading<PolicyDraft> {
  const fields = new RowFields(row);
  const limit = readAmount(row.limit_amount, MAX_USD);
  if (limit === null) fields.wrong("limit_amount", `dollars from 0 to ${MAX_USD}`);
  if (row.active !== 0 && row.active !== 1) fields.wrong("active", "0 or 1");
  const word = fields.word("enforcement", (one) => ENFORCEMENTS.find((known) => known === one), ENFORCEMENTS);
  const provider = fields.text("provider").toLowerCase();
  // A limit of 0 was no limit to Rhetor, whatever it was to enforce.
  const isLimit = limit !== null && limit.nano_usd > 0n;
  const draft: PolicyDraft = {
    source_id: String(row.id),
    content: canonicalText(row),
    type: isLimit ? (readPolicyType(word) ?? "log") : "log",
    period: fields.word("period", (one) => PERIODS.find((known) => known === one), PERIODS),
    time_zone,
    tier: null,
    provider: provider === "all" ? null : provider,
    model: null,
    component: null,
    task_type: null,
    token_limit: null,
    cost_limit_nano_usd: isLimit ? limit.nano_usd : null,
    // Rhetor had none of its own; these are Budget's usual ones.
    warning_threshold: 0.8,
    action_threshold: 0.95,
    enabled: row.active === 1,
    end_ms: null,
    priority_override: false,
    allow_unpriced: false,
    created_at_ms: fields.pastTime("start_date", times, now_ms),
  };
  const { reason } = fields;
  return reason === null ? { draft } : { unimported: { source_id: draft.source_id, reason } };
}
