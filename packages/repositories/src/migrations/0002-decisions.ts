import type { Knex } from "knex";

/**
 * What decisions looked at: of grants with their allocation, beside the input that the request named, of refusals in a
 * table of their own. Allocations from before have neither.
 */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("allocations", (table) => {
    table.text("decision");
    table.bigInteger("input_tokens");
  });
  await knex.schema.createTable("refusals", (table) => {
    for (const name of ["tenant_id", "refusal_id", "budget_id"]) table.uuid(name).notNullable();
    table.uuid("allocation_id");
    for (const name of ["context_id", "component", "tier"]) table.text(name).notNullable();
    for (const name of ["provider", "model"]) table.text(name);
    for (const name of ["task_type", "decision"]) table.text(name).notNullable();
    table.bigInteger("created_at_ms").notNullable();
    table.primary(["tenant_id", "refusal_id"]);
    table.index(["created_at_ms"], "refusals_by_age");
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("refusals");
  await knex.schema.alterTable("allocations", (table) => {
    table.dropColumns("decision", "input_tokens");
  });
}
