import type { SourceRead } from "@budget/price-sources";
import { expect } from "chai";
import { v7 } from "uuid";
import { ROUTES } from "../src/routes/index.ts";
import { codeOf, onEveryDatabase, pluck, request, type TestServer } from "./support.ts";

const MIB = 1024 * 1024;
const NOBODY = "01a20000-0000-7000-8000-000000000000";

/** A budget, a policy, an allocation and a usage record that exist, for the paths below. */
interface World {
  readonly budget_id: string;
  readonly policy_id: string;
  readonly allocation_id: string;
  readonly tenant_id: string;
}

const pathOf = (path: string, value: string): string => path.replaceAll(/\{\w+\}/g, value);

/** A body that is right for each route that takes one, so that one thing can be made wrong. */
function rightBody(operation_id: string, { budget_id, allocation_id }: World): Record<string, unknown> {
  const usage = {
    budget_id,
    context_id: "c",
    component: "rhetor",
    provider: "openai",
    model: "gpt-4o",
    input_tokens: 1,
  };
  const bodies: Readonly<Record<string, Record<string, unknown>>> = {
    createBudget: { name: "x" },
    createKey: { name: "x", role: "viewer" },
    rotateKey: { overlap_s: 1 },
    setSourceCredential: { header: "X-Api-Key", value: "sk-1234" },
    createTenant: { name: "x" },
    createTenantKey: { name: "x" },
    updateTenant: { name: "x" },
    updateBudget: { name: "x" },
    createPolicy: { budget_id, type: "warn", period: "daily", token_limit: 1 },
    updatePolicy: { token_limit: 1 },
    allocate: request(budget_id),
    checkAllocation: request(budget_id),
    allocateBatch: { items: [request(budget_id)] },
    extendAllocation: { additional_tokens: 1 },
    recordUsage: { ...usage, allocation_id },
    recordUsageBatch: { items: [usage] },
    summariseUsage: { budget_id },
    getCurrentPrice: { provider: "openai", model: "gpt-4o" },
    decidePriceReview: { decision: "reject", decided_by: "ada", why: "It is wrong." },
    setPriceByHand: {
      provider: "openai",
      model: "gpt-4o-mini-tts",
      components: [{ unit: "input_tokens", cost_per_unit: "0.000001" }],
      set_by: "ada",
      why: "Our contract.",
    },
    recommendModels: { provider: "openai", model: "gpt-4o" },
    repriceUsage: {
      start_time: "2026-11-01T00:00:00Z",
      end_time: "2026-11-02T00:00:00Z",
      repriced_by: "ada",
      why: "It was wrong.",
    },
    withdrawPriceByHand: { withdrawn_by: "ada", why: "It ended." },
    updatePrices: { sources: ["test"] },
    sendMessage: { sender: "rhetor", message_type: "budget.get_budget_status" },
    calculateCost: { provider: "openai", model: "gpt-4o", usage: { input_tokens: 1 } },
  };
  const body = bodies[operation_id];
  if (body === undefined) throw new Error(`No right body for ${operation_id}.`);
  return body;
}

const WITH_BODY = ROUTES.filter(({ body }) => body !== undefined);
const WITH_QUERY = ROUTES.filter(({ query }) => query !== undefined);
const ID_PARAMETER =
  /\{(budget_id|policy_id|allocation_id|record_id|review_id|observation_id|key_id|tenant_id|alert_id)\}/;

