import { readFileSync } from "node:fs";
import { ROLES, type Role } from "@budget/domain";
import { createEngine, DEFAULT_TENANT_ID } from "@budget/engine";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { ACCESS } from "../src/access.ts";
import { ROUTES } from "../src/routes/index.ts";
import type { Route } from "../src/routes/route.ts";
import { secretSource, uuidSource } from "../src/world.ts";
import { ADMIN_KEY, TestServer, codeOf, fetchAsAdmin, onEveryDatabase, request } from "./support.ts";

const NOBODY = "01a20000-0000-7000-8000-000000000000";
const UNKNOWN_KEY = `bgt_${"0".repeat(31)}1_${"B".repeat(43)}`;

const PROTECTED = ROUTES.filter(({ operation_id }) => ACCESS[operation_id] !== "everybody");
const open = (route: Route, value = NOBODY): string => route.path.replaceAll(/\{\w+\}/g, value);
const bodyOf = (route: Route): unknown => (route.body === undefined ? undefined : {});

describe("the table of who may do what", () => {
  it("has every route, and the metrics", () => {
    expect(Object.keys(ACCESS).sort()).to.deep.equal(
      [...ROUTES.map(({ operation_id }) => operation_id), "readMetrics"].sort(),
    );
  });

  it("is the one in docs/security.md", () => {
    const mark = (isAllowed: boolean) => (isAllowed ? "yes" : "");
    const rows = ROUTES.map(({ method, path, operation_id }) => {
      const access = ACCESS[operation_id];
      const roles = ["everybody", ...ROLES].map((role) =>
        mark(access === "everybody" ? role === "everybody" : access?.includes(role as Role) === true),
      );
      return ["", `${method.toUpperCase()} \`${path}\``, ...roles, ""].join("|");
    });
    const cells = (line: string) => line.replaceAll(/ *\| */g, "|").trim();
    const page = readFileSync(new URL("../../../docs/security.md", import.meta.url), "utf8");
    const table = page.split("\n").filter((line) => /^\| (GET|POST|PUT|DELETE) /.test(line));
    expect(table.map(cells)).to.deep.equal(rows.map(cells));
  });

  it("lets admins do everything, and nobody without a key do anything but look at the health", () => {
    for (const access of Object.values(ACCESS))
      if (access !== "everybody") expect(access).to.include("admin");
    const forAll = Object.keys(ACCESS).filter((operation_id) => ACCESS[operation_id] === "everybody");
    expect(forAll).to.deep.equal(["getHealth", "getApiHealth", "getReadiness"]);
  });
});

onEveryDatabase("who may do what", (server) => {
  const keys: Record<string, string> = {};
  before(async () => {
    for (const role of ROLES) keys[role] = await server().key({ role });
  });

  for (const route of PROTECTED) {
    const method = route.method.toUpperCase();
    it(`${method} ${route.path} is for its roles, and for nobody without a key`, async () => {
      // Tries without a right key are left again.
      server().clock.now_ms += 5_000;
      const call = async (key: string | undefined) => {
        const headers = { "X-API-Key": key ?? "" };
        return codeOf(await server().call(method, open(route), { body: bodyOf(route), headers }));
      };
      for (const key of [undefined, "", "x", UNKNOWN_KEY, `${ADMIN_KEY}x`])
        expect(await call(key)).to.equal("401 unauthenticated");
      for (const role of ROLES) {
        const isAllowed = ACCESS[route.operation_id]?.includes(role) === true;
        const code = await call(keys[role]);
        expect(code === "403 forbidden", `${role}: ${code}`).to.equal(!isAllowed);
        expect(code).to.not.match(/^(401|5)/);
      }
    });
  }

  it("refuses before it reads a body, and changes nothing", async () => {
    const { body: before } = await server().get("/api/budgets");
    const headers = { "X-API-Key": keys.viewer ?? "" };
    expect(codeOf(await server().post("/api/budgets", "{", headers))).to.equal("403 forbidden");
    expect(codeOf(await server().post("/api/budgets", { name: "x" }, headers))).to.equal("403 forbidden");
    expect((await server().get("/api/budgets")).body.total).to.equal(before.total);
  });

  it("takes a key as Authorization: Bearer, in one header or the other, and never from a URL", async () => {
    const { url } = server();
    const status = async (path: string, headers: Record<string, string>) =>
      (await fetch(url + path, { headers })).status;
    expect(await status("/api/budgets", { Authorization: `Bearer ${ADMIN_KEY}` })).to.equal(200);
    expect(await status("/api/budgets", { Authorization: `Basic ${ADMIN_KEY}` })).to.equal(401);
    for (const name of ["api_key", "key", "access_token", "X-API-Key"])
      expect(await status(`/api/budgets?${name}=${ADMIN_KEY}`, {})).to.equal(401);
    const answer = await fetch(`${url}/api/budgets?api_key=${ADMIN_KEY}`, {
      headers: { "X-API-Key": ADMIN_KEY },
    });
    expect(answer.status).to.equal(400);
    expect(await answer.text()).to.not.contain("AAAA");
  });

  it("takes no key whose text is SQL", async () => {
    for (const text of [
      "' OR '1'='1",
      `bgt_${"0".repeat(32)}_' OR 1=1 --`,
      `bgt_'; DROP TABLE api_keys; --`,
    ]) {
      const answer = await server().get("/api/budgets", { "X-API-Key": text });
      expect(codeOf(answer)).to.equal("401 unauthenticated");
    }
    expect(codeOf(await server().get("/api/budgets"))).to.equal("ok");
  });
});

