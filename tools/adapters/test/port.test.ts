import { PortError, type BudgetPort } from "@budget/adapter-port";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { TRANSPORTS, TestBudget } from "../src/test-budget.ts";

const NOBODY = "01890000-0000-7000-8000-00000000dead";
const call = { context_id: "chat-1", component: "Apollo ", provider: "OpenAI", model: "gpt-4o" };

/** Something that went wrong, as values that can be compared. */
async function failure(promise: Promise<unknown>): Promise<{ code: string; field: string | null }> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof PortError) return { code: error.code, field: error.field };
    throw error;
  }
  throw new Error("It did not fail.");
}

/** Every call of the port once, with what it answers. */
async function play(port: BudgetPort): Promise<Readonly<Record<string, unknown>>> {
  const { budget_id } = await port.defaultBudget();
  const daily = await port.policies.create({ type: "hard_limit", period: "daily", token_limit: 1000 });
  const hourly = await port.policies.create({
    budget_id,
    type: "warn",
    period: "hourly",
    tier: "remote_heavyweight",
    cost_limit: "0.01",
  });
  const changed = await port.policies.update(hourly.policy_id, { warning_threshold: 0.25, enabled: true });
  const checked = await port.allocations.check({ ...call, tokens_allocated: 600 });
  const granted = await port.allocations.create({ ...call, tokens_allocated: 600, metadata: { a: 1 } });
  const refused = await port.allocations.create({ ...call, tokens_allocated: 600 });
  const allocation_id = granted.granted ? granted.grant.allocation_id : "";
  const recorded = await port.usage.record({ allocation_id, input_tokens: 100, output_tokens: 20 });
  const usage = { input_tokens: 1000, output_tokens: 10 };
  return {
    default: await port.defaultBudget(),
    ...{ daily, hourly, changed, checked, granted, refused, recorded },
    read: await port.allocations.get(allocation_id.toUpperCase()),
    live: await port.allocations.list({ context_id: "chat-1", is_active: true }),
    summary: await port.summary(budget_id),
    hours: await port.summary(budget_id, "hourly"),
    policies: await port.policies.list({}),
    hourly_policies: await port.policies.list({ budget_id, period: "hourly" }),
    released: await port.allocations.release(allocation_id),
    usage: await port.usage.summary({ period: "daily", budget_id }),
    groups: await port.usage.groups({ budget_id, group_by: "task_type" }),
    analytics: await port.usage.analytics({ budget_id, provider: "OPENAI" }),
    price: await port.prices.current({ provider: "openai", model: "gpt-4o-2024-08-06" }),
    cost: await port.prices.cost({ provider: "openai", model: "gpt-4o", usage }),
    cost_then: await port.prices.cost({
      ...{ provider: "openai", model: "gpt-4o", usage },
      at: "2026-11-01T00:00:00.000Z",
    }),
    prices: await port.prices.list({}),
    prices_of_one: await port.prices.list({ provider: "ollama" }),
    cheaper: await port.prices.recommendations({
      provider: "anthropic",
      model: "claude-3-opus",
      any_provider: true,
    }),
  };
}