onEveryDatabase("every route", (server) => {
  let world: World;
  before(async () => {
    const { budget_id, policy_id } = await server().budget({ type: "log", token_limit: 1_000_000 });
    const { body } = await server().allocation(budget_id);
    const { body: tenant } = await server().post("/api/tenants", { name: "other" });
    world = { budget_id, policy_id, allocation_id: body.allocation_id, tenant_id: tenant.tenant_id };
  });

  const target = (path: string): string =>
    path
      .replace("{budget_id}", world.budget_id)
      .replace("{policy_id}", world.policy_id)
      .replace("{allocation_id}", world.allocation_id)
      .replace("{record_id}", NOBODY)
      .replace("{observation_id}", NOBODY)
      .replace("{key_id}", NOBODY)
      .replace("{alert_id}", NOBODY)
      .replace("{tenant_id}", world.tenant_id)
      .replace("{review_id}", NOBODY);

  for (const route of ROUTES.filter(({ path }) => ID_PARAMETER.test(path))) {
    const method = route.method.toUpperCase();
    it(`${method} ${route.path} refuses what is no UUID, and does not find what is not there`, async () => {
      const body = route.body === undefined ? undefined : rightBody(route.operation_id, world);
      for (const wrong of ["x", "%00", "urn:uuid:" + NOBODY, `{${NOBODY}}`, "%E0%A4%A"]) {
        const answer = await server().call(method, pathOf(route.path, wrong), { body });
        expect(codeOf(answer), wrong).to.equal("400 invalid_value");
      }
      const missing = await server().call(method, pathOf(route.path, NOBODY), { body });
      expect(missing.status).to.equal(404);
      expect(missing.body.code).to.match(/_not_found$/);
      expect(missing.body.code).to.not.equal("route_not_found");
    });
  }

  for (const route of WITH_QUERY) {
    it(`GET ${route.path} refuses wrong query parameters`, async () => {
      const path = target(route.path);
      const cases = ["nothing=1", "__proto__=1", "constructor=1", "toString=x"];
      const names = Object.keys((route.query as unknown as { properties: object }).properties);
      for (const name of names) cases.push(`${name}=daily&${name}=daily`, `${name}=`);
      if (names.includes("page")) {
        cases.push("page=0", "page=-1", "page=x", "page=1.5", "page=1e400", "page=9007199254740993");
        cases.push("limit=0", "limit=1001", "page=1&page=2");
      }
      if (names.includes("start_time")) {
        cases.push(
          "start_time=yesterday",
          "start_time=2016-12-31T23:59:60Z",
          "end_time=2026-02-30T00:00:00Z",
        );
        cases.push("start_time=2026-01-01T00:00:00%2B01", "start_time=2026-01-01");
      }
      if (names.includes("budget_id")) cases.push("budget_id=x", `budget_id=urn:uuid:${NOBODY}`);
      if (names.includes("is_active")) cases.push("is_active=yes");
      if (names.includes("period")) cases.push("period=yearly");
      if (names.includes("owner")) cases.push("owner=%00");
      for (const wrong of cases) {
        // Text that may be empty is the one parameter that takes it.
        if (/^(owner|name)=$/.test(wrong)) continue;
        const answer = await server().get(`${path}?${wrong}`);
        expect(codeOf(answer), wrong).to.equal("400 invalid_value");
        expect(answer.body.field, wrong).to.equal(`/${wrong.split("=")[0]}`);
      }
    });
  }

  for (const route of WITH_BODY) {
    const method = route.method.toUpperCase();
    it(`${method} ${route.path} refuses wrong bodies`, async () => {
      const path = target(route.path);
      const right = rightBody(route.operation_id, world);
      const json = JSON.stringify(right);
      const cases: readonly (readonly [body: string, expected: string, field?: string])[] = [
        ["", "400 invalid_value", ""],
        ["{", "400 invalid_json", ""],
        [json.slice(0, -1), "400 invalid_json", ""],
        ["3", "400 invalid_json", ""],
        ["null", "400 invalid_json", ""],
        [`${json}x`, "400 invalid_json", ""],
        ["[]", "400 invalid_value", ""],
        [`[${json}]`, "400 invalid_value", ""],
        [JSON.stringify({ ...right, nothing: 1 }), "400 invalid_value", "/nothing"],
        [JSON.stringify({ ...right, "a/b~c": 1 }), "400 invalid_value", "/a~1b~0c"],
        [`{"__proto__":{"x":1},${json.slice(1)}`, "400 invalid_value", "/__proto__"],
        [`{"constructor":1,${json.slice(1)}`, "400 invalid_value", "/constructor"],
      ];
      for (const [body, expected, field] of cases) {
        const sent = await server().call(method, path, { body });
        expect(codeOf(sent), body).to.equal(expected);
        if (field !== undefined) expect(sent.body.field, body).to.equal(field);
      }
      expect(({} as { x?: number }).x).to.equal(undefined);
    });

    it(`${method} ${route.path} wants JSON`, async () => {
      const path = target(route.path);
      const body = JSON.stringify(rightBody(route.operation_id, world));
      for (const headers of [
        { "Content-Type": "text/plain" },
        { "Content-Type": "application/x-www-form-urlencoded" },
        { "Content-Type": "application/jsonx" },
        { "Content-Type": "application/json; charset=latin1" },
        { "Content-Type": "application/json; charset=utf-16le" },
        { "Content-Type": "application/json", "Content-Encoding": "compress" },
      ]) {
        const answer = await server().call(method, path, { body, headers });
        expect(codeOf(answer), JSON.stringify(headers)).to.equal("415 unsupported_media_type");
      }
      const broken = { "Content-Encoding": "gzip" };
      expect(codeOf(await server().call(method, path, { body, headers: broken }))).to.equal(
        "400 invalid_value",
      );
      expect(codeOf(await server().call(method, path))).to.equal("400 invalid_value");
    });

    it(`${method} ${route.path} refuses a body that is too large`, async () => {
      const limit = route.body_limit_bytes ?? MIB;
      const body = JSON.stringify({ ...rightBody(route.operation_id, world), nothing: "x".repeat(limit) });
      expect(codeOf(await server().call(method, target(route.path), { body }))).to.equal(
        "413 body_too_large",
      );
    });
  }

  for (const route of ROUTES.filter(({ conditional }) => conditional === true)) {
    const method = route.method.toUpperCase();
    it(`${method} ${route.path} holds to If-Match`, async () => {
      const body = route.body === undefined ? undefined : rightBody(route.operation_id, world);
      const path = target(route.path);
      for (const wrong of ["1", "abc", '"x"', '"1', '"-1"', '"1", "2"', `"${"9".repeat(16)}"`]) {
        const answer = await server().call(method, path, { body, headers: { "If-Match": wrong } });
        expect(codeOf(answer), wrong).to.equal("400 invalid_value");
        expect(answer.body.field).to.equal("If-Match");
      }
      const old = await server().call(method, path, { body, headers: { "If-Match": '"999"' } });
      expect(codeOf(old)).to.equal("412 version_conflict");
    });
  }

  for (const route of ROUTES.filter(({ idempotent_by_key }) => idempotent_by_key === true)) {
    it(`POST ${route.path} refuses a malformed Idempotency-Key`, async () => {
      const body = route.body === undefined ? undefined : rightBody(route.operation_id, world);
      for (const wrong of ["a b", "", "x".repeat(201), "ü"]) {
        const answer = await server().post(target(route.path), body, { "Idempotency-Key": wrong });
        expect(codeOf(answer), wrong).to.equal("400 invalid_value");
        expect(answer.body.field).to.equal("Idempotency-Key");
      }
    });
  }

  it("that knows no Idempotency-Key does not read it", async () => {
    expect((await server().get("/health", { "Idempotency-Key": "a b" })).status).to.equal(200);
  });
});

