import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { VERSION, type PriceSourceState } from "@budget/domain";
import { ALL_TENANTS, PriceSourceRepository } from "@budget/repositories";
import { TEST_DATABASES, startPostgres, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import { checkClock, type Reached } from "../src/doctor/check-database.ts";
import type { Finding } from "../src/doctor/finding.ts";
import { ADMIN_KEY, startTestServer, type } from "./support.ts";

interface Examined {
  readonly code: number;
  readonly stdout: string;
  readonly findings: ReadonlyMap<string, Finding>;
}

/** Nothing listens there. */
const NO_SERVER = { BUDGET_URL: "http://127.0.0.1:1" };

async function doctor(
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<Examined> {
  const { code, stdout } = await type(["doctor", "--json"], { ...NO_SERVER, ...environment }, files);
  const found = JSON.parse(stdout) as Finding[];
  return { code, stdout, findings: new Map(found.map((finding) => [finding.check, finding])) };
}

const toDoIn = ({ findings }: Examined): readonly string[] =>
  [...findings.values()].filter(({ status }) => status === "to do").map(({ check }) => check);

const CHECKS = [
  "configuration",
  "log",
  "database",
  "disk",
  "migrations",
  "clock",
  "tenants",
  "server",
  "keys",
  "price sources",
  "limits",
  "balances",
];

const FAULTY: PriceSourceState = {
  source: "litellm",
  trust_ppm: 700_000,
  agreed: 0,
  differed: 0,
  failures: 3,
  attempted_at_ms: Date.UTC(2026, 10, 23),
  read_at_ms: null,
  due_at_ms: Date.UTC(2026, 10, 24),
  fault: "HTTP",
  detail: "It cannot be reached (ENOTFOUND).",
  etag: null,
  last_modified: null,
  content_hash: null,
};

for (const kind of TEST_DATABASES) {
  describe(`budget doctor on ${kind.name}`, () => {
    let database: TestDatabase;
    let environment: Readonly<Record<string, string>>;
    const open = async (empty = false) => {
      database = await kind.open({ file: true, empty });
      environment = { BUDGET_DATABASE_URL: database.url };
    };
    afterEach(() => database.close());

    it("finds all well beside a running server, a line for each check", async () => {
      await open();
      const server = await startTestServer(database.url);
      try {
        const url = { ...environment, BUDGET_URL: `http://127.0.0.1:${server.port}` };
        await type(["set-limit", "--period", "daily", "--tokens", "100"], url);
        const { code, stdout } = await type(["doctor"], url);
        const lines = stdout.trimEnd().split("\n");
        expect(lines.filter((line) => line.length > 80)).to.deep.equal([]);
        const named = lines.filter((line) => !line.startsWith(" "));
        expect(named.map((line) => line.replace(/ {2,}ok: .*/, ""))).to.deep.equal(CHECKS);
        const text = stdout.replaceAll(/\s+/g, " ");
        expect(text).to.contain(`is ready, version ${VERSION}, on this database`);
        expect(text).to.contain("keys ok: 1 open something, 1 of them as admin; none ends within 14 days");
        expect(text).to.contain("1 enforced, 0 that only log or warn, 0 switched off");
        expect(text).to.contain("recounted 1 policies, 0 allocations, 0 usage records");
        expect(code).to.equal(0);
      } finally {
        await server.stop();
      }
    });

    it("says that the schema is to be brought up to date, or this version is", async () => {
      await open(true);
      await database.database.knex.raw("SELECT 1");
      const before = await doctor(environment);
      expect([before.code, toDoIn(before)]).to.deep.equal([1, ["migrations"]]);
      expect(before.findings.get("migrations")?.text).to.match(/^0001-foundation, .*; run budget db migrate/);
      expect(before.findings.get("balances")).to.include({ status: "not checked" });
      await type(["db", "migrate"], environment);
      await database.knex("schema_migrations").insert({ name: "9999-later" });
      const after = await doctor(environment);
      expect(after.findings.get("migrations")?.text).to.equal(
        "9999-later came with a later version of Budget; update this one",
      );
    });

    it("says which sources of prices fail, and how, unless they are not asked", async () => {
      await open();
      await database.database.transaction(ALL_TENANTS, (transaction) =>
        new PriceSourceRepository(database.database).save(transaction, FAULTY),
      );
      const examined = await doctor(environment);
      expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["price sources"]]);
      expect(examined.findings.get("price sources")?.text)
        .to.match(/^litellm: HTTP 3 times in a row \(It cannot be reached \(ENOTFOUND\)\), never read; /)
        .and.to.contain("budget prices update litellm");
      expect((await doctor({ ...environment, PRICE_UPDATE_INTERVAL: "0" })).code).to.equal(0);
    });

    it("says in one line that no source can be reached, as on a machine without network", async () => {
      await open();
      const states = new PriceSourceRepository(database.database);
      await database.database.transaction(ALL_TENANTS, async (transaction) => {
        await states.save(transaction, FAULTY);
        await states.save(transaction, { ...FAULTY, source: "models_dev", failures: 7 });
      });
      const examined = await doctor(environment);
      expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["price sources"]]);
      expect(examined.findings.get("price sources")?.text).to.match(
        /^none of 2 can be reached, up to 7 times in a row; see whether this machine reaches the network/,
      );
    });

    it("says that the server has another database, or no key tells", async () => {
      await open();
      const [server, other] = [await startTestServer(database.url), await startTestServer()];
      try {
        const at = ({ port }: { port: number }) => ({ BUDGET_URL: `http://127.0.0.1:${port}` });
        const elsewhere = await doctor({ ...environment, ...at(other) });
        expect([elsewhere.code, toDoIn(elsewhere)]).to.deep.equal([1, ["server"]]);
        expect(elsewhere.findings.get("server")?.text).to.match(/has another database; correct BUDGET_URL/);
        const stranger = await doctor({ ...environment, ...at(server), BUDGET_API_KEY: `${ADMIN_KEY}x` });
        expect([stranger.code, toDoIn(stranger)]).to.deep.equal([0, []]);
        expect(stranger.findings.get("server")?.text).to.match(/is not known without a key/);
      } finally {
        await server.stop();
        await other.stop();
      }
    });

    it("says that keys end soon, the next ones first, and leaves those alone that ended", async () => {
      await open();
      const server = await startTestServer(database.url);
      try {
        const url = { ...environment, BUDGET_URL: `http://127.0.0.1:${server.port}` };
        const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
        for (const [name, days] of [
          ["far", 15],
          ["second", 13],
          ["first", 1],
        ] as const) {
          await type(["keys", "create", name, "--role", "agent", "--expires", inDays(days)], url);
        }
        await database.database.knex("api_keys").where({ name: "far" }).update({ revoked_at_ms: 1 });
        const examined = await doctor(url);
        expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["keys"]]);
        expect(examined.findings.get("keys")?.text).to.match(
          /^keys end soon: first at \d{4}-\S+Z, second at \d{4}-\S+Z; make others by budget keys create$/,
        );
      } finally {
        await server.stop();
      }
    });

    it("says that nobody could administer a server in production, or that the key which is given cannot", async () => {
      await open();
      const production = { ...environment, BUDGET_ENV: "production" };
      const keysOf = async (more: Readonly<Record<string, string>>) =>
        (await doctor({ ...production, ...more })).findings.get("keys")!;
      expect((await keysOf({})).text).to.match(/^there is no admin key; set BUDGET_ADMIN_KEY/);
      // The server that takes it makes it an admin key.
      expect(await keysOf({ BUDGET_ADMIN_KEY: ADMIN_KEY })).to.include({ status: "ok" });
      await (await startTestServer(database.url)).stop();
      expect(await keysOf({})).to.include({ status: "ok" });
      const another = ADMIN_KEY.replace(/.$/, "B");
      expect((await keysOf({ BUDGET_ADMIN_KEY: another })).text).to.match(
        /^server.admin_key \(BUDGET_ADMIN_KEY\) is no admin key that opens/,
      );
    });

    it("says that balances differ from a recount", async () => {
      await open();
      const server = await startTestServer(database.url);
      try {
        const url = { ...environment, BUDGET_URL: `http://127.0.0.1:${server.port}` };
        await type(["set-limit", "--period", "daily", "--tokens", "100"], url);
        await type(["allocate", "create", "--context", "c", "--component", "x", "--tokens", "40"], url);
        await database.knex("balances").update({ held_tokens: 41 });
        const examined = await doctor(environment);
        expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["balances"]]);
        expect(examined.findings.get("balances")?.text).to.match(/^1 differ from a recount; .* --repair$/);
      } finally {
        await server.stop();
      }
    });
  });
}

