import { createServer, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger, SecretKey, Timers } from "@budget/domain";
import { NO_PRICE_FILE, type PriceFile } from "@budget/price-sources";
import { ALL_TENANTS, SecretBox, SourceCredentialRepository } from "@budget/repositories";
import { startPostgres, TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { createPriceMonitor, type PriceMonitor } from "@budget/services";
import { expect } from "chai";
import { PriceProcess } from "../src/price-process.ts";
import { priceRunOptions } from "../src/price-settings.ts";
import { startServer, type RunningServer } from "../src/server.ts";
import { secretSource } from "../src/world.ts";
import { CONFIGURATION, SECRET_KEY, fetchAsAdmin } from "./support.ts";

interface Answer {
  readonly status: number;
  // Bodies of several shapes are looked into.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
}

const MODELS_DEV = {
  acme: { models: { one: { id: "one", cost: { input: 3, output: 15 } } } },
};

/** Stands for a source of prices; answers when it is told to. */
class Source {
  readonly #http: Server;
  readonly #asked: Promise<ServerResponse>;

  private constructor(http: Server) {
    this.#http = http;
    this.#asked = new Promise((resolve) => http.once("request", (_request, response) => resolve(response)));
  }

  static async listen(): Promise<Source> {
    const http = createServer();
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new Source(http);
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/api.json`;
  }

  /** Resolves when somebody waits for an answer. */
  async asked(): Promise<void> {
    await this.#asked;
  }

  /** What it was asked with in a header. */
  async askedWith(header: string): Promise<unknown> {
    return (await this.#asked).req.headers[header];
  }

  async answer(): Promise<void> {
    (await this.#asked).end(JSON.stringify(MODELS_DEV));
  }

  async close(): Promise<void> {
    this.#http.closeAllConnections();
    this.#http.close();
    await once(this.#http, "close");
  }
}

const BY_HAND = {
  provider: "acme",
  model: "local-7b",
  components: [{ unit: "input_tokens", cost_per_unit: "0.000001" }],
  set_by: "ada",
  why: "our own machine",
};

/** The process runs when nobody else wants the processor, which on a busy machine is seldom. */
const PATIENCE_MS = 90_000;

describe("a run over the prices in a server", function () {
  this.timeout(PATIENCE_MS);
  let source: Source;
  let prices: PriceFile;
  const lines: string[] = [];
  const keep = (level: string) => (component: string, message: string) => {
    lines.push(`${level} ${component}: ${message}`);
  };
  const logger: Logger = {
    error: keep("ERROR"),
    warning: keep("WARNING"),
    info: keep("INFO"),
    debug: () => undefined,
  };

  const start = (
    database_url: string,
    database_key = "",
    secret_keys: readonly SecretKey[] = [SECRET_KEY],
  ): Promise<RunningServer> =>
    startServer(
      {
        ...CONFIGURATION,
        database_url,
        database_key,
        secret_keys,
        log_level: "INFO",
        price_update_interval_min: 60,
        prices,
      },
      logger,
    );

  async function call(
    { port }: RunningServer,
    path: string,
    body?: unknown,
    signal: AbortSignal | null = null,
  ): Promise<Answer> {
    const init =
      body === undefined
        ? {}
        : {
            method: "POST",
            body: JSON.stringify(body),
            headers: { "Content-Type": "application/json" },
            signal,
          };
    const answer = await fetchAsAdmin(`http://127.0.0.1:${port}${path}`, init);
    return { status: answer.status, body: await answer.json() };
  }

  const pricesOf = async (server: RunningServer, model: string): Promise<unknown> => {
    const { body } = await call(server, "/api/prices/current", { provider: "acme", model });
    return body;
  };

  beforeEach(async () => {
    source = await Source.listen();
    const settings = {
      source: "models_dev",
      address: source.address,
      allow_http: true,
      allow_private_addresses: true,
    };
    prices = { ...NO_PRICE_FILE, sources: [settings] };
    lines.length = 0;
  });
  afterEach(async () => {
    await source.close();
  });

  it("has the key of an encrypted file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "budget-prices-"));
    const server = await start(`sqlite:${join(folder, "budget.db")}`, "correct horse battery staple");
    try {
      const run = call(server, "/api/prices/update", { sources: ["models_dev"] });
      await source.answer();
      expect((await run).body.report.sources[0]).to.include({ outcome: "read", new: 1 });
    } finally {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  for (const kind of TEST_DATABASES) {
    describe(`on ${kind.name}`, () => {
      let test_database: TestDatabase;
      let server: RunningServer;
      beforeEach(async () => {
        test_database = await kind.open({ file: true });
        await test_database.database.knex.raw("SELECT 1");
        server = await start(test_database.url);
      });
      afterEach(async () => {
        await server.stop();
        await test_database.close();
      });

      it("leaves its prices to those who ask, and its lines in the log", async () => {
        const run = call(server, "/api/prices/update", { sources: ["models_dev"] });
        await source.answer();
        expect((await run).body.report.sources[0]).to.include({
          source: "models_dev",
          outcome: "read",
          new: 1,
        });
        expect(await pricesOf(server, "one")).to.deep.include({ provider: "acme", model: "one" });
        expect(lines).to.include("INFO price_manager: Prices were verified");
      });

      it("sends the credential of its source, and says nothing of it", async () => {
        const path = "/api/prices/sources/models_dev/credential";
        const put = { method: "PUT", headers: { "Content-Type": "application/json" } };
        const body = JSON.stringify({ header: "X-Api-Key", value: "sk-0123456789" });
        const url = `http://127.0.0.1:${server.port}${path}`;
        expect((await fetchAsAdmin(url, { ...put, body })).status).to.equal(200);
        const run = call(server, "/api/prices/update", { sources: ["models_dev"] });
        expect(await source.askedWith("x-api-key")).to.equal("sk-0123456789");
        // The process is there to be seen.
        expect(processesThatShow("price-process-main")).to.not.be.empty;
        expect(processesThatShow("sk-0123456789")).to.deep.equal([]);
        expect(processesThatShow(Buffer.from(SECRET_KEY.key).toString("base64"))).to.deep.equal([]);
        await source.answer();
        expect((await run).body.report.sources[0]).to.include({ outcome: "read" });
        expect(lines.join("\n")).to.not.contain("sk-0123456789");
      });

      it("does without a source whose credential has a key that the server does not have", async () => {
        const credentials = new SourceCredentialRepository(test_database.database);
        const other = SecretBox.of([{ key_id: "lost", key: new Uint8Array(32) }], secretSource)!;
        await test_database.database.transaction(ALL_TENANTS, (transaction) =>
          credentials.save(
            transaction,
            "models_dev",
            { header: "X-Api-Key", value: "sk-0123456789" },
            0,
            other,
          ),
        );
        await server.stop();
        server = await start(test_database.url, "", []);
        const { status, body } = await call(server, "/api/prices/update", { sources: ["models_dev"] });
        expect(status).to.equal(200);
        expect(body.report.sources[0]).to.include({ outcome: "failed", fault: "CREDENTIAL" });
        expect(body.report.sources[0].detail).to.contain("the key lost, which BUDGET_SECRET_KEYS does not");
      });

      it("goes on alone, while others are told so and allocations are granted", async () => {
        const run = call(server, "/api/prices/update", { sources: ["models_dev"] });
        await source.asked();
        const second = await call(server, "/api/prices/update", { sources: [] });
        expect([second.status, second.body.code]).to.deep.equal([409, "price_run_active"]);
        const budget = await call(server, "/api/budgets", { name: "meanwhile" });
        expect(budget.status).to.equal(201);
        await source.answer();
        expect((await run).status).to.equal(200);
      });

      it("sets and takes back prices by hand", async () => {
        const set = await call(server, "/api/prices/by-hand", BY_HAND);
        expect(set.status).to.equal(201);
        expect(await pricesOf(server, "local-7b")).to.deep.include({ status: "manual" });
        const { observation_id } = set.body as { observation_id: string };
        const path = `/api/prices/by-hand/${observation_id}/withdrawal`;
        const withdrawn = await call(server, path, { withdrawn_by: "ada", why: "switched off" });
        expect(withdrawn.status).to.equal(200);
      });

      it("is broken off with the server, and the next server may begin its own", async () => {
        const client = new AbortController();
        const run = call(server, "/api/prices/update", { sources: ["models_dev"] }, client.signal);
        await source.asked();
        client.abort();
        await run.catch(() => undefined);
        await server.stop();
        server = await start(test_database.url);
        expect((await call(server, "/api/prices/update", { sources: [] })).status).to.equal(200);
        const { body } = await call(server, "/api/prices/runs");
        expect(body.items[1]).to.deep.include({ report: null });
        expect(body.items[1].ended_at).to.be.a("string");
      });
    });
  }

  it("on a database in memory is made where the requests are", async () => {
    const server = await start("sqlite::memory:");
    const run = call(server, "/api/prices/update", { sources: ["models_dev"] });
    await source.answer();
    expect((await run).body.report.sources[0]).to.include({ outcome: "read", new: 1 });
    await server.stop();
  });

  it("says that the database is away where it is", async () => {
    const postgres = await startPostgres();
    const server = await start(postgres.url);
    try {
      await postgres.stop();
      const answer = await call(server, "/api/prices/update", { sources: [] });
      expect([answer.status, answer.body.code]).to.deep.equal([503, "unavailable"]);
    } finally {
      await server.stop();
    }
  });
});

/** The processes of this machine that have a text among their arguments, which all its users see. */
const processesThatShow = (text: string): readonly string[] =>
  readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => argumentsOf(pid).includes(text));

function argumentsOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}