/** One field that is wrong in a body that is right otherwise, as raw JSON so that any number can be written. */
interface WrongField {
  readonly operation_id: string;
  readonly field: string;
  readonly value: string;
}

const wrong = (operation_id: string, field: string, ...values: readonly string[]): readonly WrongField[] =>
  values.map((value) => ({ operation_id, field, value }));

const NO_COUNTS = ["-1", "1.5", "1e400", "-1e400", "9007199254740993", "1e13", '"5"', "true", "[]", "{}"];
const NO_RANGES = [
  ...NO_COUNTS,
  '{"min":1}',
  '{"min":0,"max":0}',
  '{"min":1,"max":2,"most":3}',
  '{"min":"1","max":2}',
];
const NO_TEXTS = [
  "3",
  "null",
  "true",
  "[]",
  "{}",
  '""',
  '"a\\u0000b"',
  '"\\ud800"',
  JSON.stringify("x".repeat(201)),
];
const NO_TIMES = ["3", '"now"', '"2026-12-31"', '"2026-12-31T23:59:60Z"', '"2026-11-23T10:00:00"', "null"];
const NO_METADATA = [
  "3",
  "[]",
  "null",
  '"x"',
  JSON.stringify({ a: "x".repeat(16 * 1024) }),
  JSON.stringify({ a: "é".repeat(8 * 1024) }),
  `{"a":${"[".repeat(100)}${"]".repeat(100)}}`,
];
const NO_IDS = ["3", "null", '"x"', `"urn:uuid:${NOBODY}"`];

