-- Written by `pnpm schema:dump` from the migrations; `pnpm schema:check` compares it.

CREATE TABLE alerts (
  tenant_id uuid NOT NULL,
  alert_id uuid NOT NULL,
  budget_id uuid,
  policy_id uuid,
  kind text NOT NULL,
  severity text NOT NULL,
  message text NOT NULL,
  details text NOT NULL,
  acknowledged boolean NOT NULL,
  acknowledged_at_ms bigint,
  created_at_ms bigint NOT NULL,
  CONSTRAINT alerts_pkey PRIMARY KEY (tenant_id, alert_id)
);

ALTER TABLE alerts ENABLE ROW LEVEL SECURITY;
ALTER TABLE alerts FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON alerts
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));
CREATE POLICY shared_rows ON alerts FOR SELECT
  USING (((tenant_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (cardinality(( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")) > 0)));

CREATE TABLE allocations (
  tenant_id uuid NOT NULL,
  allocation_id uuid NOT NULL,
  budget_id uuid NOT NULL,
  context_id text NOT NULL,
  component text NOT NULL,
  tier text NOT NULL,
  provider text,
  model text,
  task_type text NOT NULL,
  priority integer NOT NULL,
  tokens_allocated bigint NOT NULL,
  tokens_used bigint NOT NULL,
  cost_allocated_nano_usd bigint NOT NULL,
  cost_used_nano_usd bigint NOT NULL,
  status text NOT NULL,
  creation_time_ms bigint NOT NULL,
  expiration_time_ms bigint NOT NULL,
  closed_at_ms bigint,
  metadata text NOT NULL,
  decision text,
  input_tokens bigint,
  service_tier text NOT NULL DEFAULT 'standard'::text,
  price_scope text NOT NULL DEFAULT ''::text,
  CONSTRAINT allocations_pkey PRIMARY KEY (tenant_id, allocation_id)
);

CREATE INDEX allocations_by_budget ON allocations USING btree (tenant_id, budget_id, allocation_id);

CREATE INDEX allocations_by_context ON allocations USING btree (tenant_id, context_id, allocation_id);

CREATE INDEX allocations_live_by_expiration ON allocations USING btree (tenant_id, expiration_time_ms) WHERE (status = 'active'::text);

ALTER TABLE allocations ENABLE ROW LEVEL SECURITY;
ALTER TABLE allocations FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON allocations
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE api_keys (
  tenant_id uuid NOT NULL,
  key_id uuid NOT NULL,
  name text NOT NULL,
  owner text NOT NULL,
  role text NOT NULL,
  budget_ids text NOT NULL,
  components text NOT NULL,
  secret_sha256 text NOT NULL,
  previous_sha256 text,
  previous_until_ms bigint,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint,
  revoked_at_ms bigint,
  last_used_at_ms bigint,
  CONSTRAINT api_keys_key_id_unique UNIQUE (key_id),
  CONSTRAINT api_keys_pkey PRIMARY KEY (tenant_id, key_id),
  CONSTRAINT api_keys_tenant_id_foreign FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id)
);

ALTER TABLE api_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE api_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON api_keys
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE audit_entries (
  tenant_id uuid NOT NULL,
  sequence bigint NOT NULL,
  kind text NOT NULL,
  key_id uuid,
  actor text NOT NULL,
  origin text NOT NULL,
  request_id text NOT NULL,
  action text NOT NULL,
  subject_id text NOT NULL,
  before_json text,
  after_json text,
  at_ms bigint NOT NULL,
  previous_hash text NOT NULL,
  hash text NOT NULL,
  CONSTRAINT audit_entries_pkey PRIMARY KEY (tenant_id, sequence)
);

CREATE INDEX audit_entries_by_key ON audit_entries USING btree (tenant_id, key_id, sequence);

CREATE INDEX audit_entries_by_subject ON audit_entries USING btree (tenant_id, subject_id, sequence);

ALTER TABLE audit_entries ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_entries FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON audit_entries
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE audit_heads (
  tenant_id uuid NOT NULL,
  sequence bigint NOT NULL,
  hash text NOT NULL,
  CONSTRAINT audit_heads_pkey PRIMARY KEY (tenant_id)
);

ALTER TABLE audit_heads ENABLE ROW LEVEL SECURITY;
ALTER TABLE audit_heads FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON audit_heads
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE balances (
  tenant_id uuid NOT NULL,
  policy_id uuid NOT NULL,
  scope text NOT NULL,
  window_start_ms bigint NOT NULL,
  used_tokens bigint NOT NULL,
  used_cost_nano_usd bigint NOT NULL,
  held_tokens bigint NOT NULL,
  held_cost_nano_usd bigint NOT NULL,
  alerts_raised bigint NOT NULL,
  CONSTRAINT balances_pkey PRIMARY KEY (tenant_id, policy_id, scope)
);

ALTER TABLE balances ENABLE ROW LEVEL SECURITY;
ALTER TABLE balances FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON balances
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE budgets (
  tenant_id uuid NOT NULL,
  budget_id uuid NOT NULL,
  parent_budget_id uuid,
  name text NOT NULL,
  description text NOT NULL,
  owner text NOT NULL,
  is_active boolean NOT NULL,
  metadata text NOT NULL,
  creation_time_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  deleted_at_ms bigint,
  version bigint NOT NULL,
  catalog_version bigint NOT NULL,
  CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, budget_id),
  CONSTRAINT budgets_tenant_id_foreign FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id),
  CONSTRAINT budgets_tenant_id_parent_budget_id_foreign FOREIGN KEY (tenant_id, parent_budget_id) REFERENCES budgets(tenant_id, budget_id)
);

CREATE INDEX budgets_by_catalog_version ON budgets USING btree (tenant_id, catalog_version);

CREATE INDEX budgets_by_name ON budgets USING btree (tenant_id, name);

ALTER TABLE budgets ENABLE ROW LEVEL SECURITY;
ALTER TABLE budgets FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON budgets
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE events (
  sequence bigint NOT NULL DEFAULT nextval('events_sequence_seq'::regclass),
  transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
  tenant_id uuid NOT NULL,
  event_type text NOT NULL,
  budget_id uuid,
  subject_id uuid NOT NULL,
  payload text NOT NULL,
  created_at_ms bigint NOT NULL,
  CONSTRAINT events_pkey PRIMARY KEY (sequence)
);

CREATE INDEX events_by_position ON events USING btree (tenant_id, transaction_id, sequence);

ALTER TABLE events ENABLE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON events
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  idempotency_key text NOT NULL,
  operation text NOT NULL,
  request text NOT NULL,
  outcome text NOT NULL,
  created_at_ms bigint NOT NULL,
  CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, idempotency_key)
);

CREATE INDEX idempotency_keys_by_age ON idempotency_keys USING btree (created_at_ms);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency_keys FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON idempotency_keys
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE imported_records (
  tenant_id uuid NOT NULL,
  system text NOT NULL,
  source_name text NOT NULL,
  kind text NOT NULL,
  source_id text NOT NULL,
  record_id uuid NOT NULL,
  content_sha256 text NOT NULL,
  booked_cost boolean NOT NULL,
  original text,
  shadowed_type text,
  CONSTRAINT imported_records_pkey PRIMARY KEY (tenant_id, system, source_name, kind, source_id)
);

CREATE INDEX imported_records_by_record ON imported_records USING btree (tenant_id, record_id);

ALTER TABLE imported_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE imported_records FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON imported_records
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE job_runs (
  name text NOT NULL,
  started_at_ms bigint NOT NULL,
  CONSTRAINT job_runs_pkey PRIMARY KEY (name)
);

CREATE TABLE model_aliases (
  tenant_id uuid NOT NULL,
  provider text NOT NULL,
  alias text NOT NULL,
  model text NOT NULL,
  source text NOT NULL,
  catalog_version bigint NOT NULL,
  CONSTRAINT model_aliases_pkey PRIMARY KEY (tenant_id, provider, alias),
  CONSTRAINT model_aliases_tenant_id_foreign FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id)
);