/** One wrong request for each code that adapters can meet. */
async function playWrong(port: BudgetPort): Promise<Readonly<Record<string, unknown>>> {
  const dead = await port.allocations.create({ ...call, tokens_allocated: 1 });
  const allocation_id = dead.granted ? dead.grant.allocation_id : "";
  await port.usage.record({ allocation_id, output_tokens: 1, final: true });
  const open = { context_id: "c", component: "x" };
  const record = { ...open, input_tokens: 1 };
  return {
    no_budget: await failure(port.summary(NOBODY)),
    budget_id: await failure(port.summary("default")),
    period: await failure(port.summary(NOBODY, "yearly" as "daily")),
    policy: await failure(port.policies.update(NOBODY, { enabled: false })),
    policy_id: await failure(port.policies.update("x", { enabled: false })),
    unknown_field: await failure(
      port.policies.create({ type: "warn", period: "daily", limit: 5 } as { type: string; period: "daily" }),
    ),
    policy_type: await failure(port.policies.create({ type: "shout", period: "daily" })),
    tier: await failure(port.policies.list({ tier: "middle" as "local_midweight" })),
    allocation: await failure(port.allocations.get(NOBODY)),
    allocation_id: await failure(port.allocations.get("urn:uuid:01890000-0000-7000-8000-00000000dead")),
    settled: await failure(port.allocations.release(allocation_id)),
    allocations: await failure(port.allocations.list({ budget_id: "x" })),
    missing: await failure(port.allocations.create({ context_id: "c" } as typeof open)),
    negative: await failure(port.allocations.check({ ...open, tokens_allocated: -1 })),
    fraction: await failure(port.allocations.create({ ...open, tokens_allocated: 0.5 })),
    both: await failure(
      port.allocations.create({ ...open, tokens_allocated: 1, input_tokens: 1, max_output_tokens: 1 }),
    ),
    expiry: await failure(port.allocations.create({ ...open, expiration_time: "tomorrow" })),
    no_provider: await failure(port.usage.record(record)),
    budget_of_usage: await failure(
      port.usage.record({ ...record, provider: "openai", model: "gpt-4o", budget_id: NOBODY }),
    ),
    time: await failure(port.usage.summary({ start_time: "2026-11-23T24:30:00+01" })),
    date: await failure(port.usage.analytics({ start_date: "2026-02-30" })),
    price: await failure(port.prices.current({ provider: "nobody", model: "nothing" })),
    unit: await failure(
      port.prices.cost({ provider: "openai", model: "gpt-4o", usage: { input_images: 1 } }),
    ),
    recommendation: await failure(
      port.prices.recommendations({ provider: "openai", model: "gpt-4o", days: 0 }),
    ),
    empty_name: await failure(port.prices.list({ provider: " " })),
  };
}

for (const kind of TEST_DATABASES) {
  describe(`the port in process and over HTTP on ${kind.name}`, () => {
    const opened: TestBudget[] = [];
    afterEach(async () => {
      for (const budget of opened.splice(0)) await budget.close();
    });

    async function overBoth<T>(script: (port: BudgetPort) => Promise<T>): Promise<readonly [T, T]> {
      const answers: T[] = [];
      for (const transport of TRANSPORTS) {
        const budget = await TestBudget.open(kind, transport);
        opened.push(budget);
        answers.push(await script(budget.port));
      }
      return [answers[0]!, answers[1]!];
    }

    it("answers every call the same, field by field", async () => {
      const [inProcess, overHttp] = await overBoth(play);
      expect(inProcess).to.deep.equal(overHttp);
      expect(inProcess.granted).to.have.nested.property("grant.tokens_allocated", 600);
      expect(inProcess.granted).to.have.nested.property("grant.provider", "openai");
      expect(inProcess.granted).to.have.nested.property("grant.component", "apollo");
      expect(inProcess.refused).to.have.nested.property("refusal.tokens_that_fit", 400);
      expect(inProcess.refused).to.have.nested.property("refusal.violations[0].code", "token_limit");
      expect(inProcess.hourly_policies).to.have.length(1);
      expect(inProcess.cost).to.have.property("total_cost", 0.0026);
      expect(inProcess.price).to.have.property("matched_by", "family");
    });

    it("rejects wrong requests with the same code and field", async () => {
      const [inProcess, overHttp] = await overBoth(playWrong);
      expect(inProcess).to.deep.equal(overHttp);
      expect(inProcess.no_budget).to.have.property("code", "budget_not_found");
      expect(inProcess.settled).to.have.property("code", "allocation_not_active");
      expect(inProcess.unknown_field).to.deep.equal({ code: "invalid_value", field: "/limit" });
      expect(inProcess.negative).to.deep.equal({ code: "invalid_value", field: "/tokens_allocated" });
      expect(inProcess.unit).to.have.property("code", "price_unit_unknown");
    });
  });
}
