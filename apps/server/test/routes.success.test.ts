import { expect } from "chai";
import { v7 } from "uuid";
import { onEveryDatabase, pluck, request } from "./support.ts";

const HOUR_MS = 3_600_000;

onEveryDatabase("budgets and policies", (server) => {
  it("makes, reads, changes and deletes a budget, each time with its ETag", async () => {
    const s = server();
    const made = await s.post("/api/budgets", { name: "research", owner: "team-a", metadata: { a: [1] } });
    expect(made.status).to.equal(201);
    expect(made.headers.get("etag")).to.equal('"1"');
    expect(made.body).to.include({ name: "research", owner: "team-a", is_active: true, description: "" });
    expect(made.body.metadata).to.deep.equal({ a: [1] });
    const path = `/api/budgets/${made.body.budget_id}`;
    expect((await s.get(path)).body).to.deep.equal(made.body);

    const changed = await s.put(path, { description: "spring" }, { "If-Match": '"1"' });
    expect(changed.headers.get("etag")).to.equal('"2"');
    expect(changed.body).to.include({ description: "spring", owner: "team-a" });
    expect((await s.get(path)).headers.get("etag")).to.equal('"2"');
    expect((await s.put(path, { owner: "b" }, { "If-Match": 'W/"2"' })).status).to.equal(200);
    expect((await s.put(path, { owner: "c" }, { "If-Match": "*" })).headers.get("etag")).to.equal('"4"');

    const gone = await s.delete(path, { "If-Match": '"4"' });
    expect(gone.status).to.equal(200);
    expect(gone.body.message).to.include(made.body.budget_id);
    expect((await s.get(path)).status).to.equal(404);
  });

  it("reads ids in upper case", async () => {
    const { budget_id } = await server().budget();
    expect((await server().get(`/api/budgets/${budget_id.toUpperCase()}`)).body.budget_id).to.equal(
      budget_id,
    );
  });

  it("makes, reads, changes and deletes a policy, each time with its ETag", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const made = await s.post("/api/policies", {
      budget_id,
      type: "enforce",
      period: "daily",
      cost_limit: "0.50",
      model: "GPT-4o",
    });
    expect(made.status).to.equal(201);
    expect(made.headers.get("etag")).to.equal('"1"');
    expect(made.body).to.include({ cost_limit: 0.5, token_limit: null, model: "gpt-4o", time_zone: "UTC" });
    const path = `/api/policies/${made.body.policy_id}`;
    expect((await s.get(path)).body).to.deep.equal(made.body);
    const changed = await s.put(path, { cost_limit: null, token_limit: 10 }, { "If-Match": '"1"' });
    expect(changed.headers.get("etag")).to.equal('"2"');
    expect(changed.body).to.include({ cost_limit: null, token_limit: 10 });
    expect((await s.delete(path, { "If-Match": '"2"' })).body.message).to.include(made.body.policy_id);
    expect((await s.get(path)).status).to.equal(404);
  });

  it("puts a policy without a budget on the default budget", async () => {
    const made = await server().post("/api/policies", { type: "log", period: "monthly", token_limit: 5 });
    expect(made.status).to.equal(201);
    const budget = await server().get(`/api/budgets/${made.body.budget_id}`);
    expect(budget.status).to.equal(200);
  });

  const WORDS = [
    ["ignore", "log"],
    ["IGNORE", "log"],
    ["soft_limit", "warn"],
    ["Soft_Limit", "warn"],
    ["hard_limit", "enforce"],
    ["HARD_LIMIT", "enforce"],
    ["log", "log"],
    ["WARN", "warn"],
    ["Enforce", "enforce"],
  ] as const;
  for (const [word, meaning] of WORDS) {
    it(`reads the policy type ${word} as ${meaning}`, async () => {
      const { budget_id } = await server().budget();
      const body = { budget_id, type: word, period: "daily", token_limit: 1 };
      expect((await server().post("/api/policies", body)).body.type).to.equal(meaning);
    });
  }

  it("reads words in either case, in bodies and in queries", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const made = await s.post("/api/policies", {
      budget_id,
      type: "LOG",
      period: "PER_SESSION",
      tier: "Remote_Heavyweight",
      token_limit: 1,
    });
    expect(made.body).to.include({ period: "per_session", tier: "remote_heavyweight" });
    const found = await s.get(
      `/api/policies?budget_id=${budget_id}&period=Per_Session&tier=REMOTE_HEAVYWEIGHT`,
    );
    expect(found.body.total).to.equal(1);
    const none = await s.get(`/api/policies?budget_id=${budget_id}&period=DAILY`);
    expect(none.body.items).to.deep.equal([]);
  });

  it("summarises a budget, one row for each policy", async () => {
    const s = server();
    const { budget_id, policy_id } = await s.budget({ token_limit: 10_000, cost_limit: 1 });
    await s.post("/api/policies", { budget_id, type: "log", period: "total", token_limit: 7 });
    await s.allocation(budget_id, {
      input_tokens: 1000,
      max_output_tokens: 500,
      tokens_allocated: undefined,
    });
    const all = await s.get(`/api/budgets/${budget_id}/summary`);
    expect(all.body).to.include({ total: 2, page: 1, limit: 20 });
    expect(all.body.items).to.have.length(2);
    const second = await s.get(`/api/budgets/${budget_id}/summary?page=2&limit=1`);
    expect(second.body.items).to.deep.equal([all.body.items[1]]);
    const daily = await s.get(`/api/budgets/${budget_id}/summary?period=DAILY`);
    expect(daily.body.items).to.have.length(1);
    expect(daily.body.items[0]).to.include({
      policy_id,
      tokens_held: 1500,
      total_tokens_used: 0,
      total_tokens_allocated: 1500,
      // 1,000 × $0.0000025 + 500 × $0.00001
      cost_held: 0.0075,
      active_allocations: 1,
      start_time: "2026-11-23T00:00:00.000Z",
      end_time: "2026-11-24T00:00:00.000Z",
    });
  });

  it("has one effect and one answer for one idempotency key", async () => {
    const s = server();
    const headers = { "Idempotency-Key": v7() };
    const first = await s.post("/api/budgets", { name: "once" }, headers);
    const again = await s.post("/api/budgets", { name: "once" }, headers);
    expect(again.status).to.equal(201);
    expect(again.body).to.deep.equal(first.body);
    expect(again.headers.get("etag")).to.equal('"1"');
  });

  it("keeps a key __proto__ of metadata, and lets it do nothing", async () => {
    const body =
      '{"name":"x","metadata":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}';
    const made = await server().post("/api/budgets", body);
    expect(made.status).to.equal(201);
    expect(made.text).to.include('"metadata":{"__proto__":{"polluted":1},"constructor"');
    expect(({} as { polluted?: number }).polluted).to.equal(undefined);
    const read = await server().get(`/api/budgets/${made.body.budget_id}`);
    expect(read.text).to.include('"__proto__":{"polluted":1}');
  });

  it("takes metadata of 16 KiB and of 100 levels", async () => {
    const overhead = JSON.stringify({ a: "" }).length;
    const largest = { a: "x".repeat(16 * 1024 - overhead) };
    expect((await server().post("/api/budgets", { name: "x", metadata: largest })).status).to.equal(201);
    const deepest = `{"name":"x","metadata":{"a":${"[".repeat(99)}${"]".repeat(99)}}}`;
    expect((await server().post("/api/budgets", deepest)).status).to.equal(201);
  });

  it("moves a budget below another one", async () => {
    const s = server();
    const parent = await s.budget();
    const child = await s.budget();
    const path = `/api/budgets/${child.budget_id}`;
    const moved = await s.put(path, { parent_budget_id: parent.budget_id });
    expect(moved.body.parent_budget_id).to.equal(parent.budget_id);
    expect((await s.put(path, { parent_budget_id: null })).body.parent_budget_id).to.equal(null);
  });
});

