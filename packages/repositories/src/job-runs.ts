import { SHARED_TENANT_ID } from "@budget/domain";
import type { Database } from "./database.ts";

/**
 * Claims a run of a background job. Of the servers on one database that ask within one interval exactly one is told to
 * do the work; where it dies over it, another one claims the next.
 * @param interval_ms how long ago the last run must have begun
 */
export async function claimJobRun(
  database: Database,
  name: string,
  now_ms: number,
  interval_ms: number,
): Promise<boolean> {
  const claimed = await database.transaction(SHARED_TENANT_ID, (transaction) =>
    transaction.query(
      `INSERT INTO job_runs (name, started_at_ms) VALUES ($1, $2)
       ON CONFLICT (name) DO UPDATE SET started_at_ms = excluded.started_at_ms
         WHERE job_runs.started_at_ms <= $3 OR job_runs.started_at_ms > $4
       RETURNING name`,
      // A server whose clock was wrong for a while must not keep the job from all others until that time has come.
      [name, now_ms, now_ms - interval_ms, now_ms + interval_ms],
    ),
  );
  return claimed.length > 0;
}
