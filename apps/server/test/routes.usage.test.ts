import { expect } from "chai";
import { v7 } from "uuid";
import { CONTEXT, codeOf, onEveryDatabase, pluck, request, type TestServer } from "./support.ts";

const caller = (budget_id: string) => ({ budget_id, context_id: "chat-1", component: "rhetor" });

/** Responses as the providers send them, and what they cost by hand. */
const RESPONSES = [
  {
    name: "OpenAI chat",
    provider: "openai",
    response: {
      object: "chat.completion",
      model: "gpt-4o-2024-08-06",
      choices: [],
      usage: {
        prompt_tokens: 1100,
        completion_tokens: 46,
        total_tokens: 1146,
        prompt_tokens_details: { cached_tokens: 1000 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    },
    model: "gpt-4o-2024-08-06",
    input_tokens: 1100,
    output_tokens: 46,
    // 100 × $2.50/M + 1,000 cached × $1.25/M + 46 × $10/M
    total_cost: 0.00025 + 0.00125 + 0.00046,
  },
  {
    name: "OpenAI responses",
    provider: "OpenAI",
    response: {
      object: "response",
      model: "gpt-4o",
      output: [],
      usage: {
        input_tokens: 328,
        input_tokens_details: { cached_tokens: 128 },
        output_tokens: 52,
        output_tokens_details: { reasoning_tokens: 32 },
        total_tokens: 380,
      },
    },
    model: "gpt-4o",
    input_tokens: 328,
    output_tokens: 52,
    // 200 × $2.50/M + 128 cached × $1.25/M + 52 × $10/M
    total_cost: 0.0005 + 0.00016 + 0.00052,
  },
  {
    name: "Anthropic",
    provider: "anthropic",
    response: {
      type: "message",
      model: "claude-sonnet-4-5",
      content: [],
      usage: {
        input_tokens: 12,
        cache_creation_input_tokens: 200,
        cache_read_input_tokens: 2000,
        output_tokens: 45,
      },
    },
    model: "claude-sonnet-4-5",
    input_tokens: 2212,
    output_tokens: 45,
    // 12 × $3/M + 200 written × $3.75/M + 2,000 read × $0.30/M + 45 × $15/M
    total_cost: 0.000036 + 0.00075 + 0.0006 + 0.000675,
  },
  {
    name: "Google",
    provider: "google",
    response: {
      modelVersion: "gemini-2.5-flash",
      candidates: [],
      usageMetadata: {
        promptTokenCount: 1000,
        cachedContentTokenCount: 400,
        candidatesTokenCount: 30,
        thoughtsTokenCount: 70,
        totalTokenCount: 1100,
      },
    },
    model: "gemini-2.5-flash",
    input_tokens: 1000,
    output_tokens: 100,
    // 600 × $0.30/M + 400 cached × $0.03/M + 100 × $2.50/M
    total_cost: 0.00018 + 0.000012 + 0.00025,
  },
] as const;

onEveryDatabase("usage", (server) => {
  for (const { name, provider, response, model, input_tokens, output_tokens, total_cost } of RESPONSES) {
    it(`is read from a response of ${name}`, async () => {
      const { budget_id } = await server().budget();
      const { status, body } = await server().post("/api/usage/record", {
        ...caller(budget_id),
        provider,
        response,
      });
      expect(status).to.equal(201);
      expect(body).to.include({ provider: provider.toLowerCase(), model, input_tokens, output_tokens });
      expect(body.total_tokens).to.equal(input_tokens + output_tokens);
      expect(body.total_cost).to.equal(Number(total_cost.toFixed(9)));
    });
  }

  it("knows the provider of a response by its allocation, and settles that", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 5000 });
    const { body: held } = await s.allocation(budget_id, { tokens_allocated: 2000 });
    const { response } = RESPONSES[0];
    const recorded = await s.post("/api/usage/record", {
      allocation_id: held.allocation_id,
      response,
      final: true,
      operation_id: "op",
      request_id: "req",
      user_id: "user",
      metadata: { a: null },
    });
    expect(recorded.body).to.include({
      allocation_id: held.allocation_id,
      budget_id,
      context_id: "chat-1",
      component: "rhetor",
      overage_tokens: 0,
      operation_id: "op",
      request_id: "req",
      user_id: "user",
    });
    const settled = await s.get(`/api/allocations/${held.allocation_id}`);
    expect(settled.body).to.include({ status: "settled", tokens_used: 1146, remaining_tokens: 0 });
  });

  it("is booked in full beyond what was held, as overage, with an alert", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1500 });
    const { body: held } = await s.allocation(budget_id);
    const { body } = await s.post("/api/usage/record", {
      allocation_id: held.allocation_id,
      input_tokens: 1000,
      output_tokens: 1000,
    });
    expect(body).to.include({ total_tokens: 2000, overage_tokens: 1000, total_cost: 0.0125 });
    const alerts = await s.get(`/api/alerts?budget_id=${budget_id}`);
    expect(alerts.body).to.include({ page: 1, limit: 20 });
    expect(pluck(alerts.body.items, "kind")).to.include.members(["overage"]);
    const { severity } = alerts.body.items[0];
    const found = await s.get(
      `/api/alerts?budget_id=${budget_id}&severity=${String(severity).toUpperCase()}&acknowledged=false`,
    );
    expect(found.body.total).to.be.greaterThan(0);
    expect((await s.get(`/api/alerts?budget_id=${budget_id}&acknowledged=true`)).body.total).to.equal(0);
    const [alert] = alerts.body.items;
    const path = `/api/alerts/${alert.alert_id}`;
    expect((await s.get(path)).body).to.deep.equal(alert);
    const seen = await s.post(`${path}/acknowledge`, undefined);
    expect(seen.body).to.deep.equal({
      ...alert,
      acknowledged: true,
      acknowledged_at: new Date(s.clock.now_ms).toISOString(),
    });
    expect((await s.get(path)).body).to.deep.equal(seen.body);
    expect((await s.get(`/api/alerts?budget_id=${budget_id}&acknowledged=true`)).body.total).to.equal(1);
  });

  it("that a new policy finds raises its alert when somebody asks for a check", async () => {
    const s = server();
    const { budget_id } = await s.budget({ type: "log", token_limit: 1000 });
    await s.post("/api/usage/record", {
      ...request(budget_id),
      tokens_allocated: undefined,
      input_tokens: 99,
    });
    await s.post("/api/policies", { budget_id, type: "WARN", period: "DAILY", token_limit: 100 });
    const raised = await s.post("/api/alerts/check", undefined);
    const own = (raised.body.items as { budget_id: string }[]).filter(
      (alert) => alert.budget_id === budget_id,
    );
    expect(pluck(own, "kind")).to.deep.equal(["action_threshold"]);
    expect((await s.post("/api/alerts/check", undefined)).body).to.include({ total: 0, page: 1 });
    expect(codeOf(await s.post("/api/alerts/check?severity=info", undefined))).to.equal("400 invalid_value");
  });

  it("of prices is answered by the installation's own tenant alone", async () => {
    const s = server();
    await s.review("gpt-4o");
    const { body } = await s.get("/api/alerts?severity=warning");
    const shared = (body.items as { kind: string; alert_id: string }[]).find(
      ({ kind }) => kind === "price_review",
    )!;
    const tenant = await s.post("/api/tenants", { name: "a neighbour" });
    const headers = { "X-API-Key": await s.key({ role: "operator" }, tenant.body.tenant_id) };
    const path = `/api/alerts/${shared.alert_id}`;
    expect((await s.get(path, headers)).body).to.deep.equal(shared);
    expect(codeOf(await s.post(`${path}/acknowledge`, undefined, headers))).to.equal("400 invalid_value");
    expect((await s.post(`${path}/acknowledge`, undefined)).body.acknowledged).to.equal(true);
  });

  it("comes as quantities by unit, which are priced one by one", async () => {
    const { budget_id } = await server().budget();
    const { body } = await server().post("/api/usage/record", {
      ...caller(budget_id),
      provider: "openai",
      model: "gpt-4o",
      usage: { input_tokens: 1000, cache_read_tokens: 600, output_tokens: 10, web_searches: 2 },
    });
    // 400 × $2.50/M + 600 × $1.25/M; 10 × $10/M; 2 × $0.01
    expect(body).to.include({
      input_cost: 0.00175,
      output_cost: 0.0001,
      other_cost: 0.02,
      total_cost: 0.02185,
    });
    const sum = pluck(body.cost_components, "cost").reduce<number>((all, cost) => all + Number(cost), 0);
    expect(sum).to.be.closeTo(0.02185, 1e-12);
  });

  it("is recorded without a cost where no price is known", async () => {
    const { budget_id } = await server().budget();
    const { body } = await server().post("/api/usage/record", {
      ...caller(budget_id),
      provider: "nobody",
      model: "knows",
      input_tokens: 5,
      output_tokens: 5,
    });
    expect(body).to.include({ total_cost: 0, pricing_id: null, total_tokens: 10 });
  });

  it("is booked once for one idempotency key", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const body = {
      ...caller(budget_id),
      provider: "openai",
      model: "gpt-4o",
      input_tokens: 1,
      output_tokens: 1,
    };
    const headers = { "Idempotency-Key": v7() };
    const first = await s.post("/api/usage/record", body, headers);
    expect((await s.post("/api/usage/record", body, headers)).body).to.deep.equal(first.body);
    expect((await s.get(`/api/usage/records?budget_id=${budget_id}`)).body.total).to.equal(1);
    expect((await s.get(`/api/usage/records/${first.body.record_id}`)).body).to.deep.equal(first.body);
  });

  it("comes in batches, whose items are judged one by one", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const good = { ...caller(budget_id), provider: "openai", model: "gpt-4o", input_tokens: 1000 };
    const headers = { "Idempotency-Key": v7() };
    const items = [
      good,
      { ...good, input_tokens: -1 },
      { ...good, input_tokens: undefined, response: {} },
      { ...good, budget_id: v7() },
      { ...caller(budget_id), provider: "openai", response: RESPONSES[1].response },
    ];
    const answer = await s.post("/api/usage/batch", { items }, headers);
    expect(pluck(answer.body.items, "status")).to.deep.equal([201, 400, 400, 404, 201]);
    expect(answer.body.items[0].result.total_cost).to.equal(0.0025);
    expect(answer.body.items[2].problem).to.include({ code: "invalid_value", field: "/response" });
    expect((await s.post("/api/usage/batch", { items }, headers)).body).to.deep.equal(answer.body);
    expect((await s.get(`/api/usage/records?budget_id=${budget_id}`)).body.total).to.equal(2);
  });

  it("comes in batches of 1,000", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 10 });
    const good = {
      ...caller(budget_id),
      provider: "openai",
      model: "gpt-4o",
      input_tokens: 3,
      output_tokens: 1,
    };
    const answer = await s.post("/api/usage/batch", { items: Array(1000).fill(good) });
    expect(new Set(pluck(answer.body.items, "status"))).to.deep.equal(new Set([201]));
    const summary = await s.get(`/api/budgets/${budget_id}/summary`);
    expect(summary.body.items[0].total_tokens_used).to.equal(4000);
    expect((await s.engine.verify(CONTEXT)).differences).to.deep.equal([]);
  });
});

