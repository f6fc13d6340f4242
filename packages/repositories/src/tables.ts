import type { Table } from "./dialect.ts";

/** The tables as the ledger and the repositories use them; the migrations make them. */

const table = (name: string, key: string[], fixed: string[], changing: string[]): Table => ({
  name,
  key,
  changing,
  columns: [...key, ...fixed, ...changing],
});

export const tenants = table(
  "tenants",
  ["tenant_id"],
  ["created_at_ms"],
  [
    "name",
    "max_budgets",
    "max_keys",
    "requests_per_second",
    "version",
    "default_budget_id",
    "catalog_version",
  ],
);

export const budgets = table(
  "budgets",
  ["tenant_id", "budget_id"],
  ["creation_time_ms"],
  [
    "parent_budget_id",
    "name",
    "description",
    "owner",
    "is_active",
    "metadata",
    "updated_at_ms",
    "deleted_at_ms",
    "version",
    "catalog_version",
  ],
);

export const policies = table(
  "policies",
  ["tenant_id", "policy_id"],
  ["budget_id", "created_at_ms"],
  [
    "type",
    "period",
    "time_zone",
    "tier",
    "provider",
    "model",
    "component",
    "task_type",
    "token_limit",
    "cost_limit_nano_usd",
    "warning_threshold",
    "action_threshold",
    "enabled",
    "end_ms",
    "priority_override",
    "allow_unpriced",
    "updated_at_ms",
    "deleted_at_ms",
    "version",
    "catalog_version",
  ],
);

export const balances = table(
  "balances",
  ["tenant_id", "policy_id", "scope"],
  [],
  [
    "window_start_ms",
    "used_tokens",
    "used_cost_nano_usd",
    "held_tokens",
    "held_cost_nano_usd",
    "alerts_raised",
  ],
);

export const allocations = table(
  "allocations",
  ["tenant_id", "allocation_id"],
  [
    "budget_id",
    "context_id",
    "component",
    "tier",
    "provider",
    "model",
    "task_type",
    "service_tier",
    "price_scope",
    "priority",
    "creation_time_ms",
    "metadata",
    "input_tokens",
    "decision",
  ],
  [
    "tokens_allocated",
    "tokens_used",
    "cost_allocated_nano_usd",
    "cost_used_nano_usd",
    "status",
    "expiration_time_ms",
    "closed_at_ms",
  ],
);

export const refusals = table(
  "refusals",
  ["tenant_id", "refusal_id"],
  [
    "allocation_id",
    "budget_id",
    "context_id",
    "component",
    "tier",
    "provider",
    "model",
    "task_type",
    "decision",
    "created_at_ms",
  ],
  [],
);

export const usageRecords = table(
  "usage_records",
  ["tenant_id", "record_id", "timestamp_ms"],
  [
    "allocation_id",
    "budget_id",
    "context_id",
    "component",
    "tier",
    "provider",
    "model",
    "task_type",
    "service_tier",
    "price_scope",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "usage",
    "input_cost_nano_usd",
    "output_cost_nano_usd",
    "other_cost_nano_usd",
    "total_cost_nano_usd",
    "cost_components",
    "pricing_id",
    "overage_tokens",
    "overage_cost_nano_usd",
    "adjusts_record_id",
    "operation_id",
    "request_id",
    "user_id",
    "metadata",
  ],
  [],
);

export const usageRollups = table(
  "usage_rollups",
  ["tenant_id", "hour_start_ms", "budget_id", "component", "tier", "provider", "model", "task_type"],
  [],
  [
    "request_count",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "input_cost_nano_usd",
    "output_cost_nano_usd",
    "other_cost_nano_usd",
    "total_cost_nano_usd",
  ],
);

export const alerts = table(
  "alerts",
  ["tenant_id", "alert_id"],
  ["budget_id", "policy_id", "kind", "severity", "message", "details", "created_at_ms"],
  ["acknowledged", "acknowledged_at_ms"],
);

