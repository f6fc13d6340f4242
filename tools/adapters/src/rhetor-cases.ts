import type { BudgetPort } from "@budget/adapter-port";
import { createRhetorAdapter, createTokenCounter, type RhetorCalls } from "@budget/adapters-rhetor";
import type { TestBudget } from "./test-budget.ts";

/** What Rhetor does in one case: calls, whose requests may need the answers of those before. */
export interface RhetorCase {
  readonly name: string;
  /** What Budget holds before, made without the adapter. */
  readonly given?: (port: BudgetPort) => Promise<unknown>;
  readonly play: (rhetor: RhetorCalls) => Promise<unknown>;
}

/** One for all cases, so that a tokenizer is loaded once. */
const tokens = createTokenCounter({ rest: () => Promise.resolve() });

export const rhetorOver = (port: BudgetPort, { clock }: Pick<TestBudget, "clock">): RhetorCalls =>
  createRhetorAdapter({ port, clock, tokens });

const GPT = { provider: "openai", model: "gpt-4o" };
const OPUS = { provider: "anthropic", model: "claude-3-opus" };
const QUESTION = { input_text: "What is the capital of France?", component: "hermes", task_type: "chat" };
const CALL = { ...GPT, ...QUESTION };
const ROUTE = { ...QUESTION, default_provider: "openai", default_model: "gpt-4o" };

const policy = (type: string, fields: object) => ({ type, period: "daily" as const, ...fields });

/** Usage of a cent and more at different models, components and task types. */
async function useSome(rhetor: RhetorCalls): Promise<void> {
  await rhetor.recordCompletion({ ...CALL, output_text: "Paris." });
  await rhetor.recordCompletion({ ...CALL, output_text: "Paris, on the Seine.", component: "ergon" });
  await rhetor.recordCompletion({ ...CALL, ...OPUS, output_text: "Paris.", task_type: "reasoning" });
  const free = { provider: "ollama", model: "codellama", task_type: "__proto__" };
  await rhetor.recordCompletion({ ...CALL, ...free, output_text: "fn main() {}" });
}