onEveryDatabase("the default budget", (server) => {
  it("is known without its id, and stays where another one takes its name", async () => {
    const s = server();
    const found = await s.get("/api/budgets/default");
    expect(found.status).to.equal(200);
    expect((await s.get(`/api/budgets/${found.body.budget_id}`)).body).to.deep.equal(found.body);
    await s.post("/api/budgets", { name: found.body.name });
    expect((await s.get("/api/budgets/default")).body.budget_id).to.equal(found.body.budget_id);
    expect((await s.get("/api/budgets/default?page=1")).status).to.equal(400);
  });
});

onEveryDatabase("allocations", (server) => {
  it("grants, reads, extends and releases", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 10_000 });
    const granted = await s.allocation(budget_id, { metadata: { run: 1 } });
    expect(granted.body).to.include({
      budget_id,
      tokens_allocated: 1000,
      remaining_tokens: 1000,
      status: "active",
      is_active: true,
      expiration_time: "2026-11-23T10:30:00.000Z",
      tier: "remote_heavyweight",
    });
    const path = `/api/allocations/${granted.body.allocation_id}`;
    const extended = await s.post(`${path}/extend`, {
      additional_tokens: 500,
      expiration_time: "2026-11-23T13:30:00+02:00",
    });
    expect(extended.status).to.equal(200);
    expect(extended.body).to.include({
      tokens_allocated: 1500,
      expiration_time: "2026-11-23T11:30:00.000Z",
    });
    expect((await s.get(path)).body.remaining_tokens).to.equal(1500);
    const released = await s.post(`${path}/release`, undefined);
    expect(released.status).to.equal(200);
    expect(released.body).to.include({ status: "released", is_active: false, remaining_tokens: 0 });
  });

  it("grants once for one idempotency key, and releases once", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1000 });
    const headers = { "Idempotency-Key": v7() };
    const first = await s.post("/api/allocations", request(budget_id), headers);
    const again = await s.post("/api/allocations", request(budget_id), headers);
    expect(again.status).to.equal(201);
    expect(again.body).to.deep.equal(first.body);
    const path = `/api/allocations/${first.body.allocation_id}/release`;
    const key = { "Idempotency-Key": v7() };
    const released = await s.call("POST", path, { headers: key });
    expect((await s.call("POST", path, { headers: key })).body).to.deep.equal(released.body);
  });

  it("checks without holding anything", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1000 });
    const fits = await s.post("/api/allocations/check", request(budget_id));
    expect(fits.status).to.equal(200);
    expect(fits.body).to.include({ allowed: true, tokens_requested: 1000 });
    const refused = await s.post("/api/allocations/check", request(budget_id, { tokens_allocated: 1001 }));
    expect(refused.status).to.equal(200);
    expect(refused.body).to.include({ allowed: false, tokens_that_fit: 1000 });
    expect(refused.body.violations).to.have.length(1);
    expect((await s.get(`/api/budgets/${budget_id}/allocations`)).body.total).to.equal(0);
  });

  it("refuses with 402 what does not fit, and says how long to wait", async () => {
    const s = server();
    const { budget_id, policy_id } = await s.budget({ token_limit: 1500 });
    const first = await s.allocation(budget_id);
    await s.post("/api/usage/record", {
      allocation_id: first.body.allocation_id,
      input_tokens: 1000,
      output_tokens: 0,
      final: true,
    });
    const refused = await s.post("/api/allocations", request(budget_id, { tokens_allocated: 501 }));
    expect(refused.status).to.equal(402);
    expect(refused.body).to.include({
      code: "insufficient_budget",
      tokens_that_fit: 500,
      resets_at: "2026-11-24T00:00:00.000Z",
    });
    expect(refused.body.violations[0]).to.include({
      policy_id,
      code: "token_limit",
      limit: 1500,
      used: 1000,
      held: 0,
      requested: 501,
      remaining: 500,
    });
    // From 09:30 to midnight.
    expect(refused.headers.get("retry-after")).to.equal(String(14.5 * 3600));
    const extended = await s.allocation(budget_id, { tokens_allocated: 500 });
    const more = await s.post(`/api/allocations/${extended.body.allocation_id}/extend`, {
      additional_tokens: 1,
    });
    expect(more.status).to.equal(402);
  });

  it("grants the most of a range that fits", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1500 });
    const range = { tokens_allocated: { min: 200, max: 4000 } };
    const checked = await s.post("/api/allocations/check", request(budget_id, range));
    expect(checked.body).to.include({ allowed: true, tokens_requested: 4000, tokens_granted: 1500 });
    const granted = await s.allocation(budget_id, range);
    expect(granted.body).to.include({ tokens_allocated: 1500, learned: null });
    const refused = await s.post("/api/allocations", request(budget_id, range));
    expect(refused.body).to.include({ code: "insufficient_budget", tokens_that_fit: 0 });
  });

  it("explains what a grant and a refusal looked at", async () => {
    const s = server();
    const { budget_id, policy_id } = await s.budget({ token_limit: 1500 });
    const granted = await s.allocation(budget_id);
    const explained = await s.get(`/api/allocations/${granted.body.allocation_id}/decision`);
    expect(explained.status).to.equal(200);
    expect(explained.body).to.include({
      decision_id: granted.body.allocation_id,
      granted: true,
      tokens_wanted: 1000,
      tokens_held: 1000,
      budget_id,
    });
    expect(explained.body.policies).to.have.length(1);
    expect(explained.body.policies[0]).to.include({
      policy_id,
      token_limit: 1500,
      tokens_held: 0,
      cost_limit: null,
      window_start: "2026-11-23T00:00:00.000Z",
      resets_at: "2026-11-24T00:00:00.000Z",
    });
    const refused = await s.post("/api/allocations", request(budget_id));
    const why = await s.get(`/api/allocations/${refused.body.refusal_id}/decision`);
    expect(why.body).to.include({ allocation_id: null, granted: false, tokens_that_fit: 500 });
    expect(why.body.policies[0]).to.include({ tokens_held: 1000 });
    expect(why.body.policies[0].codes).to.deep.equal(["token_limit"]);
    const { allocation_id } = granted.body;
    const more = await s.post(`/api/allocations/${allocation_id}/extend`, { additional_tokens: 501 });
    const whyNotMore = await s.get(`/api/allocations/${more.body.refusal_id}/decision`);
    expect(whyNotMore.body).to.include({ allocation_id, granted: false, tokens_wanted: 501 });
    const unknown = await s.get(`/api/allocations/${v7()}/decision`);
    expect(unknown.body).to.include({ status: 404, code: "decision_not_found" });
  });

  it("names no time to wait where waiting does not help", async () => {
    const { budget_id } = await server().budget({ period: "total", token_limit: 10 });
    const refused = await server().post("/api/allocations", request(budget_id));
    expect(refused.status).to.equal(402);
    expect(refused.body.resets_at).to.equal(null);
    expect(refused.headers.has("retry-after")).to.equal(false);
  });

  it("warns where the policy is a soft limit", async () => {
    const { budget_id } = await server().budget({ type: "soft_limit", token_limit: 10 });
    const granted = await server().allocation(budget_id);
    expect(pluck(granted.body.warnings, "code")).to.include("limit_passed");
  });

  it("offers cheaper models where the action threshold is passed", async () => {
    const { budget_id } = await server().budget({
      cost_limit: "0.0026",
      warning_threshold: 0.5,
      action_threshold: 0.5,
    });
    const granted = await server().allocation(budget_id, {
      input_tokens: 1000,
      max_output_tokens: 0,
      tokens_allocated: undefined,
    });
    expect(granted.body.estimated_cost).to.equal(0.0025);
    expect(granted.body.alternatives).to.be.an("array").that.is.not.empty;
    for (const { estimated_cost } of granted.body.alternatives) expect(estimated_cost).to.be.lessThan(0.0025);
  });

  it("judges the items of a batch one by one", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 2500 });
    const answer = await s.post("/api/allocations/batch", {
      items: [
        request(budget_id),
        request(budget_id, { tokens_allocated: -5 }),
        7,
        null,
        [],
        request(v7()),
        request(budget_id, { tokens_allocated: 1500 }),
        request(budget_id),
      ],
    });
    expect(answer.status).to.equal(200);
    expect(pluck(answer.body.items, "status")).to.deep.equal([201, 400, 400, 400, 400, 404, 201, 402]);
    expect(answer.body.items[1].problem).to.include({ code: "invalid_value", field: "/tokens_allocated" });
    expect(answer.body.items[5].problem.code).to.equal("budget_not_found");
    expect(answer.body.items[7].problem).to.include({ code: "insufficient_budget", tokens_that_fit: 0 });
    expect(answer.body.items[0].result.tokens_allocated).to.equal(1000);
  });

  it("takes 1,000 items at once, and the same key has their effects once", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1_000_000 });
    const items = Array.from({ length: 1000 }, (_, index) =>
      request(budget_id, { tokens_allocated: 1 + (index % 3) }),
    );
    const headers = { "Idempotency-Key": v7() };
    const first = await s.post("/api/allocations/batch", { items }, headers);
    expect(first.status).to.equal(200);
    expect(new Set(pluck(first.body.items, "status"))).to.deep.equal(new Set([201]));
    const again = await s.post("/api/allocations/batch", { items }, headers);
    expect(again.body).to.deep.equal(first.body);
    expect((await s.get(`/api/budgets/${budget_id}/allocations`)).body.total).to.equal(1000);
  });

  it("conflicts by item where a batch comes again with another item", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const headers = { "Idempotency-Key": v7() };
    await s.post("/api/allocations/batch", { items: [request(budget_id), request(budget_id)] }, headers);
    const items = [request(budget_id), request(budget_id, { tokens_allocated: 2 })];
    const again = await s.post("/api/allocations/batch", { items }, headers);
    expect(again.body.items[0].status).to.equal(201);
    expect(again.body.items[1].status).to.equal(422);
    expect(again.body.items[1].problem).to.include({
      code: "idempotency_conflict",
      field: "/tokens_allocated",
    });
  });
});

