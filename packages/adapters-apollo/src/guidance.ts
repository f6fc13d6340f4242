import type { AllocationCheck } from "@budget/client-js";
import {
  PRIORITY,
  defaultTokens,
  nanoToUsdText,
  normaliseName,
  parseUsdToNano,
  type Tier,
} from "@budget/domain";
import type { GuidanceRequest, ModelGuidance, PassedOverModel, RecommendedModel } from "./calls.ts";
import { rankModels, type Candidate } from "./rank-models.ts";
import { given, requireTier, requireTokens } from "./read-calls.ts";
import { APOLLO, policiesInForce, type Scope } from "./scope.ts";

/** The providers that Apollo knows by name. */
const APOLLO_PROVIDERS: readonly string[] = ["anthropic", "openai", "ollama", "local"];
const MOST_RECOMMENDED = 3;

/**
 * Ranks models by tier, preferred provider and price, and asks Budget about one after the other whether the task would
 * fit. Near a limit of the preferred tier the lighter ones come before it. How well a model does the task is nothing that
 * Budget knows.
 */
export async function guideToModel(scope: Scope, request: GuidanceRequest): Promise<ModelGuidance> {
  const { port } = scope;
  const { context_id } = request;
  const task_type = normaliseName(request.task_type ?? "default");
  const priority = request.priority ?? PRIORITY.normal;
  const amount = requireTokens("amount", request.amount ?? defaultTokens(task_type, priority), 1);
  const preferred_tier = requireTier("preferred_tier", request.preferred_tier ?? "remote_heavyweight");
  const preferences = [...new Set((request.provider_preferences ?? []).map(normaliseName))];
  const providers = preferences.length === 0 ? APOLLO_PROVIDERS : preferences;
  const spare = await isNearLimit(scope, await scope.budgetId(), preferred_tier, context_id);
  const prices = await Promise.all(providers.map((provider) => port.prices.list({ provider })));
  const ranking = { preferences, preferred_tier, spare, task_type };

  const recommended_models: RecommendedModel[] = [];
  const passed_over: PassedOverModel[] = [];
  for (const candidate of rankModels(prices.flat(), ranking)) {
    if (recommended_models.length === MOST_RECOMMENDED) break;
    const { provider, model, tier } = candidate;
    const checked = await port.allocations.check({
      ...given({ budget_id: scope.budget_id }),
      component: request.component ?? APOLLO,
      ...{ context_id, provider, model, tier, task_type, priority, tokens_allocated: amount },
    });
    const verdict = judge(checked, request.max_cost ?? null);
    if (typeof verdict === "string") passed_over.push({ provider, model, tier, reason: verdict });
    else recommended_models.push(recommend(candidate, checked, verdict, preferred_tier));
  }
  const guidance = {
    ...{ context_id, task_type, amount, approaching_budget_limit: spare, preferred_tier },
    ...{ recommended_models, passed_over },
  };
  return { ...guidance, reasoning: reasoningOf(guidance, providers) };
}

/** Whether a policy in force of the budget that counts the tier has reached its warning threshold. */
async function isNearLimit(
  scope: Scope,
  budget_id: string,
  tier: Tier,
  context_id: string,
): Promise<boolean> {
  const [rows, policies] = await Promise.all([
    scope.port.summary(budget_id),
    policiesInForce(scope, { budget_id }),
  ]);
  const thresholds = new Map(policies.map((policy) => [policy.policy_id, policy.warning_threshold]));
  return rows.some((row) => {
    const threshold = thresholds.get(row.policy_id);
    if (threshold === undefined || (row.tier !== null && row.tier !== tier)) return false;
    if (row.context_id !== null && row.context_id !== context_id) return false;
    const shares = [row.token_usage_percentage, row.cost_usage_percentage];
    return shares.some((share) => share !== null && share >= threshold);
  });
}

/** What the task costs at most with a model, in USD; or why the model cannot be recommended. */
function judge(checked: AllocationCheck, max_cost: number | null): number | string {
  const { allowed, estimated_cost, violations } = checked;
  if (!allowed) return `It does not fit the budget: ${violations.map(({ message }) => message).join("; ")}.`;
  if (estimated_cost === null) return "No price of it is in force.";
  if (max_cost === null || estimated_cost <= max_cost) return estimated_cost;
  return `It may cost ${inDollars(estimated_cost)}, more than the maximum of $${max_cost}.`;
}

function recommend(
  { provider, model, tier, price }: Candidate,
  { warnings }: AllocationCheck,
  estimated_cost: number,
  preferred: Tier,
): RecommendedModel {
  const { input_cost_per_token, output_cost_per_token } = price;
  const ofTier =
    tier === preferred ? `the preferred tier ${tier}` : `the tier ${tier} instead of ${preferred}`;
  const reasons = [
    `It is of ${ofTier}.`,
    `The task costs ${inDollars(estimated_cost)} at most, and fits every limit that refuses.`,
    ...warnings.map(({ message }) => `There is a warning: ${message}.`),
  ];
  return { provider, model, tier, estimated_cost, input_cost_per_token, output_cost_per_token, reasons };
}

const inDollars = (usd: number): string => `$${nanoToUsdText(parseUsdToNano(usd))}`;

function reasoningOf(guidance: Omit<ModelGuidance, "reasoning">, providers: readonly string[]): string {
  const { recommended_models, passed_over, approaching_budget_limit, preferred_tier, amount } = guidance;
  const order = approaching_budget_limit
    ? `A limit of ${preferred_tier} is near, so lighter tiers come before it.`
    : `No limit of ${preferred_tier} is near, so that tier comes first.`;
  const [best] = recommended_models;
  if (best !== undefined) {
    const { provider, model, estimated_cost } = best;
    return `${order} ${provider}/${model} is the first for ${amount} tokens: ${inDollars(estimated_cost)} at most.`;
  }
  const none =
    passed_over.length === 0
      ? `No model of ${providers.join(", ")} has a price for such a task.`
      : `None of the models that were looked at can be used for ${amount} tokens; passed_over says why.`;
  return `${order} ${none}`;
}
