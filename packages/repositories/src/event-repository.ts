import type { Database } from "./database.ts";
import { eventFromRow, type EventPosition, type StoredEvent } from "./rows.ts";

/** Before every event. */
export const FIRST_POSITION: EventPosition = { transaction_id: 0n, sequence: 0n };

/**
 * Reads the outbox; events are written by the transactions that they tell of. A reader that goes on from the position of
 * the last event that it read misses none and sees none twice.
 */
export class EventRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * The tenant's events after a position, in their order, at most `limit`. One that was written while an earlier
   * transaction is still running waits for that one, whose events stand before it.
   */
  readAfter(
    tenant_id: string,
    { transaction_id, sequence }: EventPosition,
    limit: number,
  ): Promise<readonly StoredEvent[]> {
    const { dialect } = this.#database;
    return this.#database.snapshot(tenant_id, async (transaction) => {
      const rows = await transaction.query(
        `SELECT * FROM events
         WHERE tenant_id = $1 AND (transaction_id, sequence) > ($2, $3) AND ${dialect.isSettled("transaction_id")}
         ORDER BY transaction_id, sequence LIMIT $4`,
        [tenant_id, transaction_id, sequence, limit],
      );
      return rows.map(eventFromRow);
    });
  }
}
