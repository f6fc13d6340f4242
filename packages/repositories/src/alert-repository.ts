import { SHARED_TENANT_ID, type Alert, type AlertQuery } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readOne, readPage, whereEqual, type Page } from "./query.ts";
import { alertFromRow, alertToRow } from "./rows.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/**
 * Reads alerts: a tenant's own, and those about the prices that all share. The ledger writes those about limits, with the
 * balances that remember that they were raised; here they are only marked as seen.
 */
export class AlertRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  getById(tenant_id: string, alert_id: string, transaction?: Transaction): Promise<Alert | null> {
    return readOne(
      transaction ?? this.#database.reader(tenant_id),
      this.#of(tenant_id).where({ alert_id }),
      alertFromRow,
    );
  }

  /** The tenant's alerts, newest first. */
  async getAll(tenant_id: string, limit: number, offset: number): Promise<readonly Alert[]> {
    const rows = await this.#database
      .reader(tenant_id)
      .run(this.#of(tenant_id).orderBy("alert_id", "desc").limit(limit).offset(offset));
    return rows.map(alertFromRow);
  }

  /** The alerts that the query asks for, newest first. */
  list(tenant_id: string, query: AlertQuery): Promise<Page<Alert>> {
    const { budget_id, severity, acknowledged } = query;
    const select = whereEqual(this.#of(tenant_id), { budget_id, severity, acknowledged });
    return readPage(
      this.#database.reader(tenant_id),
      select.orderBy("alert_id", "desc"),
      query,
      alertFromRow,
    );
  }

  /** Writes that an alert was seen, and when. */
  acknowledge(transaction: Transaction, alert: Alert): Promise<void> {
    return transaction.update(tables.alerts, [alertToRow(alert)]);
  }

  #of(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("alerts").whereIn("tenant_id", [tenant_id, SHARED_TENANT_ID]);
  }
}