onEveryDatabase("a key", (server) => {
  const headersOf = (key: string) => ({ "X-API-Key": key });

  it("is shown once, and of its secret only a hash is kept", async () => {
    const made = await server().post("/api/keys", { name: "chat", owner: "ada", role: "agent" });
    expect(made.status).to.equal(201);
    const { key, key_id } = made.body as { key: string; key_id: string };
    expect(key).to.match(/^bgt_[0-9a-f]{32}_[A-Za-z0-9_-]{43}$/);
    expect(codeOf(await server().get("/api/prices", headersOf(key)))).to.equal("ok");
    const secret = key.slice(37);
    const [row] = await server().knex("api_keys").where({ key_id });
    expect(
      JSON.stringify(row, (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value)),
    ).to.not.contain(secret);
    for (const path of [`/api/keys/${key_id}`, "/api/keys", "/api/audit"])
      expect((await server().get(path)).text).to.not.contain(secret);
  });

  it("ends when it expires", async () => {
    const now_ms = server().clock.now_ms;
    const expires_at = new Date(now_ms + 60_000).toISOString();
    const key = await server().key({ role: "viewer", expires_at });
    expect(codeOf(await server().get("/api/budgets", headersOf(key)))).to.equal("ok");
    server().clock.now_ms = now_ms + 60_000;
    expect(codeOf(await server().get("/api/budgets", headersOf(key)))).to.equal("401 unauthenticated");
    const past = await server().post("/api/keys", { name: "x", role: "viewer", expires_at });
    expect([codeOf(past), past.body.field]).to.deep.equal(["400 invalid_value", "/expires_at"]);
  });

  it("gets another secret, and the old one opens for as long as was asked", async () => {
    const old = await server().key({ role: "viewer" });
    const { body: listed } = await server().get("/api/keys?limit=1");
    const key_id = listed.items[0].key_id as string;
    const rotated = await server().post(`/api/keys/${key_id}/rotate`, { overlap_s: 60 });
    for (const key of [old, rotated.body.key as string])
      expect(codeOf(await server().get("/api/budgets", headersOf(key)))).to.equal("ok");
    server().clock.now_ms += 60_000;
    expect(codeOf(await server().get("/api/budgets", headersOf(old)))).to.equal("401 unauthenticated");
    expect(codeOf(await server().get("/api/budgets", headersOf(rotated.body.key as string)))).to.equal("ok");
  });

  it("that is revoked opens nothing, here at once and on another server within a second", async () => {
    const { database, clock } = server();
    const silent = () => undefined;
    const other = createEngine({
      database,
      clock,
      ids: uuidSource,
      secrets: secretSource,
      timers: { every: () => silent },
      logger: { error: silent, warning: silent, info: silent, debug: silent },
    });
    const key = await server().key({ role: "viewer" });
    const { body: listed } = await server().get("/api/keys?limit=1");
    expect((await other.access.authenticate(key))?.role).to.equal("viewer");
    expect((await server().post(`/api/keys/${listed.items[0].key_id}/revoke`, undefined)).status).to.equal(
      200,
    );
    expect(codeOf(await server().get("/api/budgets", headersOf(key)))).to.equal("401 unauthenticated");
    clock.now_ms += 999;
    expect(await other.access.authenticate(key)).to.equal(null);
    const again = await server().post(`/api/keys/${listed.items[0].key_id}/revoke`, undefined);
    expect(codeOf(again)).to.equal("400 invalid_value");
    await other.stop();
  });

  it("that is the last of the admins is not revoked", async () => {
    const tenant = await server().post("/api/tenants", { name: "one admin" });
    const path = `/api/tenants/${tenant.body.tenant_id}/keys`;
    const { body: made } = await server().post(path, { name: "first" });
    const headers = headersOf(made.key as string);
    const refused = await server().post(`/api/keys/${made.key_id}/revoke`, undefined, headers);
    expect(codeOf(refused)).to.equal("400 invalid_value");
    expect(codeOf(await server().get("/api/keys", headers))).to.equal("ok");
  });

  it("is made by admins only, so that nobody makes one above their own role", async () => {
    for (const role of ["viewer", "agent", "operator"] as const) {
      const headers = headersOf(await server().key({ role }));
      for (const wanted of ROLES) {
        const answer = await server().post("/api/keys", { name: "x", role: wanted }, headers);
        expect(codeOf(answer)).to.equal("403 forbidden");
      }
    }
  });

  it("is bound to budgets that there are, and only where it is an agent's", async () => {
    const bound = { name: "x", budget_ids: [NOBODY] };
    const unknown = await server().post("/api/keys", { ...bound, role: "agent" });
    expect([codeOf(unknown), unknown.body.field]).to.deep.equal(["404 budget_not_found", "/budget_ids/0"]);
    const operator = await server().post("/api/keys", { ...bound, role: "operator" });
    expect([codeOf(operator), operator.body.field]).to.deep.equal(["400 invalid_value", "/role"]);
  });
});

