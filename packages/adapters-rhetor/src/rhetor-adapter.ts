import type { BudgetPort } from "@budget/adapter-port";
import type { Metadata } from "@budget/client-js";
import type { Clock } from "@budget/domain";
import { plain } from "./amounts.ts";
import { checkBudget, type CheckAnswer, type CheckRequest } from "./check-budget.ts";
import { createCosts, type CalculateRequest, type Costs } from "./costs.ts";
import { createLimits, type Limits } from "./limits.ts";
import { createModels, type Models } from "./model-tiers.ts";
import { route, type RouteAnswer, type RouteRequest } from "./routing.ts";
import { countingOnce, type TokenCounter } from "./token-counter.ts";
import { summariseUsage, type RhetorUsageSummary, type SummaryRequest } from "./usage-summary.ts";

export interface CompletionRequest extends CalculateRequest {
  /** `unknown` if left out. */
  readonly component?: string;
  /** `default` if left out. */
  readonly task_type?: string;
  /** The session or task that the call belonged to; `rhetor` if left out. */
  readonly context_id?: string;
  readonly metadata?: Metadata;
}

/** A call that was booked. */
export interface CompletionRecord {
  readonly record_id: string;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
  readonly task_type: string;
  readonly timestamp: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly input_cost: number;
  readonly output_cost: number;
  readonly total_cost: number;
}

/** Rhetor's calls, under Rhetor's names. Each throws a PortError where Budget rejects it. */
export interface RhetorCalls extends Costs, Limits, Pick<Models, "getModelTiers" | "findCheaperAlternative"> {
  checkBudget(request: CheckRequest): Promise<CheckAnswer>;
  recordCompletion(request: CompletionRequest): Promise<CompletionRecord>;
  getUsageSummary(request?: SummaryRequest): Promise<RhetorUsageSummary>;
  routeWithBudgetAwareness(request: RouteRequest): Promise<RouteAnswer>;
}

export interface RhetorAdapterOptions {
  readonly port: BudgetPort;
  readonly tokens: TokenCounter;
  readonly clock: Clock;
  /**
   * The budget that calls are charged to and that limits lie on. If left out, calls are charged to the caller's own, and
   * limits lie on the parent of the default budget where it has one, and else on itself: where a migration puts them.
   */
  readonly budget_id?: string;
}

export function createRhetorAdapter({ port, tokens, clock, budget_id }: RhetorAdapterOptions): RhetorCalls {
  async function settingsBudget(): Promise<string> {
    if (budget_id !== undefined) return budget_id;
    const budget = await port.defaultBudget();
    return budget.parent_budget_id ?? budget.budget_id;
  }

  const costs = createCosts(port, tokens);
  const models = createModels(port, clock);
  const checkWith = (wanted: Costs) => (request: CheckRequest) =>
    checkBudget({ port, costs: wanted, settingsBudget, budget_id }, request);

  return {
    ...costs,
    ...createLimits(port, settingsBudget, clock),
    getModelTiers: () => models.getModelTiers(),
    findCheaperAlternative: (request) => models.findCheaperAlternative(request),
    checkBudget: checkWith(costs),

    async recordCompletion(request) {
      const { provider, model, metadata } = request;
      const { component = "unknown", task_type = "default", context_id = "rhetor" } = request;
      const { tokens: input_tokens } = await tokens.count(provider, model, request.input_text);
      const { tokens: output_tokens } = await tokens.count(provider, model, request.output_text);
      const record = await port.usage.record({
        ...{ context_id, component, provider, model, task_type, input_tokens, output_tokens },
        ...(metadata !== undefined && { metadata }),
        ...(budget_id !== undefined && { budget_id }),
      });
      return {
        record_id: record.record_id,
        provider: record.provider,
        model: record.model,
        component: record.component,
        task_type: record.task_type,
        timestamp: record.timestamp,
        input_tokens: record.input_tokens,
        output_tokens: record.output_tokens,
        input_cost: plain(record.input_cost),
        output_cost: plain(record.output_cost),
        total_cost: plain(record.total_cost),
      };
    },

    getUsageSummary: (request = {}) => summariseUsage(port, budget_id, request),
    routeWithBudgetAwareness: (request) =>
      route(models, checkWith(createCosts(port, countingOnce(tokens))), request),
  };
}
