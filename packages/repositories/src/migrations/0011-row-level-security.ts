import type { Knex } from "knex";
import { TENANT_TABLES, secureRows, unsecureRows } from "../row-security.ts";

/** Rows are locked to their tenants in the database as well: every table that has any by now. */
export const up = (knex: Knex): Promise<void> => forEachTenantTable(knex, secureRows);

export const down = (knex: Knex): Promise<void> => forEachTenantTable(knex, unsecureRows);

async function forEachTenantTable(
  knex: Knex,
  statementsFor: (table: string) => readonly string[],
): Promise<void> {
  if ((knex.client as Knex.Client).config.client !== "pg") return;
  const { rows } = await knex.raw<{ rows: { name: string }[] }>(TENANT_TABLES);
  for (const { name } of rows) for (const statement of statementsFor(name)) await knex.raw(statement);
}
