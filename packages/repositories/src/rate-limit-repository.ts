import type { RequestBucket } from "@budget/domain";
import type { Row } from "./dialect.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** Whose requests are counted: those of a key, or of a tenant, whose id is both then. */
export interface RateLimitKey {
  readonly tenant_id: string;
  readonly limit_id: string;
}

export interface StoredRequestBucket extends RateLimitKey {
  readonly bucket: RequestBucket;
}

/** So long ago that every bucket is full by now. */
const NEVER: RequestBucket = { left_milli: 0, at_ms: 0, leased: 0, leased_before: 0 };

const bucketFromRow = (row: Row): RequestBucket => ({
  left_milli: Number(row.left_milli),
  at_ms: Number(row.at_ms),
  leased: Number(row.leased),
  leased_before: Number(row.leased_before),
});

/** What is left of the requests of keys and tenants, where several servers draw from it. */
export class RateLimitRepository {
  /**
   * Locks buckets until the transaction ends, by id, so that two servers never wait for each other's. Those that are
   * missing are made before any is locked: whoever held some and then made others would wait for who does the reverse.
   * @returns them by the id of the limit; one that was never drawn from is full
   */
  async lock(
    transaction: Transaction,
    keys: readonly RateLimitKey[],
  ): Promise<ReadonlyMap<string, RequestBucket>> {
    const full = keys.toSorted(inOrder).map((key) => ({ ...toKey(key), ...NEVER }));
    const [, rows] = await Promise.all([
      transaction.insertMissing(tables.rateLimits, full),
      transaction.lockByKeys(tables.rateLimits, keys.map(toKey)),
    ]);
    return new Map(rows.map((row) => [row.limit_id as string, bucketFromRow(row)]));
  }

  update(transaction: Transaction, stored: readonly StoredRequestBucket[]): Promise<void> {
    return transaction.update(
      tables.rateLimits,
      stored.map(({ bucket, ...key }) => ({ ...toKey(key), ...bucket })),
    );
  }

  /** What the database's clock shows now, in milliseconds; null where it has the clock of this machine. */
  async time(transaction: Transaction): Promise<number | null> {
    const [row] = await transaction.query(transaction.dialect.serverState, []);
    return row === undefined || row.time_ms === null ? null : Number(row.time_ms);
  }
}

const toKey = ({ tenant_id, limit_id }: RateLimitKey): Row => ({ tenant_id, limit_id });

const inOrder = (a: RateLimitKey, b: RateLimitKey): number =>
  a.tenant_id + a.limit_id < b.tenant_id + b.limit_id ? -1 : 1;
