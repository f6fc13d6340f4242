import {
  MAX_USD,
  accepted,
  isTimeZone,
  parseUsdToNano,
  readPolicyType,
  type BudgetPolicy,
  type NanoUsd,
  type Outcome,
  type PolicyUpdate,
} from "@budget/domain";
import { invalid } from "./requests.ts";

/** The fields of a policy that its maker chooses. */
export type PolicyFields = Omit<
  BudgetPolicy,
  "tenant_id" | "policy_id" | "budget_id" | "created_at_ms" | "updated_at_ms" | "version"
>;

/** As high as a limit of cost may be. */
export const MAX_COST_LIMIT_NANO_USD = BigInt(MAX_USD) * 1_000_000_000n;

export const DEFAULT_POLICY_FIELDS: Omit<PolicyFields, "type" | "period"> = {
  time_zone: "UTC",
  tier: null,
  provider: null,
  model: null,
  component: null,
  task_type: null,
  token_limit: null,
  cost_limit_nano_usd: null,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  enabled: true,
  end_ms: null,
  priority_override: false,
  allow_unpriced: false,
};

/** Puts what was given over what was there, and judges the whole. */
export function readPolicyFields(base: PolicyFields, input: PolicyUpdate): Outcome<PolicyFields> {
  const cost_limit = readCostLimit(base.cost_limit_nano_usd, input.cost_limit);
  if (!cost_limit.ok) return cost_limit;
  const type = input.type === undefined ? base.type : readPolicyType(input.type);
  if (type === undefined) return invalid("/type", "type must be log, warn or enforce.");
  const fields: PolicyFields = {
    type,
    period: input.period ?? base.period,
    time_zone: input.time_zone ?? base.time_zone,
    tier: given(input.tier, base.tier),
    provider: given(input.provider, base.provider),
    model: given(input.model, base.model),
    component: given(input.component, base.component),
    task_type: given(input.task_type, base.task_type),
    token_limit: given(input.token_limit, base.token_limit),
    cost_limit_nano_usd: cost_limit.value,
    warning_threshold: input.warning_threshold ?? base.warning_threshold,
    action_threshold: input.action_threshold ?? base.action_threshold,
    enabled: input.enabled ?? base.enabled,
    end_ms: input.end_date === undefined ? base.end_ms : timeOrNull(input.end_date),
    priority_override: input.priority_override ?? base.priority_override,
    allow_unpriced: input.allow_unpriced ?? base.allow_unpriced,
  };
  return judgePolicyFields(fields);
}

/** Whether fields that are valid each for itself make a policy together. */
export function judgePolicyFields(fields: PolicyFields): Outcome<PolicyFields> {
  if (fields.type !== "log" && fields.token_limit === null && fields.cost_limit_nano_usd === null) {
    return invalid(
      "/token_limit",
      "A policy needs a token_limit, a cost_limit or both; only one of type log may just count.",
    );
  }
  if (fields.warning_threshold > fields.action_threshold) {
    return invalid("/warning_threshold", "warning_threshold must not be above action_threshold.");
  }
  if (!isTimeZone(fields.time_zone)) {
    return invalid(
      "/time_zone",
      `time_zone must be an IANA name such as Europe/Berlin; it was ${fields.time_zone}.`,
    );
  }
  return accepted(fields);
}

/** A field that null empties and absence leaves alone. */
const given = <T>(value: T | null | undefined, base: T | null): T | null =>
  value === undefined ? base : value;

const timeOrNull = (time: string | null): number | null => (time === null ? null : Date.parse(time));

function readCostLimit(
  base: NanoUsd | null,
  cost_limit: PolicyUpdate["cost_limit"],
): Outcome<NanoUsd | null> {
  if (cost_limit === undefined) return accepted(base);
  if (cost_limit === null) return accepted(null);
  try {
    const limit = parseUsdToNano(cost_limit);
    if (limit > MAX_COST_LIMIT_NANO_USD)
      return invalid("/cost_limit", `cost_limit must be at most ${MAX_USD} USD.`);
    return accepted(limit);
  } catch (error) {
    return invalid("/cost_limit", (error as Error).message);
  }
}
