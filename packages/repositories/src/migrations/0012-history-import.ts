import type { Knex } from "knex";
import { secureRows } from "../row-security.ts";

/**
 * What came from older systems, policies with an end, and rollups of tokens that those systems did not split. Records
 * that were booked before have no such tokens.
 */
export async function up(knex: Knex): Promise<void> {
  const postgres = (knex.client as Knex.Client).config.client === "pg";

  await knex.schema.createTable("imported_records", (table) => {
    table.uuid("tenant_id").notNullable();
    for (const name of ["system", "source_name", "kind", "source_id"]) table.text(name).notNullable();
    table.uuid("record_id").notNullable();
    table.text("content_sha256").notNullable();
    table.boolean("booked_cost").notNullable();
    table.text("original");
    table.text("shadowed_type");
    table.primary(["tenant_id", "system", "source_name", "kind", "source_id"]);
    table.index(["tenant_id", "record_id"], "imported_records_by_record");
  });
  if (postgres) for (const statement of secureRows("imported_records")) await knex.raw(statement);

  await knex.schema.alterTable("policies", (table) => {
    table.bigInteger("end_ms");
  });

  // As for the other sums: SQLite would go on with a float where one passes 64 bits.
  const check = postgres ? "" : " CHECK (typeof(total_tokens) = 'integer')";
  await knex.raw(`ALTER TABLE usage_rollups ADD COLUMN total_tokens bigint NOT NULL DEFAULT 0${check}`);
  await knex.raw("UPDATE usage_rollups SET total_tokens = input_tokens + output_tokens");
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("ALTER TABLE usage_rollups DROP COLUMN total_tokens");
  await knex.raw("ALTER TABLE policies DROP COLUMN end_ms");
  await knex.schema.dropTable("imported_records");
}
