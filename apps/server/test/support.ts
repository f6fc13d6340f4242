import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Configuration, LogLevel } from "@budget/configuration";
import {
  VERSION,
  DEFAULT_VERIFICATION_RULES,
  type KeyCreate,
  type Logger,
  type RequestRate,
  type SecretKey,
  type SourceCredential,
} from "@budget/domain";
import { SecretBox, type Database } from "@budget/repositories";
import {
  DEFAULT_TENANT_ID,
  adoptAdminKey,
  createEngine,
  prepareFirstStart,
  type Engine,
} from "@budget/engine";
import {
  NO_PRICE_FILE,
  priceSourcesOff,
  readBundledCatalogue,
  type LastRead,
  type PriceSource,
  type SourceRead,
} from "@budget/price-sources";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { createPriceMonitor, createSourceCredentials } from "@budget/services";
import addFormats from "ajv-formats";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { expect } from "chai";
import { createApp } from "../src/app.ts";
import { RateLimiter } from "../src/rate-limiter.ts";
import { OwnCounter, type RequestCounter } from "../src/request-counter.ts";
import { drawFrom } from "../src/shared-buckets.ts";
import { SharedCounter } from "../src/shared-counter.ts";
import { openApiDocument } from "../src/openapi.ts";
import { Metrics } from "../src/metrics.ts";
import { observeRequests, type ObservedRequest } from "../src/observe-requests.ts";
import { ROUTES } from "../src/routes/index.ts";
import { secretSource, uuidSource } from "../src/world.ts";
import { WrongKeys } from "../src/wrong-keys.ts";

/** Monday, in the middle of an hour. */
export const START_MS = Date.parse("2026-11-23T09:30:00.000Z");
export const CONTEXT = { tenant_id: DEFAULT_TENANT_ID };
/** The key that tests administer their servers by. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;
/** Sends a request with the admin key. */
export const fetchAsAdmin = (url: string, init: RequestInit = {}): Promise<Response> =>
  fetch(url, { ...init, headers: { "X-API-Key": ADMIN_KEY, ...(init.headers as Record<string, string>) } });
/** Settings of a server for tests, on a database in memory. */
export const CONFIGURATION: Configuration = {
  port: 0,
  host: "127.0.0.1",
  database_url: "sqlite::memory:",
  database_key: "",
  secret_keys: [],
  log_level: "ERROR",
  log_levels: new Map(),
  environment: "production",
  price_update_interval_min: 0,
  prices: NO_PRICE_FILE,
  admin_key: ADMIN_KEY,
  allowed_hosts: [],
  cors_origins: [],
  rate_limit: { per_second: 0, burst: 1 },
  trusted_proxies: [],
  retention: {
    refusals_ms: 30 * 86_400_000,
    idempotency_keys_ms: 7 * 86_400_000,
    events_ms: 30 * 86_400_000,
  },
};

interface MediaType {
  readonly schema: object;
  readonly example?: unknown;
}
interface DocumentedAnswer {
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly content: Readonly<Record<string, MediaType>>;
}
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { readonly content: Readonly<Record<string, MediaType>> };
  readonly responses: Readonly<Record<string, DocumentedAnswer>>;
}
export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

/** What clients are told of the server; every answer in these tests is held to it. */
export const DOCUMENT = openApiDocument(VERSION) as unknown as OpenApi;

const ajv = new Ajv2020({ allErrors: true, strict: false });
addFormats.default(ajv);
ajv.addSchema(DOCUMENT, "openapi");
const validators = new Map<string, ValidateFunction>();

