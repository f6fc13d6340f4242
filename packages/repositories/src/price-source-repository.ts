import type { PriceSourceState } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import { sourceStateFromRow } from "./price-rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** What is known about the sources of prices; which ones there are is configuration. */
export class PriceSourceRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Every source that was ever read, by name. */
  async getAll(transaction?: Transaction): Promise<readonly PriceSourceState[]> {
    const select = this.#database.knex<Row, Row[]>("price_sources").orderBy("source");
    const rows = transaction === undefined ? await select : await transaction.run(select);
    return rows.map(sourceStateFromRow);
  }

  /** Writes all that is known about a source, whether it was known before or not. */
  async save(transaction: Transaction, state: PriceSourceState): Promise<void> {
    await transaction.insertMissing(tables.priceSources, [{ ...state }]);
    await transaction.update(tables.priceSources, [{ ...state }]);
  }
}
