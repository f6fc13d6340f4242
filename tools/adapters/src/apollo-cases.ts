import type { BudgetPort } from "@budget/adapter-port";
import { createApolloAdapter, defaultPolicies, type ApolloCalls } from "@budget/adapters-apollo";
import type { TestBudget } from "./test-budget.ts";

/** What Apollo does in one case: calls, whose requests may need the answers of those before. */
export interface ApolloCase {
  readonly name: string;
  /** What Budget holds before, made without the adapter. */
  readonly given?: (port: BudgetPort) => Promise<unknown>;
  readonly play: (apollo: ApolloCalls, port: BudgetPort) => Promise<unknown>;
}

const chat = { context_id: "chat-1", component: "ergon", provider: "openai", model: "gpt-4o" };

/** The id of a granted allocation. */
async function allocated(apollo: ApolloCalls, fields: object = {}): Promise<string> {
  const answer = await apollo.allocateTokens({ ...chat, amount: 1000, ...fields });
  return answer.success ? answer.allocation_id : "";
}

const limitOf = (token_limit: number, fields: object = {}) => ({
  type: "enforce",
  period: "daily" as const,
  token_limit,
  ...fields,
});

async function makeDefaults(port: BudgetPort): Promise<void> {
  const { budget_id } = await port.defaultBudget();
  for (const policy of defaultPolicies(budget_id)) await port.policies.create(policy);
}

const NOBODY = "01890000-0000-7000-8000-00000000dead";

