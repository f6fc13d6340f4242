import { closeAllocation, type AllocationQuery, type BudgetAllocation } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, readPage, whereEqual, type Page } from "./query.ts";
import { allocationFromRow } from "./rows.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Reads allocations; only the ledger writes them, because their holds and the balances change together. An allocation
 * past its expiry reads as expired at that time, whether or not the ledger has come by to close it.
 */
export class AllocationRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(
    tenant_id: string,
    allocation_id: string,
    now_ms: number,
    transaction?: Transaction,
  ): Promise<BudgetAllocation | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#of(tenant_id).where({ allocation_id }),
      readAt(now_ms),
    );
  }

  /** The tenant's allocations, newest first. */
  async getAll(
    tenant_id: string,
    limit: number,
    offset: number,
    now_ms: number,
  ): Promise<readonly BudgetAllocation[]> {
    const rows = await this.#database
      .reader(tenant_id)
      .run(this.#of(tenant_id).orderBy("allocation_id", "desc").limit(limit).offset(offset));
    return rows.map(readAt(now_ms));
  }

  /** The allocations that the query asks for, newest first. Active is what holds something at `now_ms`. */
  list(tenant_id: string, query: AllocationQuery, now_ms: number): Promise<Page<BudgetAllocation>> {
    const { budget_id, context_id, component, is_active } = query;
    const select = whereEqual(this.#of(tenant_id), { budget_id, context_id, component });
    if (is_active === true) void select.where("status", "active").where("expiration_time_ms", ">", now_ms);
    if (is_active === false) {
      void select.where((either) => {
        void either.whereNot("status", "active").orWhere("expiration_time_ms", "<=", now_ms);
      });
    }
    return readPage(
      this.#database.reader(tenant_id),
      select.orderBy("allocation_id", "desc"),
      query,
      readAt(now_ms),
    );
  }

  #of(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("allocations").where({ tenant_id });
  }
}

const readAt =
  (now_ms: number) =>
  (row: Row): BudgetAllocation => {
    const allocation = allocationFromRow(row);
    const { expiration_time_ms } = allocation;
    return expiration_time_ms > now_ms
      ? allocation
      : closeAllocation(allocation, "expired", expiration_time_ms);
  };
