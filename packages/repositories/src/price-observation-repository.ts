import type { PricedThing, StoredObservation } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import {
  keptObservationFromRow,
  observationFromRow,
  observationToRow,
  type KeptObservation,
} from "./price-rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Everything that a vote looks at; not the source's own row. */
const KEPT = [...tables.priceObservations.columns].filter((column) => column !== "raw");

/**
 * What sources said about prices. Nothing is changed or deleted: an observation is withdrawn when its source says
 * something else, and what it says then is another one.
 */
export class PriceObservationRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * What a source says now, in id order, a part at a time.
   * @param after_id the last id that was read before; empty for the first part
   */
  async stillSaid(source: string, after_id: string, limit: number): Promise<readonly KeptObservation[]> {
    const select = this.#database
      .knex<Row, Row[]>("price_observations")
      .select(KEPT)
      .where({ source })
      .whereNull("withdrawn_at_ms")
      .orderBy("observation_id")
      .limit(limit);
    if (after_id !== "") void select.where("observation_id", ">", after_id);
    return ((await select) as Row[]).map(keptObservationFromRow);
  }

  /** All that sources ever said, by id, withdrawn observations too; for sources that say little. */
  async idsSaidBy(sources: readonly string[]): Promise<readonly string[]> {
    const rows = await this.#database
      .knex<Row, { observation_id: string }[]>("price_observations")
      .select("observation_id")
      .whereIn("source", sources);
    return (rows as { observation_id: string }[]).map(({ observation_id }) => observation_id);
  }

  /** The models that anything was ever said about. */
  async models(): Promise<readonly Pick<PricedThing, "provider" | "model">[]> {
    return this.#database
      .knex<Row, Pick<PricedThing, "provider" | "model">[]>("price_observations")
      .distinct("provider", "model");
  }

  /** All that was ever said about models with these names, oldest first, the sources' own rows included. */
  async ofModels(
    models: readonly Pick<PricedThing, "provider" | "model">[],
  ): Promise<readonly StoredObservation[]> {
    const found: Row[] = [];
    for (const { provider, model } of models) {
      const rows = await this.#database
        .knex<Row, Row[]>("price_observations")
        .where({ provider, model })
        .orderBy("observation_id");
      found.push(...rows);
    }
    return found.map(observationFromRow);
  }

  /** Whether a dated price of a source began or ended in a span of time, its last instant included. */
  async hasTurn(after_ms: number, until_ms: number): Promise<boolean> {
    const turned = (column: string) =>
      this.#database
        .knex<Row, Row[]>("price_observations")
        .whereNull("withdrawn_at_ms")
        .where(column, ">", after_ms)
        .where(column, "<=", until_ms)
        .first("observation_id");
    return (await turned("effective_ms")) !== undefined || (await turned("end_ms")) !== undefined;
  }

  insertMany(transaction: Transaction, observations: readonly StoredObservation[]): Promise<void> {
    return transaction.insert(tables.priceObservations, observations.map(observationToRow));
  }

  /** Notes that their sources no longer say these. */
  withdraw(
    transaction: Transaction,
    observation_ids: readonly string[],
    withdrawn_at_ms: number,
  ): Promise<void> {
    return transaction.update(
      tables.priceObservations,
      observation_ids.map((observation_id) => ({ observation_id, withdrawn_at_ms })),
    );
  }
}
