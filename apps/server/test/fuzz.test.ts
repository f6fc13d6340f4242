import { ROLES } from "@budget/domain";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import fc from "fast-check";
import type { TSchema } from "typebox";
import { ROUTES } from "../src/routes/index.ts";
import type { Route } from "../src/routes/route.ts";
import { ADMIN_KEY, TestServer } from "./support.ts";

/** More of them are asked for by hand: see docs/security.md. */
const REQUESTS = Number(process.env.FUZZ_REQUESTS ?? "1500");
const SEED = Number(process.env.FUZZ_SEED ?? "20261127");

/** What a JSON Schema says, as far as requests are made from it. */
interface Described {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly required?: readonly string[];
  readonly items?: Described;
  readonly anyOf?: readonly Described[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly maxItems?: number;
}

const HOSTILE = fc.constantFrom<unknown>(
  null,
  true,
  -1,
  1e308,
  Number.MAX_SAFE_INTEGER,
  "",
  "\u0000",
  "' OR 1=1 --",
  "../../etc/passwd",
  "\ud800",
  "x".repeat(5000),
  [],
  {},
  [[[[]]]],
  { __proto__: null, constructor: 1 },
);

function textOf(
  { format, pattern, minLength = 0, maxLength = 50 }: Described,
  ids: readonly string[],
): fc.Arbitrary<unknown> {
  if (format === "uuid") return fc.oneof(fc.constantFrom(...ids), fc.uuid({ version: 7 }));
  if (format === "date-time")
    return fc
      .date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (pattern?.startsWith("^\\d") === true) return fc.nat(1000).map(String);
  const most = Math.min(maxLength, 50);
  return fc.oneof(
    fc.constantFrom("openai", "gpt-4o", "rhetor", "chat"),
    fc.string({ minLength: Math.min(minLength, most), maxLength: most }),
  );
}

/** Values that a schema takes, most of the time. */
function valuesOf(schema: Described, ids: readonly string[]): fc.Arbitrary<unknown> {
  const right = rightValuesOf(schema, ids);
  return fc.oneof({ weight: 30, arbitrary: right }, { weight: 1, arbitrary: HOSTILE });
}

function rightValuesOf(schema: Described, ids: readonly string[]): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const);
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map((one) => valuesOf(one, ids)));
  switch (schema.type) {
    case "object": {
      const parts = Object.entries(schema.properties ?? {});
      const required = parts.map(([name]) => name).filter((name) => schema.required?.includes(name) === true);
      const fields = Object.fromEntries(parts.map(([name, part]) => [name, valuesOf(part, ids)]));
      return parts.length === 0
        ? fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
        : fc.record(fields, { requiredKeys: required });
    }
    case "array":
      return fc.array(valuesOf(schema.items ?? {}, ids), { maxLength: Math.min(schema.maxItems ?? 4, 4) });
    case "integer":
      return fc.integer({ min: schema.minimum ?? -5, max: Math.min(schema.maximum ?? 5000, 5000) });
    case "number":
      return fc.double({ min: schema.minimum ?? 0, max: Math.min(schema.maximum ?? 100, 100), noNaN: true });
    case "boolean":
      return fc.boolean();
    case "string":
      return textOf(schema, ids);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

const described = (schema: TSchema | undefined): Described => schema ?? { type: "object" };

interface Sent {
  readonly route: Route;
  readonly path: string;
  readonly body: string | undefined;
  readonly key: string;
}

/** Ids that are there: a path that leads to nothing tries little. */
type Known = Readonly<Record<string, string>>;

/** A body with some of its bytes changed, cut off or said twice. */
const mutated = (body: string): fc.Arbitrary<string> =>
  fc
    .tuple(fc.nat(body.length), fc.nat(20), fc.string({ maxLength: 3 }))
    .map(([at, length, put]) => body.slice(0, at) + put + body.slice(at + length));

function requestsTo(route: Route, known: Known, keys: readonly string[]): fc.Arbitrary<Sent> {
  const ids = Object.values(known);
  const { properties = {} } = described(route.params);
  const params = fc.record(
    Object.fromEntries(
      Object.entries(properties).map(([name, part]) => [
        name,
        fc.oneof(
          { weight: 5, arbitrary: fc.constant(known[name] ?? "openai") },
          { weight: 1, arbitrary: valuesOf(part, ids) },
        ),
      ]),
    ),
  );
  const query = fc.oneof(fc.constant({}), rightValuesOf(described(route.query), ids));
  const body: fc.Arbitrary<string | undefined> =
    route.body === undefined
      ? fc.constant(undefined)
      : valuesOf(described(route.body), ids).chain((value) => {
          const text = JSON.stringify(value);
          return fc.oneof(
            { weight: 3, arbitrary: fc.constant(text) },
            { weight: 1, arbitrary: mutated(text) },
          );
        });
  return fc.record({ params, query, body, key: fc.constantFrom(...keys) }).map((made) => {
    const path = route.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
      encodeURIComponent(wellFormed(made.params[name])),
    );
    const pairs = Object.entries(made.query as Record<string, unknown>).map(
      ([name, value]) => `${name}=${encodeURIComponent(wellFormed(value))}`,
    );
    const search = pairs.length === 0 ? "" : `?${pairs.join("&")}`;
    return { route, path: path + search, body: made.body, key: made.key };
  });
}

