import type { Knex } from "knex";

/** How many output tokens calls of one kind make, as two sketches of quantiles in base64 each. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable("output_sketches", (table) => {
    table.uuid("tenant_id").notNullable();
    for (const name of ["provider", "model", "component", "task_type"]) table.text(name).notNullable();
    table.text("current").notNullable();
    table.text("previous");
    for (const name of ["samples", "updated_at_ms"]) table.bigInteger(name).notNullable();
    table.primary(["tenant_id", "provider", "model", "component", "task_type"]);
    table.index(["updated_at_ms"], "output_sketches_by_age");
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("output_sketches");
}
