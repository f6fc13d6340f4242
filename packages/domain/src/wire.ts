import type { CostComponent, UsageCost } from "./cost-of-usage.ts";
import type { ExplainedDecision } from "./decision-record.ts";
import type { Alert, Budget, BudgetAllocation, BudgetPolicy, UsageRecord } from "./entities.ts";
import { femtoToUsdJson, nanoToUsdJson, nanoToUsdText } from "./money.ts";
import type {
  AllocationCheck,
  Alternative,
  Grant,
  PolicyReading,
  PolicyWarning,
  Refusal,
  Violation,
} from "./outcome.ts";
import type {
  AllocationCheckWire,
  AllocationWire,
  AlternativeWire,
  DecisionWire,
  GrantWire,
  PolicyWarningWire,
  ViolationWire,
} from "./schemas/allocation.ts";
import type { AlertWire } from "./schemas/alert.ts";
import type { BudgetWire } from "./schemas/budget.ts";
import type { PolicyWire } from "./schemas/policy.ts";
import type { PriceMatch } from "./price-book.ts";
import { toProviderPricingWire } from "./price.ts";
import type { CostWire, CurrentPriceWire } from "./schemas/price.ts";
import type { UsageRecordWire } from "./schemas/usage.ts";

/** Our entities as they go over the wire: USD numbers, ISO times, and no tenant. */

/** ISO 8601 in UTC with milliseconds. */
export const isoTime = (at_ms: number): string => new Date(at_ms).toISOString();
const isoTimeOrNull = (at_ms: number | null): string | null => (at_ms === null ? null : isoTime(at_ms));

export function toBudgetWire(budget: Budget): BudgetWire {
  return {
    budget_id: budget.budget_id,
    parent_budget_id: budget.parent_budget_id,
    name: budget.name,
    description: budget.description,
    owner: budget.owner,
    is_active: budget.is_active,
    creation_time: isoTime(budget.creation_time_ms),
    updated_at: isoTime(budget.updated_at_ms),
    metadata: budget.metadata,
  };
}

export function toPolicyWire(policy: BudgetPolicy): PolicyWire {
  return {
    policy_id: policy.policy_id,
    budget_id: policy.budget_id,
    type: policy.type,
    period: policy.period,
    time_zone: policy.time_zone,
    tier: policy.tier,
    provider: policy.provider,
    model: policy.model,
    component: policy.component,
    task_type: policy.task_type,
    token_limit: policy.token_limit,
    cost_limit: policy.cost_limit_nano_usd === null ? null : nanoToUsdJson(policy.cost_limit_nano_usd),
    warning_threshold: policy.warning_threshold,
    action_threshold: policy.action_threshold,
    enabled: policy.enabled,
    end_date: isoTimeOrNull(policy.end_ms),
    priority_override: policy.priority_override,
    allow_unpriced: policy.allow_unpriced,
    created_at: isoTime(policy.created_at_ms),
    updated_at: isoTime(policy.updated_at_ms),
  };
}

export function toAllocationWire(allocation: BudgetAllocation): AllocationWire {
  const is_active = allocation.status === "active";
  return {
    allocation_id: allocation.allocation_id,
    budget_id: allocation.budget_id,
    context_id: allocation.context_id,
    component: allocation.component,
    input_tokens: allocation.input_tokens,
    tokens_allocated: allocation.tokens_allocated,
    tokens_used: allocation.tokens_used,
    remaining_tokens: is_active ? Math.max(0, allocation.tokens_allocated - allocation.tokens_used) : 0,
    estimated_cost: nanoToUsdJson(allocation.cost_allocated_nano_usd),
    cost_used: nanoToUsdJson(allocation.cost_used_nano_usd),
    tier: allocation.tier,
    provider: allocation.provider,
    model: allocation.model,
    task_type: allocation.task_type,
    service_tier: allocation.service_tier,
    price_scope: allocation.price_scope,
    priority: allocation.priority,
    is_active,
    status: allocation.status,
    creation_time: isoTime(allocation.creation_time_ms),
    expiration_time: isoTime(allocation.expiration_time_ms),
    closed_at: isoTimeOrNull(allocation.closed_at_ms),
    metadata: allocation.metadata,
  };
}

