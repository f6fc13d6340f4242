/** Requests and answers as the documentation shows them. */

const budget_id = "01a208da-4f60-7338-b691-414c770d439f";
const policy_id = "01a208da-4f9e-72a6-90ef-9b4a2f49bdf2";
const allocation_id = "01a208da-4fae-76a4-b34d-3f20f4a119a7";
const at = "2026-11-23T09:30:00.000Z";
const tomorrow = "2026-11-24T00:00:00.000Z";

export const budgetExample = {
  budget_id,
  parent_budget_id: null,
  name: "research",
  description: "",
  owner: "team-a",
  is_active: true,
  creation_time: at,
  updated_at: at,
  metadata: {},
};

export const policyExample = {
  policy_id,
  budget_id,
  type: "enforce",
  period: "daily",
  time_zone: "Europe/Berlin",
  tier: null,
  provider: null,
  model: null,
  component: null,
  task_type: null,
  token_limit: null,
  cost_limit: 1,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  enabled: true,
  end_date: null,
  priority_override: false,
  allow_unpriced: false,
  created_at: at,
  updated_at: at,
};

export const allocationRequestExample = {
  context_id: "chat-1",
  component: "agent",
  provider: "openai",
  model: "gpt-4o",
  input_tokens: 1200,
  max_output_tokens: 800,
};

export const grantExample = {
  allocation_id,
  budget_id,
  context_id: "chat-1",
  component: "agent",
  input_tokens: null,
  tokens_allocated: 2000,
  tokens_used: 0,
  remaining_tokens: 2000,
  estimated_cost: 0.011,
  cost_used: 0,
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt-4o",
  task_type: "default",
  service_tier: "standard",
  price_scope: "",
  priority: 5,
  is_active: true,
  status: "active",
  creation_time: at,
  expiration_time: "2026-11-23T10:30:00.000Z",
  closed_at: null,
  metadata: {},
  learned: null,
  warnings: [],
  alternatives: [],
};

export const refusalExample = {
  type: "about:blank",
  title: "Insufficient budget",
  status: 402,
  detail:
    "200000 tokens for about $2 do not fit: the daily limit of policy 01a208da-4f9e-72a6-90ef-9b4a2f49bdf2 has " +
    "$0.989 of $1 left. At most 98900 tokens would fit now.",
  code: "insufficient_budget",
  refusal_id: "01a20908-8a3c-7d11-9a4e-0c7b6f1f2a33",
  violations: [
    {
      code: "cost_limit",
      policy_id,
      budget_id,
      type: "enforce",
      period: "daily",
      measure: "cost",
      limit: 1,
      used: 0,
      held: 0.011,
      requested: 2,
      remaining: 0.989,
      resets_at: tomorrow,
      message:
        "daily enforce policy 01a208da-4f9e-72a6-90ef-9b4a2f49bdf2: $0 used and $0.011 held of $1, $2 requested " +
        "(cost_limit)",
    },
  ],
  tokens_that_fit: 98900,
  resets_at: null,
};

export const usageRequestExample = {
  allocation_id,
  input_tokens: 1180,
  output_tokens: 412,
  final: true,
};

export const usageRecordExample = {
  record_id: "01a208da-4fb9-7400-8c89-be97a00e5a1c",
  allocation_id,
  budget_id,
  context_id: "chat-1",
  component: "agent",
  tier: "remote_heavyweight",
  provider: "openai",
  model: "gpt-4o",
  task_type: "default",
  service_tier: "standard",
  price_scope: "",
  input_tokens: 1180,
  output_tokens: 412,
  total_tokens: 1592,
  usage: { input_tokens: 1180, output_tokens: 412 },
  input_cost: 0.00295,
  output_cost: 0.00412,
  other_cost: 0,
  total_cost: 0.00707,
  cost_components: [
    { unit: "input_tokens", quantity: 1180, cost_per_unit: 0.0000025, cost: 0.00295, estimated: false },
    { unit: "output_tokens", quantity: 412, cost_per_unit: 0.00001, cost: 0.00412, estimated: false },
  ],
  pricing_id: "01a208da-4ef8-7032-a79d-c4536e8e813b",
  overage_tokens: 0,
  overage_cost: 0,
  adjusts_record_id: null,
  timestamp: at,
  operation_id: null,
  request_id: null,
  user_id: null,
  metadata: {},
};

export const messageRequestExample = {
  message_id: "7f1c8a52-2a1f-4c43-9a6e-5f6f0b6a1c11",
  sender: "rhetor",
  message_type: "budget.check_budget",
  payload: { provider: "openai", model: "gpt-4o", input_text: "What is the capital of France?" },
};
