import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { request as send } from "node:http";
import { HTTP_LIMITS, createHttpServer } from "../src/http-limits.ts";
import {
  MOST_LEVELS,
  MOST_QUERY_CHARACTERS,
  MOST_QUERY_PARAMETERS,
  isDeeperThan,
} from "../src/request-limits.ts";
import { TestServer, codeOf, onEveryDatabase, request, type Answered } from "./support.ts";

const limitsTold = ({ headers }: Answered) => [headers.get("ratelimit-policy"), headers.get("ratelimit")];
const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);

for (const kind of TEST_DATABASES) {
  describe(`a server that tells of its limits on ${kind.name}`, () => {
    let server: TestServer;
    before(async () => {
      server = await TestServer.start(kind, { rate_limit: { per_second: 5, burst: 20 } });
    });
    after(() => server.stop());

    it("does so in every answer to a request with a key, whatever it is", async () => {
      const headers = { "X-API-Key": await server.key({ role: "viewer" }) };
      const answers: [string, Answered][] = [
        ["ok", await server.get("/api/budgets", headers)],
        ["400 invalid_value", await server.get("/api/budgets?nothing=1", headers)],
        [
          "404 budget_not_found",
          await server.get(`/api/budgets/${"0".repeat(8)}-0000-7000-8000-000000000000`, headers),
        ],
        ["403 forbidden", await server.post("/api/budgets", { name: "x" }, headers)],
      ];
      expect(answers.map(([, answer]) => codeOf(answer))).to.deep.equal(answers.map(([code]) => code));
      for (const [, answer] of answers) {
        const [policy, left] = limitsTold(answer);
        expect(policy).to.equal('"key";q=20;w=4');
        expect(left).to.match(/^"key";r=1\d;t=[12]$/);
      }
      const metrics = await fetch(`${server.url}/metrics`, { headers });
      expect(metrics.headers.get("ratelimit")).to.match(/^"key";r=1\d;t=[12]$/);
      const unknown = await server.get("/api/budgets", { "X-API-Key": "x" });
      expect([codeOf(unknown), ...limitsTold(unknown)]).to.deep.equal(["401 unauthenticated", null, null]);
    });

    it("counts down, and up again with time", async () => {
      const headers = { "X-API-Key": await server.key({ role: "viewer" }) };
      const told = async () => limitsTold(await server.get("/api/budgets", headers))[1];
      const first = Number(/r=(\d+)/.exec((await told())!)![1]);
      expect(first).to.be.within(10, 19);
      while (codeOf(await server.get("/api/budgets", headers)) === "ok");
      expect(await told()).to.equal('"key";r=0;t=1');
      server.clock.now_ms += 10_000;
      expect(Number(/r=(\d+)/.exec((await told())!)![1])).to.be.greaterThan(first - 10);
    });

    it("holds all keys of a tenant together to what the tenant may", async () => {
      const { body: tenant } = await server.post("/api/tenants", {
        name: "small",
        limits: { requests_per_second: 2 },
      });
      const tenant_id = tenant.tenant_id as string;
      const keys = [
        await server.key({ role: "viewer" }, tenant_id),
        await server.key({ role: "viewer" }, tenant_id),
      ];
      const get = (key: string) => server.get("/api/budgets", { "X-API-Key": key });
      const answers = [];
      for (let round = 0; round < 3; round += 1) for (const key of keys) answers.push(await get(key));
      expect(answers.map(codeOf)).to.deep.equal([
        ...Array.from({ length: 4 }, () => "ok"),
        "429 rate_limited",
        "429 rate_limited",
      ]);
      const refused = answers[4]!;
      expect(limitsTold(refused)[0]).to.equal('"key";q=20;w=4, "tenant";q=4;w=2');
      expect(limitsTold(refused)[1]).to.match(/^"key";r=1\d;t=[12], "tenant";r=0;t=1$/);
      expect(refused.body.detail).to.equal(
        "This tenant may make 2 requests a second, and 4 at once after a rest.",
      );
      // A change binds within half a second, without another key.
      await server.put(`/api/tenants/${tenant_id}`, { limits: { requests_per_second: null } });
      server.clock.now_ms += 500;
      const freed = await get(keys[0]!);
      expect([codeOf(freed), limitsTold(freed)[0]]).to.deep.equal(["ok", '"key";q=20;w=4']);
    });
  });
}

