import { tierOf, type ImportSource, type NanoUsd, type UsageRecord } from "@budget/domain";
import { MAX_CALL_COST_NANO_USD } from "../record-usage.ts";
import { firstProblem, textProblem, timeProblem, tokensProblem } from "./draft-problems.ts";
import type { UsageDraft } from "./history-importer.ts";
import { idOfRow } from "./imported-ids.ts";

/** As JSON, of a row of an older system. A part of an import is held in memory with it. */
export const MOST_METADATA_CHARACTERS = 65_536;

const NOTHING_BOOKED = { input_nano_usd: 0n, output_nano_usd: 0n, other_nano_usd: 0n };

/** What usage of older systems is charged to. */
export interface Destination {
  readonly source: ImportSource;
  readonly tenant_id: string;
  readonly budget_id: string;
}

/** A name that policies match on. */
const nameOf = (name: string): string => name.trim().toLowerCase();

/** Why no usage record can be made of a draft, in words; null where one can. */
export function usageDraftProblem(draft: UsageDraft, now_ms: number): string | null {
  const { component, provider, model, task_type, input_tokens, output_tokens, total_tokens } = draft;
  return firstProblem(
    textProblem("source_id", draft.source_id),
    timeProblem("timestamp", draft.timestamp_ms, now_ms),
    textProblem("context_id", draft.context_id),
    ...Object.entries({ component, provider, model, task_type }).map(([field, name]) =>
      textProblem(field, nameOf(name)),
    ),
    ...Object.entries({ input_tokens, output_tokens, total_tokens }).map(([field, tokens]) =>
      tokensProblem(field, tokens),
    ),
    total_tokens >= input_tokens + output_tokens
      ? null
      : `total_tokens is ${total_tokens}, less than input and output together`,
    costProblem(draft.cost ?? NOTHING_BOOKED),
    draft.operation_id === null ? null : textProblem("operation_id", draft.operation_id),
    JSON.stringify(draft.metadata).length > MOST_METADATA_CHARACTERS
      ? `metadata is longer than ${MOST_METADATA_CHARACTERS} characters`
      : null,
  );
}

function costProblem(cost: NonNullable<UsageDraft["cost"]>): string | null {
  const parts: readonly NanoUsd[] = Object.values(cost);
  const total = parts.reduce((sum, part) => sum + part, 0n);
  if (parts.every((part) => part >= 0n) && total <= MAX_CALL_COST_NANO_USD) return null;
  const dollars = MAX_CALL_COST_NANO_USD / 1_000_000_000n;
  return `the cost is ${total} nano-USD; it must be from 0 to ${dollars} USD, and so must its parts`;
}

/** The usage record of a draft without problems. It was held by nobody, and what it cost is what was booked. */
export function usageFromDraft(
  draft: UsageDraft,
  { source, tenant_id, budget_id }: Destination,
): UsageRecord {
  const [component, provider, model] = [draft.component, draft.provider, draft.model].map(nameOf) as [
    string,
    string,
    string,
  ];
  const { input_tokens, output_tokens } = draft;
  const { input_nano_usd, output_nano_usd, other_nano_usd } = draft.cost ?? NOTHING_BOOKED;
  return {
    tenant_id,
    record_id: idOfRow(source, "usage", draft.source_id, draft.timestamp_ms),
    allocation_id: null,
    budget_id,
    context_id: draft.context_id,
    component,
    tier: tierOf({ component, provider, model }),
    provider,
    model,
    task_type: nameOf(draft.task_type),
    service_tier: "standard",
    price_scope: "",
    input_tokens,
    output_tokens,
    total_tokens: draft.total_tokens,
    usage: { input_tokens, output_tokens },
    input_cost_nano_usd: input_nano_usd,
    output_cost_nano_usd: output_nano_usd,
    other_cost_nano_usd: other_nano_usd,
    total_cost_nano_usd: input_nano_usd + output_nano_usd + other_nano_usd,
    cost_components: [],
    pricing_id: null,
    overage_tokens: 0,
    overage_cost_nano_usd: 0n,
    adjusts_record_id: null,
    timestamp_ms: draft.timestamp_ms,
    operation_id: draft.operation_id,
    request_id: null,
    user_id: null,
    metadata: draft.metadata,
  };
}
