import type { Knex } from "knex";

/** What sources still say is found without a look at what they once said. */
export async function up(knex: Knex): Promise<void> {
  await knex.schema.alterTable("price_observations", (table) =>
    table.dropIndex([], "price_observations_by_source"),
  );
  await knex.raw(
    "CREATE INDEX price_observations_still_said ON price_observations (source, observation_id) " +
      "WHERE withdrawn_at_ms IS NULL",
  );
}

export async function down(knex: Knex): Promise<void> {
  await knex.raw("DROP INDEX price_observations_still_said");
  await knex.schema.alterTable("price_observations", (table) => {
    table.index(["source", "withdrawn_at_ms"], "price_observations_by_source");
  });
}
