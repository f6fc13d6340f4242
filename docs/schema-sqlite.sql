-- Written by `pnpm schema:dump` from the migrations; `pnpm schema:check` compares it.

CREATE TABLE "alerts" (
  tenant_id char(36) NOT NULL,
  alert_id char(36) NOT NULL,
  budget_id char(36),
  policy_id char(36),
  kind text NOT NULL,
  severity text NOT NULL,
  message text NOT NULL,
  details text NOT NULL,
  acknowledged boolean NOT NULL,
  acknowledged_at_ms bigint,
  created_at_ms bigint NOT NULL,
  PRIMARY KEY (tenant_id, alert_id)
);

CREATE TABLE allocations (
  tenant_id char(36) not null,
  allocation_id char(36) not null,
  budget_id char(36) not null,
  context_id text not null,
  component text not null,
  tier text not null,
  provider text,
  model text,
  task_type text not null,
  priority integer not null,
  tokens_allocated bigint not null,
  tokens_used bigint not null,
  cost_allocated_nano_usd bigint not null,
  cost_used_nano_usd bigint not null,
  status text not null,
  creation_time_ms bigint not null,
  expiration_time_ms bigint not null,
  closed_at_ms bigint,
  metadata text not null,
  decision text,
  input_tokens bigint,
  service_tier text not null default 'standard',
  price_scope text not null default '',
  primary key (tenant_id, allocation_id)
);

CREATE INDEX allocations_by_budget on allocations (tenant_id, budget_id, allocation_id);

CREATE INDEX allocations_by_context on allocations (tenant_id, context_id, allocation_id);

CREATE INDEX allocations_live_by_expiration ON allocations (tenant_id, expiration_time_ms) WHERE status = 'active';

CREATE TABLE api_keys (
  tenant_id char(36) not null,
  key_id char(36) not null,
  name text not null,
  owner text not null,
  role text not null,
  budget_ids text not null,
  components text not null,
  secret_sha256 text not null,
  previous_sha256 text,
  previous_until_ms bigint,
  created_at_ms bigint not null,
  expires_at_ms bigint,
  revoked_at_ms bigint,
  last_used_at_ms bigint,
  foreign key(tenant_id) references tenants(tenant_id),
  primary key (tenant_id, key_id)
);

CREATE UNIQUE INDEX api_keys_key_id_unique on api_keys (key_id);

CREATE TABLE audit_entries (
  tenant_id char(36) not null,
  sequence bigint not null,
  kind text not null,
  key_id char(36),
  actor text not null,
  origin text not null,
  request_id text not null,
  action text not null,
  subject_id text not null,
  before_json text,
  after_json text,
  at_ms bigint not null,
  previous_hash text not null,
  hash text not null,
  primary key (tenant_id, sequence)
);

CREATE INDEX audit_entries_by_key on audit_entries (tenant_id, key_id, sequence);

CREATE INDEX audit_entries_by_subject on audit_entries (tenant_id, subject_id, sequence);

CREATE TABLE audit_heads (
  tenant_id char(36) not null,
  sequence bigint not null,
  hash text not null,
  primary key (tenant_id)
);

CREATE TABLE balances (
  tenant_id char(36) not null,
  policy_id char(36) not null,
  scope text not null,
  window_start_ms bigint not null,
  used_tokens bigint not null,
  used_cost_nano_usd bigint not null,
  held_tokens bigint not null,
  held_cost_nano_usd bigint not null,
  alerts_raised bigint not null,
  primary key (tenant_id, policy_id, scope)
);

CREATE TABLE budgets (
  tenant_id char(36) not null,
  budget_id char(36) not null,
  parent_budget_id char(36),
  name text not null,
  description text not null,
  owner text not null,
  is_active boolean not null,
  metadata text not null,
  creation_time_ms bigint not null,
  updated_at_ms bigint not null,
  deleted_at_ms bigint,
  version bigint not null,
  catalog_version bigint not null,
  foreign key(tenant_id) references tenants(tenant_id),
  foreign key(tenant_id, parent_budget_id) references budgets(tenant_id, budget_id),
  primary key (tenant_id, budget_id)
);

CREATE INDEX budgets_by_catalog_version on budgets (tenant_id, catalog_version);

CREATE INDEX budgets_by_name on budgets (tenant_id, name);

CREATE TABLE events (
  sequence integer not null primary key autoincrement,
  transaction_id bigint not null default '0',
  tenant_id char(36) not null,
  event_type text not null,
  budget_id char(36),
  subject_id char(36) not null,
  payload text not null,
  created_at_ms bigint not null
);

CREATE INDEX events_by_position on events (tenant_id, transaction_id, sequence);

