import { SHARED_TENANT_ID, type PriceQuery, type ProviderPricing } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Dialect, Row, Select } from "./dialect.ts";
import { readOne, readPage, whereEqual, type Page } from "./query.ts";
import { priceFromRow, priceToRow } from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** A version of the catalogue of one tenant. */
export interface CatalogVersion {
  readonly tenant_id: string;
  readonly catalog_version: number;
}

/**
 * Prices. A tenant sees its own and the shared ones. What a price charges is never changed, and no price is deleted,
 * because usage records point to it: it is closed, and a dated one added.
 */
export class PriceRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, pricing_id: string, transaction?: Transaction): Promise<ProviderPricing | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#seenBy(tenant_id).where({ pricing_id }),
      priceFromRow,
    );
  }

  /** The prices that the tenant sees, by provider, model and time. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly ProviderPricing[]> {
    const select = inOrder(this.#seenBy(tenant_id), this.#database.dialect).limit(limit).offset(offset);
    const rows = await this.#database.reader(tenant_id).run(select);
    return rows.map(priceFromRow);
  }

  /** The prices that the query asks for, by provider, model and time. */
  list(tenant_id: string, query: PriceQuery): Promise<Page<ProviderPricing>> {
    const { provider, model } = query;
    const select = whereEqual(this.#seenBy(tenant_id), { provider, model });
    return readPage(
      this.#database.reader(tenant_id),
      inOrder(select, this.#database.dialect),
      query,
      priceFromRow,
    );
  }

  insertMany(
    transaction: Transaction,
    prices: readonly ProviderPricing[],
    catalog_version: number,
  ): Promise<void> {
    return transaction.insert(
      tables.prices,
      prices.map((price) => priceToRow(price, catalog_version)),
    );
  }

  /** Writes what may change about prices: when they end, their status, whether they are verified, and by what. */
  updateMany(
    transaction: Transaction,
    prices: readonly ProviderPricing[],
    catalog_version: number,
  ): Promise<void> {
    return transaction.update(
      tables.prices,
      prices.map((price) => priceToRow(price, catalog_version)),
    );
  }

  /**
   * The prices that every tenant shares, in id order, a part at a time: reading all of them at once would keep others
   * waiting.
   * @param after_id the last id that was read before; empty for the first part
   */
  async shared(after_id: string, limit: number): Promise<readonly ProviderPricing[]> {
    const select = this.#database
      .knex<Row, Row[]>("prices")
      .where({ tenant_id: SHARED_TENANT_ID })
      .orderBy("pricing_id")
      .limit(limit);
    if (after_id !== "") void select.where("pricing_id", ">", after_id);
    return (await this.#database.reader(SHARED_TENANT_ID).run(select)).map(priceFromRow);
  }

  /** The shared prices that are in force at an instant, of all hours of the day, and are not rejected. */
  async sharedNow(at_ms: number): Promise<readonly ProviderPricing[]> {
    const select = this.#database
      .knex<Row, Row[]>("prices")
      .where({ tenant_id: SHARED_TENANT_ID })
      .where("effective_ms", "<=", at_ms)
      .where((open) => void open.whereNull("end_ms").orWhere("end_ms", ">", at_ms))
      .whereNot({ status: "rejected" });
    return (await this.#database.reader(SHARED_TENANT_ID).run(select)).map(priceFromRow);
  }

  /** The shared prices of a model, of any time, scope and service tier. */
  async ofModel(
    transaction: Transaction,
    provider: string,
    model: string,
  ): Promise<readonly ProviderPricing[]> {
    const rows = await transaction.query(
      "SELECT * FROM prices WHERE tenant_id = $1 AND provider = $2 AND model = $3 ORDER BY pricing_id",
      [SHARED_TENANT_ID, provider, model],
    );
    return rows.map(priceFromRow);
  }

  /** Every price of these tenants that changed after their catalogues had these versions; in id order. */
  async changedSince(
    transaction: Transaction,
    versions: readonly CatalogVersion[],
  ): Promise<readonly ProviderPricing[]> {
    const found: ProviderPricing[] = [];
    for (const { tenant_id, catalog_version } of versions) {
      const rows = await transaction.query(
        "SELECT * FROM prices WHERE tenant_id = $1 AND catalog_version > $2 ORDER BY pricing_id",
        [tenant_id, catalog_version],
      );
      found.push(...rows.map(priceFromRow));
    }
    return found;
  }

  #seenBy(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("prices").whereIn("tenant_id", [tenant_id, SHARED_TENANT_ID]);
  }
}

/** Names in the order of their characters, whatever language the database is set to. */
const inOrder = (select: Select, { byCharacters }: Dialect): Select =>
  select.orderByRaw(`${byCharacters("provider")}, ${byCharacters("model")}, effective_ms, pricing_id`);