export const RHETOR_CASES: readonly RhetorCase[] = [
  {
    name: "estimate-cost",
    async play(rhetor) {
      await rhetor.estimateCost({ ...GPT, input_text: "What is the capital of France?" });
      await rhetor.estimateCost({ ...OPUS, input_text: "Grüße", estimated_output_length: 4000 });
      await rhetor.estimateCost({ provider: "acme", model: "unknown", input_text: "Hello" });
    },
  },
  {
    name: "calculate-cost",
    async play(rhetor) {
      await rhetor.calculateCost({ ...GPT, input_text: "Name it.", output_text: "<|endoftext|>" });
      await rhetor.calculateCost({
        provider: "ollama",
        model: "codellama",
        input_text: "x",
        output_text: "",
      });
    },
  },
  {
    name: "record-completion",
    async play(rhetor) {
      await rhetor.recordCompletion({ ...CALL, output_text: "Paris.", metadata: { run: 7 } });
      await rhetor.recordCompletion({ ...OPUS, input_text: "Bonjour", output_text: "Salut" });
    },
  },
  {
    name: "get-usage-summary",
    async play(rhetor) {
      await rhetor.getUsageSummary();
      await useSome(rhetor);
      for (const group_by of ["provider", "MODEL", "component", "task_type"])
        await rhetor.getUsageSummary({ period: "Weekly", group_by });
    },
  },
  {
    name: "budget-limits",
    async play(rhetor) {
      await rhetor.getBudgetLimit({ period: "daily" });
      await rhetor.setBudgetLimit({ period: "DAILY", limit: 5, provider: "ALL", enforcement: "ENFORCE" });
      await rhetor.setBudgetLimit({ period: "daily", limit: "0.000000001", provider: "OpenAI" });
      await rhetor.getBudgetLimit({ period: "daily", provider: "all" });
      await rhetor.getBudgetLimit({ period: "daily", provider: "openai" });
      await rhetor.setBudgetLimit({ period: "daily", limit: 7.25 });
      await rhetor.getEnforcementPolicy({ period: "daily" });
      await rhetor.setBudgetLimit({ period: "daily", limit: 0 });
      await rhetor.getBudgetLimit({ period: "daily" });
      await rhetor.getEnforcementPolicy({ period: "daily" });
    },
  },
  {
    name: "enforcement-policies",
    async play(rhetor) {
      await rhetor.getEnforcementPolicy({ period: "weekly" });
      await rhetor.setEnforcementPolicy({ period: "weekly", policy: "Ignore" });
      await rhetor.getEnforcementPolicy({ period: "WEEKLY", provider: "all" });
      await rhetor.getBudgetLimit({ period: "weekly" });
      await rhetor.setBudgetLimit({ period: "weekly", limit: 12 });
      await rhetor.setEnforcementPolicy({ period: "weekly", policy: "enforce" });
      await rhetor.getEnforcementPolicy({ period: "weekly" });
    },
  },
  {
    name: "check-budget-that-fits",
    async play(rhetor) {
      await rhetor.setBudgetLimit({ period: "daily", limit: 1, enforcement: "enforce" });
      await rhetor.setBudgetLimit({ period: "monthly", limit: 9, provider: "openai", enforcement: "warn" });
      await rhetor.recordCompletion({ ...CALL, output_text: "Paris." });
      await rhetor.checkBudget(CALL);
      await rhetor.checkBudget({ ...CALL, provider: "ollama", model: "codellama" });
    },
  },
  {
    name: "check-budget-that-warns",
    async play(rhetor) {
      await rhetor.setBudgetLimit({ period: "daily", limit: 0.001, enforcement: "warn" });
      await rhetor.setBudgetLimit({ period: "weekly", limit: 0.001, enforcement: "ignore" });
      await rhetor.setBudgetLimit({ period: "monthly", limit: 0.0024, enforcement: "enforce" });
      await rhetor.checkBudget(CALL);
    },
  },
  {
    name: "check-budget-that-refuses",
    given: (port) => port.policies.create(policy("enforce", { token_limit: 10 })),
    async play(rhetor) {
      await rhetor.checkBudget(CALL);
      await rhetor.setBudgetLimit({ period: "weekly", limit: "0.002", enforcement: "enforce" });
      await rhetor.checkBudget(CALL);
      await rhetor.checkBudget({ ...CALL, provider: "acme", model: "unknown" });
    },
  },
  {
    name: "get-model-tiers",
    play: (rhetor) => rhetor.getModelTiers(),
  },
  {
    name: "find-cheaper-alternative",
    async play(rhetor) {
      await rhetor.findCheaperAlternative({ ...OPUS, task_type: "code" });
      await rhetor.findCheaperAlternative({ ...OPUS, task_type: "chat" });
      await rhetor.findCheaperAlternative({ provider: "ollama", model: "codellama" });
      await rhetor.findCheaperAlternative({ provider: "acme", model: "unknown", task_type: "constructor" });
    },
  },
  {
    name: "route-to-the-default",
    play: (rhetor) => rhetor.routeWithBudgetAwareness(ROUTE),
  },
  {
    name: "route-to-a-cheaper-model",
    async play(rhetor) {
      await rhetor.setBudgetLimit({ period: "daily", limit: "0.001", enforcement: "enforce" });
      await rhetor.routeWithBudgetAwareness({ ...ROUTE, task_type: "code" });
    },
  },
  {
    name: "route-to-a-free-model",
    async play(rhetor) {
      await rhetor.setBudgetLimit({ period: "daily", limit: "0.0000001", enforcement: "enforce" });
      await rhetor.routeWithBudgetAwareness(ROUTE);
    },
  },
  {
    name: "route-to-none",
    given: (port) => port.policies.create(policy("enforce", { token_limit: 1 })),
    play: (rhetor) => rhetor.routeWithBudgetAwareness(ROUTE),
  },
  {
    name: "wrong-words",
    async play(rhetor) {
      const wrong = [
        () => rhetor.getBudgetLimit({ period: "yearly" }),
        () => rhetor.setBudgetLimit({ period: "daily", limit: -1 }),
        () => rhetor.setBudgetLimit({ period: "daily", limit: "0.0000000001" }),
        () => rhetor.setBudgetLimit({ period: "daily", limit: 1, enforcement: "shout" }),
        () => rhetor.setEnforcementPolicy({ period: "daily", policy: "" }),
        () => rhetor.getUsageSummary({ group_by: "user" }),
        () => rhetor.checkBudget({ provider: "", model: "gpt-4o", input_text: "x" }),
      ];
      for (const call of wrong) await call().catch(() => undefined);
    },
  },
];
