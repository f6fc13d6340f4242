import type { Knex } from "knex";

/**
 * What sources say about prices, and what was made of it. Prices gain a scope, and the observations that they rest on.
 * Sources, what they said and runs over them are of the installation and not of a tenant; so are the reviews of what
 * they do not agree on.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("prices", (table) => {
    table.text("scope").notNullable().defaultTo("");
    table.text("evidence").notNullable().defaultTo("[]");
  });

  // What a call was served by, where its price depends on it.
  for (const name of ["allocations", "usage_records"]) {
    await knex.schema.alterTable(name, (table) => {
      table.text("service_tier").notNullable().defaultTo("standard");
      table.text("price_scope").notNullable().defaultTo("");
    });
  }

  // Alerts about prices belong to no budget.
  await knex.schema.alterTable("alerts", (table) => table.setNullable("budget_id"));

  await knex.schema.createTable("price_sources", (table) => {
    table.text("source").notNullable().primary();
    for (const name of ["trust_ppm", "agreed", "differed", "failures"]) table.bigInteger(name).notNullable();
    for (const name of ["attempted_at_ms", "read_at_ms", "due_at_ms"]) table.bigInteger(name);
    for (const name of ["fault", "detail", "etag", "last_modified", "content_hash"]) table.text(name);
  });

  await knex.schema.createTable("price_runs", (table) => {
    table.uuid("run_id").notNullable().primary();
    table.text("trigger").notNullable();
    table.bigInteger("started_at_ms").notNullable();
    table.bigInteger("ended_at_ms");
    table.text("report");
    table.index(["started_at_ms"], "price_runs_by_time");
  });

  await knex.schema.createTable("price_observations", (table) => {
    table.uuid("observation_id").notNullable().primary();
    for (const name of ["source", "provider", "model", "scope", "service_tier"])
      table.text(name).notNullable();
    table.text("time_of_day");
    for (const name of ["effective_ms", "end_ms"]) table.bigInteger(name);
    for (const name of ["price_type", "components", "name", "raw"]) table.text(name).notNullable();
    for (const name of ["address", "content_hash"]) table.text(name).notNullable();
    table.bigInteger("observed_at_ms").notNullable();
    table.bigInteger("withdrawn_at_ms");
    table.index(["provider", "model"], "price_observations_by_model");
    table.index(["source", "withdrawn_at_ms"], "price_observations_by_source");
  });

  await knex.schema.createTable("price_reviews", (table) => {
    table.uuid("review_id").notNullable().primary();
    for (const name of ["provider", "model", "scope", "service_tier"]) table.text(name).notNullable();
    table.text("time_of_day");
    for (const name of ["kind", "status", "candidates", "fingerprint"]) table.text(name).notNullable();
    table.bigInteger("opened_at_ms").notNullable();
    table.bigInteger("closed_at_ms");
    for (const name of ["decided_by", "why"]) table.text(name);
    table.index(["status", "opened_at_ms"], "price_reviews_by_status");
    table.index(["provider", "model"], "price_reviews_by_model");
  });

  await knex.schema.createTable("model_aliases", (table) => {
    table.uuid("tenant_id").notNullable().references("tenant_id").inTable("tenants");
    for (const name of ["provider", "alias", "model", "source"]) table.text(name).notNullable();
    table.bigInteger("catalog_version").notNullable();
    table.primary(["tenant_id", "provider", "alias"]);
    table.index(["tenant_id", "catalog_version"], "model_aliases_by_catalog_version");
  });

  await knex.schema.createTable("model_capabilities", (table) => {
    for (const name of ["source", "provider", "model"]) table.text(name).notNullable();
    for (const name of ["context_tokens", "max_output_tokens"]) table.bigInteger(name);
    for (const name of ["tools", "vision", "reasoning"]) table.boolean(name);
    table.primary(["source", "provider", "model"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of [
    "model_capabilities",
    "model_aliases",
    "price_reviews",
    "price_observations",
    "price_runs",
    "price_sources",
  ]) {
    await knex.schema.dropTable(table);
  }
  for (const name of ["allocations", "usage_records"]) {
    await knex.schema.alterTable(name, (table) => table.dropColumns("service_tier", "price_scope"));
  }
  await knex("alerts").whereNull("budget_id").delete();
  await knex.schema.alterTable("alerts", (table) => table.dropNullable("budget_id"));
  await knex.schema.alterTable("prices", (table) => {
    table.dropColumns("scope", "evidence");
  });
}
