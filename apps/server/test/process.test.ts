import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine } from "@budget/engine";
import { openDatabase } from "@budget/repositories";
import { freeze, resume, startPostgres } from "@budget/repositories/testing";
import { expect } from "chai";
import { secretSource, systemClock, uuidSource } from "../src/world.ts";
import { ServerProcess, connected } from "./server-process.ts";
import { ADMIN_KEY, fetchAsAdmin, CONTEXT, request } from "./support.ts";

interface Acknowledged {
  readonly allocations: string[];
  readonly records: string[];
  /** Answers that were neither a success, nor the end of the connection, nor that the server is stopping. */
  readonly unexpected: string[];
}

/** Clients that allocate, and record the usage of every other allocation, until the server is gone. */
function load(url: string, budget_id: string, clients: number) {
  const acknowledged: Acknowledged = { allocations: [], records: [], unexpected: [] };
  let onProgress: () => void = () => undefined;
  const post = async (path: string, body: unknown): Promise<Record<string, string> | null> => {
    let answer: Response;
    let text: string;
    try {
      answer = await fetchAsAdmin(url + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      text = await answer.text();
    } catch {
      return null;
    }
    if (answer.status === 201) return JSON.parse(text) as Record<string, string>;
    if (text.includes("The server is stopping.")) return null;
    acknowledged.unexpected.push(text);
    return null;
  };
  const client = async (): Promise<void> => {
    for (let index = 0; ; index++) {
      const granted = await post("/api/allocations", request(budget_id, { tokens_allocated: 10 }));
      if (granted === null) return;
      acknowledged.allocations.push(granted.allocation_id!);
      onProgress();
      if (index % 2 === 1) continue;
      const record = await post("/api/usage/record", {
        allocation_id: granted.allocation_id,
        input_tokens: 4,
        output_tokens: 3,
        final: index % 4 === 0,
      });
      if (record === null) return;
      acknowledged.records.push(record.record_id!);
    }
  };
  const finished = Promise.all(Array.from({ length: clients }, client)).then(() => acknowledged);
  const reached = new Promise<void>((resolve) => {
    onProgress = () => {
      if (acknowledged.allocations.length >= 200) resolve();
    };
  });
  return { finished, reached };
}

async function newBudget(url: string): Promise<string> {
  const headers = { "Content-Type": "application/json" };
  const made = await fetchAsAdmin(`${url}/api/budgets`, {
    method: "POST",
    headers,
    body: JSON.stringify({ name: "load" }),
  });
  const { budget_id } = (await made.json()) as { budget_id: string };
  const policy = {
    budget_id,
    type: "enforce",
    period: "total",
    token_limit: 1_000_000_000,
    cost_limit: 1000,
  };
  const limited = await fetchAsAdmin(`${url}/api/policies`, {
    method: "POST",
    headers,
    body: JSON.stringify(policy),
  });
  expect(limited.status).to.equal(201);
  return budget_id;
}

async function everythingIsThere(url: string, { allocations, records }: Acknowledged): Promise<void> {
  expect(allocations.length).to.be.at.least(200);
  expect(records.length).to.be.at.least(1);
  const statuses = async (path: string, ids: readonly string[]): Promise<Set<number>> =>
    new Set(await Promise.all(ids.map(async (id) => (await fetchAsAdmin(`${url}${path}/${id}`)).status)));
  expect(await statuses("/api/allocations", allocations)).to.deep.equal(new Set([200]));
  expect(await statuses("/api/usage/records", records)).to.deep.equal(new Set([200]));
}

/** What a recount of the file finds, while no server has it. */
async function differencesIn(database_url: string): Promise<unknown> {
  const database = openDatabase({ url: database_url });
  const silent = () => undefined;
  const engine = createEngine({
    database,
    clock: systemClock,
    ids: uuidSource,
    secrets: secretSource,
    timers: { every: () => silent },
    logger: { error: silent, warning: silent, info: silent, debug: silent },
  });
  try {
    const report = await engine.verify(CONTEXT);
    expect(report.policies_checked).to.be.at.least(1);
    expect(report.allocations_checked).to.be.at.least(200);
    return report.differences;
  } finally {
    await engine.stop();
    await database.close();
  }
}

const BODY = JSON.stringify({ context_id: "c", component: "rhetor", tokens_allocated: 1 });
const HALF_A_REQUEST =
  `POST /api/allocations HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${ADMIN_KEY}\r\n` +
  "Content-Type: application/json\r\n" +
  `Content-Length: ${BODY.length}\r\n\r\n${BODY.slice(0, 5)}`;
const REST_OF_THE_REQUEST = BODY.slice(5);

describe("the process of the server", function () {
  this.timeout(60_000);

  let folder: string;
  let database_url: string;
  const started: ServerProcess[] = [];
  const start = (environment: Readonly<Record<string, string>> = {}): ServerProcess => {
    const server = new ServerProcess({ BUDGET_DATABASE_URL: database_url, ...environment });
    started.push(server);
    return server;
  };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "budget-server-"));
    database_url = `sqlite:${join(folder, "budget.db")}`;
  });
  afterEach(async () => {
    for (const server of started.splice(0)) await server.stop("SIGKILL");
    rmSync(folder, { recursive: true });
  });

  it("says where it listens, and answers there", async () => {
    const url = await start().listening();
    const ready = await fetchAsAdmin(`${url}/ready`);
    expect(await ready.json()).to.deep.equal({ status: "ready" });
  });

  it("logs JSON lines with level and component in production", async () => {
    const server = start();
    await server.listening();
    const { output } = await server.stop("SIGTERM");
    const lines = output.trim().split("\n");
    for (const line of lines) {
      expect(JSON.parse(line)).to.include.keys("level", "time", "component", "msg");
    }
    expect(JSON.parse(lines.at(-1)!)).to.include({ level: "INFO", component: "api" });
  });

  it("logs readable lines in development", async () => {
    const server = start({ BUDGET_ENV: "development" });
    await server.listening();
    const { output, code } = await server.stop("SIGINT");
    expect(output).to.match(/INFO/);
    expect(output).to.include("Stopping on SIGINT");
    expect(code).to.equal(0);
  });

  it("keeps on SIGTERM all that it acknowledged under load, and ends with 0", async () => {
    const server = start();
    const url = await server.listening();
    const { finished, reached } = load(url, await newBudget(url), 16);
    await reached;
    const ended = await server.stop("SIGTERM");
    expect(ended.output).to.include("Stopping on SIGTERM");
    expect(ended).to.include({ code: 0, signal: null });
    const acknowledged = await finished;
    expect(acknowledged.unexpected).to.deep.equal([]);
    expect(await differencesIn(database_url)).to.deep.equal([]);
    await everythingIsThere(await start().listening(), acknowledged);
  });

  for (const [what, sent] of [
    ["that has sent nothing", ""],
    ["that has sent half a head", "POST /api/alloc"],
  ] as const) {
    it(`ends on SIGTERM although there is a connection ${what}`, async () => {
      const server = start();
      const socket = await connected(await server.listening(), sent);
      const closed = once(socket, "close");
      expect(await server.stop("SIGTERM")).to.include({ code: 0, signal: null });
      await closed;
    });
  }

  it("refuses new requests with 503 while a running one ends, and then answers that", async () => {
    const server = start();
    const url = await server.listening();
    const running = await connected(url, HALF_A_REQUEST);
    let answer = "";
    running.setEncoding("utf8").on("data", (text: string) => (answer += text));
    // The running request has come in when a later one is answered.
    await fetchAsAdmin(`${url}/health`);
    const ended = server.stop("SIGTERM");
    let refused = await fetchAsAdmin(`${url}/ready`);
    while (refused.status === 200) refused = await fetchAsAdmin(`${url}/ready`);
    expect(refused.status).to.equal(503);
    expect(refused.headers.get("retry-after")).to.equal("1");
    expect(await refused.json()).to.include({ code: "unavailable", detail: "The server is stopping." });
    running.write(REST_OF_THE_REQUEST);
    await once(running, "close");
    expect(answer).to.match(/^HTTP\/1\.1 201 /);
    expect(await ended).to.include({ code: 0, signal: null });
  });

  it("answers 503 while PostgreSQL is away, and goes on when it is back", async () => {
    const postgres = await startPostgres({ durable: true });
    try {
      const url = await start({ BUDGET_DATABASE_URL: postgres.url }).listening();
      const ask = async (path: string) => {
        const answer = await fetchAsAdmin(url + path);
        return [answer.status, ((await answer.json()) as { code?: string }).code];
      };
      expect(await ask("/api/budgets")).to.deep.equal([200, undefined]);
      await postgres.crash();
      expect(await ask("/api/budgets")).to.deep.equal([503, "unavailable"]);
      expect(await ask("/ready")).to.deep.equal([503, "not_ready"]);
      expect(await ask("/health")).to.deep.equal([200, undefined]);
      await postgres.restart();
      expect(await ask("/api/budgets")).to.deep.equal([200, undefined]);
      expect(await ask("/ready")).to.deep.equal([200, undefined]);
    } finally {
      for (const server of started) await server.stop("SIGKILL");
      await postgres.stop();
    }
  });

  it("answers 503 while PostgreSQL stands still, and goes on, with nothing doubled, when it moves again", async () => {
    const postgres = await startPostgres({ durable: true });
    try {
      const url = await start({ BUDGET_DATABASE_URL: postgres.url }).listening();
      const budget_id = await newBudget(url);
      const allocate = async (key: number) => {
        const answer = await fetchAsAdmin(`${url}/api/allocations`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "Idempotency-Key": `call-${key}` },
          body: JSON.stringify(request(budget_id, { tokens_allocated: 10 })),
        });
        return { status: answer.status, retry_after: answer.headers.get("retry-after") };
      };
      const keys = Array.from({ length: 50 }, (_, key) => key);
      expect(await Promise.all(keys.slice(0, 10).map(allocate))).to.deep.equal(
        Array(10).fill({ status: 201, retry_after: null }),
      );
      freeze(postgres.pid);
      const refused = await Promise.all([
        ...keys.slice(10).map(allocate),
        ...["/api/budgets", "/ready", "/api/budgets"].map(async (path) => {
          const answer = await fetchAsAdmin(url + path);
          return { status: answer.status, retry_after: answer.headers.get("retry-after") };
        }),
      ]);
      expect(refused).to.deep.equal(Array(43).fill({ status: 503, retry_after: "1" }));
      resume(postgres.pid);
      const statuses = (await Promise.all(keys.map(allocate))).map(({ status }) => status);
      expect(new Set(statuses)).to.deep.equal(new Set([201]));
      const summary = await fetchAsAdmin(`${url}/api/budgets/${budget_id}/summary`);
      const { items } = (await summary.json()) as { items: readonly { tokens_held: number }[] };
      expect(items[0]?.tokens_held).to.equal(500);
    } finally {
      resume(postgres.pid);
      for (const server of started) await server.stop("SIGKILL");
      await postgres.stop();
    }
  });

  it("ends on SIGTERM although PostgreSQL stands still", async () => {
    const postgres = await startPostgres();
    try {
      const server = start({ BUDGET_DATABASE_URL: postgres.url });
      const url = await server.listening();
      expect((await fetchAsAdmin(`${url}/api/budgets`)).status).to.equal(200);
      freeze(postgres.pid);
      expect(await server.stop("SIGTERM")).to.include({ code: 0, signal: null });
    } finally {
      resume(postgres.pid);
      for (const server of started) await server.stop("SIGKILL");
      await postgres.stop();
    }
  });

  it("says that a database cannot be used, without its password", async () => {
    const unused = createServer().listen(0, "127.0.0.1");
    await once(unused, "listening");
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, "close");
    const { code, output } = await start({
      BUDGET_DATABASE_URL: `postgres://user:secret@127.0.0.1:${port}/name`,
    }).ended;
    expect(code).to.equal(1);
    expect(output).to.include("BUDGET_DATABASE_URL").and.to.include("ECONNREFUSED");
    expect(output).to.not.include("secret").and.to.not.include("    at ");
  });

  describe("where the database cannot be used", () => {
    /** What it says in its end: one line, and never the password. */
    const endOf = async (BUDGET_DATABASE_URL: string, more: Readonly<Record<string, string>> = {}) => {
      const { code, output } = await start({ BUDGET_DATABASE_URL, ...more }).ended;
      expect(output).to.not.include("secret").and.to.not.include("    at ");
      return { code, output };
    };
    const cannotBeUsed = (why: string) =>
      `The database of database.url (BUDGET_DATABASE_URL) cannot be used: ${why}\n`;

    it("says that PostgreSQL has no TLS, no such user, no such database, or lets nobody in, and what to do", async () => {
      const postgres = await startPostgres();
      try {
        const { host } = new URL(postgres.url);
        for (const [url, why] of [
          [
            `${postgres.url}?sslmode=require`,
            "The server does not support SSL connections. Switch TLS on in PostgreSQL (ssl = on), or take sslmode out of " +
              "the URL where the network is trusted.",
          ],
          [
            `postgres://nobody:secret@${host}/postgres`,
            'role "nobody" does not exist. Correct the user or the password, or let the user in by pg_hba.conf.',
          ],
          [
            `postgres://budget:secret@${host}/absent`,
            'database "absent" does not exist. Make it with createdb, or correct its name.',
          ],
        ] as const) {
          expect(await endOf(url)).to.deep.equal({ code: 1, output: cannotBeUsed(why) });
        }
      } finally {
        await postgres.stop();
      }
    });

    for (const [what, answer, why] of [
      ["breaks off", null, "Connection terminated unexpectedly"],
      ["answers in HTTP", "HTTP/1.1 400 Bad Request\r\n\r\n", "Connection terminated unexpectedly"],
      ["answers in HTTP to TLS", "HTTP/1.1 400\r\n\r\n", "There was an error establishing an SSL connection"],
    ] as const) {
      it(`says that what listens there is no PostgreSQL: it ${what}`, async () => {
        const other = createServer((socket) => {
          socket.on("error", () => undefined).once("data", () => socket.end(answer ?? ""));
        }).listen(0, "127.0.0.1");
        await once(other, "listening");
        const { port } = other.address() as AddressInfo;
        const mode = what.endsWith("TLS") ? "?sslmode=require" : "";
        try {
          expect(await endOf(`postgres://u:secret@127.0.0.1:${port}/n${mode}`)).to.deep.equal({
            code: 1,
            output: cannotBeUsed(`${why}. See whether it is PostgreSQL that listens at this address.`),
          });
        } finally {
          other.close();
          await once(other, "close");
        }
      });
    }

    it("says that a file cannot be written", async () => {
      const remedy = "Name a file in a folder that this user may write to.";
      expect(await endOf(`sqlite:${folder}`)).to.deep.equal({
        code: 1,
        output: cannotBeUsed(`unable to open database file. ${remedy}`),
      });
      const path = join(folder, "file");
      writeFileSync(path, "");
      expect(await endOf(`sqlite:${join(path, "data", "budget.db")}`)).to.deep.equal({
        code: 1,
        output: cannotBeUsed(`ENOTDIR: not a directory, mkdir '${join(path, "data")}'. ${remedy}`),
      });
    });

    for (const [what, name] of [
      ["read", "admin.key"],
      ["written", "admin.key.new"],
    ] as const) {
      it(`says that the admin key cannot be ${what} beside it`, async () => {
        mkdirSync(join(folder, name));
        const more = { BUDGET_ENV: "development", BUDGET_ADMIN_KEY: "" };
        const { code, output } = await endOf(database_url, more);
        expect(code).to.equal(2);
        expect(output).to.include(`The admin key cannot be kept in ${join(folder, "admin.key")} (EISDIR).`);
      });
    }
  });

  it("keeps on kill -9 all that it acknowledged under load, and every sum is right", async () => {
    const server = start();
    const url = await server.listening();
    const { finished, reached } = load(url, await newBudget(url), 16);
    await reached;
    expect(await server.stop("SIGKILL")).to.include({ code: null, signal: "SIGKILL" });
    const acknowledged = await finished;
    expect(acknowledged.unexpected).to.deep.equal([]);
    expect(await differencesIn(database_url)).to.deep.equal([]);
    await everythingIsThere(await start().listening(), acknowledged);
  });

  it("does not start on a file that another server has, and says so", async () => {
    const first = start();
    const url = await first.listening();
    const { code, output } = await start().ended;
    expect(code).to.equal(1);
    expect(output).to.include("Another Budget server uses").and.to.include("BUDGET_DATABASE_URL");
    expect(output).to.not.include("    at ");
    expect((await fetchAsAdmin(`${url}/health`)).status).to.equal(200);
  });

  const pricesFile = (text: string): string => {
    const path = join(folder, "prices.yaml");
    writeFileSync(path, text);
    return path;
  };

  it("charges the prices of the operator's file", async () => {
    const path = pricesFile(
      "prices:\n- { provider: acme, model: local, input_cost_per_million: 0.5 }\n" +
        "markups:\n- { provider: openai, percent: 10 }\n",
    );
    const url = await start({ BUDGET_PRICES_FILE: path, PRICE_UPDATE_INTERVAL: "0" }).listening();
    const post = async (path_of_route: string, body: unknown) =>
      (await (
        await fetchAsAdmin(`${url}${path_of_route}`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify(body),
        })
      ).json()) as Record<string, unknown>;
    await post("/api/prices/update", {});
    const own = await post("/api/prices/current", { provider: "acme", model: "local" });
    expect(own).to.deep.include({ status: "manual", source: "price_file", input_cost_per_token: 5e-7 });
    const marked = await post("/api/prices/current", { provider: "openai", model: "gpt-4o" });
    expect(marked).to.deep.include({ markup_percent: 10, input_cost_per_token: 0.00000275 });
  });

  it("says of each line on behalf of which request it is, also in another process and after it began", async () => {
    const server = start({
      BUDGET_PRICES_FILE: pricesFile(
        "prices:\n- { provider: acme, model: local, input_cost_per_million: 0.5 }\n",
      ),
      PRICE_UPDATE_INTERVAL: "0",
    });
    const url = await server.listening();
    const verified: Record<string, unknown>[] = [];
    for (const [request_id, trace_id] of [
      ["first", "1".repeat(32)],
      ["second", "2".repeat(32)],
    ] as const) {
      server.output = "";
      const { status } = await fetchAsAdmin(`${url}/api/prices/update`, {
        method: "POST",
        headers: {
          "Content-Type": "application/json",
          "X-Request-Id": request_id,
          traceparent: `00-${trace_id}-${"a".repeat(16)}-01`,
        },
        body: "{}",
      });
      expect(status).to.equal(200);
      const line = await server.saying(/^(.*"msg":"Prices were verified".*)$/m);
      verified.push(JSON.parse(line) as Record<string, unknown>);
    }
    expect(verified.map(({ request_id, trace_id }) => [request_id, trace_id])).to.deep.equal([
      ["first", "1".repeat(32)],
      ["second", "2".repeat(32)],
    ]);
    server.output = "";
    const { output } = await server.stop("SIGTERM");
    expect(output).to.include("Stopping on SIGTERM").and.to.not.include("request_id");
  });

  it("ends with 2 where the operator's file has mistakes, and names their lines", async () => {
    const path = pricesFile("prices:\n- { provider: acme, input_cost_per_million: -1 }\n");
    const { code, output } = await start({ BUDGET_PRICES_FILE: path }).ended;
    expect(code).to.equal(2);
    expect(output).to.contain(`${path}:2:3: /prices/0: model is missing.`);
    const missing = await start({ BUDGET_PRICES_FILE: join(folder, "none.yaml") }).ended;
    expect([missing.code, missing.output]).to.deep.equal([
      2,
      `BUDGET_PRICES_FILE: The file ${join(folder, "none.yaml")} cannot be read (ENOENT).\n`,
    ]);
  });

  it("says which port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    try {
      const { code, output } = await start({ BUDGET_PORT: String(port) }).ended;
      expect(code).to.equal(1);
      expect(output).to.include(`Port ${port} on 127.0.0.1 is in use.`).and.to.include("BUDGET_PORT");
      expect(output).to.not.include("    at ");
    } finally {
      other.close();
      await once(other, "close");
    }
  });

  for (const [variable, value] of [
    ["BUDGET_PORT", "99999"],
    ["BUDGET_DATABASE_URL", "mysql://user:secret@host/name"],
    ["BUDGET_LOG_LEVEL", "LOUD"],
    ["BUDGET_ENV", "moon"],
    ["BUDGET_HOST", "a b"],
  ] as const) {
    it(`ends with 2 where ${variable} is wrong, and names it`, async () => {
      const { code, output } = await start({ [variable]: value }).ended;
      expect(code).to.equal(2);
      expect(output).to.match(new RegExp(`^${variable} must be .+\\.\\n$`));
      expect(output).to.not.include("secret");
    });
  }

  it("ends with 2 in production where nobody could administer it, and says so in a line", async () => {
    const { code, output } = await start({ BUDGET_ADMIN_KEY: "" }).ended;
    const said = output.split("\n").filter((line) => line !== "" && !line.startsWith("{"));
    expect([code, said]).to.deep.equal([
      2,
      [
        "Nobody could administer this server: BUDGET_ENV is production, and there is no admin key. " +
          "Set BUDGET_ADMIN_KEY; `budget keys generate` prints a new one.",
      ],
    ]);
  });

  describe("whose BUDGET_ADMIN_KEY", () => {
    const OTHER_ADMIN_KEY = `bgt_${"1".repeat(32)}_${"B".repeat(43)}`;
    const NEW_ONE = "`budget keys generate` prints a new one.";
    const administrate = async (url: string, path: string, body?: unknown) => {
      const answer = await fetchAsAdmin(url + path, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      return (await answer.json()) as { key: string; key_id: string };
    };
    /** Does something with a server, stops it, and returns what another one with this key says at its end. */
    async function saidAfter(key: string, work: (url: string) => Promise<unknown>) {
      const server = start();
      await work(await server.listening());
      await server.stop("SIGTERM");
      return start({ BUDGET_ADMIN_KEY: key }).ended;
    }
    const lastLine = (output: string) => output.trim().split("\n").at(-1);

    for (const wrong of ["x", ADMIN_KEY.slice(0, -1), ADMIN_KEY.replace("bgt", "sk"), `${ADMIN_KEY} `]) {
      it(`has not the form of a key ends with 2: ${wrong.slice(0, 4)}, ${wrong.length} characters`, async () => {
        const { code, output } = await start({ BUDGET_ADMIN_KEY: wrong }).ended;
        expect([code, output]).to.deep.equal([
          2,
          "BUDGET_ADMIN_KEY must be a key such as `budget keys generate` prints.\n",
        ]);
      });
    }

    it("has the id of a key and another secret ends with 2, and says what may have been", async () => {
      const other = ADMIN_KEY.replace("A".repeat(43), "C".repeat(43));
      const { code, output } = await saidAfter(other, () => Promise.resolve());
      expect([code, lastLine(output)]).to.deep.equal([
        2,
        "BUDGET_ADMIN_KEY has the id of a key that has another secret. It was rotated since, or mistyped: set it to what " +
          `the rotation answered, or leave it out where there is another admin key. ${NEW_ONE}`,
      ]);
      expect(output).to.not.contain("C".repeat(43));
    });

    it("was rotated ends with 2; with the new secret, and without it, the server starts", async () => {
      let rotated = "";
      const { code, output } = await saidAfter(ADMIN_KEY, async (url) => {
        rotated = (await administrate(url, `/api/keys/00000000-0000-0000-0000-000000000000/rotate`, {})).key;
      });
      expect([code, lastLine(output)?.startsWith("BUDGET_ADMIN_KEY has the id of a key")]).to.deep.equal([
        2,
        true,
      ]);
      for (const BUDGET_ADMIN_KEY of [rotated, ""]) {
        const server = start({ BUDGET_ADMIN_KEY });
        const url = await server.listening();
        const answer = await fetch(`${url}/api/keys`, { headers: { "X-API-Key": rotated } });
        expect(answer.status).to.equal(200);
        await server.stop("SIGTERM");
      }
    });

    it("is revoked ends with 2", async () => {
      const first = start({ BUDGET_ADMIN_KEY: OTHER_ADMIN_KEY });
      await first.listening();
      await first.stop("SIGTERM");
      const { code, output } = await saidAfter(OTHER_ADMIN_KEY, (url) =>
        administrate(url, "/api/keys/11111111-1111-1111-1111-111111111111/revoke"),
      );
      expect([code, lastLine(output)]).to.deep.equal([
        2,
        "BUDGET_ADMIN_KEY is a key that is revoked or has expired. Leave it out where there is another admin key. " +
          NEW_ONE,
      ]);
    });

    it("is no admin's ends with 2", async () => {
      let agent = "";
      const server = start();
      const url = await server.listening();
      agent = (await administrate(url, "/api/keys", { name: "agent", role: "agent" })).key;
      await server.stop("SIGTERM");
      const { code, output } = await start({ BUDGET_ADMIN_KEY: agent }).ended;
      expect([code, lastLine(output)]).to.deep.equal([
        2,
        `BUDGET_ADMIN_KEY is a key of another role or tenant, and no admin's. ${NEW_ONE}`,
      ]);
    });
  });

  const configurationFile = (text: string): string => {
    const path = join(folder, "config.yaml");
    writeFileSync(path, text);
    return path;
  };

  it("ends with 2 where the configuration file has mistakes, and names their lines", async () => {
    const path = configurationFile(
      "log: { level: LOUD }\ndatabase: { url: mysql://u:secret@h/n }\nports: 1\n",
    );
    const { code, output } = await start({ BUDGET_CONFIG_FILE: path }).ended;
    expect([code, output]).to.deep.equal([
      2,
      `${path}:1:15: /log/level: It must be ERROR, WARNING, INFO or DEBUG.\n` +
        `${path}:2:18: /database/url: It must be a URL that starts with sqlite: or postgres://.\n` +
        `${path}:3:1: /ports: There is no field "ports". It takes server, database, log, environment, prices, retention.\n`,
    ]);
  });

  describe("on SIGHUP", () => {
    const reload = async (server: ServerProcess, answer: string) => {
      const line = new RegExp(`^(.*"msg":"${answer}.*)$`, "m");
      server.output = "";
      server.child.kill("SIGHUP");
      return JSON.parse(await server.saying(line)) as Record<string, unknown>;
    };

    it("changes what it logs, and says so", async () => {
      const server = start({ BUDGET_CONFIG_FILE: configurationFile("log: { level: INFO }\n") });
      await server.listening();
      configurationFile("log: { level: ERROR, levels: { price_manager: DEBUG } }\n");
      expect(await reload(server, "The configuration was changed"))
        .to.include({ level: "INFO" })
        .and.deep.include({
          changed: ["log.level: INFO -> ERROR", "log.levels: not set -> price_manager=DEBUG"],
        });
      await reload(server, "The configuration is as it was");
      const { code, output } = await server.stop("SIGTERM");
      expect(code).to.equal(0);
      expect(output).to.not.include("Stopping on SIGTERM");
    });

    it("charges other prices, and asks other sources, without a restart", async () => {
      const priced = (dollars: string) =>
        configurationFile(
          "prices:\n  update_interval_minutes: 0\n" +
            `  prices: [{ provider: acme, model: local, input_cost_per_million: ${dollars} }]\n`,
        );
      const server = start({ BUDGET_CONFIG_FILE: priced("0.5") });
      const url = await server.listening();
      const charged = async () => {
        const answer = await fetchAsAdmin(`${url}/api/prices/current`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ provider: "acme", model: "local" }),
        });
        return ((await answer.json()) as { input_cost_per_token: number }).input_cost_per_token;
      };
      expect(await charged()).to.equal(5e-7);
      priced("oops");
      await reload(server, "The configuration is wrong; the one before stays");
      expect(await charged()).to.equal(5e-7);
      priced("0.7");
      expect(await reload(server, "The configuration was changed")).to.deep.include({
        changed: ["prices.prices"],
      });
      expect(await charged()).to.equal(7e-7);
      const isWatched = async () =>
        (await (await fetchAsAdmin(`${url}/api/prices/sources`)).text()).includes('"price_file"');
      expect(await isWatched()).to.equal(true);
      configurationFile("prices: { update_interval_minutes: 0 }\n");
      await reload(server, "The configuration was changed");
      expect(await isWatched()).to.equal(false);
      expect((await server.stop("SIGTERM")).code).to.equal(0);
    });

    it("is called by other names and pages, and believes other proxies, without a restart", async () => {
      const server = start({ BUDGET_CONFIG_FILE: configurationFile("") });
      const url = await server.listening();
      const ask = (origin: string) => fetchAsAdmin(`${url}/api/budgets`, { headers: { Origin: origin } });
      const statuses = async () =>
        Promise.all(["https://a.example", "https://b.example"].map(async (one) => (await ask(one)).status));
      expect(await statuses()).to.deep.equal([403, 403]);
      configurationFile("server: { cors_origins: [https://a.example], trusted_proxies: [loopback] }\n");
      expect(await reload(server, "The configuration was changed")).to.deep.include({
        changed: [
          "server.cors_origins: not set -> https://a.example",
          "server.trusted_proxies: not set -> loopback",
        ],
      });
      expect(await statuses()).to.deep.equal([200, 403]);
      await fetch(`${url}/api/budgets`, { headers: { "X-Forwarded-For": "192.0.2.7" } });
      const denials = await fetchAsAdmin(`${url}/api/audit?kind=denial`);
      const { items } = (await denials.json()) as { items: readonly { origin: string }[] };
      expect(JSON.stringify(items)).to.include("192.0.2.7");
      configurationFile("server: { cors_origins: [https://b.example], allowed_hosts: [b.example] }\n");
      await reload(server, "The configuration was changed");
      expect(await statuses()).to.deep.equal([403, 200]);
    });

    it("says what needs a restart, until it is as it was at the start", async () => {
      const server = start({ BUDGET_CONFIG_FILE: configurationFile("") });
      const url = await server.listening();
      configurationFile("server: { rate_burst: 5 }\nretention: { events_days: 3 }\n");
      for (let time = 0; time < 2; time++) {
        expect(await reload(server, "A part of the configuration needs a restart")).to.deep.include({
          level: "WARNING",
          needs_restart: ["server.rate_burst: 200 -> 5", "retention.events_days: 30 -> 3"],
        });
      }
      configurationFile("");
      await reload(server, "The configuration is as it was");
      expect((await fetch(`${url}/ready`)).status).to.equal(200);
    });

    it("keeps the configuration where the file is wrong, and names the mistakes", async () => {
      const server = start({ BUDGET_CONFIG_FILE: configurationFile("") });
      const url = await server.listening();
      const path = configurationFile("log: { level: ERROR }\nserver: { port: http }\n");
      expect(await reload(server, "The configuration is wrong; the one before stays")).to.deep.include({
        level: "ERROR",
        mistakes: [`${path}:2:17: /server/port: It must be a port number from 0 to 65535.`],
      });
      expect((await fetch(`${url}/ready`)).status).to.equal(200);
      const { output } = await server.stop("SIGTERM");
      expect(output).to.include("Stopping on SIGTERM");
    });
  });
});
