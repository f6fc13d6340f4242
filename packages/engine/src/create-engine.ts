import type { Clock, IdSource, Logger, Timers } from "@budget/domain";
import { AlertRepository, type Database } from "@budget/repositories";
import { createAllocationManager } from "./allocation-manager.ts";
import { DEFAULT_RETENTION, startBackgroundJobs, type Retention } from "./background-jobs.ts";
import { createBudgetManager } from "./budget-manager.ts";
import type { Engine } from "./engine.ts";
import { LedgerRunner } from "./ledger-runner.ts";
import { OutputEstimates } from "./output-estimates.ts";
import { createPolicyManager } from "./policy-manager.ts";
import { createPriceManager } from "./price-manager.ts";
import { createTrackingManager } from "./tracking-manager.ts";
import { verifyTenant } from "./verify.ts";

/** How often commands that have waited too long are answered. */
const OVERDUE_INTERVAL_MS = 250;
/** How often servers share what they have learned of outputs. */
const LEARNING_INTERVAL_MS = 30_000;

export interface EngineOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly timers: Timers;
  readonly logger: Logger;
  /** The tenants whose expired allocations this engine frees by itself. */
  readonly tenant_ids: readonly string[];
  readonly retention?: Retention;
}

/** Builds the core of Budget over an open database, and starts its background work. */
export function createEngine(options: EngineOptions): Engine {
  const { database, clock, ids, timers, logger, tenant_ids, retention = DEFAULT_RETENTION } = options;
  const runner = new LedgerRunner({ database, clock, ids });
  const alerts = new AlertRepository(database);
  const outputs = new OutputEstimates({ database, clock });

  const logFailure = (what: string) => (error: unknown) =>
    logger.error("budget_engine", `${what} failed`, { error: String(error) });
  const stopJobs = startBackgroundJobs({ database, runner, clock, timers, logger, tenant_ids, retention });

  const loaded = outputs.load().catch(logFailure("Reading learned outputs"));
  const stopLearning = timers.every(LEARNING_INTERVAL_MS, () => {
    outputs.flush().catch(logFailure("Storing learned outputs"));
  });

  const stopAnsweringOverdue = timers.every(OVERDUE_INTERVAL_MS, () => runner.answerOverdue());

  return {
    budgets: createBudgetManager(runner),
    policies: createPolicyManager(runner),
    allocations: createAllocationManager(runner, outputs, loaded),
    usage: createTrackingManager(runner, outputs),
    prices: createPriceManager(runner),
    alerts: { list: (context, query) => alerts.list(context.tenant_id, query) },
    verify: (context) => verifyTenant(database, context.tenant_id, clock),
    async stop() {
      stopLearning();
      await Promise.all([stopJobs(), runner.stop()]);
      stopAnsweringOverdue();
      await loaded;
      await outputs.flush().catch(logFailure("Storing learned outputs"));
    },
  };
}
