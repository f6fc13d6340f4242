import type { Knex } from "knex";

/** Prices gain what the operator adds to them, and usage records the record whose cost they set right. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("prices", (table) => {
    table.bigInteger("markup_ppm").notNullable().defaultTo(0);
  });
  await knex.schema.alterTable("usage_records", (table) => {
    table.uuid("adjusts_record_id");
  });
  // Of the usage of calls nothing is in it, so it costs them nothing.
  await knex.raw(
    "CREATE INDEX usage_records_adjusting ON usage_records (tenant_id, adjusts_record_id) " +
      "WHERE adjusts_record_id IS NOT NULL",
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("DROP INDEX usage_records_adjusting");
  await knex.schema.alterTable("usage_records", (table) => table.dropColumn("adjusts_record_id"));
  await knex.schema.alterTable("prices", (table) => table.dropColumn("markup_ppm"));
}
