import type { Balance, BudgetPolicy, PolicyQuery } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, readPage, updateOne, whereEqual, type Page } from "./query.ts";
import { balanceFromRow, policyFromRow, policyToRow, type StoredPolicy } from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** A policy, and what it counts over all contexts; null where it has counted nothing yet. */
export interface PolicyWithBalance {
  readonly policy: BudgetPolicy;
  readonly balance: Balance | null;
}

/**
 * Policies. A deleted one keeps its row, from which other servers learn of it; only {@link changedSince} finds it. Every
 * write carries the version that the catalogue has with it.
 */
export class PolicyRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, policy_id: string, transaction?: Transaction): Promise<BudgetPolicy | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#present(tenant_id).where({ policy_id }),
      policyFromRow,
    );
  }

  /** The tenant's policies, oldest first. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly BudgetPolicy[]> {
    const rows = await this.#database
      .reader(tenant_id)
      .run(this.#present(tenant_id).orderBy("policy_id").limit(limit).offset(offset));
    return rows.map(policyFromRow);
  }

  /** The policies that the query asks for, oldest first. A dimension finds those that name it, not those open to it. */
  list(tenant_id: string, query: PolicyQuery): Promise<Page<BudgetPolicy>> {
    const { budget_id, period, tier, provider, component, task_type, enabled } = query;
    const values = { budget_id, period, tier, provider, component, task_type, enabled };
    return readPage(
      this.#database.reader(tenant_id),
      whereEqual(this.#present(tenant_id), values).orderBy("policy_id"),
      query,
      policyFromRow,
    );
  }

  /** Every policy of a tenant with its balance, oldest first. Those that count each context by itself have none. */
  async withBalances(tenant_id: string): Promise<readonly PolicyWithBalance[]> {
    const select: Select = this.#database.knex<Row, Row[]>("policies as p");
    void select
      .leftJoin("balances as b", (on) =>
        on.on("b.tenant_id", "p.tenant_id").andOn("b.policy_id", "p.policy_id").andOnVal("b.scope", ""),
      )
      .where("p.tenant_id", tenant_id)
      .whereNull("p.deleted_at_ms")
      .orderBy("p.policy_id")
      .select("b.*", "p.*");
    const rows = await this.#database.reader(tenant_id).run(select);
    return rows.map((row) => ({
      policy: policyFromRow(row),
      balance: row.scope === null ? null : balanceFromRow(row),
    }));
  }

  create(transaction: Transaction, policy: StoredPolicy, catalog_version: number): Promise<void> {
    return transaction.insert(tables.policies, [policyToRow(policy, catalog_version)]);
  }

  /**
   * Writes everything about a policy that may change, its deletion included.
   * @throws Error where there is no such policy, or it is deleted
   */
  update(transaction: Transaction, policy: StoredPolicy, catalog_version: number): Promise<void> {
    const { tenant_id, policy_id } = policy;
    const row = policyToRow(policy, catalog_version);
    const changing = Object.fromEntries(tables.policies.changing.map((column) => [column, row[column]]));
    return updateOne(
      transaction,
      this.#present(tenant_id).where({ policy_id }),
      changing,
      `policy ${policy_id}`,
    );
  }

  /**
   * Marks a policy as deleted.
   * @throws Error where there is no such policy, or it is deleted
   */
  delete(
    transaction: Transaction,
    tenant_id: string,
    policy_id: string,
    at_ms: number,
    catalog_version: number,
  ): Promise<void> {
    const marks = {
      enabled: false,
      updated_at_ms: at_ms,
      deleted_at_ms: at_ms,
      version: this.#database.knex.raw("version + 1"),
      catalog_version,
    };
    return updateOne(
      transaction,
      this.#present(tenant_id).where({ policy_id }),
      marks,
      `policy ${policy_id}`,
    );
  }

  /** Every policy, deleted ones too, that changed after the catalogue had this version; in id order. */
  async changedSince(
    transaction: Transaction,
    tenant_id: string,
    catalog_version: number,
  ): Promise<readonly StoredPolicy[]> {
    const rows = await transaction.query(
      "SELECT * FROM policies WHERE tenant_id = $1 AND catalog_version > $2 ORDER BY policy_id",
      [tenant_id, catalog_version],
    );
    return rows.map(policyFromRow);
  }

  #present(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("policies").where({ tenant_id }).whereNull("deleted_at_ms");
  }
}
