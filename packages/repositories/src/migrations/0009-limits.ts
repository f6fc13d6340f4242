import type { Knex } from "knex";

const LIMITS = ["max_budgets", "max_keys", "requests_per_second"];

/** What tenants may have at most, and what is left of the requests of each key and tenant. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("tenants", (table) => {
    for (const name of LIMITS) table.integer(name);
    table.integer("version").notNullable().defaultTo(1);
  });

  await knex.schema.createTable("rate_limits", (table) => {
    table.uuid("tenant_id").notNullable().references("tenant_id").inTable("tenants");
    table.uuid("limit_id").notNullable();
    for (const name of ["left_milli", "at_ms", "leased", "leased_before"])
      table.bigInteger(name).notNullable();
    table.primary(["tenant_id", "limit_id"]);
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("rate_limits");
  for (const name of [...LIMITS, "version"])
    await knex.schema.alterTable("tenants", (table) => table.dropColumn(name));
}
