import type { Balance, BudgetAllocation, BudgetPolicy } from "../src/index.ts";

/** Small valid things; a test names only what it is about. */

const TENANT_ID = "00000000-0000-7000-8000-000000000001";

export const makePolicy = (fields: Partial<BudgetPolicy> = {}): BudgetPolicy => ({
  tenant_id: TENANT_ID,
  policy_id: "0190a000-0000-7000-8000-0000000000aa",
  budget_id: "0190a000-0000-7000-8000-0000000000bb",
  type: "enforce",
  period: "daily",
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
  created_at_ms: 0,
  updated_at_ms: 0,
  version: 1,
  ...fields,
});

export const makeBalance = (fields: Partial<Balance> = {}): Balance => ({
  tenant_id: TENANT_ID,
  policy_id: "0190a000-0000-7000-8000-0000000000aa",
  scope: "",
  window_start_ms: 0,
  used_tokens: 0,
  used_cost_nano_usd: 0n,
  held_tokens: 0,
  held_cost_nano_usd: 0n,
  alerts_raised: 0,
  ...fields,
});

export const makeAllocation = (fields: Partial<BudgetAllocation> = {}): BudgetAllocation => ({
  tenant_id: TENANT_ID,
  allocation_id: "0190a000-0000-7000-8000-0000000000cc",
  budget_id: "0190a000-0000-7000-8000-0000000000bb",
  context_id: "context",
  component: "rhetor",
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt-4o",
  task_type: "default",
  service_tier: "standard",
  price_scope: "",
  input_tokens: null,
  tokens_allocated: 1000,
  tokens_used: 0,
  cost_allocated_nano_usd: 10_000_000n,
  cost_used_nano_usd: 0n,
  priority: 5,
  status: "active",
  creation_time_ms: 0,
  expiration_time_ms: 3_600_000,
  closed_at_ms: null,
  metadata: {},
  ...fields,
});
