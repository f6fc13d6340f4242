import { PortError, type BudgetPort } from "@budget/adapter-port";
import { readTier, type ApolloCalls } from "@budget/adapters-apollo";
import type { RhetorCalls } from "@budget/adapters-rhetor";
import {
  Dimension,
  Label,
  MetadataSchema,
  PERIODS,
  Priority,
  Prose,
  TIERS,
  Tokens,
  Uuid,
  type Period,
  type Tier,
} from "@budget/domain";
import { Type, type Static, type TSchema } from "typebox";
import { compileValidator, type Validator } from "../validation.ts";

/** What a message is answered with. */
export interface MessageAnswer {
  readonly payload: Readonly<Record<string, unknown>>;
  /** Why it says no; null where it succeeded. */
  readonly error: string | null;
}

/** What a handler works with. */
export interface MessageScope {
  readonly port: BudgetPort;
  /** The port for a write that is made out of what was asked: an Idempotency-Key stands for that. */
  readonly portFor: (asked: object) => BudgetPort;
  readonly apollo: ApolloCalls;
  readonly rhetor: RhetorCalls;
  /** The one that the payload names, else the sender. */
  readonly component: string;
  /** Undefined where the caller's own is meant. */
  readonly budget_id: string | undefined;
}

/** One type of message. */
export interface MessageType {
  /** What it stands for in the table of who may do what. */
  readonly operation_id: string;
  /** The type of its answer. */
  readonly answered_by: string;
  /** What the payload is where it could not be handled. */
  readonly failed: Readonly<Record<string, unknown>>;
  readonly validate: Validator;
  /** The payload was found valid. */
  readonly handle: (payload: never, scope: MessageScope) => Promise<MessageAnswer>;
}

/** A type whose handler sees the payload that its schema says. */
function messageType<P extends TSchema>(
  definition: Omit<MessageType, "handle" | "validate"> & {
    readonly payload: P;
    readonly handle: (payload: Static<P>, scope: MessageScope) => Promise<MessageAnswer>;
  },
): MessageType {
  const { payload, ...rest } = definition;
  return { ...rest, validate: compileValidator(payload, "body") };
}

const success = (payload: object): MessageAnswer => ({ payload: { ...payload }, error: null });

/** What is longer does not fit a body either. */
const MAX_TEXT_CHARS = 1024 * 1024;

const text = Type.Optional(Prose("What a model is asked, or what it answers", MAX_TEXT_CHARS));
const provider = Dimension("Provider of the model");
const model = Dimension("The model");
/** Words that the adapters read, in any case, and say what would be right. */
const tier = Type.Optional(Label("Tier"));
const period = Type.Optional(Label("Period"));
const context_id = Type.Optional(Label("The session, task or conversation"));
const task_type = Type.Optional(Dimension("Kind of work"));
/** Read before a handler is called. */
const common = {
  budget_id: Type.Optional(Uuid("The budget; the caller's own if left out")),
  component: Type.Optional(Dimension("The component; the sender if left out")),
};
const of_any_model = { provider: Type.Optional(provider), model: Type.Optional(model) };

const allocateTokens = messageType({
  operation_id: "allocate",
  answered_by: "budget.allocation_response",
  failed: { amount: 0, remaining: 0 },
  payload: Type.Object({
    ...common,
    ...of_any_model,
    ...{ tier, task_type },
    context_id: Label("The session, task or conversation"),
    amount: Type.Optional(Tokens("Tokens; as many as are usual for the task if left out")),
    priority: Type.Optional(Priority),
  }),
  async handle(payload, { apollo, component }) {
    const answer = await apollo.allocateTokens({ ...payload, component });
    return { payload: { ...answer }, error: answer.success ? null : answer.error };
  },
});

const checkBudget = messageType({
  operation_id: "checkAllocation",
  answered_by: "budget.check_response",
  failed: { allowed: false, info: {} },
  payload: Type.Object({ ...common, provider, model, task_type, context_id, input_text: text }),
  async handle({ input_text = "", ...payload }, { rhetor, component }) {
    return success(await rhetor.checkBudget({ ...payload, input_text, component }));
  },
});

const recordUsage = messageType({
  operation_id: "recordUsage",
  answered_by: "budget.usage_response",
  failed: { recorded_tokens: 0, success: false },
  payload: Type.Object({
    ...common,
    ...of_any_model,
    ...{ context_id, task_type },
    allocation_id: Type.Optional(Uuid("The allocation that held it")),
    input_tokens: Tokens("All input tokens"),
    output_tokens: Tokens("All output tokens"),
    request_id: Type.Optional(Label("Id of the request at the provider")),
    metadata: Type.Optional(MetadataSchema),
  }),
  async handle({ component: _component, ...payload }, { port, portFor, component, budget_id }) {
    const of_budget = budget_id === undefined ? {} : { budget_id };
    const allocation_id =
      payload.allocation_id ?? (await liveAllocation(port, payload.context_id, component, budget_id));
    // Which allocation of a context lives, and whether one does, is another answer at another time.
    const record = await portFor({ ...payload, component, ...of_budget }).usage.record({
      ...payload,
      // What an allocation knows need not be said again.
      ...(allocation_id === undefined ? { component, ...of_budget } : { allocation_id }),
    });
    return success({
      success: true,
      recorded_tokens: record.total_tokens,
      record_id: record.record_id,
      allocation_id: record.allocation_id,
      context_id: record.context_id,
      total_cost: record.total_cost,
    });
  },
});