/** Half of a surrogate pair cannot be written into a URL. */
const wellFormed = (value: unknown): string =>
  (typeof value === "string" ? value : ((JSON.stringify(value) as string | undefined) ?? "")).toWellFormed();

/** What requests change: counted, added up, and read as one line. */
const STATE = `SELECT
  (SELECT COUNT(*) FROM budgets) AS budgets, (SELECT COALESCE(SUM(version), 0) FROM budgets) AS budget_versions,
  (SELECT COUNT(*) FROM policies) AS policies, (SELECT COALESCE(SUM(version), 0) FROM policies) AS policy_versions,
  (SELECT COUNT(*) FROM allocations) AS allocations, (SELECT COALESCE(SUM(tokens_allocated), 0) FROM allocations) AS tokens,
  (SELECT COUNT(*) FROM usage_records) AS records, (SELECT COALESCE(SUM(total_cost_nano_usd), 0) FROM usage_records) AS cost,
  (SELECT COALESCE(SUM(used_tokens + held_tokens), 0) FROM balances) AS balances,
  (SELECT COUNT(*) FROM prices) AS prices, (SELECT COUNT(*) FROM price_observations) AS observations,
  (SELECT COUNT(*) FROM price_reviews) AS reviews, (SELECT COUNT(*) FROM api_keys) AS keys,
  (SELECT COUNT(*) FROM api_keys WHERE revoked_at_ms IS NOT NULL) AS revoked, (SELECT COUNT(*) FROM tenants) AS tenants`;

for (const kind of TEST_DATABASES) {
  describe(`requests made at random on ${kind.name}`, function () {
    this.timeout(3_600_000);
    let server: TestServer;
    before(async () => {
      server = await TestServer.start(kind);
    });
    after(() => server.stop());

    async function stateOf(): Promise<string> {
      const answer = (await server.knex.raw(STATE)) as { rows?: unknown[] } | unknown[];
      const [row] = Array.isArray(answer) ? answer : (answer.rows ?? []);
      return JSON.stringify(row, (_, value: unknown) =>
        typeof value === "bigint" ? value.toString() : value,
      );
    }

    it(`are answered, none by a failure, and those that are refused change nothing (${REQUESTS})`, async () => {
      const { budget_id, policy_id } = await server.budget({ type: "enforce", token_limit: 1_000_000 });
      const { body: allocation } = await server.allocation(budget_id);
      const known = { budget_id, policy_id, allocation_id: allocation.allocation_id as string };
      const keys = [ADMIN_KEY, ADMIN_KEY, ADMIN_KEY, "x"];
      for (const role of ROLES) keys.push(await server.key({ role }));
      const arbitraries = ROUTES.map((route) => requestsTo(route, known, keys));
      const each = Math.ceil(REQUESTS / ROUTES.length);
      const sent = arbitraries.flatMap((arbitrary, index) =>
        fc.sample(arbitrary, { numRuns: each, seed: SEED + index }),
      );
      const counts: Record<string, number> = {};
      let before = await stateOf();
      for (const [index, { route, path, body, key }] of sent.entries()) {
        const where = `${index} ${route.method} ${path} ${body ?? ""}`;
        const answer = await fetch(server.url + path, {
          method: route.method.toUpperCase(),
          headers: {
            "X-API-Key": key,
            ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          },
          ...(body === undefined ? {} : { body }),
        });
        const text = await answer.text();
        counts[answer.status] = (counts[answer.status] ?? 0) + 1;
        expect(answer.status, `${where} → ${text}`).to.be.below(500);
        const after = await stateOf();
        if (answer.status >= 400) expect(after, `${where} → ${text}`).to.equal(before);
        before = after;
      }
      console.log(`        ${JSON.stringify(counts)}`);
      expect(Object.keys(counts)).to.include.members(["200", "201", "400", "401", "403", "404"]);
      expect(server.errors).to.deep.equal([]);
      expect((await server.get("/health")).status).to.equal(200);
    });
  });
}
