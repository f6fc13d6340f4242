import { SHARED_TENANT_ID, type PriceReview, type PricedThing } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import { pricedThingFromRow, reviewFromRow, reviewToRow } from "./price-rows.ts";
import { readOne, readPage, whereEqual, type Page, type PageQuery } from "./query.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Which reviews a list has. */
export interface ReviewFilters extends PageQuery {
  readonly status?: string;
  readonly provider?: string;
  readonly model?: string;
}

/** A review, and what it is about. */
export interface OpenReview extends PricedThing {
  readonly review_id: string;
}

/** Prices that people are or were asked about. */
export class PriceReviewRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(review_id: string, transaction?: Transaction): Promise<PriceReview | null> {
    return readOne(
      transaction ?? this.#database.reader(SHARED_TENANT_ID),
      this.#all().where({ review_id }),
      reviewFromRow,
    );
  }

  /** Newest first. */
  list({ status, provider, model, ...page }: ReviewFilters): Promise<Page<PriceReview>> {
    const select = whereEqual(this.#all(), { status, provider, model });
    return readPage(
      this.#database.reader(SHARED_TENANT_ID),
      select.orderBy("review_id", "desc"),
      page,
      reviewFromRow,
    );
  }

  /** Every review, oldest first: a run compares all of them with what the sources say now. */
  async getAll(): Promise<readonly PriceReview[]> {
    return (await this.#all().orderBy("review_id")).map(reviewFromRow);
  }

  /** What people are asked about now, without what the sources say. */
  async open(transaction: Transaction): Promise<readonly OpenReview[]> {
    const rows = await transaction.query(
      `SELECT review_id, provider, model, scope, service_tier, time_of_day FROM price_reviews
       WHERE status = $1`,
      ["open"],
    );
    return rows.map((row) => ({ ...pricedThingFromRow(row), review_id: row.review_id as string }));
  }

  insertMany(transaction: Transaction, reviews: readonly PriceReview[]): Promise<void> {
    return transaction.insert(tables.priceReviews, reviews.map(reviewToRow));
  }

  updateMany(transaction: Transaction, reviews: readonly PriceReview[]): Promise<void> {
    return transaction.update(tables.priceReviews, reviews.map(reviewToRow));
  }

  #all() {
    return this.#database.knex<Row, Row[]>("price_reviews");
  }
}
