import { createPriceBook, SHARED_TENANT_ID, type PriceBook } from "@budget/domain";
import {
  ModelRepository,
  PriceRepository,
  readCatalogVersions,
  type Database,
  type Transaction,
} from "@budget/repositories";
import { BudgetTree } from "./budget-tree.ts";

const NEVER_READ = -1;

/**
 * What decisions of one tenant look at: its budgets and policies, and the prices, its own and the shared ones. The
 * versions in the database say when something newer is there; only what changed since is read again.
 */
export class Catalog {
  readonly tenant_id: string;
  readonly budgets: BudgetTree;
  #priceBook: PriceBook = createPriceBook([]);
  #versions: ReadonlyMap<string, number> = new Map();

  constructor(tenant_id: string) {
    this.tenant_id = tenant_id;
    this.budgets = new BudgetTree(tenant_id);
  }

  get prices(): PriceBook {
    return this.#priceBook;
  }

  /** The versions of what this catalogue follows, as the transaction sees them. */
  readVersions(transaction: Transaction): Promise<ReadonlyMap<string, number>> {
    return readCatalogVersions(transaction, [this.tenant_id, SHARED_TENANT_ID]);
  }

  /** @returns whether there was anything newer to read */
  async refresh(
    database: Database,
    transaction: Transaction,
    versions: ReadonlyMap<string, number>,
  ): Promise<boolean> {
    const held = [...versions.keys()].map((tenant_id) => ({
      tenant_id,
      catalog_version: this.#versions.get(tenant_id) ?? NEVER_READ,
    }));
    const outdated = held.filter(
      ({ tenant_id, catalog_version }) => versions.get(tenant_id) !== catalog_version,
    );
    if (outdated.length === 0) return false;
    await this.budgets.refresh(database, transaction, versions.get(this.tenant_id));
    const prices = await new PriceRepository(database).changedSince(transaction, outdated);
    const aliases = await new ModelRepository(database).aliasesChangedSince(transaction, outdated);
    if (prices.length + aliases.length > 0) this.#priceBook = this.#priceBook.withChanges(prices, aliases);
    this.#versions = versions;
    return true;
  }
}
