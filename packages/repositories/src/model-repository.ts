import { SHARED_TENANT_ID, type ModelAlias, type ModelCapabilities } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row } from "./dialect.ts";
import type { CatalogVersion } from "./price-repository.ts";
import { capabilitiesFromRow } from "./price-rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** What sources say about models beside their prices: other names, and what they can do. */
export class ModelRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The aliases of these tenants that changed after their catalogues had these versions. */
  async aliasesChangedSince(
    transaction: Transaction,
    versions: readonly CatalogVersion[],
  ): Promise<readonly ModelAlias[]> {
    const found: ModelAlias[] = [];
    for (const { tenant_id, catalog_version } of versions) {
      const rows = await transaction.query(
        "SELECT provider, alias, model FROM model_aliases WHERE tenant_id = $1 AND catalog_version > $2",
        [tenant_id, catalog_version],
      );
      found.push(...rows.map(aliasFromRow));
    }
    return found;
  }

  /** The aliases that every tenant shares. */
  async sharedAliases(): Promise<readonly ModelAlias[]> {
    const shared = this.#database.knex<Row, Row[]>("model_aliases").where({ tenant_id: SHARED_TENANT_ID });
    const rows = await this.#database.reader(SHARED_TENANT_ID).run(shared);
    return rows.map(aliasFromRow);
  }

  /** Writes aliases that every tenant shares; one that is there already leads elsewhere from now on. */
  async saveSharedAliases(
    transaction: Transaction,
    source: string,
    aliases: readonly ModelAlias[],
    catalog_version: number,
  ): Promise<void> {
    const rows = aliases.map((alias) => ({ ...alias, tenant_id: SHARED_TENANT_ID, source, catalog_version }));
    await transaction.insertMissing(tables.modelAliases, rows);
    await transaction.update(tables.modelAliases, rows);
  }

  /** What sources say that models can do; all of them where none is named. */
  async capabilities(source?: string): Promise<readonly ModelCapabilities[]> {
    const select = this.#database
      .knex<Row, Row[]>("model_capabilities")
      .orderBy(["source", "provider", "model"]);
    if (source !== undefined) void select.where({ source });
    return (await select).map(capabilitiesFromRow);
  }

  /** Writes what a source says that models can do, in the place of what it said before. */
  async saveCapabilities(
    transaction: Transaction,
    source: string,
    capabilities: readonly ModelCapabilities[],
  ): Promise<void> {
    const rows = capabilities.map((capability) => ({ ...capability, source }));
    await transaction.insertMissing(tables.modelCapabilities, rows);
    await transaction.update(tables.modelCapabilities, rows);
  }
}

const aliasFromRow = (row: Row): ModelAlias => ({
  provider: row.provider as string,
  alias: row.alias as string,
  model: row.model as string,
});
