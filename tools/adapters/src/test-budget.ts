import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { portOverClient, portOverEngine, type BudgetPort } from "@budget/adapter-port";
import { BudgetClient } from "@budget/client-js";
import {
  DEFAULT_VERIFICATION_RULES,
  type Clock,
  type IdSource,
  type Logger,
  type SecretSource,
} from "@budget/domain";
import {
  DEFAULT_TENANT_ID,
  adoptAdminKey,
  createEngine,
  prepareFirstStart,
  type Engine,
} from "@budget/engine";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { OwnCounter, RateLimiter, WrongKeys, createApp } from "@budget/server";
import { createPriceMonitor, createSourceCredentials } from "@budget/services";
import { v7 } from "uuid";
import { PRICES } from "./prices.ts";

/** Monday, in the middle of an hour. */
export const START_MS = Date.parse("2026-11-23T09:30:00.000Z");
export const CONTEXT = { tenant_id: DEFAULT_TENANT_ID };

/** The two ways to Budget. */
export const TRANSPORTS = ["engine", "http"] as const;
export type Transport = (typeof TRANSPORTS)[number];

/** The key of the servers of these tests. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const silent = () => undefined;

/** A logger that fails loudly: nothing that these tests do is an error of the server. */
const logger: Logger = {
  error(component, message, fields) {
    throw new Error(`${component}: ${message} ${JSON.stringify(fields)}`);
  },
  warning: silent,
  info: silent,
  debug: silent,
};

/** Ids that are the same in every run, and sort by the order they were made in. */
function countedIds(): IdSource {
  let made = 0;
  return { next: (at_ms) => v7({ msecs: at_ms, seq: (made += 1), random: new Uint8Array(16) }) };
}

/** Bytes that are the same in every run, and other ones each time. */
function countedSecrets(): SecretSource {
  let drawn = 0;
  return { bytes: (count) => new Uint8Array(count).fill((drawn += 1)) };
}

/** A Budget on a fresh database whose time stands still and whose ids are counted, seen through a port. */
export class TestBudget {
  readonly port: BudgetPort;
  readonly engine: Engine;
  readonly clock: { now_ms: number; now(): number };
  /** Where the server is; null in process. */
  readonly base_url: string | null;
  readonly #database: TestDatabase;
  readonly #http: Server | null;

  private constructor(
    port: BudgetPort,
    engine: Engine,
    clock: TestBudget["clock"],
    database: TestDatabase,
    http: Server | null,
  ) {
    this.port = port;
    this.engine = engine;
    this.clock = clock;
    this.#database = database;
    this.#http = http;
    this.base_url = http === null ? null : urlOf(http);
  }

  static async open(kind: (typeof TEST_DATABASES)[number], transport: Transport): Promise<TestBudget> {
    const test_database = await kind.open();
    const { database } = test_database;
    const clock = { now_ms: START_MS, now: () => clock.now_ms };
    const ids = countedIds();
    await prepareFirstStart({ database, clock, ids, readPrices: () => PRICES });
    const engine = createEngine({
      database,
      clock,
      ids,
      secrets: countedSecrets(),
      timers: { every: () => silent },
      logger,
    });
    if (transport === "engine") {
      return new TestBudget(portOverEngine(engine, CONTEXT), engine, clock, test_database, null);
    }
    await adoptAdminKey({ database, clock }, ADMIN_KEY);
    const http = await serve(engine, database, clock, ids);
    const client = new BudgetClient({ base_url: urlOf(http), api_key: ADMIN_KEY });
    return new TestBudget(portOverClient(client), engine, clock, test_database, http);
  }

  get database(): TestDatabase["database"] {
    return this.#database.database;
  }

  async close(): Promise<void> {
    if (this.#http !== null) {
      const closed = once(this.#http, "close");
      this.#http.close();
      this.#http.closeAllConnections();
      await closed;
    }
    await this.engine.stop();
    await this.#database.close();
  }
}

const urlOf = (http: Server): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

/** The real server over an engine, on a free port of 127.0.0.1. */
async function serve(
  engine: Engine,
  database: TestDatabase["database"],
  clock: Clock,
  ids: IdSource,
): Promise<Server> {
  const monitor = createPriceMonitor({
    ...{ database, clock, ids, logger },
    random: () => 0,
    rest: () => Promise.resolve(),
    sources: [],
    rules: DEFAULT_VERIFICATION_RULES,
    markups: [],
    secrets: null,
  });
  const source_names: readonly string[] = [];
  const app = createApp({
    services: {
      engine,
      monitor,
      sources_off: [],
      credentials: createSourceCredentials({ database, clock, secrets: null, source_names }),
      now: () => clock.now(),
      version: "0.0.0",
      isReady: () => Promise.resolve(true),
    },
    logger,
    doorkeeper: {
      authenticate: (text, mayBeOld) => engine.access.authenticate(text, mayBeOld),
      deny: (tenant_id, denial) => engine.access.deny(tenant_id, denial),
      mayOpen: (text) => engine.access.mayOpen(text),
      wrong_keys: new WrongKeys(() => clock.now()),
      limiter: new RateLimiter({ per_second: 0, burst: 1 }, new OwnCounter(() => clock.now())),
    },
    host_rules: { hosts: [], origins: [] },
    trusted_proxies: [],
    readMetrics: () => Promise.resolve(""),
  });
  const http = createServer(app).listen(0, "127.0.0.1");
  await once(http, "listening");
  return http;
}

/** Runs the same tests over every way to Budget, on every database. */
export function everyWay(name: string, tests: (open: () => Promise<TestBudget>) => void): void {
  for (const kind of TEST_DATABASES) {
    for (const transport of TRANSPORTS) {
      describe(`${name} (${transport}, ${kind.name})`, () => {
        const opened: TestBudget[] = [];
        afterEach(async () => {
          for (const budget of opened.splice(0)) await budget.close();
        });
        tests(async () => {
          const budget = await TestBudget.open(kind, transport);
          opened.push(budget);
          return budget;
        });
      });
    }
  }
}
