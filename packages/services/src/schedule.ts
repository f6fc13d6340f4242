import type { Clock, Logger, Timers } from "@budget/domain";
import { claimJobRun, type Database } from "@budget/repositories";
import type { PriceMonitor } from "./price-monitor.ts";

/** How often the servers on one database look, in turns, whether a source is due. */
const LOOK_INTERVAL_MS = 60_000;
/** How often each of them asks whether it is its turn. */
const TURN_INTERVAL_MS = 15_000;

export interface ScheduleOptions {
  readonly monitor: PriceMonitor;
  readonly database: Database;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * Runs the monitor in the background, on one server of the cluster at a time, whenever a source is due.
 * @returns stops it, and resolves when a run that goes on has ended
 */
export function startPriceMonitoring(options: ScheduleOptions): () => Promise<void> {
  const { monitor, database, clock, timers, logger } = options;
  let running: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const isMyTurn = await claimJobRun(database, "update prices", clock.now(), LOOK_INTERVAL_MS);
      if (isMyTurn && (await monitor.isDue())) await monitor.run("schedule");
    } catch (error) {
      logger.error("price_manager", "Updating prices failed", { error: String(error) });
    }
  };
  let isRunning = false;
  const stop = timers.every(TURN_INTERVAL_MS, () => {
    if (isRunning) return;
    isRunning = true;
    running = look().finally(() => (isRunning = false));
  });
  return async () => {
    stop();
    await running;
  };
}