const WRONG_FIELDS: readonly WrongField[] = [
  ...wrong("createBudget", "name", ...NO_TEXTS, `${"[".repeat(120)}${"]".repeat(120)}`),
  ...wrong("createBudget", "owner", "3", "null", '"\\u0000"'),
  ...wrong("createBudget", "is_active", '"true"', "1", "null"),
  ...wrong("createBudget", "metadata", ...NO_METADATA),
  ...wrong("createBudget", "parent_budget_id", "3", '"x"', `"urn:uuid:${NOBODY}"`),
  ...wrong("updateBudget", "name", ...NO_TEXTS),
  ...wrong("updateBudget", "metadata", ...NO_METADATA),
  ...wrong("createPolicy", "type", '"never"', "3", "null", '"constructor"', '"__proto__"'),
  ...wrong("createPolicy", "period", '"yearly"', "3", "null"),
  ...wrong("createPolicy", "tier", '"heavy"', "3"),
  ...wrong("createPolicy", "token_limit", ...NO_COUNTS),
  ...wrong("createPolicy", "token_limit", "null"),
  ...wrong(
    "createPolicy",
    "cost_limit",
    "-1",
    "1e400",
    "1e10",
    "1e-10",
    '"-1"',
    '"1e3"',
    '"0.0000000001"',
    '"9999999999"',
    '"1000000000.01"',
    '""',
    "true",
    "[]",
  ),
  ...wrong("createPolicy", "time_zone", '"Mars/Olympus"', '""', "3", "null"),
  ...wrong("createPolicy", "warning_threshold", "-0.1", "1.1", '"0.5"', "null"),
  ...wrong("createPolicy", "end_date", ...NO_TIMES.filter((time) => time !== "null")),
  ...wrong("createPolicy", "action_threshold", "-0.1", "1.1"),
  ...wrong("createPolicy", "budget_id", ...NO_IDS),
  ...wrong("updatePolicy", "token_limit", ...NO_COUNTS),
  ...wrong("updatePolicy", "type", '"never"'),
  ...wrong("allocate", "tokens_allocated", "0", ...NO_RANGES, "null"),
  ...wrong("allocate", "max_output_tokens", ...NO_RANGES, "null"),
  ...wrong("allocate", "estimate", '"p42"', "95", "null"),
  ...wrong("allocate", "context_id", ...NO_TEXTS),
  ...wrong("allocate", "component", ...NO_TEXTS, '"  "'),
  ...wrong("allocate", "priority", "0", "11", "5.5", '"5"'),
  ...wrong("allocate", "expiration_time", ...NO_TIMES, '"1999-01-01T00:00:00Z"', '"9999-12-31T23:59:59Z"'),
  ...wrong("allocate", "budget_id", ...NO_IDS),
  ...wrong("allocate", "metadata", ...NO_METADATA),
  ...wrong("checkAllocation", "tokens_allocated", "0", ...NO_RANGES, "null"),
  ...wrong("extendAllocation", "additional_tokens", "0", ...NO_COUNTS, "null"),
  ...wrong("extendAllocation", "expiration_time", ...NO_TIMES, '"1999-01-01T00:00:00Z"'),
  ...wrong("allocateBatch", "items", "[]", "{}", "null", "3", JSON.stringify(Array(1001).fill({}))),
  ...wrong("recordUsage", "input_tokens", ...NO_COUNTS, "null"),
  ...wrong("recordUsage", "output_tokens", ...NO_COUNTS, "null"),
  ...wrong("recordUsage", "usage", "[]", "3", "null"),
  ...wrong("recordUsage", "response", "[]", "3", "null", '"x"'),
  ...wrong("recordUsage", "final", '"true"', "1", "null"),
  ...wrong("recordUsage", "allocation_id", ...NO_IDS),
  ...wrong("recordUsage", "metadata", ...NO_METADATA),
  ...wrong("recordUsageBatch", "items", "[]", "{}", "null", "3", JSON.stringify(Array(1001).fill({}))),
  ...wrong("summariseUsage", "period", '"yearly"', "3"),
  ...wrong("summariseUsage", "start_time", ...NO_TIMES),
  ...wrong("getCurrentPrice", "provider", ...NO_TEXTS),
  ...wrong("getCurrentPrice", "model", ...NO_TEXTS),
];