CREATE INDEX model_aliases_by_catalog_version ON model_aliases USING btree (tenant_id, catalog_version);

ALTER TABLE model_aliases ENABLE ROW LEVEL SECURITY;
ALTER TABLE model_aliases FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON model_aliases
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));
CREATE POLICY shared_rows ON model_aliases FOR SELECT
  USING (((tenant_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (cardinality(( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")) > 0)));

CREATE TABLE model_capabilities (
  source text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  context_tokens bigint,
  max_output_tokens bigint,
  tools boolean,
  vision boolean,
  reasoning boolean,
  CONSTRAINT model_capabilities_pkey PRIMARY KEY (source, provider, model)
);

CREATE TABLE output_sketches (
  tenant_id uuid NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  component text NOT NULL,
  task_type text NOT NULL,
  current text NOT NULL,
  previous text,
  samples bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  CONSTRAINT output_sketches_pkey PRIMARY KEY (tenant_id, provider, model, component, task_type)
);

CREATE INDEX output_sketches_by_age ON output_sketches USING btree (updated_at_ms);

ALTER TABLE output_sketches ENABLE ROW LEVEL SECURITY;
ALTER TABLE output_sketches FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON output_sketches
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE policies (
  tenant_id uuid NOT NULL,
  policy_id uuid NOT NULL,
  budget_id uuid NOT NULL,
  type text NOT NULL,
  period text NOT NULL,
  time_zone text NOT NULL,
  tier text,
  provider text,
  model text,
  component text,
  task_type text,
  token_limit bigint,
  cost_limit_nano_usd bigint,
  warning_threshold double precision NOT NULL,
  action_threshold double precision NOT NULL,
  enabled boolean NOT NULL,
  priority_override boolean NOT NULL,
  allow_unpriced boolean NOT NULL,
  created_at_ms bigint NOT NULL,
  updated_at_ms bigint NOT NULL,
  deleted_at_ms bigint,
  version bigint NOT NULL,
  catalog_version bigint NOT NULL,
  end_ms bigint,
  CONSTRAINT policies_pkey PRIMARY KEY (tenant_id, policy_id),
  CONSTRAINT policies_tenant_id_budget_id_foreign FOREIGN KEY (tenant_id, budget_id) REFERENCES budgets(tenant_id, budget_id)
);

CREATE INDEX policies_by_budget ON policies USING btree (tenant_id, budget_id);

CREATE INDEX policies_by_catalog_version ON policies USING btree (tenant_id, catalog_version);

ALTER TABLE policies ENABLE ROW LEVEL SECURITY;
ALTER TABLE policies FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON policies
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE price_observations (
  observation_id uuid NOT NULL,
  source text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  scope text NOT NULL,
  service_tier text NOT NULL,
  time_of_day text,
  effective_ms bigint,
  end_ms bigint,
  price_type text NOT NULL,
  components text NOT NULL,
  name text NOT NULL,
  raw text NOT NULL,
  address text NOT NULL,
  content_hash text NOT NULL,
  observed_at_ms bigint NOT NULL,
  withdrawn_at_ms bigint,
  CONSTRAINT price_observations_pkey PRIMARY KEY (observation_id)
);

CREATE INDEX price_observations_by_model ON price_observations USING btree (provider, model);

CREATE INDEX price_observations_still_said ON price_observations USING btree (source, observation_id) WHERE (withdrawn_at_ms IS NULL);

CREATE TABLE price_reviews (
  review_id uuid NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  scope text NOT NULL,
  service_tier text NOT NULL,
  time_of_day text,
  kind text NOT NULL,
  status text NOT NULL,
  candidates text NOT NULL,
  fingerprint text NOT NULL,
  opened_at_ms bigint NOT NULL,
  closed_at_ms bigint,
  decided_by text,
  why text,
  CONSTRAINT price_reviews_pkey PRIMARY KEY (review_id)
);

CREATE INDEX price_reviews_by_model ON price_reviews USING btree (provider, model);

CREATE INDEX price_reviews_by_status ON price_reviews USING btree (status, opened_at_ms);

CREATE TABLE price_runs (
  run_id uuid NOT NULL,
  trigger text NOT NULL,
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  report text,
  CONSTRAINT price_runs_pkey PRIMARY KEY (run_id)
);

CREATE INDEX price_runs_by_time ON price_runs USING btree (started_at_ms);

CREATE TABLE price_sources (
  source text NOT NULL,
  trust_ppm bigint NOT NULL,
  agreed bigint NOT NULL,
  differed bigint NOT NULL,
  failures bigint NOT NULL,
  attempted_at_ms bigint,
  read_at_ms bigint,
  due_at_ms bigint,
  fault text,
  detail text,
  etag text,
  last_modified text,
  content_hash text,
  CONSTRAINT price_sources_pkey PRIMARY KEY (source)
);

CREATE TABLE prices (
  tenant_id uuid NOT NULL,
  pricing_id uuid NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  price_type text NOT NULL,
  service_tier text NOT NULL,
  time_of_day text,
  components text NOT NULL,
  effective_ms bigint NOT NULL,
  end_ms bigint,
  source text NOT NULL,
  status text NOT NULL,
  verified boolean NOT NULL,
  created_at_ms bigint NOT NULL,
  catalog_version bigint NOT NULL,
  scope text NOT NULL DEFAULT ''::text,
  evidence text NOT NULL DEFAULT '[]'::text,
  markup_ppm bigint NOT NULL DEFAULT '0'::bigint,
  CONSTRAINT prices_pkey PRIMARY KEY (tenant_id, pricing_id),
  CONSTRAINT prices_tenant_id_foreign FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id)
);

CREATE INDEX prices_by_catalog_version ON prices USING btree (tenant_id, catalog_version);

CREATE INDEX prices_by_model ON prices USING btree (tenant_id, provider, model, effective_ms);

ALTER TABLE prices ENABLE ROW LEVEL SECURITY;
ALTER TABLE prices FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON prices
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));
CREATE POLICY shared_rows ON prices FOR SELECT
  USING (((tenant_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (cardinality(( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")) > 0)));

CREATE TABLE rate_limits (
  tenant_id uuid NOT NULL,
  limit_id uuid NOT NULL,
  left_milli bigint NOT NULL,
  at_ms bigint NOT NULL,
  leased bigint NOT NULL,
  leased_before bigint NOT NULL,
  CONSTRAINT rate_limits_pkey PRIMARY KEY (tenant_id, limit_id),
  CONSTRAINT rate_limits_tenant_id_foreign FOREIGN KEY (tenant_id) REFERENCES tenants(tenant_id)
);

ALTER TABLE rate_limits ENABLE ROW LEVEL SECURITY;
ALTER TABLE rate_limits FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON rate_limits
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE refusals (
  tenant_id uuid NOT NULL,
  refusal_id uuid NOT NULL,
  budget_id uuid NOT NULL,
  allocation_id uuid,
  context_id text NOT NULL,
  component text NOT NULL,
  tier text NOT NULL,
  provider text,
  model text,
  task_type text NOT NULL,
  decision text NOT NULL,
  created_at_ms bigint NOT NULL,
  CONSTRAINT refusals_pkey PRIMARY KEY (tenant_id, refusal_id)
);

CREATE INDEX refusals_by_age ON refusals USING btree (created_at_ms);

ALTER TABLE refusals ENABLE ROW LEVEL SECURITY;
ALTER TABLE refusals FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON refusals
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE schema_migrations (
  id integer NOT NULL DEFAULT nextval('schema_migrations_id_seq'::regclass),
  name character varying(255),
  batch integer,
  migration_time timestamp with time zone,
  CONSTRAINT schema_migrations_pkey PRIMARY KEY (id)
);

CREATE TABLE schema_migrations_lock (
  index integer NOT NULL DEFAULT nextval('schema_migrations_lock_index_seq'::regclass),
  is_locked integer,
  CONSTRAINT schema_migrations_lock_pkey PRIMARY KEY (index)
);

CREATE TABLE source_credentials (
  source text NOT NULL,
  header text NOT NULL,
  sealed_value text NOT NULL,
  set_at_ms bigint NOT NULL,
  CONSTRAINT source_credentials_pkey PRIMARY KEY (source)
);

CREATE TABLE tenants (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  default_budget_id uuid,
  catalog_version bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  max_budgets integer,
  max_keys integer,
  requests_per_second integer,
  version integer NOT NULL DEFAULT 1,
  CONSTRAINT tenants_pkey PRIMARY KEY (tenant_id)
);

ALTER TABLE tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON tenants
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));
CREATE POLICY shared_rows ON tenants FOR SELECT
  USING (((tenant_id = '00000000-0000-0000-0000-000000000000'::uuid) AND (cardinality(( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")) > 0)));

CREATE TABLE usage_records (
  tenant_id uuid NOT NULL,
  record_id uuid NOT NULL,
  timestamp_ms bigint NOT NULL,
  allocation_id uuid,
  budget_id uuid NOT NULL,
  context_id text NOT NULL,
  component text NOT NULL,
  tier text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  task_type text NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  total_tokens bigint NOT NULL,
  usage text NOT NULL,
  input_cost_nano_usd bigint NOT NULL,
  output_cost_nano_usd bigint NOT NULL,
  other_cost_nano_usd bigint NOT NULL,
  total_cost_nano_usd bigint NOT NULL,
  cost_components text NOT NULL,
  pricing_id uuid,
  overage_tokens bigint NOT NULL,
  overage_cost_nano_usd bigint NOT NULL,
  operation_id text,
  request_id text,
  user_id text,
  metadata text NOT NULL,
  service_tier text NOT NULL DEFAULT 'standard'::text,
  price_scope text NOT NULL DEFAULT ''::text,
  adjusts_record_id uuid,
  CONSTRAINT usage_records_pkey PRIMARY KEY (tenant_id, record_id, timestamp_ms)
) PARTITION BY RANGE (timestamp_ms);

CREATE INDEX usage_records_adjusting ON ONLY usage_records USING btree (tenant_id, adjusts_record_id) WHERE (adjusts_record_id IS NOT NULL);

CREATE INDEX usage_records_by_allocation ON ONLY usage_records USING btree (tenant_id, allocation_id);

CREATE INDEX usage_records_by_budget ON ONLY usage_records USING btree (tenant_id, budget_id, timestamp_ms);

CREATE INDEX usage_records_by_context ON ONLY usage_records USING btree (tenant_id, context_id);

ALTER TABLE usage_records ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_records FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON usage_records
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE usage_records_default PARTITION OF usage_records DEFAULT;

ALTER TABLE usage_records_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_records_default FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON usage_records_default
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));

CREATE TABLE usage_rollups (
  tenant_id uuid NOT NULL,
  hour_start_ms bigint NOT NULL,
  budget_id uuid NOT NULL,
  component text NOT NULL,
  tier text NOT NULL,
  provider text NOT NULL,
  model text NOT NULL,
  task_type text NOT NULL,
  request_count bigint NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL,
  input_cost_nano_usd bigint NOT NULL,
  output_cost_nano_usd bigint NOT NULL,
  other_cost_nano_usd bigint NOT NULL,
  total_cost_nano_usd bigint NOT NULL,
  total_tokens bigint NOT NULL DEFAULT 0,
  CONSTRAINT usage_rollups_pkey PRIMARY KEY (tenant_id, hour_start_ms, budget_id, component, tier, provider, model, task_type)
);

ALTER TABLE usage_rollups ENABLE ROW LEVEL SECURITY;
ALTER TABLE usage_rollups FORCE ROW LEVEL SECURITY;
CREATE POLICY named_tenants ON usage_rollups
  USING (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))))
  WITH CHECK (((tenant_id = ANY (( SELECT (NULLIF(current_setting('budget.tenant_ids'::text, true), ''::text))::uuid[] AS "nullif")::uuid[])) OR ( SELECT (current_setting('budget.all_tenants'::text, true) = 'on'::text))));
