import type { Clock, Logger, Timers } from "@budget/domain";
import { claimJobRun, deleteOlder, ensureUsagePartitions, type Database } from "@budget/repositories";
import type { LedgerRunner } from "./ledger-runner.ts";
import { tenantIds } from "./tenant-manager.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** How long what no balance and no report needs stays in the database, in milliseconds. */
export interface Retention {
  /** How long a refusal can be explained. */
  readonly refusals_ms: number;
  /** How long a key stands for its first request. Clients try again within minutes. */
  readonly idempotency_keys_ms: number;
  /** How long a reader of events may stay away without that it misses one. */
  readonly events_ms: number;
}

export const DEFAULT_RETENTION: Retention = {
  refusals_ms: 30 * DAY_MS,
  idempotency_keys_ms: 7 * DAY_MS,
  events_ms: 30 * DAY_MS,
};

/** Something to be done again and again, by one of the servers on a database. */
interface Job {
  readonly name: string;
  readonly interval_ms: number;
  /** @param goesOn whether the server runs on; long work stops in between where it does not */
  run(now_ms: number, goesOn: () => boolean): Promise<void>;
}

export interface BackgroundJobsOptions {
  readonly database: Database;
  readonly runner: LedgerRunner;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
  readonly retention: Retention;
}

const jobsOf = ({ database, runner, retention }: BackgroundJobsOptions): readonly Job[] => [
  {
    name: "free expired allocations",
    interval_ms: 30_000,
    async run() {
      for (const tenant_id of await tenantIds(database)) await runner.freeExpired(tenant_id);
    },
  },
  {
    name: "make usage partitions",
    interval_ms: DAY_MS,
    run: (now_ms) => ensureUsagePartitions(database, now_ms),
  },
  {
    name: "delete what is old",
    interval_ms: HOUR_MS,
    async run(now_ms, goesOn) {
      await deleteOlder(database, "idempotency_keys", now_ms - retention.idempotency_keys_ms, goesOn);
      await deleteOlder(database, "refusals", now_ms - retention.refusals_ms, goesOn);
      await deleteOlder(database, "events", now_ms - retention.events_ms, goesOn);
    },
  },
];

/** How often each server looks whether something is due. */
const LOOK_INTERVAL_MS = 15_000;

/**
 * Starts the work that nobody asks for. Every server looks whether it is due, and the first one to see it does it.
 * @returns stops it, and resolves when what was running has ended
 */
export function startBackgroundJobs(options: BackgroundJobsOptions): () => Promise<void> {
  const { database, clock, timers, logger } = options;
  const running = new Set<Promise<void>>();
  let isStopping = false;
  const runOnce = async (job: Job): Promise<void> => {
    try {
      const now_ms = clock.now();
      if (await claimJobRun(database, job.name, now_ms, job.interval_ms))
        await job.run(now_ms, () => !isStopping);
    } catch (error) {
      logger.error("budget_engine", `The job "${job.name}" failed`, { error: String(error) });
    }
  };
  const jobs = jobsOf(options);
  const stopLooking = timers.every(LOOK_INTERVAL_MS, () => {
    for (const job of jobs) {
      const run = runOnce(job).finally(() => running.delete(run));
      running.add(run);
    }
  });
  return async () => {
    isStopping = true;
    stopLooking();
    await Promise.all(running);
  };
}