CREATE TABLE idempotency_keys (
  tenant_id char(36) not null,
  idempotency_key text not null,
  operation text not null,
  request text not null,
  outcome text not null,
  created_at_ms bigint not null,
  primary key (tenant_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age on idempotency_keys (created_at_ms);

CREATE TABLE imported_records (
  tenant_id char(36) not null,
  system text not null,
  source_name text not null,
  kind text not null,
  source_id text not null,
  record_id char(36) not null,
  content_sha256 text not null,
  booked_cost boolean not null,
  original text,
  shadowed_type text,
  primary key (tenant_id, system, source_name, kind, source_id)
);

CREATE INDEX imported_records_by_record on imported_records (tenant_id, record_id);

CREATE TABLE job_runs (
  name text not null,
  started_at_ms bigint not null,
  primary key (name)
);

CREATE TABLE model_aliases (
  tenant_id char(36) not null,
  provider text not null,
  alias text not null,
  model text not null,
  source text not null,
  catalog_version bigint not null,
  foreign key(tenant_id) references tenants(tenant_id),
  primary key (tenant_id, provider, alias)
);

CREATE INDEX model_aliases_by_catalog_version on model_aliases (tenant_id, catalog_version);

CREATE TABLE model_capabilities (
  source text not null,
  provider text not null,
  model text not null,
  context_tokens bigint,
  max_output_tokens bigint,
  tools boolean,
  vision boolean,
  reasoning boolean,
  primary key (source, provider, model)
);

CREATE TABLE output_sketches (
  tenant_id char(36) not null,
  provider text not null,
  model text not null,
  component text not null,
  task_type text not null,
  current text not null,
  previous text,
  samples bigint not null,
  updated_at_ms bigint not null,
  primary key (tenant_id, provider, model, component, task_type)
);

CREATE INDEX output_sketches_by_age on output_sketches (updated_at_ms);

CREATE TABLE policies (
  tenant_id char(36) not null,
  policy_id char(36) not null,
  budget_id char(36) not null,
  type text not null,
  period text not null,
  time_zone text not null,
  tier text,
  provider text,
  model text,
  component text,
  task_type text,
  token_limit bigint,
  cost_limit_nano_usd bigint,
  warning_threshold float not null,
  action_threshold float not null,
  enabled boolean not null,
  priority_override boolean not null,
  allow_unpriced boolean not null,
  created_at_ms bigint not null,
  updated_at_ms bigint not null,
  deleted_at_ms bigint,
  version bigint not null,
  catalog_version bigint not null,
  end_ms bigint,
  foreign key(tenant_id, budget_id) references budgets(tenant_id, budget_id),
  primary key (tenant_id, policy_id)
);

CREATE INDEX policies_by_budget on policies (tenant_id, budget_id);

CREATE INDEX policies_by_catalog_version on policies (tenant_id, catalog_version);

CREATE TABLE price_observations (
  observation_id char(36) not null,
  source text not null,
  provider text not null,
  model text not null,
  scope text not null,
  service_tier text not null,
  time_of_day text,
  effective_ms bigint,
  end_ms bigint,
  price_type text not null,
  components text not null,
  name text not null,
  raw text not null,
  address text not null,
  content_hash text not null,
  observed_at_ms bigint not null,
  withdrawn_at_ms bigint,
  primary key (observation_id)
);

CREATE INDEX price_observations_by_model on price_observations (provider, model);

CREATE INDEX price_observations_still_said ON price_observations (source, observation_id) WHERE withdrawn_at_ms IS NULL;

CREATE TABLE price_reviews (
  review_id char(36) not null,
  provider text not null,
  model text not null,
  scope text not null,
  service_tier text not null,
  time_of_day text,
  kind text not null,
  status text not null,
  candidates text not null,
  fingerprint text not null,
  opened_at_ms bigint not null,
  closed_at_ms bigint,
  decided_by text,
  why text,
  primary key (review_id)
);

CREATE INDEX price_reviews_by_model on price_reviews (provider, model);

CREATE INDEX price_reviews_by_status on price_reviews (status, opened_at_ms);

CREATE TABLE price_runs (
  run_id char(36) not null,
  trigger text not null,
  started_at_ms bigint not null,
  ended_at_ms bigint,
  report text,
  primary key (run_id)
);

CREATE INDEX price_runs_by_time on price_runs (started_at_ms);

CREATE TABLE price_sources (
  source text not null,
  trust_ppm bigint not null,
  agreed bigint not null,
  differed bigint not null,
  failures bigint not null,
  attempted_at_ms bigint,
  read_at_ms bigint,
  due_at_ms bigint,
  fault text,
  detail text,
  etag text,
  last_modified text,
  content_hash text,
  primary key (source)
);

CREATE TABLE prices (
  tenant_id char(36) not null,
  pricing_id char(36) not null,
  provider text not null,
  model text not null,
  price_type text not null,
  service_tier text not null,
  time_of_day text,
  components text not null,
  effective_ms bigint not null,
  end_ms bigint,
  source text not null,
  status text not null,
  verified boolean not null,
  created_at_ms bigint not null,
  catalog_version bigint not null,
  scope text not null default '',
  evidence text not null default '[]',
  markup_ppm bigint not null default '0',
  foreign key(tenant_id) references tenants(tenant_id),
  primary key (tenant_id, pricing_id)
);

CREATE INDEX prices_by_catalog_version on prices (tenant_id, catalog_version);

CREATE INDEX prices_by_model on prices (tenant_id, provider, model, effective_ms);

CREATE TABLE rate_limits (
  tenant_id char(36) not null,
  limit_id char(36) not null,
  left_milli bigint not null,
  at_ms bigint not null,
  leased bigint not null,
  leased_before bigint not null,
  foreign key(tenant_id) references tenants(tenant_id),
  primary key (tenant_id, limit_id)
);

CREATE TABLE refusals (
  tenant_id char(36) not null,
  refusal_id char(36) not null,
  budget_id char(36) not null,
  allocation_id char(36),
  context_id text not null,
  component text not null,
  tier text not null,
  provider text,
  model text,
  task_type text not null,
  decision text not null,
  created_at_ms bigint not null,
  primary key (tenant_id, refusal_id)
);

CREATE INDEX refusals_by_age on refusals (created_at_ms);

CREATE TABLE schema_migrations (
  id integer not null primary key autoincrement,
  name varchar(255),
  batch integer,
  migration_time datetime
);

CREATE TABLE schema_migrations_lock (
  index integer not null primary key autoincrement,
  is_locked integer
);

CREATE TABLE source_credentials (
  source text not null,
  header text not null,
  sealed_value text not null,
  set_at_ms bigint not null,
  primary key (source)
);

CREATE TABLE tenants (
  tenant_id char(36) not null,
  name text not null,
  default_budget_id char(36),
  catalog_version bigint not null,
  created_at_ms bigint not null,
  max_budgets integer,
  max_keys integer,
  requests_per_second integer,
  version integer not null default '1',
  primary key (tenant_id)
);

CREATE TABLE usage_records (
  tenant_id char(36) not null,
  record_id char(36) not null,
  timestamp_ms bigint not null,
  allocation_id char(36),
  budget_id char(36) not null,
  context_id text not null,
  component text not null,
  tier text not null,
  provider text not null,
  model text not null,
  task_type text not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  total_tokens bigint not null,
  usage text not null,
  input_cost_nano_usd bigint not null,
  output_cost_nano_usd bigint not null,
  other_cost_nano_usd bigint not null,
  total_cost_nano_usd bigint not null,
  cost_components text not null,
  pricing_id char(36),
  overage_tokens bigint not null,
  overage_cost_nano_usd bigint not null,
  operation_id text,
  request_id text,
  user_id text,
  metadata text not null,
  service_tier text not null default 'standard',
  price_scope text not null default '',
  adjusts_record_id char(36),
  primary key (tenant_id, record_id, timestamp_ms)
);

CREATE INDEX usage_records_adjusting ON usage_records (tenant_id, adjusts_record_id) WHERE adjusts_record_id IS NOT NULL;

CREATE INDEX usage_records_by_allocation on usage_records (tenant_id, allocation_id);

CREATE INDEX usage_records_by_budget on usage_records (tenant_id, budget_id, timestamp_ms);

CREATE INDEX usage_records_by_context on usage_records (tenant_id, context_id);

CREATE TABLE usage_rollups (
  tenant_id char(36) not null,
  hour_start_ms bigint not null,
  budget_id char(36) not null,
  component text not null,
  tier text not null,
  provider text not null,
  model text not null,
  task_type text not null,
  request_count bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  input_cost_nano_usd bigint not null,
  output_cost_nano_usd bigint not null,
  other_cost_nano_usd bigint not null,
  total_cost_nano_usd bigint not null,
  total_tokens bigint NOT NULL DEFAULT 0 CHECK (typeof(total_tokens) = 'integer'),
  primary key (tenant_id, hour_start_ms, budget_id, component, tier, provider, model, task_type),
  check (typeof(request_count) = 'integer'),
  check (typeof(input_tokens) = 'integer'),
  check (typeof(output_tokens) = 'integer'),
  check (typeof(input_cost_nano_usd) = 'integer'),
  check (typeof(output_cost_nano_usd) = 'integer'),
  check (typeof(other_cost_nano_usd) = 'integer'),
  check (typeof(total_cost_nano_usd) = 'integer')
);
