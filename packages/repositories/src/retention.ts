import type { Database } from "./database.ts";

/** What is deleted when it is old enough, and the key of its rows. */
const KEYS = {
  idempotency_keys: "idempotency_key",
  refusals: "refusal_id",
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
  table: keyof typeof KEYS,
  before_ms: number,
  goesOn: () => boolean = () => true,
): Promise<number> {
  const key = KEYS[table];
  const deleteSome = () =>
    database.transaction((transaction) =>
      transaction.query(
        `DELETE FROM ${table} WHERE (tenant_id, ${key}) IN (
           SELECT tenant_id, ${key} FROM ${table} WHERE created_at_ms < $1 ORDER BY created_at_ms LIMIT $2
         ) RETURNING ${key}`,
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
