import type { BudgetPort, PortRefusal } from "@budget/adapter-port";
import type { PolicyWarning, Violation } from "@budget/client-js";
import { tierOf, type Clock } from "@budget/domain";
import { analyseTokens } from "./analytics.ts";
import type {
  AllocationStatus,
  ApolloCalls,
  ApolloFailure,
  BudgetStatus,
  BudgetStatusQuery,
  PolicyReason,
  ReleasedAllocation,
  TokenAllocation,
  TokenLimit,
  TokenLimitSet,
  TokenRefusal,
  TokenRequest,
} from "./calls.ts";
import { DEFAULT_POLICY } from "./default-policies.ts";
import { guideToModel } from "./guidance.ts";
import { given, readGiven, requirePeriod, requireTier, requireTokens } from "./read-calls.ts";
import { recordTokens } from "./record-tokens.ts";
import { APOLLO, orWhyNot, policiesInForce, type Scope } from "./scope.ts";
import { statusRows } from "./status-rows.ts";
import { toApolloPolicyType } from "./words.ts";

export interface ApolloAdapterOptions {
  readonly port: BudgetPort;
  readonly clock: Clock;
  /** The budget that Apollo's calls are charged to; the default budget, or that of the key, if left out. */
  readonly budget_id?: string;
}

/**
 * Answers Apollo's calls out of Budget. A refused allocation, and an allocation that is not there, are answers with
 * `success: false` and the reason; everything else that Budget rejects is thrown.
 * @throws PortError, from every call: a value is wrong, the budget is not there, or Budget cannot be reached
 */
export function createApolloAdapter({ port, clock, budget_id }: ApolloAdapterOptions): ApolloCalls {
  const scope: Scope = {
    port,
    clock,
    budget_id,
    budgetId: async () => budget_id ?? (await port.defaultBudget()).budget_id,
  };
  return {
    allocateTokens: async (request) => allocate(scope, request),
    releaseAllocation: async (allocation_id) => release(port, allocation_id),
    recordTokenUsage: async (usage) => recordTokens(scope, usage),
    getBudgetStatus: async (query = {}) => budgetStatus(scope, query),
    getAllocationStatus: async (allocation_id) => allocationStatus(port, allocation_id),
    setBudgetLimit: async (limit) => setLimit(scope, limit),
    provideModelGuidance: async (request) => guideToModel(scope, request),
    getTokenUsageAnalytics: async (query = {}) => analyseTokens(scope, query),
  };
}

async function allocate(
  { port, budget_id }: Scope,
  request: TokenRequest,
): Promise<TokenAllocation | TokenRefusal> {
  const { context_id, amount, tier, provider, model, task_type, priority } = request;
  const component = request.component ?? APOLLO;
  const wanted = given({
    budget_id,
    tier: readGiven(tier, (word) => requireTier("tier", word)),
    provider,
    model,
    task_type,
    priority,
    tokens_allocated: readGiven(amount, (tokens) => requireTokens("amount", tokens, 1)),
  });
  const answer = await port.allocations.create({ context_id, component, ...wanted });
  if (!answer.granted) {
    const clues = { model: model ?? null, component, provider: provider ?? null };
    return refusal(context_id, wanted.tier ?? tierOf(clues), answer.refusal);
  }
  const { grant } = answer;
  return {
    success: true,
    allocation_id: grant.allocation_id,
    context_id: grant.context_id,
    amount: grant.tokens_allocated,
    remaining: grant.remaining_tokens,
    tier: grant.tier,
    provider: grant.provider,
    model: grant.model,
    warnings: grant.warnings.map(reasonOf),
  };
}

const refusal = (
  context_id: string,
  tier: TokenRefusal["tier"],
  { detail, violations, tokens_that_fit, resets_at }: PortRefusal,
): TokenRefusal => ({
  success: false,
  code: "insufficient_budget",
  error: detail,
  context_id,
  amount: 0,
  remaining: 0,
  tier,
  reasons: violations.map(reasonOf),
  tokens_that_fit,
  resets_at,
});

const reasonOf = ({ code, policy_id, type, measure, message }: PolicyWarning | Violation): PolicyReason => ({
  code,
  policy_id,
  type: toApolloPolicyType(type),
  measure,
  message,
});

async function release(port: BudgetPort, allocation_id: string): Promise<ReleasedAllocation | ApolloFailure> {
  return orWhyNot(["allocation_not_found", "allocation_not_active"], async () => {
    const released = await port.allocations.release(allocation_id);
    return { success: true, allocation_id: released.allocation_id };
  });
}

async function allocationStatus(
  port: BudgetPort,
  allocation_id: string,
): Promise<AllocationStatus | ApolloFailure> {
  return orWhyNot(["allocation_not_found"], async () => {
    const allocation = await port.allocations.get(allocation_id);
    return {
      success: true,
      allocation_id: allocation.allocation_id,
      context_id: allocation.context_id,
      allocated: allocation.tokens_allocated,
      used: allocation.tokens_used,
      remaining: allocation.remaining_tokens,
      tier: allocation.tier,
      is_active: allocation.is_active,
      created_at: allocation.creation_time,
      expires_at: allocation.expiration_time,
    };
  });
}

async function budgetStatus(scope: Scope, { tier, period }: BudgetStatusQuery): Promise<BudgetStatus> {
  const wantedPeriod = requirePeriod(period ?? "daily");
  const wantedTier = readGiven(tier, (word) => requireTier("tier", word));
  const rows = await statusRows(scope, await scope.budgetId(), wantedPeriod);
  const summaries = rows.filter(
    (row) => wantedTier === undefined || row.tier === null || row.tier === wantedTier,
  );
  return { success: true, period: wantedPeriod, summaries };
}

/**
 * Changes every policy in force that limits the tokens of the tier in the period and looks at nothing else, so that the limit that
 * was set is the one that binds; makes one that warns where there is none.
 */
async function setLimit(scope: Scope, request: TokenLimit): Promise<TokenLimitSet> {
  const tier = requireTier("tier", request.tier);
  const period = requirePeriod(request.period);
  const token_limit = requireTokens("limit", request.limit, 0);
  const { port } = scope;
  const budget_id = await scope.budgetId();
  const policies = await policiesInForce(scope, { budget_id, tier, period });
  const general = policies.filter(
    ({ token_limit: limit, provider, model, component, task_type }) =>
      limit !== null && [provider, model, component, task_type].every((dimension) => dimension === null),
  );
  for (const { policy_id } of general) await port.policies.update(policy_id, { token_limit });
  const { policy_id } =
    general[0] ?? (await port.policies.create({ ...DEFAULT_POLICY, budget_id, tier, period, token_limit }));
  return { success: true, tier, period, limit: token_limit, policy_id };
}