async function withUsage(s: TestServer) {
  const { budget_id } = await s.budget();
  const ids: string[] = [];
  for (const [provider, model] of [
    ["openai", "gpt-4o"],
    ["openai", "gpt-4o-mini"],
    ["anthropic", "claude-sonnet-4-5"],
    ["openai", "gpt-4o"],
    ["openai", "gpt-4o"],
  ] as const) {
    s.clock.now_ms += 1;
    const { body } = await s.post("/api/usage/record", {
      ...caller(budget_id),
      provider,
      model,
      input_tokens: 1000,
      output_tokens: 100,
    });
    ids.unshift(body.record_id);
  }
  return { budget_id, ids };
}

const idsOf = ({ items }: { items: readonly { record_id: string }[] }) =>
  items.map(({ record_id }) => record_id);

onEveryDatabase("usage that was recorded", (server) => {
  it("is listed by page, newest first", async () => {
    const { budget_id, ids } = await withUsage(server());
    const { body } = await server().get(`/api/usage/records?budget_id=${budget_id}&page=2&limit=2`);
    expect(body).to.include({ total: 5, page: 2, limit: 2 });
    expect(idsOf(body)).to.deep.equal(ids.slice(2, 4));
    const some = await server().get(`/api/usage/records?budget_id=${budget_id}&provider=OPENAI&model=gpt-4o`);
    expect(some.body.total).to.equal(3);
    const times = `start_time=2026-11-23T10:00:00%2B01:00&end_time=2026-11-23T09:30:00Z`;
    expect((await server().get(`/api/usage/records?budget_id=${budget_id}&${times}`)).body.total).to.equal(0);
  });

  it("is listed from a cursor on, which nothing new shifts", async () => {
    const s = server();
    const { budget_id, ids } = await withUsage(s);
    const path = `/api/usage/records?budget_id=${budget_id}&limit=2`;
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const { body } = await s.get(cursor === null ? path : `${path}&cursor=${cursor}`);
      found.push(...idsOf(body));
      cursor = body.next_cursor;
      s.clock.now_ms += 1;
      const newer = { ...caller(budget_id), provider: "openai", model: "gpt-4o", input_tokens: 1 };
      await s.post("/api/usage/record", newer);
    } while (cursor !== null);
    expect(found).to.deep.equal(ids);
  });

  it("is summed up, by POST, and as a list by GET", async () => {
    const s = server();
    const { budget_id } = await withUsage(s);
    const posted = await s.post("/api/usage/summary", { period: "DAILY", budget_id, model: "GPT-4o" });
    expect(posted.status).to.equal(200);
    expect(posted.body).to.deep.equal({
      period: "daily",
      start_time: "2026-11-23T00:00:00.000Z",
      end_time: "2026-11-24T00:00:00.000Z",
      total_input_tokens: 3000,
      total_output_tokens: 300,
      total_tokens: 3300,
      total_input_cost: 0.0075,
      total_output_cost: 0.003,
      total_other_cost: 0,
      total_cost: 0.0105,
      request_count: 3,
    });
    const got = await s.get(`/api/usage/summary?period=daily&budget_id=${budget_id}&model=gpt-4o`);
    expect(got.body).to.deep.equal({
      items: [{ group: null, ...posted.body }],
      total: 1,
      page: 1,
      limit: 20,
    });
    const grouped = await s.get(`/api/usage/summary?budget_id=${budget_id}&group_by=MODEL&limit=1&page=2`);
    expect(grouped.body).to.include({ total: 3, page: 2, limit: 1 });
    expect(pluck(grouped.body.items, "group")).to.deep.equal(["gpt-4o"]);
    expect(codeOf(await s.get("/api/usage/summary?group_by=day"))).to.equal("400 invalid_value");
    const all = await s.post("/api/usage/summary", { budget_id });
    expect(all.body.request_count).to.equal(5);
    const none = await s.post("/api/usage/summary", { budget_id, start_time: "2026-11-24T00:00:00Z" });
    expect(none.body).to.include({ request_count: 0, total_cost: 0 });
  });

  it("is analysed by day, provider, model and component", async () => {
    const s = server();
    const { budget_id } = await withUsage(s);
    const { body } = await s.get(`/api/usage/analytics?budget_id=${budget_id}`);
    expect(body.items).to.have.length(3);
    expect(body.items).to.deep.include({
      date: "2026-11-23",
      provider: "openai",
      model: "gpt-4o",
      component: "rhetor",
      request_count: 3,
      input_tokens: 3000,
      output_tokens: 300,
      total_tokens: 3300,
      total_cost: 0.0105,
    });
    const later = await s.get(`/api/usage/analytics?budget_id=${budget_id}&start_date=2026-11-24T00:00:00Z`);
    expect(later.body.items).to.deep.equal([]);
  });

  it("stays when its budget is deleted", async () => {
    const s = server();
    const { budget_id, ids } = await withUsage(s);
    const held = await s.allocation(budget_id, request(budget_id));
    expect((await s.delete(`/api/budgets/${budget_id}`)).status).to.equal(200);
    expect((await s.get(`/api/usage/records/${ids[0]}`)).status).to.equal(200);
    const settled = await s.post("/api/usage/record", {
      allocation_id: held.body.allocation_id,
      input_tokens: 1,
      final: true,
    });
    expect(settled.status).to.equal(201);
  });
});
