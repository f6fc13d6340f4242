import {
  decodeDecision,
  decodePriceComponents,
  encodeDecision,
  encodePriceComponents,
  type Alert,
  type AllocationStatus,
  type Balance,
  type Budget,
  type BudgetAllocation,
  type BudgetPolicy,
  type CostComponent,
  type Metadata,
  type OutboxEvent,
  type Period,
  type PolicyType,
  type PriceType,
  type ProviderPricing,
  type ServiceTier,
  type StoredRefusal,
  type Tenant,
  type Tier,
  type TimeOfDay,
  type UsageQuantities,
  type UsageRecord,
  type UsageRollup,
} from "@budget/domain";
import type { Row } from "./dialect.ts";

/**
 * Rows to entities and back. SQLite answers integers as bigint and booleans as integers, PostgreSQL 64-bit integers as
 * text: the readers take all of these.
 */

const text = (value: unknown): string => value as string;
const textOrNull = (value: unknown): string | null => (value ?? null) as string | null;
const integer = (value: unknown): number => Number(value);
const integerOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
const big = (value: unknown): bigint => BigInt(value as string | number | bigint);
const bigOrNull = (value: unknown): bigint | null => (value === null ? null : big(value));
const flag = (value: unknown): boolean => Boolean(value);
const json = (value: unknown): unknown => JSON.parse(value as string);

/** A budget row also says when it was deleted: deleted budgets still lead usage to their ancestors. */
export interface StoredBudget extends Budget {
  readonly deleted_at_ms: number | null;
}
export interface StoredPolicy extends BudgetPolicy {
  readonly deleted_at_ms: number | null;
}

export interface StoredTenant extends Tenant {
  readonly default_budget_id: string | null;
  readonly catalog_version: number;
}

export const tenantFromRow = (row: Row): StoredTenant => ({
  tenant_id: text(row.tenant_id),
  name: text(row.name),
  limits: {
    max_budgets: integerOrNull(row.max_budgets),
    max_keys: integerOrNull(row.max_keys),
    requests_per_second: integerOrNull(row.requests_per_second),
  },
  version: integer(row.version),
  default_budget_id: textOrNull(row.default_budget_id),
  catalog_version: integer(row.catalog_version),
  created_at_ms: integer(row.created_at_ms),
});

export const budgetFromRow = (row: Row): StoredBudget => ({
  tenant_id: text(row.tenant_id),
  budget_id: text(row.budget_id),
  parent_budget_id: textOrNull(row.parent_budget_id),
  name: text(row.name),
  description: text(row.description),
  owner: text(row.owner),
  is_active: flag(row.is_active),
  metadata: json(row.metadata) as Metadata,
  creation_time_ms: integer(row.creation_time_ms),
  updated_at_ms: integer(row.updated_at_ms),
  deleted_at_ms: integerOrNull(row.deleted_at_ms),
  version: integer(row.version),
});

export const budgetToRow = (budget: StoredBudget, catalog_version: number): Row => ({
  ...budget,
  metadata: JSON.stringify(budget.metadata),
  catalog_version,
});

export const policyFromRow = (row: Row): StoredPolicy => ({
  tenant_id: text(row.tenant_id),
  policy_id: text(row.policy_id),
  budget_id: text(row.budget_id),
  type: text(row.type) as PolicyType,
  period: text(row.period) as Period,
  time_zone: text(row.time_zone),
  tier: textOrNull(row.tier) as Tier | null,
  provider: textOrNull(row.provider),
  model: textOrNull(row.model),
  component: textOrNull(row.component),
  task_type: textOrNull(row.task_type),
  token_limit: integerOrNull(row.token_limit),
  cost_limit_nano_usd: bigOrNull(row.cost_limit_nano_usd),
  warning_threshold: Number(row.warning_threshold),
  action_threshold: Number(row.action_threshold),
  enabled: flag(row.enabled),
  end_ms: integerOrNull(row.end_ms),
  priority_override: flag(row.priority_override),
  allow_unpriced: flag(row.allow_unpriced),
  created_at_ms: integer(row.created_at_ms),
  updated_at_ms: integer(row.updated_at_ms),
  deleted_at_ms: integerOrNull(row.deleted_at_ms),
  version: integer(row.version),
});

