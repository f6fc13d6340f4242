import type { Knex } from "knex";

/**
 * Times are epoch milliseconds, costs nano-USD, both 64-bit integers. Objects are kept as JSON text. The tables of the
 * hot path (balances, allocations, usage, rollups, events, idempotency keys) have no foreign keys: the ledger has read
 * the rows that they point to under its lock, and checking again on every insert would lock the budget's row.
 */
export async function up(knex: Knex): Promise<void> {
  const postgres = (knex.client as Knex.Client).config.client === "pg";

  const bigint = (table: Knex.CreateTableBuilder, name: string) => table.bigInteger(name).notNullable();
  const text = (table: Knex.CreateTableBuilder, name: string) => table.text(name).notNullable();
  const uuid = (table: Knex.CreateTableBuilder, name: string) => table.uuid(name).notNullable();

  await knex.schema.createTable("tenants", (table) => {
    table.uuid("tenant_id").notNullable().primary();
    text(table, "name");
    table.uuid("default_budget_id");
    bigint(table, "catalog_version");
    bigint(table, "created_at_ms");
  });

  await knex.schema.createTable("budgets", (table) => {
    table.uuid("tenant_id").notNullable().references("tenant_id").inTable("tenants");
    uuid(table, "budget_id");
    table.uuid("parent_budget_id");
    text(table, "name");
    text(table, "description");
    text(table, "owner");
    table.boolean("is_active").notNullable();
    text(table, "metadata");
    bigint(table, "creation_time_ms");
    bigint(table, "updated_at_ms");
    table.bigInteger("deleted_at_ms");
    bigint(table, "version");
    bigint(table, "catalog_version");
    table.primary(["tenant_id", "budget_id"]);
    table
      .foreign(["tenant_id", "parent_budget_id"])
      .references(["tenant_id", "budget_id"])
      .inTable("budgets");
    table.index(["tenant_id", "catalog_version"], "budgets_by_catalog_version");
    table.index(["tenant_id", "name"], "budgets_by_name");
  });

  await knex.schema.createTable("policies", (table) => {
    uuid(table, "tenant_id");
    uuid(table, "policy_id");
    uuid(table, "budget_id");
    text(table, "type");
    text(table, "period");
    text(table, "time_zone");
    table.text("tier");
    table.text("provider");
    table.text("model");
    table.text("component");
    table.text("task_type");
    table.bigInteger("token_limit");
    table.bigInteger("cost_limit_nano_usd");
    table.double("warning_threshold").notNullable();
    table.double("action_threshold").notNullable();
    table.boolean("enabled").notNullable();
    table.boolean("priority_override").notNullable();
    table.boolean("allow_unpriced").notNullable();
    bigint(table, "created_at_ms");
    bigint(table, "updated_at_ms");
    table.bigInteger("deleted_at_ms");
    bigint(table, "version");
    bigint(table, "catalog_version");
    table.primary(["tenant_id", "policy_id"]);
    table.foreign(["tenant_id", "budget_id"]).references(["tenant_id", "budget_id"]).inTable("budgets");
    table.index(["tenant_id", "catalog_version"], "policies_by_catalog_version");
    table.index(["tenant_id", "budget_id"], "policies_by_budget");
  });

  await knex.schema.createTable("balances", (table) => {
    uuid(table, "tenant_id");
    uuid(table, "policy_id");
    text(table, "scope");
    bigint(table, "window_start_ms");
    bigint(table, "used_tokens");
    bigint(table, "used_cost_nano_usd");
    bigint(table, "held_tokens");
    bigint(table, "held_cost_nano_usd");
    bigint(table, "alerts_raised");
    table.primary(["tenant_id", "policy_id", "scope"]);
  });

  await knex.schema.createTable("allocations", (table) => {
    uuid(table, "tenant_id");
    uuid(table, "allocation_id");
    uuid(table, "budget_id");
    text(table, "context_id");
    text(table, "component");
    text(table, "tier");
    table.text("provider");
    table.text("model");
    text(table, "task_type");
    table.integer("priority").notNullable();
    bigint(table, "tokens_allocated");
    bigint(table, "tokens_used");
    bigint(table, "cost_allocated_nano_usd");
    bigint(table, "cost_used_nano_usd");
    text(table, "status");
    bigint(table, "creation_time_ms");
    bigint(table, "expiration_time_ms");
    table.bigInteger("closed_at_ms");
    text(table, "metadata");
    table.primary(["tenant_id", "allocation_id"]);
    table.index(["tenant_id", "context_id", "allocation_id"], "allocations_by_context");
    table.index(["tenant_id", "budget_id", "allocation_id"], "allocations_by_budget");
  });
  await knex.raw(
    "CREATE INDEX allocations_live_by_expiration ON allocations (tenant_id, expiration_time_ms) WHERE status = 'active'",
  );

  const usageTable = knex.schema.createTable("usage_records", (table) => {
    uuid(table, "tenant_id");
    uuid(table, "record_id");
    bigint(table, "timestamp_ms");
    table.uuid("allocation_id");
    uuid(table, "budget_id");
    text(table, "context_id");
    text(table, "component");
    text(table, "tier");
    text(table, "provider");
    text(table, "model");
    text(table, "task_type");
    bigint(table, "input_tokens");
    bigint(table, "output_tokens");
    bigint(table, "total_tokens");
    text(table, "usage");
    bigint(table, "input_cost_nano_usd");
    bigint(table, "output_cost_nano_usd");
    bigint(table, "other_cost_nano_usd");
    bigint(table, "total_cost_nano_usd");
    text(table, "cost_components");
    table.uuid("pricing_id");
    bigint(table, "overage_tokens");
    bigint(table, "overage_cost_nano_usd");
    table.text("operation_id");
    table.text("request_id");
    table.text("user_id");
    text(table, "metadata");
    table.primary(["tenant_id", "record_id", "timestamp_ms"]);
    table.index(["tenant_id", "budget_id", "timestamp_ms"], "usage_records_by_budget");
    table.index(["tenant_id", "allocation_id"], "usage_records_by_allocation");
    table.index(["tenant_id", "context_id"], "usage_records_by_context");
  });
  if (postgres) {
    const [create, ...rest] = usageTable.toSQL() as unknown as { sql: string }[];
    if (create === undefined) throw new Error("The schema builder made no statement for usage_records.");
    await knex.raw(`${create.sql} PARTITION BY RANGE (timestamp_ms)`);
    for (const statement of rest) await knex.raw(statement.sql);
    await knex.raw("CREATE TABLE usage_records_default PARTITION OF usage_records DEFAULT");
  } else {
    await usageTable;
  }

  await knex.schema.createTable("usage_rollups", (table) => {
    uuid(table, "tenant_id");
    bigint(table, "hour_start_ms");
    uuid(table, "budget_id");
    text(table, "component");
    text(table, "tier");
    text(table, "provider");
    text(table, "model");
    text(table, "task_type");
    for (const name of [
      "request_count",
      "input_tokens",
      "output_tokens",
      "input_cost_nano_usd",
      "output_cost_nano_usd",
      "other_cost_nano_usd",
      "total_cost_nano_usd",
    ]) {
      bigint(table, name);
      // These are added up in the database, and SQLite would go on with a float where a sum passes 64 bits.
      if (!postgres) table.check("typeof(??) = 'integer'", [name]);
    }
    table.primary([
      "tenant_id",
      "hour_start_ms",
      "budget_id",
      "component",
      "tier",
      "provider",
      "model",
      "task_type",
    ]);
  });

  await knex.schema.createTable("alerts", (table) => {
    uuid(table, "tenant_id");
    uuid(table, "alert_id");
    uuid(table, "budget_id");
    table.uuid("policy_id");
    text(table, "kind");
    text(table, "severity");
    text(table, "message");
    text(table, "details");
    table.boolean("acknowledged").notNullable();
    table.bigInteger("acknowledged_at_ms");
    bigint(table, "created_at_ms");
    table.primary(["tenant_id", "alert_id"]);
  });

  await knex.schema.createTable("events", (table) => {
    table.bigIncrements("sequence");
    // Sequences are given before transactions commit, so they alone do not tell what a reader has seen; transactions of
    // SQLite run one after the other.
    if (postgres)
      table.specificType("transaction_id", "xid8").notNullable().defaultTo(knex.raw("pg_current_xact_id()"));
    else table.bigInteger("transaction_id").notNullable().defaultTo(0);
    uuid(table, "tenant_id");
    text(table, "event_type");
    table.uuid("budget_id");
    uuid(table, "subject_id");
    text(table, "payload");
    bigint(table, "created_at_ms");
    table.index(["tenant_id", "transaction_id", "sequence"], "events_by_position");
  });

  await knex.schema.createTable("idempotency_keys", (table) => {
    uuid(table, "tenant_id");
    text(table, "idempotency_key");
    text(table, "operation");
    text(table, "request");
    text(table, "outcome");
    bigint(table, "created_at_ms");
    table.primary(["tenant_id", "idempotency_key"]);
    table.index(["created_at_ms"], "idempotency_keys_by_age");
  });

  await knex.schema.createTable("prices", (table) => {
    table.uuid("tenant_id").notNullable().references("tenant_id").inTable("tenants");
    uuid(table, "pricing_id");
    text(table, "provider");
    text(table, "model");
    text(table, "price_type");
    text(table, "service_tier");
    table.text("time_of_day");
    text(table, "components");
    bigint(table, "effective_ms");
    table.bigInteger("end_ms");
    text(table, "source");
    text(table, "status");
    table.boolean("verified").notNullable();
    bigint(table, "created_at_ms");
    bigint(table, "catalog_version");
    table.primary(["tenant_id", "pricing_id"]);
    table.index(["tenant_id", "provider", "model", "effective_ms"], "prices_by_model");
    table.index(["tenant_id", "catalog_version"], "prices_by_catalog_version");
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of [
    "prices",
    "idempotency_keys",
    "events",
    "alerts",
    "usage_rollups",
    "usage_records",
    "allocations",
    "balances",
    "policies",
    "budgets",
    "tenants",
  ]) {
    await knex.schema.dropTable(table);
  }
}
