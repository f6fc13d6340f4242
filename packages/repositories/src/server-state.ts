import { SHARED_TENANT_ID } from "@budget/domain";
import type { Database } from "./database.ts";

/** What a database says of itself. */
export interface ServerState {
  /** Its name and version, such as `PostgreSQL 15.3`. */
  readonly product: string;
  /** What its clock shows, in milliseconds since 1970; null where it has the clock of this machine. */
  readonly time_ms: number | null;
  /**
   * Whether it keeps rows of other tenants from a transaction by itself; false where its role passes row-level security,
   * null where it has no such thing.
   */
  readonly locks_rows: boolean | null;
}

/** Asks the database for a sign of life. */
export async function readServerState(database: Database): Promise<ServerState> {
  const [row] = await database.snapshot(SHARED_TENANT_ID, (transaction) =>
    transaction.query(database.dialect.serverState, []),
  );
  if (row === undefined) throw new Error("The database says nothing of itself.");
  return {
    product: String(row.product),
    time_ms: row.time_ms === null ? null : Number(row.time_ms),
    locks_rows: row.locks_rows as boolean | null,
  };
}
