import { expect } from "chai";
import { ROUTES } from "../src/routes/index.ts";
import { onEveryDatabase, pluck, request, type Answered } from "./support.ts";

const NOBODY = "01a20000-0000-7000-8000-000000000000";

/** The paths of the contract that Tekton's components and pages call, with a query as they send it. */
const PATHS: readonly (readonly [method: string, path: string])[] = [
  ["GET", "/api/budgets?is_active=true&page=1&limit=20"],
  ["GET", "/api/budgets/{budget_id}"],
  ["GET", "/api/budgets/{budget_id}/policies?period=DAILY"],
  ["GET", "/api/budgets/{budget_id}/allocations?is_active=true"],
  ["GET", "/api/budgets/{budget_id}/summary?period=DAILY"],
  ["GET", "/api/policies?budget_id={budget_id}&tier=REMOTE_HEAVYWEIGHT&period=Weekly&enabled=true"],
  ["GET", "/api/policies/{policy_id}"],
  ["GET", "/api/allocations?budget_id={budget_id}"],
  ["GET", "/api/allocations/{allocation_id}"],
  ["GET", "/api/allocations/context/chat-1"],
  ["GET", "/api/usage/records?provider=OPENAI"],
  ["GET", "/api/usage/summary?period=DAILY"],
  ["POST", "/api/usage/summary"],
  ["GET", "/api/usage/analytics?period=MONTHLY"],
  ["GET", "/api/alerts?severity=WARNING&acknowledged=false"],
  ["POST", "/api/alerts/check"],
  ["GET", "/api/prices?provider=OpenAI"],
  ["POST", "/api/prices/current"],
  ["GET", "/api/prices/history/openai/gpt-4o"],
  ["POST", "/api/prices/recommendations"],
  ["GET", "/health"],
  ["GET", "/api/health"],
];

/** What Tekton sends to the paths that read by POST. */
const BODIES: Readonly<Record<string, object>> = {
  "/api/usage/summary": { period: "DAILY", provider: "OpenAI" },
  "/api/prices/current": { provider: "OpenAI", model: "GPT-4o" },
  "/api/prices/recommendations": {
    ...{ provider: "OpenAI", model: "GPT-4o", task_type: "Chat", context_size: 4000 },
  },
};

/** Whose answers are one thing, and not a list. */
const ONE = /_id\}$|health$|current$|recommendations$|POST \/api\/usage\/summary/;

