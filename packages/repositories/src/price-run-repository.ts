import { SHARED_TENANT_ID, type PriceRun } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import { runFromRow, runToRow } from "./price-rows.ts";
import { readOne, readPage, type Page, type PageQuery } from "./query.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Runs over the sources of prices, with their reports. */
export class PriceRunRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(run_id: string): Promise<PriceRun | null> {
    return readOne(this.#database.reader(SHARED_TENANT_ID), this.#all().where({ run_id }), runFromRow);
  }

  /** The newest first. */
  list(query: PageQuery): Promise<Page<PriceRun>> {
    return readPage(
      this.#database.reader(SHARED_TENANT_ID),
      this.#all().orderBy("run_id", "desc"),
      query,
      runFromRow,
    );
  }

  /** The run that began last, of those that did what they were begun for. */
  lastFinished(): Promise<PriceRun | null> {
    const select = this.#all().whereNotNull("report").orderBy("run_id", "desc").limit(1);
    return readOne(this.#database.reader(SHARED_TENANT_ID), select, runFromRow);
  }

  /** A run that began after an instant and has not ended. */
  going(transaction: Transaction, since_ms: number): Promise<PriceRun | null> {
    const select = this.#all().whereNull("ended_at_ms").where("started_at_ms", ">", since_ms);
    return readOne(transaction, select.limit(1), runFromRow);
  }

  create(transaction: Transaction, run: PriceRun): Promise<void> {
    return transaction.insert(tables.priceRuns, [runToRow(run)]);
  }

  /** Writes when it ended, and its report. */
  update(transaction: Transaction, run: PriceRun): Promise<void> {
    return transaction.update(tables.priceRuns, [runToRow(run)]);
  }

  /** Ends the runs that have not ended: their server is known to be gone. */
  async endGoing(ended_at_ms: number): Promise<void> {
    await this.#all().whereNull("ended_at_ms").update({ ended_at_ms });
  }

  #all() {
    return this.#database.knex<Row, Row[]>("price_runs");
  }
}
