import type { Budget, BudgetQuery } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, readPage, updateOne, whereEqual, type Page } from "./query.ts";
import { budgetFromRow, budgetToRow, type StoredBudget } from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Budgets. A deleted one keeps its row, because its usage counts in its ancestors; only {@link changedSince} finds it.
 * Every write carries the version that the catalogue has with it.
 */
export class BudgetRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, budget_id: string, transaction?: Transaction): Promise<Budget | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#present(tenant_id).where({ budget_id }),
      budgetFromRow,
    );
  }

  /** The tenant's budgets, oldest first. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly Budget[]> {
    const rows = await this.#database
      .reader(tenant_id)
      .run(this.#present(tenant_id).orderBy("budget_id").limit(limit).offset(offset));
    return rows.map(budgetFromRow);
  }

  /** The budgets that the query asks for, oldest first. */
  list(tenant_id: string, query: BudgetQuery): Promise<Page<Budget>> {
    const { is_active, owner, name } = query;
    const select = whereEqual(this.#present(tenant_id), { is_active, owner, name }).orderBy("budget_id");
    return readPage(this.#database.reader(tenant_id), select, query, budgetFromRow);
  }

  /** The budgets of a name, oldest first. */
  async named(transaction: Transaction, tenant_id: string, name: string): Promise<readonly Budget[]> {
    const rows = await transaction.run(this.#present(tenant_id).where({ name }).orderBy("budget_id"));
    return rows.map(budgetFromRow);
  }

  create(transaction: Transaction, budget: StoredBudget, catalog_version: number): Promise<void> {
    return transaction.insert(tables.budgets, [budgetToRow(budget, catalog_version)]);
  }

  /**
   * Writes everything about a budget that may change, its deletion included.
   * @throws Error where there is no such budget, or it is deleted
   */
  update(transaction: Transaction, budget: StoredBudget, catalog_version: number): Promise<void> {
    const { tenant_id, budget_id } = budget;
    const row = budgetToRow(budget, catalog_version);
    const changing = Object.fromEntries(tables.budgets.changing.map((column) => [column, row[column]]));
    return updateOne(
      transaction,
      this.#present(tenant_id).where({ budget_id }),
      changing,
      `budget ${budget_id}`,
    );
  }

  /**
   * Marks a budget as deleted.
   * @throws Error where there is no such budget, or it is deleted
   */
  delete(
    transaction: Transaction,
    tenant_id: string,
    budget_id: string,
    at_ms: number,
    catalog_version: number,
  ): Promise<void> {
    const marks = {
      is_active: false,
      updated_at_ms: at_ms,
      deleted_at_ms: at_ms,
      version: this.#database.knex.raw("version + 1"),
      catalog_version,
    };
    return updateOne(
      transaction,
      this.#present(tenant_id).where({ budget_id }),
      marks,
      `budget ${budget_id}`,
    );
  }

  /** Every budget, deleted ones too, that changed after the catalogue had this version; in id order. */
  async changedSince(
    transaction: Transaction,
    tenant_id: string,
    catalog_version: number,
  ): Promise<readonly StoredBudget[]> {
    const rows = await transaction.query(
      "SELECT * FROM budgets WHERE tenant_id = $1 AND catalog_version > $2 ORDER BY budget_id",
      [tenant_id, catalog_version],
    );
    return rows.map(budgetFromRow);
  }

  #present(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("budgets").where({ tenant_id }).whereNull("deleted_at_ms");
  }
}
