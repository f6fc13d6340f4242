import type { Knex } from "knex";

/** Prices gain what the operator adds to them, and usage records the record whose cost they set right. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("prices", (table) => {
    table.bigInteger("markup_ppm").notNullable().defaultTo(0);
  });
  await knex.schema.alterTable("usage_records", (table) => {
    table.uuid("adjusts_record_id");
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.alterTable("usage_records", (table) => table.dropColumn("adjusts_record_id"));
  await knex.schema.alterTable("prices", (table) => table.dropColumn("markup_ppm"));
}