describe("budget doctor", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "budget-doctor-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("names the mistakes of a configuration, and checks nothing else", async () => {
    const examined = await doctor({}, { "config.yaml": "server: { port: http }" });
    expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["configuration"]]);
    expect(examined.findings.get("configuration")?.text).to.equal(
      "config.yaml:1:17: /server/port: It must be a port number from 0 to 65535.",
    );
    expect([...examined.findings.values()].slice(1).map(({ status }) => status)).to.deep.equal(
      CHECKS.slice(1).map(() => "not checked"),
    );
  });

  it("says that there is no database, and makes none", async () => {
    const environment = { BUDGET_DATABASE_URL: `sqlite:${join(folder, "none.db")}` };
    for (let time = 0; time < 2; time++) {
      const examined = await doctor(environment);
      expect([examined.code, toDoIn(examined)]).to.deep.equal([1, ["database"]]);
      expect(examined.findings.get("database")?.text).to.match(
        /^There is no database at .*budget db migrate/,
      );
    }
  });

  it("says that row-level security does not bind the role it connects as", async () => {
    const postgres = await startPostgres();
    try {
      const examine = async (BUDGET_DATABASE_URL: string) => {
        expect((await type(["db", "migrate"], { BUDGET_DATABASE_URL })).code).to.equal(0);
        return doctor({ BUDGET_DATABASE_URL });
      };
      expect(toDoIn(await examine(postgres.url))).to.deep.equal([]);
      const passing = await examine(postgres.admin_url);
      expect([passing.code, toDoIn(passing)]).to.deep.equal([1, ["tenants"]]);
      expect(passing.findings.get("tenants")?.text).to.match(
        /superuser or has BYPASSRLS.*docs\/security\.md/,
      );
    } finally {
      await postgres.stop();
    }
  });

  it("reads an encrypted file by its key, and says what is wrong with another one", async () => {
    const BUDGET_DATABASE_URL = `sqlite:${join(folder, "budget.db")}`;
    const key = "correct horse battery staple";
    const files = { "config.yaml": `database: { key: ${key} }` };
    expect((await type(["db", "migrate"], { BUDGET_DATABASE_URL }, files)).code).to.equal(0);
    expect((await doctor({ BUDGET_DATABASE_URL }, files)).code).to.equal(0);
    const wrong = await doctor(
      { BUDGET_DATABASE_URL, BUDGET_DATABASE_KEY: "another key, not that one" },
      files,
    );
    expect(toDoIn(wrong)).to.deep.equal(["database"]);
    expect(wrong.findings.get("database")?.text).to.match(
      /^BUDGET_DATABASE_KEY is not the key of .* Set it to the key that the file was encrypted with\.$/,
    );
  });

  it("says that the database does not answer, and where its URL is from, without the password", async () => {
    const files = { "config.yaml": "\ndatabase: { url: postgres://u:secret@127.0.0.1:1/n }\n" };
    const examined = await doctor({}, files);
    expect(examined.findings.get("database")?.text).to.equal(
      "connect ECONNREFUSED 127.0.0.1:1 (database.url of config.yaml:2). Start the database, or correct its address.",
    );
    expect(examined.stdout).to.not.contain("secret");
  });

  it("leaves a database in memory alone", async () => {
    expect((await doctor({ BUDGET_DATABASE_URL: "sqlite::memory:" })).code).to.equal(0);
  });

  it("says that admin.key can be read by others, or opens nothing", async () => {
    const environment = { BUDGET_DATABASE_URL: `sqlite:${join(folder, "budget.db")}` };
    await (await startTestServer(environment.BUDGET_DATABASE_URL)).stop();
    const file = join(folder, "admin.key");
    const keys = async () => (await doctor(environment)).findings.get("keys")!;
    writeFileSync(file, ADMIN_KEY, { mode: 0o600 });
    expect(await keys()).to.include({ status: "ok" });
    chmodSync(file, 0o640);
    expect(await keys()).to.include({
      status: "to do",
      text: `others may use ${file}; run chmod 600 ${file}`,
    });
    writeFileSync(file, "nothing");
    chmodSync(file, 0o600);
    expect((await keys()).text).to.match(/opens nothing; delete it/);
    rmSync(file);
    mkdirSync(file);
    expect((await keys()).text).to.match(/cannot be read \(EISDIR\)/);
  });

  it("says that the server is of another version, is not ready, or is none of Budget's", async () => {
    const environment = { BUDGET_DATABASE_URL: `sqlite:${join(folder, "budget.db")}` };
    await type(["db", "migrate"], environment);
    for (const [health, ready, found] of [
      [{ status: "healthy", component: "budget", version: "99.0.0" }, 200, /is Budget 99\.0\.0, and this is/],
      [{ status: "healthy", component: "budget", version: VERSION }, 503, /See its log$/],
      [{}, 200, /is Budget undefined/],
    ] as const) {
      const http = createServer((request, response) => {
        const isReady = request.url === "/ready";
        response.writeHead(isReady ? ready : 200, { "Content-Type": "application/json" });
        response.end(JSON.stringify(isReady ? { status: "not ready" } : health));
      }).listen(0, "127.0.0.1");
      await once(http, "listening");
      try {
        const { port } = http.address() as AddressInfo;
        const examined = await doctor({ ...environment, BUDGET_URL: `http://127.0.0.1:${port}` });
        expect(toDoIn(examined)).to.deep.equal(["server"]);
        expect(examined.findings.get("server")?.text).to.match(found);
      } finally {
        http.close();
        await once(http, "close");
      }
    }
  });

  for (const [environment, found] of [
    [{ BUDGET_ENV: "production", BUDGET_LOG_LEVEL: "DEBUG" }, "to do: DEBUG (all)"],
    [{ BUDGET_ENV: "production", BUDGET_LOG_LEVELS: "policy=debug" }, "to do: DEBUG (policy)"],
    [{ BUDGET_ENV: "production" }, "ok: INFO"],
    [{ BUDGET_LOG_LEVEL: "DEBUG" }, "ok: DEBUG"],
  ] as const) {
    it(`looks at the log: ${JSON.stringify(environment)}`, async () => {
      const { findings } = await doctor({ ...environment, BUDGET_DATABASE_URL: "sqlite::memory:" });
      const { status, text } = findings.get("log")!;
      expect(`${status}: ${text}`).to.contain(found);
    });
  }

  for (const [ahead_ms, found] of [
    [0, "ok: this machine and the database agree"],
    [-1000, "ok: this machine and the database agree"],
    [1001, "to do: the database is 1001 ms ahead of this machine; set both by a time server (NTP)"],
    [-60_000, "to do: the database is 60000 ms behind this machine; set both by a time server (NTP)"],
  ] as const) {
    it(`compares clocks: ${ahead_ms} ms`, () => {
      const state = { product: "PostgreSQL", time_ms: 0 };
      const { status, text } = checkClock({ state, ahead_ms } as Reached);
      expect(`${status}: ${text}`).to.equal(found);
    });
  }
});