export const policyToRow = (policy: StoredPolicy, catalog_version: number): Row => ({
  ...policy,
  catalog_version,
});

export const balanceFromRow = (row: Row): Balance => ({
  tenant_id: text(row.tenant_id),
  policy_id: text(row.policy_id),
  scope: text(row.scope),
  window_start_ms: integer(row.window_start_ms),
  used_tokens: integer(row.used_tokens),
  used_cost_nano_usd: big(row.used_cost_nano_usd),
  held_tokens: integer(row.held_tokens),
  held_cost_nano_usd: big(row.held_cost_nano_usd),
  alerts_raised: integer(row.alerts_raised),
});

export const balanceToRow = (balance: Balance): Row => ({ ...balance });

export const allocationFromRow = (row: Row): BudgetAllocation => ({
  tenant_id: text(row.tenant_id),
  allocation_id: text(row.allocation_id),
  budget_id: text(row.budget_id),
  context_id: text(row.context_id),
  component: text(row.component),
  tier: text(row.tier) as Tier,
  provider: textOrNull(row.provider),
  model: textOrNull(row.model),
  task_type: text(row.task_type),
  service_tier: text(row.service_tier) as ServiceTier,
  price_scope: text(row.price_scope),
  priority: integer(row.priority),
  input_tokens: integerOrNull(row.input_tokens),
  tokens_allocated: integer(row.tokens_allocated),
  tokens_used: integer(row.tokens_used),
  cost_allocated_nano_usd: big(row.cost_allocated_nano_usd),
  cost_used_nano_usd: big(row.cost_used_nano_usd),
  status: text(row.status) as AllocationStatus,
  creation_time_ms: integer(row.creation_time_ms),
  expiration_time_ms: integer(row.expiration_time_ms),
  closed_at_ms: integerOrNull(row.closed_at_ms),
  metadata: json(row.metadata) as Metadata,
});

export const allocationToRow = (allocation: BudgetAllocation): Row => ({
  ...allocation,
  metadata: JSON.stringify(allocation.metadata),
});

export const refusalFromRow = (row: Row): StoredRefusal => ({
  tenant_id: text(row.tenant_id),
  refusal_id: text(row.refusal_id),
  allocation_id: textOrNull(row.allocation_id),
  budget_id: text(row.budget_id),
  context_id: text(row.context_id),
  component: text(row.component),
  tier: text(row.tier) as Tier,
  provider: textOrNull(row.provider),
  model: textOrNull(row.model),
  task_type: text(row.task_type),
  decision: decodeDecision(text(row.decision)),
  created_at_ms: integer(row.created_at_ms),
});

export const refusalToRow = (refusal: StoredRefusal): Row => ({
  ...refusal,
  decision: encodeDecision(refusal.decision),
});

/** Amounts of a cost component are bigint, which JSON has no number for. */
type StoredComponent = Omit<CostComponent, "amount_femto_usd" | "cost_nano_usd"> & {
  readonly amount_femto_usd: string;
  readonly cost_nano_usd: string;
};

export const usageRecordFromRow = (row: Row): UsageRecord => ({
  tenant_id: text(row.tenant_id),
  record_id: text(row.record_id),
  allocation_id: textOrNull(row.allocation_id),
  budget_id: text(row.budget_id),
  context_id: text(row.context_id),
  component: text(row.component),
  tier: text(row.tier) as Tier,
  provider: text(row.provider),
  model: text(row.model),
  task_type: text(row.task_type),
  service_tier: text(row.service_tier) as ServiceTier,
  price_scope: text(row.price_scope),
  input_tokens: integer(row.input_tokens),
  output_tokens: integer(row.output_tokens),
  total_tokens: integer(row.total_tokens),
  usage: json(row.usage) as UsageQuantities,
  input_cost_nano_usd: big(row.input_cost_nano_usd),
  output_cost_nano_usd: big(row.output_cost_nano_usd),
  other_cost_nano_usd: big(row.other_cost_nano_usd),
  total_cost_nano_usd: big(row.total_cost_nano_usd),
  cost_components: (json(row.cost_components) as StoredComponent[]).map((component) => ({
    ...component,
    amount_femto_usd: BigInt(component.amount_femto_usd),
    cost_nano_usd: BigInt(component.cost_nano_usd),
  })),
  pricing_id: textOrNull(row.pricing_id),
  overage_tokens: integer(row.overage_tokens),
  overage_cost_nano_usd: big(row.overage_cost_nano_usd),
  adjusts_record_id: textOrNull(row.adjusts_record_id),
  timestamp_ms: integer(row.timestamp_ms),
  operation_id: textOrNull(row.operation_id),
  request_id: textOrNull(row.request_id),
  user_id: textOrNull(row.user_id),
  metadata: json(row.metadata) as Metadata,
});