onEveryDatabase("a tenant with limits", (server) => {
  const tenantWith = async (limits: Readonly<Record<string, number | null>>) => {
    const { body } = await server().post("/api/tenants", { name: "limited", limits });
    const headers = { "X-API-Key": await server().key({ role: "admin" }, body.tenant_id as string) };
    return { path: `/api/tenants/${body.tenant_id as string}`, headers };
  };
  const times = async (count: number, call: () => Promise<Answered>): Promise<readonly string[]> =>
    (await Promise.all(Array.from({ length: count }, call))).map(codeOf).sort();
  const REFUSED = "409 tenant_limit_reached";

  it("has no more budgets than it may, however many are made at once", async () => {
    const { headers } = await tenantWith({ max_budgets: 4 });
    const make = () => server().post("/api/budgets", { name: "x" }, headers);
    expect(await times(8, make)).to.deep.equal([
      ...Array.from({ length: 5 }, () => REFUSED),
      "ok",
      "ok",
      "ok",
    ]);
    const { body } = await server().get("/api/budgets", headers);
    expect(body.total).to.equal(4);
    const refused = await make();
    expect(refused.body.detail).to.equal(
      "This tenant has 4 budgets and may have 4 (max_budgets). Delete one that is no longer needed, or let an admin " +
        "of the installation raise the limit.",
    );
    const [newest] = (body.items as { budget_id: string; name: string }[]).filter(({ name }) => name === "x");
    await server().delete(`/api/budgets/${newest!.budget_id}`, headers);
    expect(await times(2, make)).to.deep.equal([REFUSED, "ok"]);
  });

  it("has no more keys than it may that open something, however many are made at once", async () => {
    const { path, headers } = await tenantWith({ max_keys: 3 });
    const make = () => server().post("/api/keys", { name: "x", role: "viewer" }, headers);
    expect(await times(6, make)).to.deep.equal([...Array.from({ length: 4 }, () => REFUSED), "ok", "ok"]);
    expect(codeOf(await server().post(`${path}/keys`, { name: "x" }))).to.equal(REFUSED);
    const { body } = await server().get("/api/keys?limit=1", headers);
    await server().post(`/api/keys/${body.items[0].key_id}/revoke`, undefined, headers);
    const expires_at = new Date(server().clock.now_ms + 1000).toISOString();
    const brief = { name: "brief", role: "viewer", expires_at };
    expect(codeOf(await server().post("/api/keys", brief, headers))).to.equal("ok");
    expect(codeOf(await make())).to.equal(REFUSED);
    server().clock.now_ms += 1000;
    expect(codeOf(await make())).to.equal("ok");
  });

  it("loses nothing when they are lowered, and may have more when they are raised", async () => {
    const { path, headers } = await tenantWith({});
    const make = () => server().post("/api/budgets", { name: "x" }, headers);
    expect(await times(3, make)).to.deep.equal(["ok", "ok", "ok"]);
    await server().put(path, { limits: { max_budgets: 1 } });
    expect((await server().get("/api/budgets", headers)).body.total).to.equal(4);
    expect(codeOf(await make())).to.equal(REFUSED);
    await server().put(path, { limits: { max_budgets: 5 } });
    expect(await times(2, make)).to.deep.equal([REFUSED, "ok"]);
  });

  it("is shown with them, changed by version, and its changes are on record", async () => {
    const limits = { max_budgets: 2, max_keys: 9, requests_per_second: null };
    const made = await server().post("/api/tenants", { name: "a", limits: { max_budgets: 2, max_keys: 9 } });
    expect(made.body.limits).to.deep.equal(limits);
    const path = `/api/tenants/${made.body.tenant_id as string}`;
    const etag = made.headers.get("etag")!;
    const changed = await server().put(path, { limits: { max_keys: null } }, { "If-Match": etag });
    const after = { ...limits, max_keys: null };
    expect([changed.status, changed.body.limits, changed.body.name]).to.deep.equal([200, after, "a"]);
    expect(codeOf(await server().put(path, { name: "b" }, { "If-Match": etag }))).to.equal(
      "412 version_conflict",
    );
    const found = await server().get(path);
    expect([found.body, found.headers.get("etag")]).to.deep.equal([
      changed.body,
      changed.headers.get("etag"),
    ]);
    const { body: listed } = await server().get("/api/tenants?limit=1000");
    expect(listed.items).to.deep.include(changed.body);
    const { body: audit } = await server().get(`/api/audit?subject_id=${made.body.tenant_id as string}`);
    expect(
      (audit.items as { action: string; before: unknown; after: unknown }[]).map((entry) => [
        entry.action,
        entry.before,
        entry.after,
      ]),
    ).to.deep.equal([
      ["tenant.updated", made.body, changed.body],
      ["tenant.created", null, made.body],
    ]);
    for (const wrong of [{ max_keys: 0 }, { max_keys: 1.5 }, { max_budgets: "1" }, { most: 1 }])
      expect(codeOf(await server().put(path, { limits: wrong }))).to.equal("400 invalid_value");
    expect(codeOf(await server().put(path, {}))).to.equal("400 invalid_value");
  });
});