onEveryDatabase("an agent that is bound", (server) => {
  let own: string;
  let foreign: string;
  let headers: Record<string, string>;
  before(async () => {
    own = (await server().budget()).budget_id;
    foreign = (await server().budget()).budget_id;
    const key = await server().key({ role: "agent", budget_ids: [own], components: ["rhetor"] });
    headers = { "X-API-Key": key };
  });

  it("spends from its own budget, which is charged where none is named", async () => {
    const { budget_id: _budget, ...unnamed } = request(own);
    const granted = await server().post("/api/allocations", unnamed, headers);
    expect([granted.status, granted.body.budget_id]).to.deep.equal([201, own]);
    const path = `/api/allocations/${granted.body.allocation_id}`;
    expect(codeOf(await server().get(path, headers))).to.equal("ok");
    const usage = {
      allocation_id: granted.body.allocation_id,
      input_tokens: 1,
      output_tokens: 1,
      final: true,
    };
    expect(codeOf(await server().post("/api/usage/record", usage, headers))).to.equal("ok");
    expect(codeOf(await server().get(`/api/budgets/${own}`, headers))).to.equal("ok");
  });

  it("does not find what is another budget's, and may not be another component", async () => {
    const { body: other } = await server().allocation(foreign);
    const path = `/api/allocations/${other.allocation_id}`;
    const usage = { allocation_id: other.allocation_id, input_tokens: 1, output_tokens: 1 };
    const cases: readonly [method: string, path: string, body: unknown, code: string][] = [
      ["POST", "/api/allocations", request(foreign), "404 budget_not_found"],
      ["POST", "/api/allocations", request(foreign.toUpperCase()), "404 budget_not_found"],
      ["POST", "/api/allocations/check", request(foreign), "404 budget_not_found"],
      ["POST", "/api/allocations", request(own, { component: "apollo" }), "403 forbidden"],
      ["POST", "/api/allocations/batch", { items: [request(own), request(foreign)] }, "404 budget_not_found"],
      ["POST", "/api/allocations/batch", { items: [request(own, { component: "X" })] }, "403 forbidden"],
      ["GET", path, undefined, "404 allocation_not_found"],
      ["GET", `${path}/decision`, undefined, "404 allocation_not_found"],
      ["POST", `${path}/extend`, { additional_tokens: 1 }, "404 allocation_not_found"],
      ["POST", `${path}/release`, undefined, "404 allocation_not_found"],
      ["POST", "/api/usage/record", usage, "404 allocation_not_found"],
      ["POST", "/api/usage/batch", { items: [usage] }, "404 allocation_not_found"],
      ["GET", `/api/budgets/${foreign}`, undefined, "404 budget_not_found"],
      ["GET", `/api/budgets/${foreign}/summary`, undefined, "404 budget_not_found"],
      ["GET", `/api/budgets/${foreign}/policies`, undefined, "404 budget_not_found"],
      ["GET", "/api/budgets", undefined, "403 forbidden"],
      ["GET", "/api/usage/records", undefined, "403 forbidden"],
    ];
    for (const [method, where, body, code] of cases) {
      const answer = await fetch(server().url + where, {
        method,
        headers: { ...headers, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const problem = (await answer.json()) as { code?: string };
      expect(`${answer.status} ${problem.code}`, `${method} ${where}`).to.equal(code);
    }
    expect((await server().get(path)).body).to.deep.include({ status: "active", tokens_used: 0 });
  });
});

onEveryDatabase("a tenant", (server) => {
  it("sees nothing of another one, by whatever id and with whatever role", async () => {
    const { budget_id, policy_id } = await server().budget({ type: "log", token_limit: 1000 });
    const { body: allocation } = await server().allocation(budget_id);
    const usage = { allocation_id: allocation.allocation_id, input_tokens: 1, output_tokens: 1 };
    const { body: record } = await server().post("/api/usage/record", usage);
    const { body: listed } = await server().get("/api/keys?limit=1");
    const ids: Record<string, string> = {
      budget_id,
      policy_id,
      allocation_id: allocation.allocation_id,
      record_id: record.record_id,
      key_id: listed.items[0].key_id,
    };
    const { body: tenant } = await server().post("/api/tenants", { name: "other" });
    const withIds = PROTECTED.filter(({ path }) =>
      Object.keys(ids).some((name) => path.includes(`{${name}}`)),
    );
    expect(withIds.length).to.be.greaterThan(12);
    for (const role of ROLES) {
      const headers = { "X-API-Key": await server().key({ role }, tenant.tenant_id as string) };
      for (const route of withIds.filter(({ operation_id }) => ACCESS[operation_id]?.includes(role))) {
        const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? NOBODY);
        const bodies: Record<string, unknown> = {
          extendAllocation: { additional_tokens: 1 },
          updateBudget: { name: "mine" },
          updatePolicy: { token_limit: 1 },
          rotateKey: {},
        };
        const body = bodies[route.operation_id];
        const answer = await server().call(route.method.toUpperCase(), path, { body, headers });
        expect(answer.status, `${role} ${route.method} ${path}`).to.equal(404);
      }
    }
    const operator = { "X-API-Key": await server().key({ role: "operator" }, tenant.tenant_id as string) };
    for (const [path, body] of [
      ["/api/allocations", request(budget_id)],
      ["/api/policies", { budget_id, type: "log", period: "daily", token_limit: 1 }],
      ["/api/budgets", { name: "below", parent_budget_id: budget_id }],
      ["/api/usage/record", usage],
    ] as const)
      expect((await server().post(path, body, operator)).status, path).to.equal(404);
    for (const path of ["/api/budgets", "/api/policies", "/api/allocations", "/api/usage/records"])
      expect((await server().get(path, operator)).text).to.not.contain(budget_id);
  });

  it("changes no prices, and makes no other tenants", async () => {
    const { body: tenant } = await server().post("/api/tenants", { name: "small" });
    const headers = { "X-API-Key": await server().key({ role: "admin" }, tenant.tenant_id as string) };
    for (const [path, body] of [
      ["/api/prices/update", { sources: [] }],
      ["/api/tenants", { name: "x" }],
      [`/api/tenants/${DEFAULT_TENANT_ID}/keys`, { name: "x" }],
    ] as const)
      expect(codeOf(await server().post(path, body, headers)), path).to.equal("403 forbidden");
    const path = `/api/tenants/${tenant.tenant_id as string}`;
    expect(codeOf(await server().put(path, { limits: { max_keys: null } }, headers))).to.equal(
      "403 forbidden",
    );
    for (const where of ["/api/tenants", path])
      expect(codeOf(await server().get(where, headers))).to.equal("403 forbidden");
    expect((await server().get("/api/tenants")).body.items.length).to.be.greaterThan(1);
  });
});

onEveryDatabase("the record of changes", (server) => {
  it("says who changed what, from where, and what it was and is", async () => {
    const { body: budget } = await server().post("/api/budgets", { name: "a" }, { "X-Request-Id": "r-1" });
    await server().put(`/api/budgets/${budget.budget_id}`, { name: "b" });
    await server().delete(`/api/budgets/${budget.budget_id}`);
    const { body } = await server().get(`/api/audit?subject_id=${budget.budget_id}`);
    const told = (body.items as Record<string, unknown>[]).map(({ action, actor, origin, before, after }) => [
      action,
      actor,
      origin,
      (before as { name?: string } | null)?.name ?? null,
      (after as { name?: string } | null)?.name ?? null,
    ]);
    const from = "::ffff:127.0.0.1".slice("::ffff:".length);
    expect(told).to.deep.equal([
      ["budget.deleted", "first admin", from, "b", null],
      ["budget.updated", "first admin", from, "a", "b"],
      ["budget.created", "first admin", from, null, "a"],
    ]);
    expect(body.items[2].request_id).to.equal("r-1");
  });

  it("has every denial, without the key that was tried", async () => {
    const viewer = await server().key({ role: "viewer" });
    await server().post("/api/budgets", { name: "x" }, { "X-API-Key": viewer });
    await server().get("/api/budgets", { "X-API-Key": UNKNOWN_KEY });
    const { body, text } = await server().get("/api/audit?kind=denial&limit=2");
    const items = body.items as readonly Record<string, string>[];
    expect(items.map(({ action, actor }) => [action, actor])).to.deep.equal([
      ["listBudgets", "unknown key"],
      ["createBudget", "viewer"],
    ]);
    expect(text).to.not.contain("BBBB");
  });

  it("has a denial that could not be written at once", async () => {
    const { knex } = server().database;
    await server().get("/api/budgets", { "X-API-Key": UNKNOWN_KEY, "X-Request-Id": "late" });
    await knex.schema.renameTable("audit_heads", "audit_heads_away");
    const failed = await server()
      .engine.access.flush()
      .catch((error: unknown) => String(error));
    await knex.schema.renameTable("audit_heads_away", "audit_heads");
    expect(failed).to.contain("audit_heads");
    const { body } = await server().get("/api/audit?kind=denial&limit=1");
    expect(body.items[0].request_id).to.equal("late");
  });

  it("shows what was tampered with, and where", async () => {
    const { knex } = server();
    const verification = async () =>
      (await server().get("/api/audit/verification")).body as Readonly<Record<string, unknown>>;
    expect(codeOf(await server().get("/api/audit/verification?from=1"))).to.equal("400 invalid_value");
    const whole = await verification();
    expect(whole).to.deep.include({ intact: true, first_wrong: null });
    const [entry] = await knex("audit_entries").where({ tenant_id: DEFAULT_TENANT_ID, sequence: 2 });
    const where = { tenant_id: DEFAULT_TENANT_ID, sequence: 2 };
    await knex("audit_entries").where(where).update({ actor: "mallory" });
    expect(await verification()).to.deep.include({
      intact: false,
      first_wrong: 2,
      what: "It is not as it was written.",
    });
    await knex("audit_entries").where(where).delete();
    expect(await verification()).to.deep.include({ first_wrong: 2, what: "Entry 2 is missing." });
    await knex("audit_entries").insert(entry);
    expect(await verification()).to.deep.equal(whole);
    const last = { tenant_id: DEFAULT_TENANT_ID, sequence: whole.entries };
    await knex("audit_entries").where(last).delete();
    expect(await verification()).to.deep.include({
      intact: false,
      first_wrong: whole.entries,
      what: "Entries at the end are missing.",
    });
  });
});

for (const kind of TEST_DATABASES) {
  describe(`a server that counts requests on ${kind.name}`, () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start(kind, { rate_limit: { per_second: 2, burst: 4 } });
    });
    after(() => server.stop());

    it("refuses a key that asks too often, says when it may again, and leaves others alone", async () => {
      const key = await server.key({ role: "viewer" });
      const get = () => server.get("/api/budgets", { "X-API-Key": key });
      for (let count = 0; count < 4; count += 1) expect(codeOf(await get())).to.equal("ok");
      const refused = await get();
      expect(codeOf(refused)).to.equal("429 rate_limited");
      expect(
        Object.fromEntries(
          ["retry-after", "ratelimit", "ratelimit-policy"].map((name) => [name, refused.headers.get(name)]),
        ),
      ).to.deep.equal({
        "retry-after": "1",
        ratelimit: '"key";r=0;t=1',
        "ratelimit-policy": '"key";q=4;w=2',
      });
      const other = await server.key({ role: "viewer" });
      expect(codeOf(await server.get("/api/budgets", { "X-API-Key": other }))).to.equal("ok");
      server.clock.now_ms += 500;
      expect(codeOf(await get())).to.equal("ok");
      expect(codeOf(await get())).to.equal("429 rate_limited");
    });

    for (const route of PROTECTED) {
      it(`counts ${route.method.toUpperCase()} ${route.path}`, async () => {
        const headers = { "X-API-Key": await server.key({ role: "admin" }) };
        for (let count = 0; count < 4; count += 1) await server.get("/api/budgets", headers);
        const method = route.method.toUpperCase();
        const answer = await server.call(method, open(route), { body: bodyOf(route), headers });
        expect(codeOf(answer)).to.equal("429 rate_limited");
      });
    }
  });

  describe(`a server with neighbours on ${kind.name}`, () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start(kind, { origins: ["https://app.example.com"] });
    });
    after(() => server.stop());

    it("answers only to its names, whatever path is asked", async () => {
      const { request: send } = await import("node:http");
      const statusFor = (host: string, path: string) =>
        new Promise<number | undefined>((answered, failed) => {
          send(server.url + path, { headers: { host, "X-API-Key": ADMIN_KEY } }, (response) => {
            response.resume();
            answered(response.statusCode);
          })
            .on("error", failed)
            .end();
        });
      for (const path of ["/api/budgets", "/health", "/openapi.json", "/nothing"]) {
        expect(await statusFor("evil.example", path), path).to.equal(421);
        expect(await statusFor("localhost:8013", path), path).to.not.equal(421);
      }
    });

    it("is called by pages of its own origin, and of those that it knows", async () => {
      const ask = (origin: string, init: RequestInit = {}) =>
        fetchAsAdmin(`${server.url}/api/budgets`, { ...init, headers: { Origin: origin } });
      expect((await ask("https://evil.example")).status).to.equal(403);
      expect((await ask("null")).status).to.equal(403);
      expect((await ask(server.url)).status).to.equal(200);
      const known = await ask("https://app.example.com");
      expect(known.headers.get("access-control-allow-origin")).to.equal("https://app.example.com");
      const preflight = await ask("https://app.example.com", { method: "OPTIONS" });
      expect([
        preflight.status,
        preflight.headers.get("access-control-allow-headers")?.includes("X-API-Key"),
      ]).to.deep.equal([204, true]);
      expect((await fetch(`${server.url}/api/budgets`)).headers.get("access-control-allow-origin")).to.equal(
        null,
      );
    });

    it("believes no X-Forwarded-For of a proxy that it was not told of", async () => {
      const headers = { "X-Forwarded-For": "203.0.113.7", "X-API-Key": UNKNOWN_KEY };
      await fetch(`${server.url}/api/budgets`, { headers });
      const { body } = await server.get("/api/audit?kind=denial&limit=1");
      expect(body.items[0].origin).to.equal("127.0.0.1");
      const behind = await TestServer.start(kind, { trusted_proxies: ["loopback"] });
      await fetch(`${behind.url}/api/budgets`, { headers });
      const told = await behind.get("/api/audit?kind=denial&limit=1");
      expect(told.body.items[0].origin).to.equal("203.0.113.7");
      await behind.stop();
    });
  });
}