onEveryDatabase("the contract of Tekton", (server) => {
  let ids: Record<string, string>;
  before(async () => {
    const { budget_id, policy_id } = await server().budget({ type: "LOG", token_limit: 1_000_000 });
    const { body } = await server().allocation(budget_id);
    ids = { budget_id, policy_id, allocation_id: body.allocation_id as string };
  });
  const fill = (path: string) => path.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? NOBODY);
  const call = (method: string, path: string): Promise<Answered> =>
    server().call(method, fill(path), { body: BODIES[path] });

  for (const [method, path] of PATHS) {
    it(`has ${method} ${path}`, async () => {
      const answer = await call(method, path);
      expect(answer.status, answer.text).to.equal(200);
      expect(answer.body).to.not.have.any.keys("data", "success");
      if (ONE.test(`${method} ${path}`)) return;
      expect(answer.body).to.include.keys("items", "total", "page", "limit");
      expect(answer.body.items).to.be.an("array");
      expect(answer.body.total).to.be.at.least(answer.body.items.length);
    });
  }

  it("takes every word in either case, and answers in lower case", async () => {
    const { budget_id } = ids;
    const words = { type: "WARN", period: "DAILY", tier: "REMOTE_HEAVYWEIGHT", provider: "OpenAI" };
    const made = await server().post("/api/policies", { budget_id, ...words, token_limit: 1_000_000 });
    expect(made.body).to.include({
      type: "warn",
      period: "daily",
      tier: "remote_heavyweight",
      provider: "openai",
    });
    const changed = await server().put(`/api/policies/${made.body.policy_id}`, {
      type: "HARD_LIMIT",
      period: "Hourly",
    });
    expect(changed.body).to.include({ type: "enforce", period: "hourly" });
    const held = await server().post("/api/allocations", request(budget_id!, { tier: "Remote_Heavyweight" }));
    expect(held.body).to.include({ tier: "remote_heavyweight" });
    const usage = { allocation_id: held.body.allocation_id, input_tokens: 1, output_tokens: 1 };
    const booked = await server().post("/api/usage/record", { ...usage, tier: "REMOTE_HEAVYWEIGHT" });
    expect(booked.body, booked.text).to.include({ tier: "remote_heavyweight", total_tokens: 2 });
    const summed = await server().post("/api/usage/summary", { period: "Daily", budget_id });
    expect(summed.body).to.include({ period: "daily", request_count: 1, total_tokens: 2 });
    const found = await server().get(
      `/api/policies?budget_id=${budget_id}&period=HOURLY&tier=REMOTE_HEAVYWEIGHT`,
    );
    expect(pluck(found.body.items, "policy_id")).to.deep.equal([made.body.policy_id]);
  });

  it("fills in what Tekton's callers leave out", async () => {
    const budget = await server().post("/api/budgets", { name: "only a name" });
    expect(budget.body).to.include({ description: "", owner: "", is_active: true });
    const { budget_id } = budget.body;
    const policy = await server().post("/api/policies", {
      budget_id,
      type: "ignore",
      period: "weekly",
      token_limit: 5,
    });
    expect(policy.body).to.include({
      type: "log",
      enabled: true,
      cost_limit: null,
      tier: null,
      provider: null,
    });
    const held = await server().post("/api/allocations", { budget_id, context_id: "c", component: "hermes" });
    expect(held.body).to.include({
      tier: "remote_heavyweight",
      task_type: "default",
      priority: 5,
      provider: null,
    });
    const usage = { budget_id, context_id: "c", component: "hermes", provider: "ollama", model: "unknown" };
    const booked = await server().post("/api/usage/record", { ...usage, input_tokens: 3 });
    expect(booked.body, booked.text).to.include({ output_tokens: 0, task_type: "default", total_cost: 0 });
  });

  it("has a detail in every error", async () => {
    const wrong: readonly (readonly [string, string, unknown])[] = [
      ["GET", "/api/nothing", undefined],
      ["DELETE", "/api/alerts", undefined],
      ["GET", "/api/budgets?page=0", undefined],
      ...ROUTES.filter(({ path }) => /\{(?!context)\w+_id\}/.test(path)).map(
        ({ method, path }) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, NOBODY), {}] as const,
      ),
      ...ROUTES.filter(({ body }) => body !== undefined).map(
        ({ method, path }) => [method.toUpperCase(), path.replaceAll(/\{\w+\}/g, NOBODY), []] as const,
      ),
    ];
    for (const [method, path, body] of wrong) {
      const sent = method === "GET" || method === "DELETE" ? {} : { body };
      const answer = await server().call(method, path, sent);
      expect(answer.status, `${method} ${path} ${answer.text}`).to.be.within(400, 499);
      expect(answer.body.detail, `${method} ${path}`).to.be.a("string").and.not.equal("");
    }
    const locked = await server().get("/api/budgets", { "X-API-Key": "wrong" });
    expect([locked.status, typeof locked.body.detail]).to.deep.equal([401, "string"]);
  });

  it("recommends in the shape that Tekton's callers read, and says what nobody knows", async () => {
    const by = { provider: "acme", set_by: "ada", why: "contract" };
    for (const [model, cost_per_unit] of [
      ["contract-large", "0.00001"],
      ["contract-small", "0.000004"],
    ]) {
      const components = [
        { unit: "input_tokens", cost_per_unit },
        { unit: "output_tokens", cost_per_unit },
      ];
      const set = await server().post("/api/prices/by-hand", { ...by, model, components });
      expect(set.status, set.text).to.be.within(200, 201);
    }
    const call = { context_id: "c", component: "hermes", provider: "acme", model: "contract-large" };
    await server().post("/api/usage/record", {
      ...call,
      task_type: "Chat",
      input_tokens: 900,
      output_tokens: 100,
    });
    const asked = { provider: "Acme", model: "Contract-Large", task_type: "CHAT", context_size: 4000 };
    const { body, text } = await server().post("/api/prices/recommendations", asked);
    expect(body, text).to.deep.equal({
      items: [
        {
          provider: "acme",
          model: "contract-small",
          estimated_cost: 0.004,
          cost_reduction: 0.006,
          cost_reduction_percentage: 60,
          confidence: 1,
          quality_impact: null,
          speed_impact: null,
          description: "$0.004 instead of $0.01 for the latest call; its price is manual.",
          price_status: "manual",
          context_tokens: null,
          tools: null,
          vision: null,
          reasoning: null,
        },
      ],
      current_provider: "acme",
      current_model: "contract-large",
      current_cost: 0.01,
      calls: 1,
      calls_left_out: 0,
      typical: false,
    });
  });

  it("gives plain numbers for prices", async () => {
    const { body } = await server().post("/api/prices/current", BODIES["/api/prices/current"]);
    expect(body.input_cost_per_token).to.equal(0.0000025);
    expect(body.output_cost_per_token).to.equal(0.00001);
  });
});