onEveryDatabase("a request that is too much", (server) => {
  it("by the depth of its body is refused before it is read", async () => {
    const { budget_id } = await server().budget();
    const withField = (value: string) =>
      JSON.stringify(request(budget_id)).replace(/}$/, `,"metadata":${value}}`);
    const deep = await server().post("/api/allocations", withField(nested(MOST_LEVELS)));
    expect([codeOf(deep), deep.body.detail]).to.deep.equal([
      "400 invalid_json",
      "The body must not be nested deeper than 128 levels.",
    ]);
    const mixed = `{"a":[`.repeat(100_000);
    expect(codeOf(await server().post("/api/allocations", mixed))).to.equal("400 invalid_json");
    // Metadata has a limit of its own, which its field is named for.
    const metadata = await server().post("/api/allocations", withField(nested(MOST_LEVELS - 1)));
    expect([codeOf(metadata), metadata.body.field]).to.deep.equal(["400 invalid_value", "/metadata"]);
    const text = withField(JSON.stringify({ text: '"\\'.repeat(50) + "[{".repeat(1000) }));
    expect(codeOf(await server().post("/api/allocations", text))).to.equal("ok");
  });

  it("by its query is refused, and told what there may be", async () => {
    const long = await server().get(`/api/budgets?name=${"x".repeat(MOST_QUERY_CHARACTERS)}`);
    expect([codeOf(long), long.body.detail]).to.deep.equal([
      "400 invalid_value",
      "The query of the URL may have 4096 characters at most; it has 4101.",
    ]);
    const many = await server().get(`/api/budgets?${"a&".repeat(MOST_QUERY_PARAMETERS)}a`);
    expect([codeOf(many), many.body.detail]).to.deep.equal([
      "400 invalid_value",
      "The query of the URL may have 50 parameters at most; it has 51.",
    ]);
    expect(codeOf(await server().get(`/api/budgets?name=${"x".repeat(200)}`))).to.equal("ok");
    expect(codeOf(await server().get(`/health?${"a&".repeat(1000)}`))).to.equal("ok");
  });
});

describe("the depth of JSON", () => {
  it("is that of its brackets outside of strings", () => {
    const isDeeper = (json: string, levels: number) => isDeeperThan(levels, Buffer.from(json));
    for (const levels of [1, 2, 50, 128]) {
      expect(isDeeper(nested(levels), levels), "as deep").to.equal(false);
      expect(isDeeper(nested(levels + 1), levels), "deeper").to.equal(true);
      const wide = `[${Array.from({ length: 500 }, () => nested(levels - 1) || "1").join(",")}]`;
      expect(isDeeper(wide, levels), "wide").to.equal(false);
    }
    const tricky = ['"[[["', '"\\"[[["', '"\\\\"', '"ÿ［｛💰"'].join(",");
    expect(isDeeper(`[[${tricky}]]`, 2)).to.equal(false);
    expect(isDeeper(`[[${tricky},[]]]`, 2)).to.equal(true);
    expect(isDeeper('"[[[[[[[[[[', 2)).to.equal(false);
  });
});

describe("the head of a request", () => {
  it("is refused by Node where it is too large, or has too many lines", async () => {
    const http = createHttpServer((_incoming, response) => response.end());
    await new Promise<void>((listening) => http.listen(0, "127.0.0.1", listening));
    const { port } = http.address() as { port: number };
    const ask = (headers: Readonly<Record<string, string>>, path = "/") =>
      new Promise<number | undefined>((answered, failed) => {
        send({ port, host: "127.0.0.1", path, headers, agent: false }, (response) => {
          response.resume();
          answered(response.statusCode);
        })
          .on("error", failed)
          .end();
      });
    const { head_bytes, header_count } = HTTP_LIMITS;
    expect(await ask({ "x-long": "x".repeat(head_bytes) })).to.equal(431);
    expect(await ask({}, `/?${"x".repeat(head_bytes)}`)).to.equal(431);
    const lines = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, "1"]));
    expect(await ask(lines(header_count / 2))).to.equal(200);
    expect(await ask(lines(header_count + 1))).to.equal(431);
    http.close();
  });
});