export const APOLLO_CASES: readonly ApolloCase[] = [
  {
    name: "allocate-tokens",
    given: makeDefaults,
    async play(apollo) {
      await apollo.allocateTokens({
        ...chat,
        amount: 1500,
        tier: "HEAVYWEIGHT",
        task_type: "chat",
        priority: 8,
      });
      await apollo.allocateTokens({ context_id: "chat-2", amount: 200, tier: "Local_Midweight" });
    },
  },
  {
    name: "allocate-tokens-by-default-amounts",
    async play(apollo) {
      await apollo.allocateTokens({ ...chat, amount: null, task_type: "coding", priority: 10 });
      await apollo.allocateTokens({ ...chat, task_type: "poetry", priority: 3, tier: null });
    },
  },
  {
    name: "allocate-tokens-with-a-warning",
    given: (port) => port.policies.create(limitOf(1000, { type: "ignore" })),
    play: (apollo) => apollo.allocateTokens({ ...chat, amount: 1200 }),
  },
  {
    name: "allocate-tokens-refused",
    given: (port) => port.policies.create(limitOf(1000, { tier: "local_midweight" })),
    play: (apollo) =>
      apollo.allocateTokens({ context_id: "c", provider: "ollama", model: "mistral", amount: 1200 }),
  },
  {
    name: "allocate-tokens-passing-a-hard-limit-by-priority",
    given: (port) => port.policies.create(limitOf(1000, { priority_override: true })),
    async play(apollo) {
      await apollo.allocateTokens({ ...chat, amount: 1200, priority: 9 });
      await apollo.allocateTokens({ ...chat, amount: 1200, priority: 10 });
    },
  },
  {
    name: "allocate-tokens-wrong",
    async play(apollo) {
      await apollo.allocateTokens({ ...chat, amount: 0 }).catch(() => null);
      await apollo.allocateTokens({ ...chat, tier: "middleweight" }).catch(() => null);
      await apollo.allocateTokens({ ...chat, priority: 11 }).catch(() => null);
    },
  },
  {
    name: "release-allocation",
    async play(apollo) {
      const id = await allocated(apollo);
      await apollo.releaseAllocation(id);
      await apollo.releaseAllocation(NOBODY);
    },
  },
  {
    name: "record-token-usage",
    async play(apollo) {
      const allocation_id = await allocated(apollo);
      await apollo.recordTokenUsage({
        allocation_id,
        tokens: 300,
        usage_type: "INPUT",
        operation_id: "op-1",
      });
      await apollo.recordTokenUsage({ context_id: "chat-1", tokens: 100, usage_type: "output" });
      await apollo.recordTokenUsage({ allocation_id, tokens: 0 });
    },
  },
  {
    name: "record-token-usage-as-a-total",
    async play(apollo) {
      const allocation_id = await allocated(apollo);
      await apollo.recordTokenUsage({
        allocation_id,
        tokens: 300,
        usage_type: "total",
        metadata: { job: 7 },
      });
    },
  },
  {
    name: "record-token-usage-without-an-allocation",
    async play(apollo) {
      await apollo.recordTokenUsage({ context_id: "late", tokens: 50, usage_type: "input" });
      await apollo.recordTokenUsage({ allocation_id: NOBODY, tokens: 50 });
    },
  },
  {
    name: "record-token-usage-of-an-unnamed-model",
    async play(apollo) {
      const allocation_id = await allocated(apollo, { provider: null, model: null, tier: "lightweight" });
      await apollo.recordTokenUsage({ allocation_id, tokens: 70 });
    },
  },
  {
    name: "record-token-usage-wrong",
    async play(apollo) {
      await apollo.recordTokenUsage({ context_id: "c", tokens: -1 }).catch(() => null);
      await apollo.recordTokenUsage({ context_id: "c", tokens: 1, usage_type: "both" }).catch(() => null);
      await apollo.recordTokenUsage({ tokens: 1 }).catch(() => null);
    },
  },
  {
    name: "get-budget-status",
    given: makeDefaults,
    async play(apollo, port) {
      await port.policies.create({ type: "warn", period: "daily", cost_limit: 1 });
      await port.policies.create(limitOf(5, { enabled: false, component: "x" }));
      const allocation_id = await allocated(apollo);
      await apollo.recordTokenUsage({ allocation_id, tokens: 400, usage_type: "input" });
      await apollo.getBudgetStatus();
      await apollo.getBudgetStatus({ tier: "heavyweight", period: "HOURLY" });
      await apollo.getBudgetStatus({ tier: "remote_heavyweight", period: "per_session" });
      await apollo.getBudgetStatus({ period: "total" }).catch(() => null);
    },
  },
  {
    name: "get-allocation-status",
    async play(apollo) {
      const allocation_id = await allocated(apollo);
      await apollo.recordTokenUsage({ allocation_id, tokens: 400, usage_type: "output" });
      await apollo.getAllocationStatus(allocation_id);
      await apollo.releaseAllocation(allocation_id);
      await apollo.getAllocationStatus(allocation_id);
      await apollo.getAllocationStatus(NOBODY);
    },
  },
  {
    name: "set-budget-limit",
    given: (port) => port.policies.create(limitOf(10, { tier: "local_midweight", component: "ergon" })),
    async play(apollo) {
      await apollo.setBudgetLimit({ tier: "midweight", period: "DAILY", limit: 5000 });
      await apollo.setBudgetLimit({ tier: "LOCAL_MIDWEIGHT", period: "daily", limit: 6000 });
      await apollo.setBudgetLimit({ tier: "midweight", period: "daily", limit: 1.5 }).catch(() => null);
    },
  },
  {
    name: "provide-model-guidance",
    async play(apollo) {
      await apollo.provideModelGuidance({ context_id: "chat-1", task_type: "Coding" });
      await apollo.provideModelGuidance({ context_id: "chat-1", task_type: "embedding", priority: 1 });
      await apollo.provideModelGuidance({
        context_id: "chat-1",
        amount: 1000,
        preferred_tier: "midweight",
        provider_preferences: ["Ollama", "anthropic"],
        max_cost: 0.001,
      });
    },
  },
  {
    name: "provide-model-guidance-near-a-limit",
    given: (port) => port.policies.create(limitOf(1000, { tier: "remote_heavyweight" })),
    async play(apollo) {
      const allocation_id = await allocated(apollo);
      await apollo.recordTokenUsage({ allocation_id, tokens: 900, usage_type: "output" });
      await apollo.provideModelGuidance({ context_id: "chat-2", amount: 500 });
    },
  },
  {
    name: "provide-model-guidance-where-nothing-fits",
    given: (port) => port.policies.create(limitOf(100)),
    async play(apollo) {
      await apollo.provideModelGuidance({ context_id: "chat-1", provider_preferences: ["openai"] });
      await apollo.provideModelGuidance({
        ...{ context_id: "chat-1", task_type: "embedding" },
        provider_preferences: ["anthropic"],
      });
    },
  },
  {
    name: "get-token-usage-analytics",
    async play(apollo) {
      await apollo.recordTokenUsage({ ...chat, tokens: 300, usage_type: "input" });
      await apollo.recordTokenUsage({
        ...chat,
        model: "gpt-4o-2024-08-06",
        tokens: 10,
        usage_type: "output",
      });
      await apollo.recordTokenUsage({
        ...{ context_id: "chat-2", provider: "anthropic", model: "claude-3-haiku" },
        ...{ tokens: 7, usage_type: "output" },
      });
      await apollo.getTokenUsageAnalytics();
      await apollo.getTokenUsageAnalytics({ provider: "anthropic", period: "Monthly" });
      await apollo.getTokenUsageAnalytics({
        start_date: "2026-11-01T00:00:00Z",
        end_date: "2026-11-02T00:00:00Z",
      });
      await apollo.getTokenUsageAnalytics({ start_date: "2026-11-01T00:00:00Z" }).catch(() => null);
    },
  },
];

export const adapterOver = (port: BudgetPort, { clock }: Pick<TestBudget, "clock">): ApolloCalls =>
  createApolloAdapter({ port, clock });