/** A component's newest live allocation of a context; Tekton's components name the one by the other. */
async function liveAllocation(
  port: BudgetPort,
  context: string | undefined,
  component: string,
  budget_id: string | undefined,
): Promise<string | undefined> {
  if (context === undefined) return undefined;
  const of_budget = budget_id === undefined ? {} : { budget_id };
  const [live] = await port.allocations.list({
    ...of_budget,
    component,
    context_id: context,
    is_active: true,
  });
  return live?.allocation_id;
}

const getBudgetStatus = messageType({
  operation_id: "summariseBudget",
  answered_by: "budget.status_response",
  failed: { success: false, summaries: [] },
  payload: Type.Object({ ...common, ...of_any_model, tier, period }),
  async handle({ component, ...payload }, { port, budget_id }) {
    const wanted = { tier: readTierWord(payload.tier), period: readPeriodWord(payload.period ?? "daily") };
    const rows = await port.summary(budget_id ?? (await port.defaultBudget()).budget_id, wanted.period);
    const concerns = (dimension: string | null, named: string | undefined) =>
      dimension === null || named === undefined || dimension === named;
    const summaries = rows.filter(
      (row) =>
        concerns(row.tier, wanted.tier) &&
        concerns(row.component, component) &&
        concerns(row.provider, payload.provider) &&
        concerns(row.model, payload.model),
    );
    return success({ success: true, period: wanted.period, summaries });
  },
});

const getModelRecommendations = messageType({
  operation_id: "recommendModels",
  answered_by: "budget.recommendations_response",
  failed: { recommendations: [] },
  payload: Type.Object({
    ...common,
    ...{ provider, model, task_type },
    context_size: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000_000 })),
  }),
  async handle({ component: _component, ...payload }, { port }) {
    const { items: recommendations, ...found } = await port.prices.recommendations(payload);
    return success({ recommendations, ...found });
  },
});

const routeWithBudgetAwareness = messageType({
  operation_id: "checkAllocation",
  answered_by: "budget.routing_response",
  failed: { provider: null, model: null, warnings: [], is_downgraded: false },
  payload: Type.Object({
    ...common,
    ...{ task_type, context_id, input_text: text },
    default_provider: provider,
    default_model: model,
  }),
  async handle({ input_text = "", ...payload }, { rhetor, component }) {
    const { refusal, ...routed } = await rhetor.routeWithBudgetAwareness({
      ...payload,
      input_text,
      component,
    });
    const { default_provider, default_model } = payload;
    const isDefault = routed.provider === default_provider && routed.model === default_model;
    const answer = {
      ...routed,
      original_provider: default_provider,
      original_model: default_model,
      is_downgraded: refusal === null && !isDefault,
    };
    return { payload: answer, error: refusal };
  },
});

const getUsageAnalytics = messageType({
  operation_id: "analyseUsage",
  answered_by: "budget.analytics_response",
  failed: { success: false },
  payload: Type.Object({
    ...common,
    ...of_any_model,
    period,
    start_date: Type.Optional(Label("From this instant on, with an offset from UTC")),
    end_date: Type.Optional(Label("Up to, not including, this instant")),
  }),
  async handle(payload, { apollo }) {
    return success({ success: true, ...(await apollo.getTokenUsageAnalytics(payload)) });
  },
});

/** @throws PortError `invalid_value` for a word that is no tier */
function readTierWord(word: string | undefined): Tier | undefined {
  const read = word === undefined ? undefined : readTier(word);
  if (word === undefined || read !== undefined) return read;
  throw new PortError("invalid_value", `tier must be one of ${TIERS.join(", ")}; it was ${word}.`, "/tier");
}

/** @throws PortError `invalid_value` for a word that is no period */
function readPeriodWord(word: string): Period {
  const read = PERIODS.find((one) => one === word.trim().toLowerCase());
  if (read !== undefined) return read;
  const detail = `period must be one of ${PERIODS.join(", ")}; it was ${word}.`;
  throw new PortError("invalid_value", detail, "/period");
}

/** Every message that Tekton's components send. */
export const MESSAGE_TYPES: ReadonlyMap<string, MessageType> = new Map([
  ["budget.allocate_tokens", allocateTokens],
  ["budget.check_budget", checkBudget],
  ["budget.record_usage", recordUsage],
  ["budget.get_budget_status", getBudgetStatus],
  ["budget.get_model_recommendations", getModelRecommendations],
  ["budget.route_with_budget_awareness", routeWithBudgetAwareness],
  ["budget.get_usage_analytics", getUsageAnalytics],
]);
