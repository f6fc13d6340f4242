import { MAX_COST_LIMIT_NANO_USD, judgePolicyFields, type PolicyFields } from "../policy-fields.ts";
import { firstProblem, textProblem, timeProblem, tokensProblem } from "./draft-problems.ts";
import type { PolicyDraft } from "./history-importer.ts";

const nameOrNull = (name: string | null): string | null => (name === null ? null : name.trim().toLowerCase());

/** The fields of a policy that a draft stands for. */
export const policyFieldsOf = (draft: PolicyDraft): PolicyFields => ({
  type: draft.type,
  period: draft.period,
  time_zone: draft.time_zone,
  tier: draft.tier,
  provider: nameOrNull(draft.provider),
  model: nameOrNull(draft.model),
  component: nameOrNull(draft.component),
  task_type: nameOrNull(draft.task_type),
  token_limit: draft.token_limit,
  cost_limit_nano_usd: draft.cost_limit_nano_usd,
  warning_threshold: draft.warning_threshold,
  action_threshold: draft.action_threshold,
  enabled: draft.enabled,
  end_ms: draft.end_ms,
  priority_override: draft.priority_override,
  allow_unpriced: draft.allow_unpriced,
});

const isShare = (value: number): boolean => value >= 0 && value <= 1;

/** Why no policy can be made of a draft, in words; null where one can. */
export function policyDraftProblem(draft: PolicyDraft, now_ms: number): string | null {
  const fields = policyFieldsOf(draft);
  const { provider, model, component, task_type, token_limit, cost_limit_nano_usd, end_ms } = fields;
  const judged = judgePolicyFields(fields);
  return firstProblem(
    textProblem("source_id", draft.source_id),
    timeProblem("created_at", draft.created_at_ms, now_ms),
    end_ms === null ? null : timeProblem("end_date", end_ms, LATEST_MS),
    ...Object.entries({ provider, model, component, task_type }).map(([field, name]) =>
      name === null ? null : textProblem(field, name),
    ),
    token_limit === null ? null : tokensProblem("token_limit", token_limit),
    cost_limit_nano_usd !== null &&
      (cost_limit_nano_usd < 0n || cost_limit_nano_usd > MAX_COST_LIMIT_NANO_USD)
      ? `cost_limit is ${cost_limit_nano_usd} nano-USD; it must be from 0 to ${MAX_COST_LIMIT_NANO_USD}`
      : null,
    isShare(draft.warning_threshold) && isShare(draft.action_threshold)
      ? null
      : "warning_threshold and action_threshold must be from 0 to 1",
    judged.ok ? null : judged.rejection.detail,
  );
}

/** The last time that has a date. */
const LATEST_MS = 8.64e15;
