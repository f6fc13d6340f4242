import { expect } from "chai";
import { codeOf, onEveryDatabase, pluck, type Answered } from "./support.ts";

const UUID = /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[\da-f]{4}-[\da-f]{12}$/;
const GPT = { provider: "OpenAI", model: "gpt-4o" };
const QUESTION = "What is the capital of France?";

/** An answer to a message; its payload has another shape for each type. */
interface Message {
  readonly message_id: string;
  readonly message_type: string;
  readonly status: string;
  readonly error: string | null;
  readonly code: string | null;
  readonly payload: Answered["body"];
}

onEveryDatabase("a message", (server) => {
  /** Sends a message as Tekton's Python does: with nulls for what is left out, and local time without an offset. */
  const send = (
    message_type: string,
    payload: unknown,
    fields: object = {},
    headers: Record<string, string> = {},
  ): Promise<Answered> =>
    server().post(
      "/api/mcp/message",
      {
        message_id: "message-1",
        ...{ sender: "hermes", message_type, payload },
        ...{ timestamp: "2026-11-23T10:30:00.123456", reply_to: null, timeout: null },
        ...fields,
      },
      headers,
    );
  const sent = async (message_type: string, payload: unknown, fields?: object) => {
    const answer = await send(message_type, payload, fields);
    expect(answer.status, answer.text).to.equal(200);
    return answer.body as Message;
  };
  const budget = async (policy?: object) =>
    (await server().budget(policy as Record<string, unknown>)).budget_id;

  it("has an answer with an id and a time of its own, to the message that it names", async () => {
    const { message_id, ...body } = await sent("budget.get_budget_status", null);
    expect(message_id).to.match(UUID);
    expect(body).to.deep.include({
      sender: "budget",
      message_type: "budget.status_response",
      timestamp: new Date(server().clock.now_ms).toISOString(),
      request_id: "message-1",
      status: "success",
      error: null,
      code: null,
    });
    const bare = await server().post("/api/mcp/message", {
      sender: "hermes",
      message_type: " BUDGET.Get_Budget_Status ",
    });
    expect(bare.body).to.include({ status: "success" });
    expect(bare.body.request_id).to.match(UUID);
  });

  it("of an unknown type is answered by budget.error, which names the known ones", async () => {
    for (const unknown of ["budget.allocate", "constructor", "__proto__"]) {
      const body = await sent(unknown, {});
      expect(body).to.include({
        message_type: "budget.error",
        status: "error",
        code: "unknown_message_type",
      });
      expect(body.error).to.contain(unknown).and.to.contain("budget.get_usage_analytics");
      expect(body.payload).to.deep.equal({});
    }
  });

  it("allocates tokens, for its sender where it names no component", async () => {
    const budget_id = await budget({ token_limit: 1000 });
    const payload = {
      ...{ context_id: "chat-1", amount: 600, tier: "REMOTE_HEAVYWEIGHT", ...GPT, budget_id },
      ...{ component: null, task_type: null, priority: null },
    };
    const granted = await sent("budget.allocate_tokens", payload);
    expect(granted).to.include({ message_type: "budget.allocation_response", status: "success" });
    expect(granted.payload).to.include({
      ...{ context_id: "chat-1", amount: 600, remaining: 600 },
      ...{ tier: "remote_heavyweight", provider: "openai", model: "gpt-4o" },
    });
    const { body } = await server().get(`/api/allocations/${granted.payload.allocation_id}`);
    expect(body).to.include({ component: "hermes", budget_id, task_type: "default", priority: 5 });
    const refused = await sent("budget.allocate_tokens", payload);
    expect(refused).to.include({ status: "error", code: "insufficient_budget" });
    expect(refused.error).to.contain("At most 400 tokens would fit");
    expect(refused.payload).to.include({ amount: 0, remaining: 0, tokens_that_fit: 400 });
    const short = await sent("budget.allocate_tokens", { ...payload, amount: 1, tier: "lightweight" });
    expect(short.payload).to.include({ amount: 1, tier: "local_lightweight" });
  });

  it("has one effect for one Idempotency-Key", async () => {
    const budget_id = await budget({ token_limit: 1000 });
    const payload = { context_id: "chat-1", amount: 600, ...GPT, budget_id };
    const headers = { "Idempotency-Key": "message-once" };
    const first = await send("budget.allocate_tokens", payload, {}, headers);
    const again = await send("budget.allocate_tokens", payload, {}, headers);
    expect(again.body.payload).to.deep.equal(first.body.payload);
    const other = await send("budget.allocate_tokens", { ...payload, amount: 5 }, {}, headers);
    expect(other.body).to.include({ status: "error", code: "idempotency_conflict" });
  });

  it("checks a budget in Rhetor's shape", async () => {
    const budget_id = await budget({ cost_limit: "0.002", type: "HARD_LIMIT", period: "DAILY" });
    const payload = { ...GPT, input_text: QUESTION, budget_id };
    const refused = await sent("budget.check_budget", payload, { sender: "rhetor" });
    expect(refused).to.include({ message_type: "budget.check_response", status: "success" });
    expect(refused.payload.allowed).to.equal(false);
    expect(refused.payload.info).to.include({
      reason: "Daily budget limit exceeded",
      ...{ limit: 0.002, usage: 0, estimated_cost: 0.0020175, policy: "enforce" },
    });
    const other = await sent("budget.check_budget", { ...payload, model: "gpt-4o-mini", input_text: null });
    expect(other.payload).to.deep.include({ allowed: true });
    expect(other.payload.info).to.include({ daily_limit: 0.002, weekly_limit: 0, daily_usage: 0 });
  });

  it("books usage against its allocation, or the live one of its context", async () => {
    const budget_id = await budget();
    const allocate = { context_id: "chat-usage", amount: 600, ...GPT, budget_id };
    const { payload: held } = await sent("budget.allocate_tokens", allocate);
    const counts = { input_tokens: 100, output_tokens: 20 };
    const by_id = await sent("budget.record_usage", { ...counts, allocation_id: held.allocation_id });
    expect(by_id).to.include({ message_type: "budget.usage_response", status: "success" });
    expect(by_id.payload).to.include({ recorded_tokens: 120, success: true, total_cost: 0.00045 });
    const by_context = await sent("budget.record_usage", {
      ...counts,
      context_id: "chat-usage",
      component: null,
    });
    expect(by_context.payload).to.include({ recorded_tokens: 120, allocation_id: held.allocation_id });
    const { body } = await server().get(`/api/allocations/${held.allocation_id}`);
    expect(body.tokens_used).to.equal(240);
    const alone = { ...counts, ...GPT, context_id: "chat-alone", budget_id };
    const without = await sent("budget.record_usage", alone);
    expect(without.payload).to.include({ recorded_tokens: 120, allocation_id: null });
    const usage = await server().get(`/api/usage/records?context_id=chat-alone`);
    expect(pluck(usage.body.items, "component")).to.deep.equal(["hermes"]);
  });

  it("that books usage has one effect for one Idempotency-Key, whatever was allocated meanwhile", async () => {
    const budget_id = await budget();
    const usage = { context_id: "chat-twice", ...GPT, input_tokens: 100, output_tokens: 20, budget_id };
    const allocate = { context_id: "chat-twice", amount: 600, ...GPT, budget_id };
    const headers = { "Idempotency-Key": "usage-once" };
    const first = await send("budget.record_usage", usage, {}, headers);
    expect(first.body.payload).to.include({ success: true, allocation_id: null });
    const { payload: held } = await sent("budget.allocate_tokens", allocate);
    const again = await send("budget.record_usage", usage, {}, headers);
    expect(again.body.payload).to.deep.equal(first.body.payload);
    const other = await send("budget.record_usage", { ...usage, output_tokens: 5 }, {}, headers);
    expect(other.body).to.include({ status: "error", code: "idempotency_conflict" });
    expect(other.body.error).to.include("/output_tokens");
    const { body } = await server().get(`/api/allocations/${held.allocation_id}`);
    expect(body.tokens_used).to.equal(0);
  });

  it("tells the status of a budget, by period, tier and component", async () => {
    const budget_id = await budget({ token_limit: 1000, tier: "local_midweight" });
    const policy = { budget_id, type: "warn", token_limit: 10 };
    await server().post("/api/policies", { ...policy, period: "daily", component: "ergon" });
    await server().post("/api/policies", { ...policy, period: "weekly" });
    const limits = async (payload: object) =>
      pluck(
        (await sent("budget.get_budget_status", { budget_id, ...payload })).payload.summaries,
        "token_limit",
      );
    expect(await limits({})).to.deep.equal([1000, 10]);
    expect(await limits({ period: "WEEKLY", tier: null, component: null })).to.deep.equal([10]);
    expect(await limits({ tier: "Remote_Heavyweight" })).to.deep.equal([10]);
    expect(await limits({ component: "Hermes" })).to.deep.equal([1000]);
    const { payload } = await sent("budget.get_budget_status", { budget_id });
    expect(payload).to.include({ success: true, period: "daily" });
    expect(payload.summaries[0]).to.include({ budget_id, total_tokens_used: 0, token_usage_percentage: 0 });
  });

  it("recommends cheaper models", async () => {
    const { payload, message_type } = await sent("budget.get_model_recommendations", {
      ...{ ...GPT, task_type: "chat", context_size: 4000 },
    });
    expect(message_type).to.equal("budget.recommendations_response");
    expect(payload.recommendations).to.not.be.empty;
    const [first] = payload.recommendations;
    expect(first.estimated_cost).to.be.greaterThan(0).and.lessThan(payload.current_cost);
    expect(first.cost_reduction).to.be.closeTo(payload.current_cost - first.estimated_cost, 1e-12);
    const asked = { ...GPT, task_type: "chat", context_size: 4000 };
    const { body } = await server().post("/api/prices/recommendations", asked);
    expect(payload.recommendations).to.deep.equal(body.items);
    expect(payload.current_cost).to.equal(body.current_cost);
  });

  it("routes to a model that fits, and says where none does", async () => {
    const budget_id = await budget({ cost_limit: "0.001" });
    const wanted = { default_provider: "openai", default_model: "gpt-4o" };
    const payload = { input_text: QUESTION, task_type: "chat", ...wanted, budget_id };
    const routed = await sent("budget.route_with_budget_awareness", payload);
    expect(routed).to.include({ message_type: "budget.routing_response", status: "success" });
    expect(routed.payload).to.include({ original_model: "gpt-4o", is_downgraded: true, provider: "openai" });
    expect(routed.payload.warnings[0]).to.contain("Downgraded from openai/gpt-4o to openai/");
    const closed = await budget({ token_limit: 1 });
    const none = await sent("budget.route_with_budget_awareness", { ...payload, budget_id: closed });
    expect(none).to.include({ status: "error", code: "insufficient_budget" });
    expect(none.error).to.equal("Daily budget limit exceeded, and no cheaper or free model fits");
    expect(none.payload).to.include({ provider: null, model: null, is_downgraded: false });
    const open = await sent("budget.route_with_budget_awareness", { ...payload, budget_id: await budget() });
    expect(open.payload).to.include({ provider: "openai", model: "gpt-4o", is_downgraded: false });
  });

  it("asks for analytics", async () => {
    const budget_id = await budget();
    const counts = { input_tokens: 100, output_tokens: 20 };
    await sent("budget.record_usage", { ...counts, ...GPT, context_id: "chat-analytics", budget_id });
    const { payload, message_type } = await sent("budget.get_usage_analytics", {
      ...{ period: "DAILY", component: null, provider: "OpenAI", model: null, budget_id },
    });
    expect(message_type).to.equal("budget.analytics_response");
    expect(payload).to.include({ success: true, period: "daily", total_tokens: 120, record_count: 1 });
    expect(payload.providers).to.have.property("openai");
  });

  const WRONG: readonly (readonly [type: string, payload: object, code: string, says: string])[] = [
    ["budget.allocate_tokens", { amount: 1 }, "invalid_value", "context_id is missing."],
    ["budget.allocate_tokens", { context_id: "c", amount: -1 }, "invalid_value", "amount must be at least 0"],
    ["budget.allocate_tokens", { context_id: "c", amount: 0 }, "invalid_value", "amount"],
    ["budget.allocate_tokens", { context_id: "c", tier: "middle" }, "invalid_value", "tier must be one of"],
    ["budget.check_budget", { model: "gpt-4o" }, "invalid_value", "provider is missing."],
    ["budget.check_budget", { provider: 5, model: "x" }, "invalid_value", "provider must be of type string"],
    ["budget.record_usage", { input_tokens: 1, output_tokens: 1 }, "invalid_value", "context_id"],
    ["budget.record_usage", { context_id: "c" }, "invalid_value", "input_tokens is missing."],
    ["budget.get_budget_status", { period: "yearly" }, "invalid_value", "period must be one of"],
    ["budget.get_budget_status", { tier: "middle" }, "invalid_value", "tier must be one of"],
    [
      "budget.get_model_recommendations",
      { provider: "a", model: "b" },
      "price_not_found",
      "No price is known",
    ],
    ["budget.get_usage_analytics", { period: "yearly" }, "invalid_value", "period must be"],
    ["budget.route_with_budget_awareness", {}, "invalid_value", "default_provider is missing."],
  ];
  for (const [type, payload, code, says] of WRONG) {
    it(`${type} with ${JSON.stringify(payload)} is answered by what is wrong`, async () => {
      const body = await sent(type, payload);
      expect(body).to.include({ status: "error", code });
      expect(body.message_type).to.match(/^budget\.\w+_response$/);
      expect(body.error).to.contain(says);
    });
  }

  const OPERATIONS: readonly (readonly [type: string, payload: object, roles: string])[] = [
    ["budget.allocate_tokens", { context_id: "c", amount: 1 }, "agent, operator, admin"],
    ["budget.check_budget", GPT, "agent, operator, admin"],
    [
      "budget.record_usage",
      { context_id: "c", input_tokens: 1, output_tokens: 1, ...GPT },
      "agent, operator, admin",
    ],
    ["budget.get_budget_status", {}, "viewer, agent, operator, admin"],
    ["budget.get_model_recommendations", GPT, "viewer, operator, admin"],
    [
      "budget.route_with_budget_awareness",
      { default_provider: "openai", default_model: "gpt-4o" },
      "agent, operator, admin",
    ],
    ["budget.get_usage_analytics", {}, "viewer, operator, admin"],
  ];
  for (const [type, payload, roles] of OPERATIONS) {
    it(`${type} is for ${roles}, as what it stands for`, async () => {
      for (const role of ["viewer", "agent", "operator", "admin"] as const) {
        const headers = { "X-API-Key": await server().key({ role }) };
        const { body } = await send(type, payload, {}, headers);
        expect(body.code === "forbidden", `${role}: ${body.error}`).to.equal(!roles.includes(role));
        if (body.code === "forbidden") expect(body.error).to.contain(`A key of the role ${role} may not`);
        else expect(body.status, body.error).to.equal("success");
      }
    });
  }

  it("that a key may not send is in the record of denials", async () => {
    const headers = { "X-API-Key": await server().key({ role: "viewer", name: "curious" }) };
    await send("budget.allocate_tokens", { context_id: "c", amount: 1 }, {}, headers);
    await server().engine.access.flush();
    const { body } = await server().get("/api/audit?kind=denial&limit=1");
    expect(body.items[0]).to.include({ action: "allocate", actor: "curious" });
  });

  it("of a bound agent is held to its budget and component", async () => {
    const own = await budget({ token_limit: 1000 });
    const foreign = await budget();
    const key = await server().key({ role: "agent", budget_ids: [own], components: ["hermes"] });
    const headers = { "X-API-Key": key };
    const asked = (payload: object, fields: object = {}) =>
      send("budget.allocate_tokens", { context_id: "bound", amount: 10, ...payload }, fields, headers);
    const granted = await asked({});
    const { body } = await server().get(`/api/allocations/${granted.body.payload.allocation_id}`);
    expect(body.budget_id).to.equal(own);
    expect((await asked({ budget_id: foreign })).body.code).to.equal("budget_not_found");
    expect((await asked({ component: "ergon" })).body.code).to.equal("forbidden");
    expect((await asked({}, { sender: "ergon" })).body.code).to.equal("forbidden");
    const status = await send("budget.get_budget_status", {}, {}, headers);
    expect(pluck(status.body.payload.summaries, "budget_id")).to.deep.equal([own]);
    const check = await send("budget.check_budget", { ...GPT, input_text: QUESTION }, {}, headers);
    expect(check.body.payload.allowed, check.text).to.equal(true);
    const usage = { input_tokens: 1, output_tokens: 1 };
    const booked = await send("budget.record_usage", { ...usage, ...GPT, context_id: "bound" }, {}, headers);
    expect(booked.body.payload.allocation_id).to.equal(granted.body.payload.allocation_id);
    const others = await server().allocation(foreign, { context_id: "theirs", component: "hermes" });
    const theirs = { ...usage, allocation_id: others.body.allocation_id };
    expect((await send("budget.record_usage", theirs, {}, headers)).body.code).to.equal(
      "allocation_not_found",
    );
    const context = { ...usage, ...GPT, context_id: "theirs" };
    const beside = await send("budget.record_usage", context, {}, headers);
    expect(beside.body.payload.allocation_id).to.equal(null);
  });

  it("of a bound agent that looks like a batch is held to its budget and component all the same", async () => {
    const own = await budget();
    const foreign = await budget();
    const key = await server().key({ role: "agent", budget_ids: [own], components: ["hermes"] });
    const asked = async (payload: object, fields: object = {}) => {
      const batch = { context_id: "batch", amount: 10, items: [], ...payload };
      return (await send("budget.allocate_tokens", batch, fields, { "X-API-Key": key })).body as Message;
    };
    expect((await asked({ budget_id: foreign })).code).to.equal("budget_not_found");
    expect((await asked({ component: "ergon" })).code).to.equal("forbidden");
    expect((await asked({}, { sender: "ergon" })).code).to.equal("forbidden");
    const { allocation_id } = (await asked({})).payload;
    const { body } = await server().get(`/api/allocations/${allocation_id}`);
    expect(body).to.include({ budget_id: own, component: "hermes" });
  });

  it("that cannot be read is refused with a detail, as by every route", async () => {
    for (const [body, field] of [
      [{ message_type: "budget.check_budget" }, "/sender"],
      [{ sender: "hermes" }, "/message_type"],
      [{ sender: "hermes", message_type: "x", payload: [] }, "/payload"],
      [{ sender: "hermes", message_type: "x", timeout: -1 }, "/timeout"],
    ] as const) {
      const answer = await server().post("/api/mcp/message", body);
      expect(codeOf(answer)).to.equal("400 invalid_value");
      expect(answer.body.field).to.equal(field);
      expect(answer.body.detail).to.be.a("string");
    }
  });

  it("of a megabyte of one letter is answered", async () => {
    const input_text = "a".repeat(1_000_000);
    const { payload } = await sent("budget.check_budget", { ...GPT, input_text, budget_id: await budget() });
    expect(payload.info.cost_estimate.input_tokens).to.be.within(125_000, 1_000_000);
  });
});
