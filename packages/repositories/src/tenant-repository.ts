import type { Tenant } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, updateOne } from "./query.ts";
import { tenantFromRow, type StoredTenant } from "./rows.ts";
import * as tables from "./tables.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Organisations, and the version of each one's catalogue (budgets, policies, prices), which every change of it raises.
 * A tenant is never deleted: its usage stays true.
 */
export class TenantRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, transaction?: Transaction): Promise<StoredTenant | null> {
    return readOne(transaction ?? this.#database.reader(tenant_id), this.#of(tenant_id), tenantFromRow);
  }

  /** Every tenant, by id: for work on the whole database. Nothing of it goes to the holder of a key. */
  async getAll(limit: number, offset: number): Promise<readonly StoredTenant[]> {
    const select = this.#database
      .knex<Row, Row[]>("tenants")
      .orderBy("tenant_id")
      .limit(limit)
      .offset(offset);
    const rows = await this.#database.reader(ALL_TENANTS).run(select);
    return rows.map(tenantFromRow);
  }

  /** Makes a tenant without a default budget, its catalogue at version 0; one that is there already stays as it is. */
  create(transaction: Transaction, tenant: Tenant): Promise<void> {
    const { limits, ...named } = tenant;
    return transaction.insertMissing(tables.tenants, [
      { ...named, ...limits, default_budget_id: null, catalog_version: 0 },
    ]);
  }

  /** Writes the name, the limits and the version of a tenant. */
  update(transaction: Transaction, { tenant_id, name, limits, version }: Tenant): Promise<void> {
    const row = { name, ...limits, version };
    return updateOne(transaction, this.#of(tenant_id), row, `tenant ${tenant_id}`);
  }

  /** Requests that name no budget are charged to this one. It is part of the catalogue, whose version is raised apart. */
  setDefaultBudget(transaction: Transaction, tenant_id: string, budget_id: string): Promise<void> {
    return updateOne(
      transaction,
      this.#of(tenant_id),
      { default_budget_id: budget_id },
      `tenant ${tenant_id}`,
    );
  }

  /**
   * Raises the catalogue's version; other changes of the catalogue wait until the transaction ends.
   * @returns the new version, which every row that changes is to carry
   * @throws Error where there is no such tenant
   */
  async bumpCatalogVersion(transaction: Transaction, tenant_id: string): Promise<number> {
    const rows = await transaction.query(
      "UPDATE tenants SET catalog_version = catalog_version + 1 WHERE tenant_id = $1 RETURNING catalog_version",
      [tenant_id],
    );
    return versionOf(rows, tenant_id);
  }

  #of(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("tenants").where({ tenant_id });
  }
}

function versionOf(rows: readonly Row[], tenant_id: string): number {
  const [row] = rows;
  if (row === undefined) throw new Error(`There is no tenant ${tenant_id}.`);
  return Number(row.catalog_version);
}
