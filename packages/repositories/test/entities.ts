import {
  NO_LIMITS,
  type Alert,
  type Balance,
  type BudgetAllocation,
  type OutboxEvent,
  type ProviderPricing,
  type UsageRecord,
  type UsageRollup,
} from "@budget/domain";
import type { StoredBudget, StoredPolicy } from "../src/rows.ts";
import type { Transaction } from "../src/transaction.ts";
import * as tables from "../src/tables.ts";
import {
  alertToRow,
  allocationToRow,
  budgetToRow,
  eventToRow,
  policyToRow,
  priceToRow,
  usageRecordToRow,
  usageRollupToRow,
} from "../src/rows.ts";

/** The id with this number; ids sort as their numbers do. */
export const id = (number: number): string => `00000000-0000-7000-8000-${String(number).padStart(12, "0")}`;

export const TENANT = id(1);
export const OTHER_TENANT = id(2);
export const T0 = Date.UTC(2026, 10, 23, 14);
export const HOUR_MS = 3_600_000;

export const budget = (fields: Partial<StoredBudget> = {}): StoredBudget => ({
  tenant_id: TENANT,
  budget_id: id(100),
  parent_budget_id: null,
  name: "team",
  description: "",
  owner: "ada",
  is_active: true,
  metadata: {},
  creation_time_ms: T0,
  updated_at_ms: T0,
  deleted_at_ms: null,
  version: 1,
  ...fields,
});

export const policy = (fields: Partial<StoredPolicy> = {}): StoredPolicy => ({
  tenant_id: TENANT,
  policy_id: id(200),
  budget_id: id(100),
  type: "enforce",
  period: "daily",
  time_zone: "UTC",
  tier: null,
  provider: null,
  model: null,
  component: null,
  task_type: null,
  token_limit: 1000,
  cost_limit_nano_usd: 1_000_000_000n,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  enabled: true,
  end_ms: null,
  priority_override: false,
  allow_unpriced: false,
  created_at_ms: T0,
  updated_at_ms: T0,
  deleted_at_ms: null,
  version: 1,
  ...fields,
});

export const balance = (fields: Partial<Balance> = {}): Balance => ({
  tenant_id: TENANT,
  policy_id: id(200),
  scope: "",
  window_start_ms: T0,
  used_tokens: 0,
  used_cost_nano_usd: 0n,
  held_tokens: 0,
  held_cost_nano_usd: 0n,
  alerts_raised: 0,
  ...fields,
});

export const allocation = (fields: Partial<BudgetAllocation> = {}): BudgetAllocation => ({
  tenant_id: TENANT,
  allocation_id: id(300),
  budget_id: id(100),
  context_id: "session",
  component: "apollo",
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt",
  task_type: "default",
  service_tier: "standard",
  price_scope: "",
  priority: 5,
  input_tokens: null,
  tokens_allocated: 100,
  tokens_used: 0,
  cost_allocated_nano_usd: 5n,
  cost_used_nano_usd: 0n,
  status: "active",
  creation_time_ms: T0,
  expiration_time_ms: T0 + HOUR_MS,
  closed_at_ms: null,
  metadata: {},
  ...fields,
});

export const usageRecord = (fields: Partial<UsageRecord> = {}): UsageRecord => ({
  tenant_id: TENANT,
  record_id: id(400),
  allocation_id: null,
  budget_id: id(100),
  context_id: "session",
  component: "apollo",
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt",
  task_type: "default",
  service_tier: "standard",
  price_scope: "",
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  usage: { input_tokens: 10, output_tokens: 5 },
  input_cost_nano_usd: 1n,
  output_cost_nano_usd: 2n,
  other_cost_nano_usd: 0n,
  total_cost_nano_usd: 3n,
  cost_components: [],
  pricing_id: null,
  overage_tokens: 0,
  overage_cost_nano_usd: 0n,
  adjusts_record_id: null,
  timestamp_ms: T0,
  operation_id: null,
  request_id: null,
  user_id: null,
  metadata: {},
  ...fields,
});

export const rollup = (fields: Partial<UsageRollup> = {}): UsageRollup => ({
  tenant_id: TENANT,
  hour_start_ms: T0,
  budget_id: id(100),
  component: "apollo",
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt",
  task_type: "default",
  request_count: 1,
  input_tokens: 10,
  output_tokens: 5,
  total_tokens: 15,
  input_cost_nano_usd: 1n,
  output_cost_nano_usd: 2n,
  other_cost_nano_usd: 4n,
  total_cost_nano_usd: 7n,
  ...fields,
});

export const alert = (fields: Partial<Alert> = {}): Alert => ({
  tenant_id: TENANT,
  alert_id: id(500),
  budget_id: id(100),
  policy_id: id(200),
  kind: "warning_threshold",
  severity: "warning",
  message: "80 of 100 tokens",
  details: {},
  acknowledged: false,
  acknowledged_at_ms: null,
  created_at_ms: T0,
  ...fields,
});

export const outboxEvent = (fields: Partial<OutboxEvent> = {}): OutboxEvent => ({
  tenant_id: TENANT,
  event_type: "usage.recorded",
  budget_id: id(100),
  subject_id: id(400),
  payload: {},
  created_at_ms: T0,
  ...fields,
});

export const price = (fields: Partial<ProviderPricing> = {}): ProviderPricing => ({
  tenant_id: TENANT,
  pricing_id: id(600),
  provider: "openai",
  model: "gpt",
  price_type: "token",
  scope: "",
  service_tier: "standard",
  time_of_day: null,
  components: [{ unit: "input_tokens", amount_femto_usd: 2_500_000_000n, above_input_tokens: 0 }],
  effective_ms: T0,
  end_ms: null,
  source: "test@1",
  status: "provisional",
  verified: false,
  evidence: [],
  markup_ppm: 0,
  created_at_ms: T0,
  ...fields,
});

/** Rows of the tables that have no repository to write them, or that a test fills by the dozen. */
export const write = {
  tenants: (transaction: Transaction, ...tenant_ids: string[]) =>
    transaction.insert(
      tables.tenants,
      tenant_ids.map((tenant_id) => ({
        tenant_id,
        name: "tenant",
        ...NO_LIMITS,
        version: 1,
        created_at_ms: T0,
        default_budget_id: null,
        catalog_version: 0,
      })),
    ),
  budgets: (transaction: Transaction, ...budgets: StoredBudget[]) =>
    transaction.insert(
      tables.budgets,
      budgets.map((one) => budgetToRow(one, 1)),
    ),
  policies: (transaction: Transaction, ...policies: StoredPolicy[]) =>
    transaction.insert(
      tables.policies,
      policies.map((one) => policyToRow(one, 1)),
    ),
  allocations: (transaction: Transaction, ...allocations: BudgetAllocation[]) =>
    transaction.insert(tables.allocations, allocations.map(allocationToRow)),
  usageRecords: (transaction: Transaction, ...records: UsageRecord[]) =>
    transaction.insert(tables.usageRecords, records.map(usageRecordToRow)),
  rollups: (transaction: Transaction, ...rollups: UsageRollup[]) =>
    transaction.add(tables.usageRollups, rollups.map(usageRollupToRow)),
  alerts: (transaction: Transaction, ...alerts: Alert[]) =>
    transaction.insert(tables.alerts, alerts.map(alertToRow)),
  events: (transaction: Transaction, ...events: OutboxEvent[]) =>
    transaction.insert(tables.events, events.map(eventToRow)),
  prices: (transaction: Transaction, ...prices: ProviderPricing[]) =>
    transaction.insert(
      tables.prices,
      prices.map((one) => priceToRow(one, 1)),
    ),
};
