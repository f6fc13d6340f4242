import {
  draw,
  leasePeriodOf,
  refill,
  settleLease,
  waitForRequest,
  wholeRequests,
  type LeaseReport,
  type RequestBucket,
  type RequestsWanted,
} from "@budget/domain";
import { RateLimitRepository, type Database, type Transaction } from "@budget/repositories";
import type { RequestLimit } from "./request-counter.ts";

/** What a server says and asks of one limit. */
export interface SharedAsk {
  readonly limit: RequestLimit;
  readonly wanted: RequestsWanted;
  readonly reports: readonly LeaseReport[];
}

export interface SharedDrawn {
  /** Of the requests that wait, how many may go on. */
  readonly now: number;
  /** The lease. */
  readonly ahead: number;
  /** The period that the lease was given in. */
  readonly period: number;
  /** What is left for everybody. */
  readonly left: number;
  /** In how many milliseconds there is one more; 0 where there is. */
  readonly wait_ms: number;
}

/** Draws from buckets that all servers share. Each limit is named once. @returns an answer to each, in order */
export type DrawShared = (asks: readonly SharedAsk[]) => Promise<readonly SharedDrawn[]>;

/** The time inside a transaction, in milliseconds. */
export type TransactionTime = (transaction: Transaction) => Promise<number>;

const buckets = new RateLimitRepository();

/** The clock of the database, which is the same for all servers. */
export const databaseTime: TransactionTime = async (transaction) => {
  const time_ms = await buckets.time(transaction);
  if (time_ms === null) throw new Error("Only a database with a clock of its own is shared.");
  return time_ms;
};

/** Draws from the buckets of a database: one transaction for all limits, whose rows it locks in one order. */
export function drawFrom(database: Database, timeOf: TransactionTime): DrawShared {
  return (asks) => {
    const keys = asks.map(({ limit: { tenant_id, limit_id } }) => ({ tenant_id, limit_id }));
    const tenant_ids = keys.map(({ tenant_id }) => tenant_id);
    return database.transaction(tenant_ids, async (transaction) => {
      const found = await buckets.lock(transaction, keys);
      // Read when all locks are there, so that it is never earlier than what another server has written.
      const now_ms = await timeOf(transaction);
      const answers = asks.map((ask) => decide(ask, found.get(ask.limit.limit_id), now_ms));
      await buckets.update(
        transaction,
        answers.map(({ stored }) => stored),
      );
      return answers.map(({ drawn }) => drawn);
    });
  };
}

function decide({ limit, wanted, reports }: SharedAsk, found: RequestBucket | undefined, now_ms: number) {
  if (found === undefined) throw new Error(`There is no bucket for the limit ${limit.limit_id}.`);
  const reported = reports.reduce(settleLease, refill(found, limit.rate, now_ms));
  const { bucket, now, ahead } = draw(reported, wanted);
  const drawn: SharedDrawn = {
    now,
    ahead,
    period: leasePeriodOf(now_ms),
    left: wholeRequests(bucket),
    wait_ms: waitForRequest(bucket, limit.rate),
  };
  const { tenant_id, limit_id } = limit;
  return { stored: { tenant_id, limit_id, bucket }, drawn };
}