onEveryDatabase("lists", (server) => {
  it("pages through budgets", async () => {
    const s = server();
    const owner = v7();
    for (const name of ["a", "b", "c"]) {
      await s.budget(undefined, { name, owner });
      s.clock.now_ms += 1;
    }
    const page = await s.get(`/api/budgets?owner=${owner}&limit=2&page=2`);
    expect(page.body).to.include({ total: 3, page: 2, limit: 2 });
    expect(pluck(page.body.items, "name")).to.deep.equal(["c"]);
    const named = await s.get(`/api/budgets?owner=${owner}&name=b&is_active=true`);
    expect(named.body).to.include({ total: 1, page: 1, limit: 20 });
    expect((await s.get(`/api/budgets?owner=${owner}&is_active=false`)).body.total).to.equal(0);
    expect((await s.get("/api/budgets?page=1000000&limit=1000")).body.items).to.deep.equal([]);
  });

  it("lists policies of all budgets, and of one", async () => {
    const s = server();
    const { budget_id, policy_id } = await s.budget({ token_limit: 1, provider: "OpenAI" });
    for (const path of [
      `/api/policies?budget_id=${budget_id}&enabled=true&provider=OPENAI`,
      `/api/budgets/${budget_id}/policies?provider=openai`,
    ]) {
      const { body } = await s.get(path);
      expect(body).to.include({ total: 1, page: 1, limit: 20 });
      expect(body.items[0].policy_id).to.equal(policy_id);
    }
  });

  it("lists allocations of all budgets, of one, and of a context", async () => {
    const s = server();
    const { budget_id } = await s.budget();
    const context_id = `ctx/${v7()} ü?`;
    const first = await s.allocation(budget_id, { context_id });
    s.clock.now_ms += 1;
    const second = await s.allocation(budget_id, { context_id, component: "apollo" });
    const ids = [second.body.allocation_id, first.body.allocation_id];
    for (const path of [
      `/api/allocations?budget_id=${budget_id}`,
      `/api/budgets/${budget_id}/allocations`,
      `/api/allocations/context/${encodeURIComponent(context_id)}`,
      `/api/allocations?context_id=${encodeURIComponent(context_id)}`,
    ]) {
      const { body } = await s.get(path);
      expect(body, path).to.include({ total: 2, page: 1, limit: 20 });
      expect(pluck(body.items, "allocation_id"), path).to.deep.equal(ids);
    }
    expect((await s.get(`/api/allocations?budget_id=${budget_id}&component=APOLLO`)).body.total).to.equal(1);
    const active = await s.get(`/api/budgets/${budget_id}/allocations?is_active=false`);
    expect(active.body.total).to.equal(0);
  });
});

