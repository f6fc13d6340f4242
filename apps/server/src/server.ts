import { once } from "node:events";
import { isDeepStrictEqual } from "node:util";
import type { AddressInfo } from "node:net";
import type { Configuration } from "@budget/configuration";
import { VERSION, type Logger, type Meter } from "@budget/domain";
import { createEngine, prepareFirstStart, type Engine } from "@budget/engine";
import {
  NETWORK_SOURCE_NAMES,
  PRICE_FILE_SOURCE,
  priceSourcesOff,
  readBundledCatalogue,
  type PriceFile,
  type SourceOff,
} from "@budget/price-sources";
import {
  SecretBox,
  ensureUsagePartitions,
  isUnavailable,
  migrate,
  openDatabase,
  readServerState,
  type Database,
} from "@budget/repositories";
import {
  LONGEST_RUN_MS,
  createPriceMonitor,
  createSourceCredentials,
  startPriceMonitoring,
  type PriceMonitor,
} from "@budget/services";
import { provideAdminKey } from "./admin-key.ts";
import { createApp, refuseStopping, trustProxies } from "./app.ts";
import { StopGate } from "./graceful-stop.ts";
import { createHttpServer, HTTP_LIMITS } from "./http-limits.ts";
import { Metrics } from "./metrics.ts";
import { observeRequests } from "./observe-requests.ts";
import { startOpenTelemetry } from "./open-telemetry.ts";
import { MINUTE_MS, priceRunOptions } from "./price-settings.ts";
import { PriceProcess } from "./price-process.ts";
import { RateLimiter } from "./rate-limiter.ts";
import { OwnCounter, type RequestCounter } from "./request-counter.ts";
import { databaseTime, drawFrom } from "./shared-buckets.ts";
import { SharedCounter } from "./shared-counter.ts";
import { secretSource, systemClock, systemTimers, uuidSource } from "./world.ts";
import { WrongKeys } from "./wrong-keys.ts";

/** Less than the 10 s that container runtimes wait before they kill. */
const STOP_GRACE_MS = 8000;
/** Enough for clients that keep their connections to be told with the next request. */
const STOP_LINGER_MS = 100;