onEveryDatabase("a wrong field", (server) => {
  let world: World;
  before(async () => {
    const { budget_id, policy_id } = await server().budget({ type: "log", token_limit: 1_000_000 });
    const { body } = await server().allocation(budget_id);
    world = { budget_id, policy_id, allocation_id: body.allocation_id, tenant_id: NOBODY };
  });

  for (const { operation_id, field, value } of WRONG_FIELDS) {
    const shown = value.length > 40 ? `${value.slice(0, 40)}… (${value.length})` : value;
    it(`${field} ${shown} of ${operation_id} is refused with 400, and named`, async () => {
      const { method, path } = ROUTES.find((route) => route.operation_id === operation_id)!;
      const { [field]: _replaced, ...rest } = rightBody(operation_id, world);
      const others = JSON.stringify(rest).slice(1, -1);
      const body = `{"${field}":${value}${others === "" ? "" : ","}${others}}`;
      const target = path
        .replace("{budget_id}", world.budget_id)
        .replace("{policy_id}", world.policy_id)
        .replace("{allocation_id}", world.allocation_id);
      const answer = await server().call(method.toUpperCase(), target, { body });
      expect(codeOf(answer), answer.text).to.equal("400 invalid_value");
      // What is wrong may be a member of it.
      expect(`${answer.body.field}/`).to.match(new RegExp(`^/${field}/`));
      expect(answer.body.detail).to.be.a("string").that.is.not.empty;
    });
  }

  it("is named with nine others, and the rest are counted, however many there are", async () => {
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`x${index}`, 1]));
    const answer = await server().post("/api/budgets", { name: "b", ...many });
    expect(answer.body.errors).to.have.length(10);
    expect(answer.body.detail).to.match(/And 4990 more\.$/);
  });

  it("is named among all others that are wrong", async () => {
    const answer = await server().post("/api/budgets", { name: 3, owner: 4, nothing: 5 });
    const fields = pluck(answer.body.errors, "field");
    expect(fields).to.have.members(["/name", "/owner", "/nothing"]);
  });

  it("shows an infinite number as such", async () => {
    const answer = await server().post(
      "/api/policies",
      '{"type":"log","period":"daily","token_limit":1e400}',
    );
    expect(answer.body.detail).to.include("Infinity");
  });
});