/** A number of tokens, or of nano-USD as USD, by the measure that it counts. */
const measured = (measure: "tokens" | "cost", amount: bigint): number =>
  measure === "tokens" ? Number(amount) : nanoToUsdJson(amount);

const inWords = (measure: "tokens" | "cost", amount: bigint): string =>
  measure === "tokens" ? `${amount} tokens` : `$${nanoToUsdText(amount)}`;

function readingMessage(reading: PolicyReading, code: string): string {
  const { policy, measure } = reading;
  const asked =
    reading.requested === null ? "a request of unknown price" : inWords(measure, reading.requested);
  return (
    `${policy.period} ${policy.type} policy ${policy.policy_id}: ${inWords(measure, reading.used)} used and ` +
    `${inWords(measure, reading.held)} held of ${inWords(measure, reading.limit)}, ${asked} requested (${code})`
  );
}

function toReadingWire<C extends string>(reading: PolicyReading & { readonly code: C }) {
  const { policy, measure, code } = reading;
  return {
    code,
    policy_id: policy.policy_id,
    budget_id: policy.budget_id,
    type: policy.type,
    period: policy.period,
    measure,
    limit: measured(measure, reading.limit),
    used: measured(measure, reading.used),
    held: measured(measure, reading.held),
    requested: reading.requested === null ? null : measured(measure, reading.requested),
    remaining: measured(measure, reading.remaining),
    resets_at: isoTimeOrNull(reading.resets_at_ms),
    message: readingMessage(reading, code),
  };
}

export const toViolationWire = (violation: Violation): ViolationWire => toReadingWire(violation);
export const toPolicyWarningWire = (warning: PolicyWarning): PolicyWarningWire => toReadingWire(warning);

const toAlternativeWire = (alternative: Alternative): AlternativeWire => ({
  provider: alternative.provider,
  model: alternative.model,
  estimated_cost: nanoToUsdJson(alternative.cost_nano_usd),
});

export function toGrantWire(grant: Grant): GrantWire {
  return {
    ...toAllocationWire(grant.allocation),
    learned: grant.learned,
    warnings: grant.warnings.map(toPolicyWarningWire),
    alternatives: grant.alternatives.map(toAlternativeWire),
  };
}

/** The members that a refusal adds to a problem. */
export function toRefusalWire(refusal: Refusal) {
  return {
    refusal_id: refusal.refusal_id,
    violations: refusal.violations.map(toViolationWire),
    tokens_that_fit: refusal.tokens_that_fit,
    resets_at: isoTimeOrNull(refusal.resets_at_ms),
  };
}

export function toAllocationCheckWire(check: AllocationCheck): AllocationCheckWire {
  const fits = { refusal_id: null, violations: [], tokens_that_fit: check.tokens_granted, resets_at: null };
  return {
    allowed: check.refusal === null,
    tokens_requested: check.tokens_requested,
    tokens_granted: check.tokens_granted,
    estimated_cost: check.cost_nano_usd === null ? null : nanoToUsdJson(check.cost_nano_usd),
    learned: check.learned,
    warnings: check.warnings.map(toPolicyWarningWire),
    alternatives: check.alternatives.map(toAlternativeWire),
    ...(check.refusal === null ? fits : toRefusalWire(check.refusal)),
  };
}

