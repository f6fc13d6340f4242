import type { Knex } from "knex";

/** When each background job began last. Jobs are of the installation and not of a tenant. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable("job_runs", (table) => {
    table.text("name").notNullable().primary();
    table.bigInteger("started_at_ms").notNullable();
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("job_runs");
}