/** Validates by the schema at a place of the document, with its references followed. */
export function validatorAt(...path: readonly string[]): ValidateFunction {
  const pointer = path
    .map((part) => encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1")))
    .join("/");
  let validate = validators.get(pointer);
  if (validate === undefined) {
    validate = ajv.compile({ $ref: `openapi#/${pointer}` });
    validators.set(pointer, validate);
  }
  return validate;
}

const seen = new Set<string>();

/** Which `operation status` the tests of this process have met. */
export const seenAnswers = (): ReadonlySet<string> => seen;

const PATTERNS = ROUTES.map((route) => ({
  route,
  pattern: new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}/?$`, "i"),
}));

/** An answer, its body parsed. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Tests look into bodies of every shape; what shape one has was checked against the document.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

export interface CallOptions {
  /** Sent as JSON; a string is sent as it is. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One line that a server logged. */
export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

const silent = () => undefined;

/** Without a price file, and with sources on the network that are never asked. */
const SOURCES_OFF = priceSourcesOff(0);

let catalogue: ReturnType<typeof readBundledCatalogue> | undefined;

/** A source of prices that answers what the test wants next. */
export class TestPriceSource implements PriceSource {
  readonly name = "test";
  readonly lineage = "test";
  readonly trust_ppm = 900_000;
  readonly interval_ms = 3_600_000;
  readonly address = "https://prices.example/all.json";
  answer: Promise<SourceRead> = Promise.resolve({ status: "not_modified" });
  /** What it was asked with last. */
  credential: SourceCredential | null = null;
  /** Called when it is asked. */
  began: () => void = () => undefined;

  read(_last: LastRead, credential: SourceCredential | null): Promise<SourceRead> {
    this.credential = credential;
    this.began();
    return this.answer;
  }
}

/** What servers of tests encrypt secrets with. */
export const SECRET_KEY: SecretKey = { key_id: "test-1", key: new Uint8Array(32).fill(1) };

export interface TestServerOptions {
  readonly secret_keys?: readonly SecretKey[];
  readonly rate_limit?: RequestRate;
  readonly origins?: readonly string[];
  readonly trusted_proxies?: readonly string[];
}

/** The real app over HTTP, on a database of its own with the bundled prices, whose clock the test moves. */
export class TestServer {
  readonly engine: Engine;
  readonly clock: { now_ms: number; now(): number };
  /** What was logged as an error: nothing that a test does should be one. */
  readonly errors: string[];
  /** What was logged about requests. */
  readonly lines: LogLine[];
  readonly url: string;
  /** What /ready is told. */
  readonly readiness: { isReady: boolean };
  /** What the price monitor reads. */
  readonly price_source: TestPriceSource;
  readonly #http: Server;
  readonly #database: TestDatabase;
  readonly #counter: RequestCounter;

  private constructor(
    parts: Pick<TestServer, "engine" | "clock" | "errors" | "lines" | "readiness" | "price_source"> & {
      http: Server;
      database: TestDatabase;
      counter: RequestCounter;
    },
  ) {
    this.engine = parts.engine;
    this.clock = parts.clock;
    this.errors = parts.errors;
    this.lines = parts.lines;
    this.readiness = parts.readiness;
    this.price_source = parts.price_source;
    this.#http = parts.http;
    this.#database = parts.database;
    this.#counter = parts.counter;
    this.url = `http://127.0.0.1:${(parts.http.address() as AddressInfo).port}`;
  }

  static async start(
    kind: (typeof TEST_DATABASES)[number],
    options: TestServerOptions = {},
  ): Promise<TestServer> {
    const test_database = await kind.open();
    const { database } = test_database;
    const clock = { now_ms: START_MS, now: () => clock.now_ms };
    const errors: string[] = [];
    const lines: LogLine[] = [];
    const keep =
      (level: LogLevel): Logger["debug"] =>
      (component, message, fields = {}) => {
        if (component === "api") lines.push({ level, message, fields });
      };
    const logger: Logger = {
      error: (_component, message, fields) => errors.push(`${message} ${JSON.stringify(fields)}`),
      warning: keep("WARNING"),
      info: silent,
      debug: keep("DEBUG"),
    };
    catalogue ??= readBundledCatalogue();
    const { drafts } = await catalogue;
    await prepareFirstStart({ database, clock, ids: uuidSource, readPrices: () => drafts });
    await adoptAdminKey({ database, clock }, ADMIN_KEY);
    const metrics = new Metrics();
    const engine = createEngine({
      database,
      clock,
      ids: uuidSource,
      secrets: secretSource,
      timers: { every: () => silent },
      logger,
      meter: metrics.meter,
    });
    const readiness = { isReady: true };
    const price_source = new TestPriceSource();
    const secrets = SecretBox.of(options.secret_keys ?? [SECRET_KEY], secretSource);
    const monitor = createPriceMonitor({
      database,
      clock,
      ids: uuidSource,
      logger,
      random: () => 0,
      rest: () => Promise.resolve(),
      sources: [price_source],
      rules: DEFAULT_VERIFICATION_RULES,
      markups: [],
      secrets,
    });
    const services = {
      engine,
      monitor,
      sources_off: SOURCES_OFF,
      credentials: createSourceCredentials({ database, clock, secrets, source_names: ["test", "litellm"] }),
      now: () => clock.now(),
      version: VERSION,
      isReady: () => Promise.resolve(readiness.isReady),
    };
    const now = () => clock.now();
    const counter =
      kind.name === "sqlite"
        ? new OwnCounter(now)
        : new SharedCounter({
            draw: drawFrom(database, () => Promise.resolve(clock.now())),
            now,
            timers: { every: () => silent },
            logger,
          });
    const watched = { ...services, database };
    const readMetrics = () => metrics.text(watched);
    const app = createApp({
      services,
      logger,
      doorkeeper: {
        authenticate: (text, mayBeOld) => engine.access.authenticate(text, mayBeOld),
        deny: (tenant_id, denial) => engine.access.deny(tenant_id, denial),
        mayOpen: (text) => engine.access.mayOpen(text),
        wrong_keys: new WrongKeys(() => clock.now()),
        limiter: new RateLimiter(options.rate_limit ?? CONFIGURATION.rate_limit, counter),
      },
      host_rules: { hosts: [], origins: options.origins ?? [] },
      trusted_proxies: options.trusted_proxies ?? [],
      readMetrics,
    });
    const onEnd = (ended: ObservedRequest): void => metrics.requestEnded(ended);
    const http = createServer(observeRequests(app, { logger, isReported: false, onEnd }));
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new TestServer({
      ...{ engine, clock, errors, lines, readiness, price_source },
      http,
      counter,
      database: test_database,
    });
  }

  async stop(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    this.#http.closeAllConnections();
    await closed;
    await this.#counter.stop();
    await this.engine.stop();
    await this.#database.close();
  }

  /** A key of the first tenant, or of another one. */
  async key(
    fields: Partial<KeyCreate> & Pick<KeyCreate, "role">,
    tenant_id = DEFAULT_TENANT_ID,
  ): Promise<string> {
    const made = await this.engine.access.create({ tenant_id }, { name: fields.role, ...fields });
    if (!made.ok) throw new Error(made.rejection.detail);
    return made.value.text;
  }

  get database(): Database {
    return this.#database.database;
  }

  /** Sees and changes the rows of all tenants. */
  get knex(): TestDatabase["knex"] {
    return this.#database.knex;
  }

  /** Lets the test's source say what nobody believes of a model, and answers the review that this opens. */
  async review(model: string): Promise<string> {
    const amount_femto_usd = 10n ** 15n;
    const components = [{ unit: "input_tokens" as const, amount_femto_usd, above_input_tokens: 0 }];
    const terms = { scope: "", service_tier: "standard" as const, time_of_day: null };
    const said = { provider: "openai", model, ...terms, effective_ms: null, end_ms: null };
    const observation = { ...said, price_type: "token" as const, components, name: model, raw: { model } };
    const reading = { observations: [observation], aliases: [], capabilities: [], set_aside: [] };
    const version = { etag: null, last_modified: null, content_hash: model };
    this.price_source.answer = Promise.resolve({ status: "read", reading, ...version });
    await this.post("/api/prices/update", { sources: ["test"] });
    this.price_source.answer = Promise.resolve({ status: "not_modified" });
    const { body } = await this.get(`/api/prices/reviews?status=open&model=${model}`);
    return body.items[0].review_id as string;
  }

  /** Sends a request, and holds the answer to the OpenAPI document. */
  async call(method: string, path: string, { body, headers = {} }: CallOptions = {}): Promise<Answered> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...("X-API-Key" in headers ? {} : { "X-API-Key": ADMIN_KEY }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const answer: Answered = {
      status: response.status,
      headers: response.headers,
      text,
      body: JSON.parse(text),
    };
    checkAnswer(method, path, answer);
    return answer;
  }

  get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    return this.call("GET", path, { headers });
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    return this.call("POST", path, { body, headers });
  }

  put(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    return this.call("PUT", path, { body, headers });
  }

  delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answered> {
    return this.call("DELETE", path, { headers });
  }

  /** A budget, with a policy where one is given. */
  async budget(
    policy?: Readonly<Record<string, unknown>>,
    fields: Readonly<Record<string, unknown>> = {},
  ): Promise<{ budget_id: string; policy_id: string }> {
    const made = await this.post("/api/budgets", { name: "test", ...fields });
    expect(made.status, made.text).to.equal(201);
    const budget_id = String(made.body.budget_id);
    if (policy === undefined) return { budget_id, policy_id: "" };
    const limited = await this.post("/api/policies", {
      budget_id,
      type: "enforce",
      period: "daily",
      ...policy,
    });
    expect(limited.status, limited.text).to.equal(201);
    return { budget_id, policy_id: String(limited.body.policy_id) };
  }

  /** A granted allocation. */
  async allocation(budget_id: string, fields: Readonly<Record<string, unknown>> = {}): Promise<Answered> {
    const made = await this.post("/api/allocations", { ...request(budget_id), ...fields });
    expect(made.status, made.text).to.equal(201);
    return made;
  }
}

