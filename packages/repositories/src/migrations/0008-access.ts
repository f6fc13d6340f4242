import type { Knex } from "knex";

/** Keys, and the record of changes: each entry has the hash of the one before it, and the head that of the last one. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.createTable("api_keys", (table) => {
    table.uuid("tenant_id").notNullable().references("tenant_id").inTable("tenants");
    table.uuid("key_id").notNullable().unique();
    for (const name of ["name", "owner", "role", "budget_ids", "components", "secret_sha256"])
      table.text(name).notNullable();
    table.text("previous_sha256");
    table.bigInteger("previous_until_ms");
    table.bigInteger("created_at_ms").notNullable();
    for (const name of ["expires_at_ms", "revoked_at_ms", "last_used_at_ms"]) table.bigInteger(name);
    table.primary(["tenant_id", "key_id"]);
  });

  await knex.schema.createTable("audit_heads", (table) => {
    table.uuid("tenant_id").notNullable().primary();
    table.bigInteger("sequence").notNullable();
    table.text("hash").notNullable();
  });

  await knex.schema.createTable("audit_entries", (table) => {
    table.uuid("tenant_id").notNullable();
    table.bigInteger("sequence").notNullable();
    table.text("kind").notNullable();
    table.uuid("key_id");
    for (const name of ["actor", "origin", "request_id", "action", "subject_id"])
      table.text(name).notNullable();
    for (const name of ["before_json", "after_json"]) table.text(name);
    table.bigInteger("at_ms").notNullable();
    for (const name of ["previous_hash", "hash"]) table.text(name).notNullable();
    table.primary(["tenant_id", "sequence"]);
    table.index(["tenant_id", "subject_id", "sequence"], "audit_entries_by_subject");
    table.index(["tenant_id", "key_id", "sequence"], "audit_entries_by_key");
  });
}

export async function down(knex: Knex): Promise<void> {
  for (const table of ["audit_entries", "audit_heads", "api_keys"]) await knex.schema.dropTable(table);
}