const LONGEST_RUN_MS = 180_000;
const NO_LOG: Logger = {
  error: () => undefined,
  warning: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};

/** Timers whose time passes when a test says so. */
class HandTimers implements Timers {
  readonly #works = new Map<() => void, number>();

  every(interval_ms: number, work: () => void): () => void {
    this.#works.set(work, interval_ms);
    return () => this.#works.delete(work);
  }

  get intervals_ms(): readonly number[] {
    return [...this.#works.values()];
  }

  pass(): void {
    for (const work of this.#works.keys()) work();
  }
}

for (const kind of TEST_DATABASES) {
  describe(`the process of runs over the prices on ${kind.name}`, function () {
    this.timeout(PATIENCE_MS);
    let test_database: TestDatabase;
    let source: Source;
    let timers: HandTimers;
    let priceProcess: PriceProcess;
    let monitor: PriceMonitor;
    beforeEach(async () => {
      test_database = await kind.open({ file: true });
      source = await Source.listen();
      timers = new HandTimers();
      const allowed = { allow_http: true, allow_private_addresses: true };
      const sources = [{ source: "models_dev", address: source.address, ...allowed }];
      const settings = { update_interval_min: 60, file: { ...NO_PRICE_FILE, sources } };
      const { database, url } = test_database;
      priceProcess = new PriceProcess({
        database: { database_url: url, database_key: "", secret_keys: [] },
        settings,
        logger: NO_LOG,
        timers,
        longest_run_ms: LONGEST_RUN_MS,
      });
      monitor = createPriceMonitor(priceRunOptions(database, null, settings, NO_LOG), priceProcess.perform);
    });
    afterEach(async () => {
      priceProcess.stop();
      await source.close();
      await test_database.close();
    });

    /** Begins a run that waits for its source, lets the longest time pass, and returns what the run says then. */
    async function overdueRun(): Promise<string> {
      const run = monitor.run("request", ["models_dev"]).then(
        () => "It was done.",
        (error: unknown) => String(error),
      );
      await source.asked();
      expect(timers.intervals_ms).to.deep.equal([LONGEST_RUN_MS]);
      timers.pass();
      return run;
    }

    it("is ended with a run that takes too long, and the next run has another one", async () => {
      expect(await overdueRun()).to.equal(
        "Error: The run over the prices was ended because it took longer than 3 minutes.",
      );
      expect(timers.intervals_ms).to.deep.equal([]);
      expect(await monitor.run("request", [])).to.include({ ok: true });
      expect(timers.intervals_ms).to.deep.equal([]);
      const { items } = await monitor.runs({});
      expect(items.map(({ report }) => report === null)).to.deep.equal([false, true]);
      expect(items[1]?.ended_at_ms).to.be.a("number");
    });

    it("is not started for a run that begins after its end, and other runs may begin", async () => {
      priceProcess.stop();
      const run = await monitor.run("request", []).then(
        () => "It was done.",
        (error: unknown) => String(error),
      );
      expect(run).to.equal("Error: The process of a run over the prices was ended.");
      expect(timers.intervals_ms).to.deep.equal([]);
      const { items } = await monitor.runs({});
      expect(items.map(({ ended_at_ms }) => typeof ended_at_ms)).to.deep.equal(["number"]);
    });

    it("has the usual priority where a lower one is refused, and is not asked for it again", async () => {
      const folder = mkdtempSync(join(tmpdir(), "budget-chrt-"));
      const asked = join(folder, "asked");
      writeFileSync(join(folder, "chrt"), `#!/bin/sh\necho "$1" >> ${asked}\nexit 1\n`, { mode: 0o755 });
      const path = process.env.PATH;
      process.env.PATH = `${folder}:${path ?? ""}`;
      try {
        expect(await monitor.run("request", [])).to.include({ ok: true });
        await overdueRun();
        expect(await monitor.run("request", [])).to.include({ ok: true });
        // Nobody else than Linux knows the command.
        const times = existsSync(asked) ? readFileSync(asked, "utf8") : "";
        expect(times).to.equal(process.platform === "linux" ? "--idle\n" : "");
      } finally {
        process.env.PATH = path;
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}