export const usageRecordToRow = (record: UsageRecord): Row => ({
  ...record,
  usage: JSON.stringify(record.usage),
  cost_components: JSON.stringify(
    record.cost_components.map((component) => ({
      ...component,
      amount_femto_usd: String(component.amount_femto_usd),
      cost_nano_usd: String(component.cost_nano_usd),
    })),
  ),
  metadata: JSON.stringify(record.metadata),
});

export const usageRollupToRow = (rollup: UsageRollup): Row => ({ ...rollup });

export const alertToRow = (alert: Alert): Row => ({
  ...alert,
  details: JSON.stringify(alert.details),
});

export const alertFromRow = (row: Row): Alert => ({
  tenant_id: text(row.tenant_id),
  alert_id: text(row.alert_id),
  budget_id: textOrNull(row.budget_id),
  policy_id: textOrNull(row.policy_id),
  kind: text(row.kind) as Alert["kind"],
  severity: text(row.severity) as Alert["severity"],
  message: text(row.message),
  details: json(row.details) as Metadata,
  acknowledged: flag(row.acknowledged),
  acknowledged_at_ms: integerOrNull(row.acknowledged_at_ms),
  created_at_ms: integer(row.created_at_ms),
});

export const eventToRow = (event: OutboxEvent): Row => ({ ...event, payload: JSON.stringify(event.payload) });

/**
 * Where an event stands among those of its database. Positions are compared by transaction first, then by sequence: an
 * event that becomes visible later never stands before one that was visible already.
 */
export interface EventPosition {
  readonly transaction_id: bigint;
  readonly sequence: bigint;
}

export interface StoredEvent extends OutboxEvent {
  readonly position: EventPosition;
}

export const eventFromRow = (row: Row): StoredEvent => ({
  position: { transaction_id: big(row.transaction_id), sequence: big(row.sequence) },
  tenant_id: text(row.tenant_id),
  event_type: text(row.event_type) as OutboxEvent["event_type"],
  budget_id: textOrNull(row.budget_id),
  subject_id: text(row.subject_id),
  payload: json(row.payload) as Metadata,
  created_at_ms: integer(row.created_at_ms),
});

export const priceFromRow = (row: Row): ProviderPricing => ({
  tenant_id: text(row.tenant_id),
  pricing_id: text(row.pricing_id),
  provider: text(row.provider),
  model: text(row.model),
  scope: text(row.scope),
  price_type: text(row.price_type) as PriceType,
  service_tier: text(row.service_tier) as ServiceTier,
  time_of_day: row.time_of_day === null ? null : (json(row.time_of_day) as TimeOfDay),
  components: decodePriceComponents(text(row.components)),
  effective_ms: integer(row.effective_ms),
  end_ms: integerOrNull(row.end_ms),
  source: text(row.source),
  status: text(row.status) as ProviderPricing["status"],
  verified: flag(row.verified),
  evidence: json(row.evidence) as readonly string[],
  markup_ppm: integer(row.markup_ppm),
  created_at_ms: integer(row.created_at_ms),
});

export const priceToRow = (price: ProviderPricing, catalog_version: number): Row => ({
  ...price,
  time_of_day: price.time_of_day === null ? null : JSON.stringify(price.time_of_day),
  components: encodePriceComponents(price.components),
  evidence: JSON.stringify(price.evidence),
  catalog_version,
});