export function toDecisionWire(explained: ExplainedDecision): DecisionWire {
  const { decision, dimensions } = explained;
  const { cost_nano_usd } = decision.hold;
  return {
    decision_id: explained.decision_id,
    allocation_id: explained.allocation_id,
    budget_id: explained.budget_id,
    context_id: explained.context_id,
    ...dimensions,
    priority: decision.priority,
    granted: decision.granted,
    tokens_wanted: decision.tokens_wanted,
    min_tokens: decision.min_tokens,
    tokens_that_fit: decision.tokens_that_fit,
    tokens_held: decision.hold.tokens,
    estimated_cost: cost_nano_usd === null ? null : nanoToUsdJson(cost_nano_usd),
    learned: decision.learned,
    decided_at: isoTime(explained.decided_at_ms),
    policies: decision.policies.map((policy) => ({
      policy_id: policy.policy_id,
      budget_id: policy.budget_id,
      type: policy.type,
      period: policy.period,
      time_zone: policy.time_zone,
      enabled: policy.enabled,
      window_start: isoTime(policy.window_start_ms),
      resets_at: isoTimeOrNull(policy.window_end_ms),
      token_limit: policy.token_limit,
      tokens_used: policy.used_tokens,
      tokens_held: policy.held_tokens,
      cost_limit: policy.cost_limit_nano_usd === null ? null : nanoToUsdJson(policy.cost_limit_nano_usd),
      cost_used: nanoToUsdJson(policy.used_cost_nano_usd),
      cost_held: nanoToUsdJson(policy.held_cost_nano_usd),
      codes: [...policy.codes],
    })),
  };
}

export function toUsageRecordWire(record: UsageRecord): UsageRecordWire {
  return {
    record_id: record.record_id,
    allocation_id: record.allocation_id,
    budget_id: record.budget_id,
    context_id: record.context_id,
    component: record.component,
    tier: record.tier,
    provider: record.provider,
    model: record.model,
    task_type: record.task_type,
    service_tier: record.service_tier,
    price_scope: record.price_scope,
    input_tokens: record.input_tokens,
    output_tokens: record.output_tokens,
    total_tokens: record.total_tokens,
    usage: record.usage,
    input_cost: nanoToUsdJson(record.input_cost_nano_usd),
    output_cost: nanoToUsdJson(record.output_cost_nano_usd),
    other_cost: nanoToUsdJson(record.other_cost_nano_usd),
    total_cost: nanoToUsdJson(record.total_cost_nano_usd),
    cost_components: record.cost_components.map(toCostComponentWire),
    pricing_id: record.pricing_id,
    overage_tokens: record.overage_tokens,
    overage_cost: nanoToUsdJson(record.overage_cost_nano_usd),
    adjusts_record_id: record.adjusts_record_id,
    timestamp: isoTime(record.timestamp_ms),
    operation_id: record.operation_id,
    request_id: record.request_id,
    user_id: record.user_id,
    metadata: record.metadata,
  };
}

export function toAlertWire(alert: Alert): AlertWire {
  return {
    alert_id: alert.alert_id,
    budget_id: alert.budget_id,
    policy_id: alert.policy_id,
    kind: alert.kind,
    severity: alert.severity,
    message: alert.message,
    details: alert.details,
    acknowledged: alert.acknowledged,
    acknowledged_at: isoTimeOrNull(alert.acknowledged_at_ms),
    created_at: isoTime(alert.created_at_ms),
  };
}

const toCostComponentWire = (component: CostComponent) => ({
  unit: component.unit,
  quantity: component.quantity,
  cost_per_unit: femtoToUsdJson(component.amount_femto_usd),
  cost: nanoToUsdJson(component.cost_nano_usd),
  estimated: component.estimated,
});

/** A price that was found, and how. */
export const toCurrentPriceWire = ({ price, matched_by, stands_in }: PriceMatch): CurrentPriceWire => ({
  ...toProviderPricingWire(price),
  matched_by,
  stands_in: [...stands_in],
});

/** What a usage costs, with its parts. */
export const toCostWire = (cost: UsageCost): Omit<CostWire, "price"> => ({
  input_cost: nanoToUsdJson(cost.input_cost_nano_usd),
  output_cost: nanoToUsdJson(cost.output_cost_nano_usd),
  other_cost: nanoToUsdJson(cost.other_cost_nano_usd),
  total_cost: nanoToUsdJson(cost.total_cost_nano_usd),
  cost_components: cost.components.map(toCostComponentWire),
});
