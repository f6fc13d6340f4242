import {
  NO_METER,
  type Clock,
  type IdSource,
  type Logger,
  type Meter,
  type SecretSource,
  type Timers,
} from "@budget/domain";
import type { Database } from "@budget/repositories";
import { createAccessManager } from "./access-manager.ts";
import { createAlertManager } from "./alert-manager.ts";
import { createAllocationManager } from "./allocation-manager.ts";
import { DEFAULT_RETENTION, startBackgroundJobs, type Retention } from "./background-jobs.ts";
import { createBudgetManager } from "./budget-manager.ts";
import type { Engine } from "./engine.ts";
import { LedgerRunner } from "./ledger-runner.ts";
import { OutputEstimates } from "./output-estimates.ts";
import { createPolicyManager } from "./policy-manager.ts";
import { createPriceManager } from "./price-manager.ts";
import { createTenantManager } from "./tenant-manager.ts";
import { createTrackingManager } from "./tracking-manager.ts";
import { verifyTenant } from "./verify.ts";

/** How often commands that have waited too long are answered. */
const OVERDUE_INTERVAL_MS = 250;
/** How often denials are put into the record, and when keys were used. */
const ACCESS_INTERVAL_MS = 1000;
/** How often servers share what they have learned of outputs. */
const LEARNING_INTERVAL_MS = 30_000;

export interface EngineOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretSource;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Nothing is counted where it is left out. */
  readonly meter?: Meter;
  readonly retention?: Retention;
}

/** Builds the core of Budget over an open database, and starts its background work. */
export function createEngine(options: EngineOptions): Engine {
  const {
    database,
    clock,
    ids,
    secrets,
    timers,
    logger,
    meter = NO_METER,
    retention = DEFAULT_RETENTION,
  } = options;
  const runner = new LedgerRunner({ database, clock, ids, meter });
  const outputs = new OutputEstimates({ database, clock });

  const logFailure = (what: string) => (error: unknown) =>
    logger.error("budget_engine", `${what} failed`, { error: String(error) });
  const stopJobs = startBackgroundJobs({ database, runner, clock, timers, logger, retention });

  const loaded = outputs.load().catch(logFailure("Reading learned outputs"));
  const stopLearning = timers.every(LEARNING_INTERVAL_MS, () => {
    outputs.flush().catch(logFailure("Storing learned outputs"));
  });

  const access = createAccessManager({ database, clock, ids, secrets });
  const flushAccess = () => access.flush().catch(logFailure("Writing the record of denials"));
  const stopFlushing = timers.every(ACCESS_INTERVAL_MS, () => void flushAccess());

  const stopAnsweringOverdue = timers.every(OVERDUE_INTERVAL_MS, () => runner.answerOverdue());

  return {
    budgets: createBudgetManager(runner),
    policies: createPolicyManager(runner),
    allocations: createAllocationManager(runner, outputs, loaded),
    usage: createTrackingManager(runner, outputs),
    prices: createPriceManager(runner),
    access,
    tenants: createTenantManager({ database, clock, ids }),
    alerts: createAlertManager(runner),
    waiting: () => runner.waiting(),
    verify: (context) => verifyTenant(database, context.tenant_id, clock),
    async stop() {
      stopLearning();
      stopFlushing();
      await Promise.all([stopJobs(), runner.stop()]);
      stopAnsweringOverdue();
      await loaded;
      await flushAccess();
      await outputs.flush().catch(logFailure("Storing learned outputs"));
    },
  };
}