/** What a request meets in the state that the step before it made. */
const MEETINGS: Readonly<Record<string, (server: TestServer) => Promise<void>>> = {
  async "404 for budgets, allocations and prices that a body names"(s) {
    const { budget_id } = await s.budget();
    const usage = { context_id: "c", component: "c", provider: "openai", model: "gpt-4o", input_tokens: 1 };
    for (const [path, body, code] of [
      ["/api/budgets", { name: "x", parent_budget_id: NOBODY }, "budget_not_found"],
      [
        "/api/policies",
        { budget_id: NOBODY, type: "log", period: "daily", token_limit: 1 },
        "budget_not_found",
      ],
      ["/api/allocations", request(NOBODY), "budget_not_found"],
      ["/api/allocations/check", request(NOBODY), "budget_not_found"],
      ["/api/usage/record", { ...usage, budget_id: NOBODY }, "budget_not_found"],
      ["/api/usage/record", { ...usage, allocation_id: NOBODY }, "allocation_not_found"],
      ["/api/prices/recommendations", { provider: "nobody", model: "nothing" }, "price_not_found"],
      ["/api/prices/current", { provider: "nobody", model: "nothing" }, "price_not_found"],
      ["/api/prices/cost", { provider: "nobody", model: "nothing", usage: {} }, "price_not_found"],
    ] as const) {
      expect(codeOf(await s.post(path, body)), path).to.equal(`404 ${code}`);
    }
    const moved = await s.put(`/api/budgets/${budget_id}`, { parent_budget_id: NOBODY });
    expect(codeOf(moved)).to.equal("404 budget_not_found");
    expect(codeOf(await s.get("/api/prices/history/nobody/nothing"))).to.equal("404 price_not_found");
    expect(codeOf(await s.get("/api/prices/history/a%00/b"))).to.equal("400 invalid_value");
    expect(codeOf(await s.get("/api/allocations/context/%00"))).to.equal("400 invalid_value");
    expect(codeOf(await s.get(`/api/allocations/context/${"x".repeat(201)}`))).to.equal("400 invalid_value");
  },
  async "422 for a quantity whose price is not known, and 400 for one that nobody counts"(s) {
    const cost = (usage: Record<string, number>) =>
      s.post("/api/prices/cost", { provider: "openai", model: "gpt-4o", usage });
    expect(codeOf(await cost({ seconds: 1 }))).to.equal("422 price_unit_unknown");
    expect(codeOf(await cost({ smells: 1 }))).to.equal("400 invalid_value");
  },
  async "404 for a price source that there is not, and 409 while prices are being updated"(s) {
    const update = (...sources: readonly string[]) => s.post("/api/prices/update", { sources });
    expect(codeOf(await update("nobody"))).to.equal("404 price_source_not_found");
    const off = await update("litellm");
    expect(off.body).to.include({
      code: "price_source_not_found",
      detail: "The price source litellm is off. PRICE_UPDATE_INTERVAL is 0.",
    });
    let answer: (read: SourceRead) => void = () => undefined;
    const asked = new Promise<void>((began) => {
      s.price_source.answer = new Promise((read) => (answer = read));
      s.price_source.began = began;
    });
    const going = update("test");
    await asked;
    expect(codeOf(await update("test"))).to.equal("409 price_run_active");
    const price = {
      provider: "openai",
      model: "gpt-4o",
      components: [{ unit: "input_tokens", cost_per_unit: 1 }],
    };
    const said = { set_by: "ada", why: "Our contract." };
    expect(codeOf(await s.post("/api/prices/by-hand", { ...price, ...said }))).to.equal(
      "409 price_run_active",
    );
    const taken = await s.post(`/api/prices/by-hand/${NOBODY}/withdrawal`, {
      withdrawn_by: "ada",
      why: "It ended.",
    });
    expect(codeOf(taken)).to.equal("409 price_run_active");
    answer({ status: "not_modified" });
    expect((await going).status).to.equal(200);
  },
  async "what is wrong with a price that is set by hand"(s) {
    const unit = { unit: "input_tokens", cost_per_unit: "0.000001" };
    const right = {
      provider: "openai",
      model: "gpt-4o",
      components: [unit],
      set_by: "ada",
      why: "So it is.",
    };
    for (const [body, field] of [
      [{ components: [{ ...unit, unit: "smells" }] }, "/components/0/unit"],
      [{ components: [unit, unit] }, "/components/1/unit"],
      [{ components: [] }, "/components"],
      [{ effective_date: "2027-01-01T00:00:00Z", end_date: "2027-01-01T00:00:00Z" }, "/end_date"],
      [{ time_of_day: { start: "16:30", end: "16:30:00" } }, "/time_of_day"],
      [{ time_of_day: { start: "24:00", end: "16:30" } }, "/time_of_day/start"],
      [{ time_of_day: { start: "16:30" } }, "/time_of_day/end"],
    ] as const) {
      const answer = await s.post("/api/prices/by-hand", { ...right, ...body });
      expect([codeOf(answer), answer.body.field]).to.deep.equal(["400 invalid_value", field]);
    }
    expect(codeOf(await s.get("/api/prices/evidence/nobody/nothing"))).to.equal("404 price_not_found");
    expect(codeOf(await s.get("/api/prices/evidence/a%00/b"))).to.equal("400 invalid_value");
    expect(codeOf(await s.call("POST", "/api/prices/sources/nobody/trust-reset"))).to.equal(
      "404 price_source_not_found",
    );
    expect(codeOf(await s.call("POST", "/api/prices/sources/a%00/trust-reset"))).to.equal(
      "400 invalid_value",
    );
  },
  async "what is wrong with a decision on a price, and 409 where somebody decided already"(s) {
    const review_id = await s.review("gpt-4o-mini");
    const decide = (body: Record<string, unknown>) =>
      s.post(`/api/prices/reviews/${review_id}/decision`, { decided_by: "ada", why: "So it is.", ...body });
    const unit = { unit: "input_tokens", cost_per_unit: "0.000001" };
    for (const [body, field] of [
      [{ decision: "accept" }, "/source"],
      [{ decision: "accept", source: "nobody" }, "/source"],
      [{ decision: "enter" }, "/components"],
      [{ decision: "enter", components: [{ ...unit, unit: "smells" }] }, "/components/0/unit"],
      [{ decision: "enter", components: [unit, unit] }, "/components/1/unit"],
    ] as const) {
      const answer = await decide(body);
      expect([codeOf(answer), answer.body.field]).to.deep.equal(["400 invalid_value", field]);
    }
    expect((await decide({ decision: "reject" })).status).to.equal(200);
    expect(codeOf(await decide({ decision: "reject" }))).to.equal("409 price_review_closed");
  },
  async "409 for what is asked of an inactive budget"(s) {
    const { budget_id } = await s.budget();
    const held = await s.allocation(budget_id);
    await s.put(`/api/budgets/${budget_id}`, { is_active: false });
    expect(codeOf(await s.post("/api/allocations", request(budget_id)))).to.equal("409 budget_inactive");
    expect(codeOf(await s.post("/api/allocations/check", request(budget_id)))).to.equal(
      "409 budget_inactive",
    );
    const path = `/api/allocations/${held.body.allocation_id}/extend`;
    expect(codeOf(await s.post(path, { additional_tokens: 1 }))).to.equal("409 budget_inactive");
  },
  async "409 for an allocation that is over"(s) {
    const { budget_id } = await s.budget();
    const held = await s.allocation(budget_id);
    const path = `/api/allocations/${held.body.allocation_id}`;
    await s.post("/api/usage/record", {
      allocation_id: held.body.allocation_id,
      input_tokens: 1,
      final: true,
    });
    expect(codeOf(await s.call("POST", `${path}/release`))).to.equal("409 allocation_not_active");
    const extended = await s.post(`${path}/extend`, { additional_tokens: 1 });
    expect(codeOf(extended)).to.equal("409 allocation_not_active");
  },
  async "409 for the end of a budget with others below it"(s) {
    const { budget_id } = await s.budget();
    const child = await s.budget(undefined, { parent_budget_id: budget_id });
    expect(codeOf(await s.delete(`/api/budgets/${budget_id}`))).to.equal("409 budget_has_children");
    const loop = await s.put(`/api/budgets/${budget_id}`, { parent_budget_id: child.budget_id });
    expect(codeOf(loop)).to.equal("400 invalid_value");
    expect(loop.body.field).to.equal("/parent_budget_id");
  },
  async "400 where a policy needs what the request leaves out"(s) {
    const { budget_id } = await s.budget({ token_limit: 10, model: "gpt-4o" });
    const nameless = { budget_id, context_id: "c", component: "c", tokens_allocated: 1 };
    for (const path of ["/api/allocations", "/api/allocations/check"]) {
      expect(codeOf(await s.post(path, nameless)), path).to.equal("400 dimension_required");
    }
  },
  async "400 for a policy without a limit"(s) {
    const { budget_id, policy_id } = await s.budget({ token_limit: 10 });
    const body = { budget_id, type: "warn", period: "daily" };
    expect(codeOf(await s.post("/api/policies", body))).to.equal("400 invalid_value");
    expect((await s.post("/api/policies", { ...body, type: "log" })).status).to.equal(201);
    const taken = await s.put(`/api/policies/${policy_id}`, { token_limit: null });
    expect(codeOf(taken)).to.equal("400 invalid_value");
  },
  async "400 for usage that is given twice, not at all, or cannot be read"(s) {
    const { budget_id } = await s.budget();
    const caller = { budget_id, context_id: "c", component: "c", provider: "openai", model: "gpt-4o" };
    const response = { usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };
    const { provider: _provider, ...nameless } = caller;
    for (const [body, field] of [
      [caller, "/input_tokens"],
      [{ ...caller, response, input_tokens: 1 }, "/input_tokens"],
      [{ ...caller, response, output_tokens: 1 }, "/output_tokens"],
      [{ ...caller, response, usage: { input_tokens: 1 } }, "/usage"],
      [{ ...caller, response: { nothing: 1 } }, "/response"],
      [{ ...nameless, response }, "/provider"],
      [{ ...caller, usage: { nothing: 1 } }, "/usage/nothing"],
      [{ ...caller, usage: { input_tokens: 1.5 } }, "/usage/input_tokens"],
      [{ ...caller, usage: { input_tokens: -1 } }, "/usage/input_tokens"],
      [{}, "/context_id"],
    ] as const) {
      const answer = await s.post("/api/usage/record", body);
      expect(codeOf(answer), answer.text).to.equal("400 invalid_value");
      expect(answer.body.field, answer.text).to.equal(field);
    }
  },
  async "402 for an extension that does not fit"(s) {
    const { budget_id } = await s.budget({ token_limit: 1000 });
    const held = await s.allocation(budget_id);
    const path = `/api/allocations/${held.body.allocation_id}/extend`;
    expect(codeOf(await s.post(path, { additional_tokens: 1 }))).to.equal("402 insufficient_budget");
  },
  async "422 for a key that comes with another request, naming the field"(s) {
    const { budget_id } = await s.budget();
    const held = await s.allocation(budget_id);
    const other = await s.allocation(budget_id);
    const usage = { budget_id, context_id: "c", component: "c", provider: "openai", model: "gpt-4o" };
    const extend = `/api/allocations/${held.body.allocation_id}/extend`;
    for (const [path, first, second, field] of [
      ["/api/budgets", { name: "a" }, { name: "b" }, "/name"],
      [
        "/api/policies",
        { budget_id, type: "log", period: "daily", token_limit: 1 },
        { budget_id, type: "log", period: "daily", token_limit: 2 },
        "/token_limit",
      ],
      [
        "/api/allocations",
        request(budget_id),
        request(budget_id, { tokens_allocated: 7 }),
        "/tokens_allocated",
      ],
      [extend, { additional_tokens: 1 }, { additional_tokens: 2 }, "/additional_tokens"],
      ["/api/usage/record", { ...usage, input_tokens: 1 }, { ...usage, input_tokens: 2 }, "/input_tokens"],
    ] as const) {
      const headers = { "Idempotency-Key": v7() };
      expect((await s.post(path, first, headers)).status, path).to.be.lessThan(300);
      const again = await s.post(path, second, headers);
      expect(codeOf(again), path).to.equal("422 idempotency_conflict");
      expect(again.body.field, again.text).to.equal(field);
    }
    const headers = { "Idempotency-Key": v7() };
    await s.call("POST", `/api/allocations/${held.body.allocation_id}/release`, { headers });
    const conflict = await s.call("POST", `/api/allocations/${other.body.allocation_id}/release`, {
      headers,
    });
    expect(codeOf(conflict)).to.equal("422 idempotency_conflict");
  },
};

onEveryDatabase("a request", (server) => {
  for (const [name, meet] of Object.entries(MEETINGS)) it(`is answered with ${name}`, () => meet(server()));
});