/** A request for tokens that a budget without limits grants. */
export const request = (budget_id: string, fields: Readonly<Record<string, unknown>> = {}) => ({
  budget_id,
  context_id: "chat-1",
  component: "rhetor",
  provider: "openai",
  model: "gpt-4o",
  tokens_allocated: 1000,
  ...fields,
});

function checkAnswer(method: string, path: string, answer: Answered): void {
  const where = `${method} ${path} → ${answer.status} ${answer.text.slice(0, 500)}`;
  const pathname = path.split("?")[0]!;
  const type = answer.headers.get("content-type")?.split(";")[0];
  const route = PATTERNS.find(
    (one) => one.pattern.test(pathname) && one.route.method === method.toLowerCase(),
  )?.route;
  if (answer.status >= 400) {
    expect(type, where).to.equal("application/problem+json");
    expect(answer.body.status, where).to.equal(answer.status);
  }
  if (route === undefined) {
    if (answer.status >= 400)
      expectValid(validatorAt("components", "schemas", "Problem"), answer.body, where);
    return;
  }
  const documented = DOCUMENT.paths[route.path]?.[route.method]?.responses[String(answer.status)];
  if (documented === undefined) throw new Error(`Not documented: ${where}`);
  if (type === undefined || !(type in documented.content)) {
    throw new Error(`Not documented with the content type ${type}: ${where}`);
  }
  expectValid(
    validatorAt(
      "paths",
      route.path,
      route.method,
      "responses",
      String(answer.status),
      "content",
      type,
      "schema",
    ),
    answer.body,
    where,
  );
  if (answer.status < 400) {
    for (const name of Object.keys(documented.headers ?? {})) {
      expect(answer.headers.get(name), `${name} of ${where}`).to.be.a("string");
    }
  }
  if (answer.status >= 400) {
    const codes = [
      ...route.problems,
      "invalid_json",
      "body_too_large",
      "unsupported_media_type",
      "unauthenticated",
      "forbidden",
      "rate_limited",
    ];
    expect(codes, where).to.include(answer.body.code);
  }
  seen.add(`${route.operation_id} ${answer.status}`);
}

function expectValid(validate: ValidateFunction, value: unknown, where: string): void {
  if (!validate(value)) throw new Error(`${where}: ${ajv.errorsText(validate.errors)}`);
}

/** Runs the same tests on a server on every database; the tests share it and make budgets of their own. */
export function onEveryDatabase(name: string, tests: (server: () => TestServer) => void): void {
  for (const kind of TEST_DATABASES) {
    describe(`${name} on ${kind.name}`, () => {
      let server: TestServer | undefined;
      const running = (): TestServer => {
        if (server === undefined) throw new Error("The server is not started.");
        return server;
      };
      before(async () => {
        server = await TestServer.start(kind);
      });
      after(async () => {
        const errors = server?.errors ?? [];
        await server?.stop();
        expect(errors).to.deep.equal([]);
      });
      tests(running);
    });
  }
}

/** One field of each item of a list. */
export const pluck = (items: unknown, field: string): unknown[] =>
  (items as readonly Readonly<Record<string, unknown>>[]).map((item) => item[field]);

/** The code of an answer and the field it names, or `ok`. */
export const codeOf = (answer: Answered): string =>
  answer.status < 400 ? "ok" : `${answer.status} ${String(answer.body.code)}`;