/** A server that takes requests. */
export interface RunningServer {
  readonly port: number;
  /**
   * Takes what can change while it runs: its names, origins and proxies, and what is said about prices. A run over the
   * prices that goes on is broken off where that is other than before. What it throws leaves everything as it was.
   */
  reload(configuration: Configuration): Promise<void>;
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
  const { database_url: url, database_key: key } = configuration;
  const database = openDatabase({ url, key, exclusive: true });
  try {
    const metrics = new Metrics();
    const engine = await prepareEngine(database, configuration, logger, metrics.meter);
    await provideAdminKey(database, configuration, logger);
    const secrets = SecretBox.of(configuration.secret_keys, secretSource);
    let current = configuration;
    let hosts = hostsOf(configuration);
    let monitoring = createMonitoring(database, secrets, configuration, logger);
    // An embedded database is this server's alone.
    if (database.dialect.name === "sqlite") await monitoring.monitor.endInterrupted();
    await monitoring.start();
    const services = {
      engine,
      get monitor() {
        return monitoring.monitor;
      },
      get sources_off() {
        return monitoring.sources_off;
      },
      credentials: createSourceCredentials({
        database,
        clock: systemClock,
        secrets,
        source_names: NETWORK_SOURCE_NAMES,
      }),
      now: () => systemClock.now(),
      version: VERSION,
      isReady: () => answers(database),
    };
    const counter = counterOf(database, logger);
    const watched = {
      engine,
      database,
      now: services.now,
      get monitor() {
        return monitoring.monitor;
      },
    };
    const openTelemetry = await startOpenTelemetry(process.env, {
      logger,
      version: VERSION,
      readMetrics: () => metrics.objects(watched),
    });
    const readMetrics = () => metrics.text(watched);
    const app = createApp({
      services,
      logger,
      doorkeeper: {
        authenticate: (text, mayBeOld) => engine.access.authenticate(text, mayBeOld),
        deny: (tenant_id, denial) => engine.access.deny(tenant_id, denial),
        mayOpen: (text) => engine.access.mayOpen(text),
        limiter: new RateLimiter(configuration.rate_limit, counter),
        wrong_keys: new WrongKeys(() => systemClock.now()),
      },
      host_rules: {
        get hosts() {
          return hosts;
        },
        get origins() {
          return current.cors_origins;
        },
      },
      trusted_proxies: configuration.trusted_proxies,
      readMetrics,
    });
    const observed = observeRequests(app, {
      logger,
      isReported: openTelemetry?.reportsRequests ?? false,
      onEnd(request) {
        metrics.requestEnded(request);
        openTelemetry?.requestEnded(request);
      },
    });
    const gate = new StopGate(observed, {
      refuse: refuseStopping,
      linger_ms: STOP_LINGER_MS,
      grace_ms: STOP_GRACE_MS,
    });
    const http = createHttpServer(gate.listener, limits);
    http.listen(configuration.port, configuration.host);
    await once(http, "listening");
    return {
      port: (http.address() as AddressInfo).port,
      async reload(next) {
        const arePricesOther = !isDeepStrictEqual(pricesOf(current), pricesOf(next));
        const other = arePricesOther ? createMonitoring(database, secrets, next, logger) : null;
        trustProxies(app, next.trusted_proxies);
        // From here on nothing fails: what is in force is either all of the old or all of the new.
        current = next;
        hosts = hostsOf(next);
        if (other === null) return;
        await monitoring.stop();
        monitoring = other;
        await other.start();
      },
      async stop() {
        await gate.stop(http);
        // It reads metrics a last time.
        await openTelemetry?.stop();
        await counter.stop();
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

/** An embedded database is this server's alone; others may share theirs. */
function counterOf(database: Database, logger: Logger): RequestCounter {
  const now = (): number => systemClock.now();
  if (database.dialect.name === "sqlite") return new OwnCounter(now);
  const draw = drawFrom(database, databaseTime);
  return new SharedCounter({ draw, now, timers: systemTimers, logger });
}

const hostsOf = ({ host, allowed_hosts }: Configuration): readonly string[] => [host, ...allowed_hosts];

const pricesOf = ({ price_update_interval_min, prices }: Configuration) => ({
  price_update_interval_min,
  prices,
});

interface Monitoring {
  readonly monitor: PriceMonitor;
  readonly sources_off: readonly SourceOff[];
  /** Takes up the operator's prices, and begins runs when they are due. Fails at nothing. */
  start(): Promise<void>;
  /** Ends runs that go on, and begins no more. */
  stop(): Promise<void>;
}

/** Nothing goes on before it is started. */
function createMonitoring(
  database: Database,
  secrets: SecretBox | null,
  configuration: Configuration,
  logger: Logger,
): Monitoring {
  const { database_url, database_key, secret_keys, prices: file } = configuration;
  const update_interval_min = configuration.price_update_interval_min;
  const settings = { update_interval_min, file };
  const options = priceRunOptions(database, secrets, settings, logger);
  const priceProcess = new PriceProcess({
    database: { database_url, database_key, secret_keys },
    settings,
    logger,
    timers: systemTimers,
    longest_run_ms: LONGEST_RUN_MS,
  });
  // Nobody else can open a database in memory.
  const isInMemory = database_url === "sqlite::memory:";
  const monitor = createPriceMonitor(options, isInMemory ? undefined : priceProcess.perform);
  let stopSchedule = (): Promise<void> => Promise.resolve();
  return {
    monitor,
    sources_off: priceSourcesOff(update_interval_min * MINUTE_MS, file),
    async start() {
      await applyOperatorPrices(monitor, file, logger);
      const schedule = { monitor, database, clock: systemClock, timers: systemTimers, logger };
      stopSchedule = startPriceMonitoring(schedule);
    },
    async stop() {
      const stopped = stopSchedule();
      priceProcess.stop();
      await monitor.settled();
      await stopped;
    },
  };
}

/**
 * Requests are charged the operator's own prices from the first one on. Where another server runs over the prices it
 * goes on without; a run that fails keeps no server from starting, and the next one makes it good.
 */
async function applyOperatorPrices(
  monitor: PriceMonitor,
  { content_hash }: PriceFile,
  logger: Logger,
): Promise<void> {
  try {
    const source = (await monitor.sources()).find((one) => one.source === PRICE_FILE_SOURCE);
    if (source === undefined || source.content_hash === content_hash) return;
    await monitor.run("schedule", [PRICE_FILE_SOURCE]);
  } catch (error) {
    logger.error("price_manager", "The operator's own prices are not applied yet", { error: String(error) });
  }
}

async function prepareEngine(
  database: Database,
  { retention }: Configuration,
  logger: Logger,
  meter: Meter,
): Promise<Engine> {
  const applied = await migrate(database);
  if (applied.length > 0)
    logger.info("budget_engine", "The database schema was brought up to date", { applied });
  await warnOfPassedRows(database, logger);
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
    secrets: secretSource,
    timers: systemTimers,
    logger,
    meter,
    retention,
  });
}

/** Queries name their tenants in any case; what is missing is the lock behind them. */
async function warnOfPassedRows(database: Database, logger: Logger): Promise<void> {
  if ((await readServerState(database)).locks_rows !== false) return;
  logger.warning(
    "budget_engine",
    "Row-level security does not hold for the role of BUDGET_DATABASE_URL, which is a superuser or has BYPASSRLS; " +
      "docs/security.md shows how to make one that is neither",
  );
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
