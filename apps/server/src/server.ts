import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { Configuration } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { DEFAULT_TENANT_ID, createEngine, prepareFirstStart, type Engine } from "@budget/engine";
import { readBundledCatalogue } from "@budget/price-sources";
import {
  ensureUsagePartitions,
  isUnavailable,
  migrate,
  openDatabase,
  type Database,
} from "@budget/repositories";
import { createPriceMonitor, startPriceMonitoring, type PriceMonitor } from "@budget/services";
import { createApp, refuseStopping } from "./app.ts";
import { StopGate } from "./graceful-stop.ts";
import { createHttpServer, HTTP_LIMITS } from "./http-limits.ts";
import { priceRunOptions } from "./price-settings.ts";
import { PriceProcess } from "./price-process.ts";
import { systemClock, systemTimers, uuidSource } from "./world.ts";

/** Answered by /health and in the OpenAPI document. */
export const VERSION = "0.1.0";

/** Less than the 10 s that container runtimes wait before they kill. */
const STOP_GRACE_MS = 8000;
/** Enough for clients that keep their connections to be told with the next request. */
const STOP_LINGER_MS = 100;

/** A server that takes requests. */
export interface RunningServer {
  readonly port: number;
  /** Takes no new work, answers what is running, commits it, and closes everything. */
  stop(): Promise<void>;
}

/**
 * Opens the database, brings it up to date, and listens.
 * @throws DatabaseError where the database cannot be opened; the error of listen() where the port is taken
 */
export async function startServer(
  configuration: Configuration,
  logger: Logger,
  limits = HTTP_LIMITS,
): Promise<RunningServer> {
  const database = openDatabase({ url: configuration.database_url, exclusive: true });
  try {
    const engine = await prepareEngine(database, logger);
    const monitoring = await startMonitoring(database, configuration, logger);
    const services = {
      engine,
      monitor: monitoring.monitor,
      now: () => systemClock.now(),
      version: VERSION,
      isReady: () => answers(database),
    };
    const app = createApp({ services, logger, tenant_id: DEFAULT_TENANT_ID });
    const gate = new StopGate(app, {
      refuse: refuseStopping,
      linger_ms: STOP_LINGER_MS,
      grace_ms: STOP_GRACE_MS,
    });
    const http = createHttpServer(gate.listener, limits);
    http.listen(configuration.port, configuration.host);
    await once(http, "listening");
    return {
      port: (http.address() as AddressInfo).port,
      async stop() {
        await gate.stop(http);
        await monitoring.stop();
        await engine.stop();
        await database.close();
      },
    };
  } catch (error) {
    await database.close();
    throw error;
  }
}

interface Monitoring {
  readonly monitor: PriceMonitor;
  /** Ends runs that go on, and begins no more. */
  stop(): Promise<void>;
}

async function startMonitoring(
  database: Database,
  { database_url, price_update_interval_min: update_interval_min, prices: file }: Configuration,
  logger: Logger,
): Promise<Monitoring> {
  const settings = { update_interval_min, file };
  const options = priceRunOptions(database, settings, logger);
  const priceProcess = new PriceProcess(database_url, settings, logger);
  // Nobody else can open a database in memory.
  const isInMemory = database_url === "sqlite::memory:";
  const monitor = createPriceMonitor(options, isInMemory ? undefined : priceProcess.perform);
  // An embedded database is this server's alone.
  if (database.dialect.name === "sqlite") await monitor.endInterrupted();
  const schedule = { monitor, database, clock: systemClock, timers: systemTimers, logger };
  const stopSchedule = startPriceMonitoring(schedule);
  return {
    monitor,
    async stop() {
      const stopped = stopSchedule();
      priceProcess.stop();
      await monitor.settled();
      await stopped;
    },
  };
}

async function prepareEngine(database: Database, logger: Logger): Promise<Engine> {
  const applied = await migrate(database);
  if (applied.length > 0)
    logger.info("budget_engine", "The database schema was brought up to date", { applied });
  await makePartitions(database, logger);
  const stored = await prepareFirstStart({
    database,
    clock: systemClock,
    ids: uuidSource,
    readPrices: async () => (await readBundledCatalogue()).drafts,
  });
  if (stored > 0) logger.info("price_manager", "Prices were stored from the bundled catalogue", { stored });
  return createEngine({
    database,
    clock: systemClock,
    ids: uuidSource,
    timers: systemTimers,
    logger,
    tenant_ids: [DEFAULT_TENANT_ID],
  });
}

/** What is booked meanwhile is found all the same, so a table that is in use for long does not keep the server from starting. */
async function makePartitions(database: Database, logger: Logger): Promise<void> {
  try {
    await ensureUsagePartitions(database, systemClock.now());
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    logger.warning("tracking", "Partitions of the coming months could not be made yet", {
      error: String(error),
    });
  }
}

async function answers(database: Database): Promise<boolean> {
  try {
    await database.knex.raw("SELECT 1");
    return true;
  } catch {
    return false;
  }
}