onEveryDatabase("prices", (server) => {
  it("lists prices", async () => {
    const { body } = await server().get("/api/prices?provider=OpenAI&model=gpt-4o");
    expect(body).to.include({ page: 1, limit: 20 });
    expect(body.total).to.be.greaterThan(0);
    expect(body.items[0]).to.include({
      provider: "openai",
      model: "gpt-4o",
      input_cost_per_token: 0.0000025,
    });
    const all = await server().get("/api/prices?limit=3");
    expect(all.body.items).to.have.length(3);
    expect(all.body.total).to.be.greaterThan(1000);
  });

  it("answers the price in force, and how its name was found", async () => {
    const s = server();
    const exact = await s.post("/api/prices/current", { provider: "openai", model: "GPT-4o " });
    expect(exact.body).to.include({ matched_by: "exact", output_cost_per_token: 0.00001 });
    const dated = await s.post("/api/prices/current", { provider: "openai", model: "gpt-4o-2099-01-01" });
    expect(dated.body).to.include({ matched_by: "family", model: "gpt-4o" });
  });

  it("answers what a usage costs, with its parts and the price that makes them", async () => {
    const { status, body } = await server().post("/api/prices/cost", {
      provider: "openai",
      model: "gpt-4o",
      usage: { input_tokens: 1000, cache_read_tokens: 400, output_tokens: 200 },
    });
    expect(status).to.equal(200);
    // 600 × $2.50 + 400 × $1.25 a million, and 200 × $10
    expect(body).to.deep.include({ input_cost: 0.002, output_cost: 0.002, total_cost: 0.004 });
    expect(body.price).to.deep.include({ model: "gpt-4o", matched_by: "exact", stands_in: [] });
    const flex = await server().post("/api/prices/cost", {
      provider: "openai",
      model: "gpt-4o",
      service_tier: "flex",
      usage: { input_tokens: 1000 },
    });
    expect(flex.body.price.stands_in).to.deep.equal(["service_tier"]);
    expect(flex.body.cost_components[0]).to.include({ unit: "input_tokens", estimated: true });
  });

  it("reads a source of prices when asked, and tells of it", async () => {
    const s = server();
    s.price_source.answer = Promise.resolve({ status: "failed", fault: "HTTP", detail: "It answered 500." });
    const { status, body } = await s.post("/api/prices/update", { sources: ["test"] });
    expect(status).to.equal(200);
    expect(body).to.deep.include({ trigger: "request" });
    expect(body.report.sources).to.have.length(1);
    expect(body.report.sources[0]).to.deep.include({ source: "test", outcome: "failed", fault: "HTTP" });
    const runs = await s.get("/api/prices/runs?limit=1");
    expect(runs.body.items).to.deep.equal([body]);
    const sources = await s.get("/api/prices/sources");
    expect(pluck(sources.body.items, "enabled")).to.deep.equal([true, ...Array<boolean>(7).fill(false)]);
    expect(sources.body.items[2]).to.include({ source: "litellm", detail: "PRICE_UPDATE_INTERVAL is 0." });
    expect(sources.body.items[0]).to.deep.include({
      source: "test",
      trust: 0.9,
      failures: 1,
      fault: "HTTP",
      detail: "It answered 500.",
    });
    // The test's prices changed nothing of what is charged.
    s.price_source.answer = Promise.resolve({ status: "not_modified" });
    expect((await s.post("/api/prices/update", {})).body.report.verification.prices_changed).to.equal(0);
  });

  it("lists prices that sources do not agree on, and charges what a person decides", async () => {
    const s = server();
    const review_id = await s.review("gpt-4.1");
    const list = await s.get("/api/prices/reviews?status=open&provider=openai&model=gpt-4.1");
    expect(list.body.items[0]).to.deep.include({ review_id, kind: "all_gated", status: "open" });
    expect(list.body.items[0].candidates[0]).to.deep.include({
      source: "test",
      testimony: "gated",
      address: "https://prices.example/all.json",
    });
    const decided = await s.post(`/api/prices/reviews/${review_id}/decision`, {
      decision: "enter",
      components: [
        { unit: "input_tokens", cost_per_unit: "0.0000021" },
        { unit: "output_tokens", cost_per_unit: 0.000009, above_input_tokens: 0 },
      ],
      decided_by: "ada",
      why: "The contract says so.",
    });
    expect(decided.body).to.deep.include({
      status: "entered",
      decided_by: "ada",
      why: "The contract says so.",
    });
    const { body } = await s.post("/api/prices/current", { provider: "openai", model: "gpt-4.1" });
    expect(body).to.deep.include({
      input_cost_per_token: 0.0000021,
      output_cost_per_token: 0.000009,
      status: "manual",
      source: "review",
    });
  });

  it("charges a price that is set by hand, tells why, and takes it back", async () => {
    const s = server();
    const wanted = { provider: "openai", model: "gpt-4.1-nano" };
    const current = async () => {
      const { body } = await s.post("/api/prices/current", wanted);
      return body as { status: string; input_cost_per_token: number };
    };
    const before = await current();
    const set = await s.post("/api/prices/by-hand", {
      ...wanted,
      components: [
        { unit: "input_tokens", cost_per_unit: "0.0000000333" },
        { unit: "output_tokens", cost_per_unit: 0.000002 },
      ],
      set_by: "ada",
      why: "Contract 7.",
    });
    expect(set.status).to.equal(201);
    expect(set.body.price).to.deep.include({ input_cost_per_token: 3.33e-8, source: "by_hand" });
    expect(await current()).to.deep.include({ status: "manual", input_cost_per_token: 3.33e-8 });
    const why = await s.get("/api/prices/evidence/OpenAI/gpt-4.1-nano");
    expect(why.body.prices[0].evidence).to.deep.equal([set.body.observation_id]);
    expect(why.body.observations[0]).to.deep.include({
      observation_id: set.body.observation_id,
      address: "ada",
      raw: { set_by: "ada", why: "Contract 7." },
      withdrawn_at: null,
    });
    const path = `/api/prices/by-hand/${set.body.observation_id}/withdrawal`;
    const taken = await s.post(path, { withdrawn_by: "ada", why: "It ended." });
    expect(taken.status).to.equal(200);
    // Nobody else says anything about it here, so it has no price.
    expect(before.status).to.not.equal("manual");
    expect((await s.post("/api/prices/current", wanted)).status).to.equal(404);
  });

  it("sets prices for a region, a service tier and a time to come", async () => {
    const { body } = await server().post("/api/prices/by-hand", {
      provider: "openai",
      model: "gpt-4.1-nano",
      price_scope: "eu",
      service_tier: "batch",
      components: [{ unit: "input_tokens", cost_per_unit: 1 }],
      effective_date: "2027-01-01T00:00:00Z",
      end_date: "2028-01-01T00:00:00Z",
      set_by: "ada",
      why: "Contract 8.",
    });
    expect(body.price).to.equal(null);
    const why = await server().get("/api/prices/evidence/openai/gpt-4.1-nano");
    const observations = why.body.observations as { scope: string }[];
    expect(observations.find(({ scope }) => scope === "eu")).to.deep.include({
      service_tier: "batch",
      effective_date: "2027-01-01T00:00:00.000Z",
      end_date: "2028-01-01T00:00:00.000Z",
    });
  });

  it("sets prices for hours of the day, and for all day in spite of a source's hours", async () => {
    const s = server();
    const set = async (input: string, more: object = {}): Promise<unknown> => {
      const { body } = await s.post("/api/prices/by-hand", {
        provider: "deepseek",
        model: "deepseek-chat",
        components: [{ unit: "input_tokens", cost_per_unit: input }],
        set_by: "ada",
        why: "Contract 9.",
        ...more,
      });
      return body.price;
    };
    const costAt = async (at: string): Promise<unknown> => {
      const asked = { provider: "deepseek", model: "deepseek-chat", usage: { input_tokens: 1_000_000 }, at };
      return (await s.post("/api/prices/cost", asked)).body.total_cost;
    };
    // The catalogue has a price of its own for the hours from 00:30 to 16:30.
    const [day, night] = ["2027-01-01T12:00:00Z", "2027-01-01T20:00:00Z"];
    const listed = [await costAt(day), await costAt(night)];
    expect(listed).to.deep.equal([0.27, 0.135]);
    expect(await set("0.000003")).to.deep.include({ time_of_day: null, status: "manual" });
    expect([await costAt(day), await costAt(night)]).to.deep.equal([3, 3]);
    const hours = { start: "16:30:00", end: "00:30:00" };
    const priced = await set("0.000002", { time_of_day: { start: "16:30", end: "00:30" } });
    expect(priced).to.deep.include({ time_of_day: hours, status: "manual" });
    expect([await costAt(day), await costAt(night)]).to.deep.equal([3, 2]);
  });

  it("finds cheaper models for what was used, and tells which prices can be relied on", async () => {
    const s = server();
    const { budget_id } = await s.budget({ type: "log", token_limit: 1_000_000_000 });
    const call = {
      budget_id,
      context_id: "c",
      component: "rhetor",
      provider: "openai",
      model: "gpt-4o",
      usage: { input_tokens: 10_000, cache_read_tokens: 9_000, output_tokens: 100 },
    };
    await s.post("/api/usage/record", call);
    const wanted = { provider: "openai", model: "gpt-4o", budget_id };
    const found = await s.post("/api/prices/recommendations", { ...wanted, limit: 3 });
    expect(found.status).to.equal(200);
    expect(found.body).to.deep.include({ calls: 1, typical: false, current_cost: 0.01475 });
    const costs = (found.body.items as { estimated_cost: number }[]).map(
      ({ estimated_cost }) => estimated_cost,
    );
    expect(costs).to.have.length(3);
    expect(costs).to.deep.equal([...costs].sort((a, b) => a - b));
    const coverage = await s.get("/api/prices/coverage?days=2");
    expect(coverage.status).to.equal(200);
    const items = coverage.body.items as { model: string }[];
    expect(items.find(({ model }) => model === "gpt-4o")).to.deep.include({
      provider: "openai",
      matched_by: "exact",
      price_status: "provisional",
      verified: false,
    });
  });

  it("prices past usage anew", async () => {
    const s = server();
    const { budget_id } = await s.budget({ type: "log", token_limit: 1_000_000_000 });
    const call = { budget_id, context_id: "c", component: "rhetor", provider: "acme", model: "novel" };
    await s.post("/api/usage/record", { ...call, input_tokens: 1_000_000, output_tokens: 0 });
    await s.post("/api/prices/by-hand", {
      provider: "acme",
      model: "novel",
      components: [
        { unit: "input_tokens", cost_per_unit: "0.000003" },
        { unit: "output_tokens", cost_per_unit: "0.000003" },
      ],
      set_by: "ada",
      why: "Its maker says so.",
    });
    const request = {
      start_time: "2026-11-01T00:00:00Z",
      end_time: "2026-12-01T00:00:00Z",
      provider: "acme",
      repriced_by: "ada",
      why: "It had no price.",
    };
    const sums = { records: 1, booked_cost: 0, repriced_cost: 3, difference: 3 };
    const report = {
      records_checked: 1,
      records_adjusted: 1,
      records_unpriced: 0,
      difference: 3,
      budgets: [{ budget_id, ...sums }],
      models: [{ model: "acme/novel", ...sums }],
    };
    const dry = await s.post("/api/prices/reprice", { ...request, dry_run: true });
    expect(dry.body).to.deep.equal({ dry_run: true, ...report });
    expect((await s.post("/api/prices/reprice", request)).body).to.deep.equal({ dry_run: false, ...report });
    const { body } = await s.get(`/api/usage/records?budget_id=${budget_id}`);
    expect(body.items[0]).to.deep.include({ total_cost: 3, total_tokens: 0 });
    expect(body.items[0].adjusts_record_id).to.equal(body.items[1].record_id);
    const wrong = await s.post("/api/prices/reprice", { ...request, end_time: request.start_time });
    expect([wrong.status, wrong.body.field]).to.deep.equal([400, "/end_time"]);
  });

  it("puts the trust of a source back", async () => {
    const { status, body } = await server().call("POST", "/api/prices/sources/test/trust-reset");
    expect(status).to.equal(200);
    expect(body).to.deep.include({ source: "test", trust: 0.9, agreed: 0, differed: 0 });
  });

  it("answers the history of a model whose name has a slash", async () => {
    const { status, body } = await server().get("/api/prices/history/openrouter/openai%2Fgpt-4o");
    expect(status).to.equal(200);
    expect(body.items[0]).to.include({ provider: "openrouter", model: "openai/gpt-4o" });
    expect((await server().get("/api/prices/history/OpenAI/GPT-4o")).body.items[0].model).to.equal("gpt-4o");
  });
});

onEveryDatabase("time", (server) => {
  it("lets allocations expire by the clock that is given", async () => {
    const s = server();
    const { budget_id } = await s.budget({ token_limit: 1000 });
    const held = await s.allocation(budget_id, { expiration_time: "2026-11-23T09:45:00Z" });
    const before = await s.post("/api/allocations", request(budget_id));
    expect(before.status).to.equal(402);
    s.clock.now_ms += HOUR_MS;
    expect((await s.post("/api/allocations", request(budget_id))).status).to.equal(201);
    expect((await s.get(`/api/allocations/${held.body.allocation_id}`)).body.status).to.equal("expired");
  });
});