/** `sequence` and `transaction_id` are given by the database. */
export const events: Table = {
  name: "events",
  key: ["sequence"],
  columns: ["tenant_id", "event_type", "budget_id", "subject_id", "payload", "created_at_ms"],
  changing: [],
};

export const idempotencyKeys = table(
  "idempotency_keys",
  ["tenant_id", "idempotency_key"],
  ["operation", "request", "outcome", "created_at_ms"],
  [],
);

export const prices = table(
  "prices",
  ["tenant_id", "pricing_id"],
  [
    "provider",
    "model",
    "scope",
    "price_type",
    "service_tier",
    "time_of_day",
    "components",
    "markup_ppm",
    "effective_ms",
    "source",
    "created_at_ms",
  ],
  ["end_ms", "status", "verified", "evidence", "catalog_version"],
);

export const outputSketches = table(
  "output_sketches",
  ["tenant_id", "provider", "model", "component", "task_type"],
  [],
  ["current", "previous", "samples", "updated_at_ms"],
);

export const priceSources = table(
  "price_sources",
  ["source"],
  [],
  [
    "trust_ppm",
    "agreed",
    "differed",
    "failures",
    "attempted_at_ms",
    "read_at_ms",
    "due_at_ms",
    "fault",
    "detail",
    "etag",
    "last_modified",
    "content_hash",
  ],
);

export const sourceCredentials = table(
  "source_credentials",
  ["source"],
  [],
  ["header", "sealed_value", "set_at_ms"],
);

export const priceRuns = table(
  "price_runs",
  ["run_id"],
  ["trigger", "started_at_ms"],
  ["ended_at_ms", "report"],
);

export const priceObservations = table(
  "price_observations",
  ["observation_id"],
  [
    "source",
    "provider",
    "model",
    "scope",
    "service_tier",
    "time_of_day",
    "effective_ms",
    "end_ms",
    "price_type",
    "components",
    "name",
    "raw",
    "address",
    "content_hash",
    "observed_at_ms",
  ],
  ["withdrawn_at_ms"],
);

export const priceReviews = table(
  "price_reviews",
  ["review_id"],
  ["provider", "model", "scope", "service_tier", "time_of_day", "opened_at_ms"],
  ["kind", "status", "candidates", "fingerprint", "closed_at_ms", "decided_by", "why"],
);

export const modelAliases = table(
  "model_aliases",
  ["tenant_id", "provider", "alias"],
  [],
  ["model", "source", "catalog_version"],
);

export const modelCapabilities = table(
  "model_capabilities",
  ["source", "provider", "model"],
  [],
  ["context_tokens", "max_output_tokens", "tools", "vision", "reasoning"],
);

export const apiKeys = table(
  "api_keys",
  ["tenant_id", "key_id"],
  ["name", "owner", "role", "budget_ids", "components", "created_at_ms"],
  [
    "secret_sha256",
    "previous_sha256",
    "previous_until_ms",
    "expires_at_ms",
    "revoked_at_ms",
    "last_used_at_ms",
  ],
);

/** What is left of the requests of a key or a tenant, which `limit_id` is the id of. */
export const rateLimits = table(
  "rate_limits",
  ["tenant_id", "limit_id"],
  [],
  ["left_milli", "at_ms", "leased", "leased_before"],
);

/** The end of each tenant's record of changes. */
export const auditHeads = table("audit_heads", ["tenant_id"], [], ["sequence", "hash"]);

export const auditEntries = table(
  "audit_entries",
  ["tenant_id", "sequence"],
  [
    "kind",
    "key_id",
    "actor",
    "origin",
    "request_id",
    "action",
    "subject_id",
    "before_json",
    "after_json",
    "at_ms",
    "previous_hash",
    "hash",
  ],
  [],
);

/** Where rows of older systems went; `original` and `shadowed_type` are of policies alone. */
export const importedRecords = table(
  "imported_records",
  ["tenant_id", "system", "source_name", "kind", "source_id"],
  ["record_id", "content_sha256", "booked_cost", "original"],
  ["shadowed_type"],
);
