import type { Database } from "./database.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";

/** What is deleted when it is old enough: the key of its rows, and an indexed column by which the oldest come first. */
const TABLES = {
  idempotency_keys: { key: "tenant_id, idempotency_key", order: "created_at_ms" },
  refusals: { key: "tenant_id, refusal_id", order: "created_at_ms" },
  // Numbered as they are written.
  events: { key: "sequence", order: "sequence" },
} as const;

/** As many rows as one transaction deletes, so that nobody waits for a long one. */
const ROWS_AT_ONCE = 5000;

/**
 * Deletes what was written before an instant, the oldest rows of all tenants first.
 * @param goesOn asked before every transaction, of which there may be many
 * @returns how many rows are gone
 */
export async function deleteOlder(
  database: Database,
  table: keyof typeof TABLES,
  before_ms: number,
  goesOn: () => boolean = () => true,
): Promise<number> {
  const { key, order } = TABLES[table];
  const deleteSome = () =>
    database.transaction(ALL_TENANTS, (transaction) =>
      transaction.query(
        `DELETE FROM ${table} WHERE (${key}) IN (
           SELECT ${key} FROM (SELECT ${key}, created_at_ms FROM ${table} ORDER BY ${order} LIMIT $2) oldest
           WHERE created_at_ms < $1
         ) RETURNING 1`,
        [before_ms, ROWS_AT_ONCE],
      ),
    );
  let deleted = 0;
  while (goesOn()) {
    const rows = await deleteSome();
    deleted += rows.length;
    if (rows.length < ROWS_AT_ONCE) break;
  }
  return deleted;
}
