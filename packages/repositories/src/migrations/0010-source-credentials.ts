import type { Knex } from "knex";

/** What sources of prices are asked with. The value is encrypted, see secret-box.ts, and names the key that it has. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable("source_credentials", (table) => {
    table.text("source").notNullable().primary();
    for (const name of ["header", "sealed_value"]) table.text(name).notNullable();
    table.bigInteger("set_at_ms").notNullable();
  });
}

export async function down(knex: Knex): Promise<void> {
  await knex.schema.dropTable("source_credentials");
}
