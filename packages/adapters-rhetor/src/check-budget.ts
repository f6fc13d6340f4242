import { PortError, type BudgetPort } from "@budget/adapter-port";
import type {
  AllocationCheck,
  BudgetSummary,
  PolicyReading,
  PolicyWarning,
  Violation,
} from "@budget/client-js";
import { nanoToUsdText } from "@budget/domain";
import { nanoOf, plain } from "./amounts.ts";
import type { CostEstimate, Costs } from "./costs.ts";
import { isOfProviders } from "./limits.ts";
import { RHETOR_PERIODS, capitalised, enforcementOf, type Enforcement, type RhetorPeriod } from "./words.ts";

export interface CheckRequest {
  readonly provider: string;
  readonly model: string;
  readonly input_text: string;
  /** `unknown` if left out. */
  readonly component?: string;
  /** `default` if left out. */
  readonly task_type?: string;
  /** The session or task that the call belongs to; `rhetor` if left out. */
  readonly context_id?: string;
}

/** A request that does not fit, and the first limit in its way. Amounts are USD, or tokens where `measure` says so. */
export interface RefusedInfo {
  readonly allowed: false;
  readonly reason: string;
  readonly limit: number;
  readonly usage: number;
  readonly estimated_cost: number | null;
  readonly policy: Enforcement;
  readonly cost_estimate: CostEstimate;
  readonly measure: "cost" | "tokens";
  /** Null where waiting does not help. */
  readonly resets_at: string | null;
}

/** What a period has used and may use, in USD: 0 for no limit, and null where no limit counts the usage. */
type PeriodFigures = Readonly<Record<`${RhetorPeriod}_limit`, number>> &
  Readonly<Record<`${RhetorPeriod}_usage`, number | null>>;

export interface AllowedInfo extends PeriodFigures {
  readonly allowed: true;
  /** `Free model`, where it is one. */
  readonly reason?: string;
  readonly warnings: readonly string[];
  /** Limits that the request passes and that only count: what they would say if they refused. */
  readonly logged: readonly string[];
  readonly estimated_cost: number | null;
  readonly cost_estimate: CostEstimate;
}

/** Rhetor's pair of an answer and what there is to say about it. */
export type CheckAnswer =
  | { readonly allowed: true; readonly info: AllowedInfo }
  | { readonly allowed: false; readonly info: RefusedInfo };

export interface CheckOptions {
  readonly port: BudgetPort;
  readonly costs: Costs;
  readonly settingsBudget: () => Promise<string>;
  /** The budget that is charged; the caller's own if left out. */
  readonly budget_id: string | undefined;
}

/** Sees whether a call fits, by what its texts are estimated to cost. Nothing is held. */
export async function checkBudget(options: CheckOptions, request: CheckRequest): Promise<CheckAnswer> {
  const { port, costs, budget_id } = options;
  const { provider, model, component = "unknown", task_type = "default", context_id = "rhetor" } = request;
  const cost_estimate = await costs.estimateCost(request);
  const check = await port.allocations.check({
    ...{ context_id, component, provider, model, task_type },
    input_tokens: cost_estimate.input_tokens,
    max_output_tokens: cost_estimate.output_tokens,
    ...(budget_id !== undefined && { budget_id }),
  });
  const [violation] = check.violations.toSorted(costFirst);
  if (violation !== undefined)
    return { allowed: false, info: refusedInfo(violation, check, cost_estimate, request) };
  const figures = await figuresOf(options, provider);
  return { allowed: true, info: allowedInfo(check, cost_estimate, figures) };
}

const costFirst = (one: Violation, other: Violation): number =>
  Number(one.measure === "tokens") - Number(other.measure === "tokens");

function refusedInfo(
  violation: Violation,
  { estimated_cost, resets_at }: AllocationCheck,
  cost_estimate: CostEstimate,
  { provider, model }: CheckRequest,
): RefusedInfo {
  const { code, measure, period, type } = violation;
  const reason =
    code === "price_unknown"
      ? `No price is known for ${provider}/${model}, and the ${period} budget has a limit`
      : `${capitalised(period)} budget limit exceeded`;
  return {
    allowed: false,
    reason,
    limit: plain(violation.limit),
    usage: plain(violation.used),
    estimated_cost: estimated_cost === null ? null : plain(estimated_cost),
    policy: enforcementOf(type),
    cost_estimate,
    measure,
    resets_at,
  };
}

function allowedInfo(
  { warnings, estimated_cost }: AllocationCheck,
  cost_estimate: CostEstimate,
  figures: PeriodFigures,
): AllowedInfo {
  const isLogged = ({ type, code }: PolicyWarning) => type === "log" && code === "limit_passed";
  return {
    allowed: true,
    ...(cost_estimate.total_cost === 0 && { reason: "Free model" }),
    warnings: warnings.filter(({ type }) => type !== "log").map(sentence),
    logged: warnings.filter(isLogged).map(sentence),
    ...figures,
    estimated_cost: estimated_cost === null ? null : plain(estimated_cost),
    cost_estimate,
  };
}

const amountOf = ({ measure }: PolicyReading, amount: number): string =>
  measure === "tokens" ? `${amount} tokens` : `$${nanoToUsdText(nanoOf(amount))}`;

/** A warning as Rhetor says it. */
function sentence(warning: PolicyWarning): string {
  const limit = `${capitalised(warning.period)} budget limit of ${amountOf(warning, warning.limit)}`;
  const current = `(current: ${amountOf(warning, warning.used)})`;
  switch (warning.code) {
    case "limit_passed":
    case "priority_override":
      return `${limit} will be exceeded ${current}`;
    case "warning_threshold":
    case "action_threshold":
      return `${limit} is nearly reached ${current}`;
    case "price_unknown":
      return `${limit} cannot count this call, because no price is known for its model ${current}`;
  }
}

/** What the caller's key may not see. */
const UNSEEN: ReadonlySet<string> = new Set(["forbidden", "budget_not_found"]);

/**
 * What each period has used and may use: of the limits in force the provider's own go before those for all, and of
 * several the lowest is told.
 */
async function figuresOf({ port, settingsBudget }: CheckOptions, provider: string): Promise<PeriodFigures> {
  const rows = await visible(async () => port.summary(await settingsBudget()));
  const name = provider.trim().toLowerCase();
  const figures = RHETOR_PERIODS.flatMap((period) => {
    const limits = rows
      .filter((row) => row.in_force && row.period === period && row.cost_limit !== null && isOfProviders(row))
      .toSorted((one, other) => Number(one.cost_limit) - Number(other.cost_limit));
    const row = limits.find((one) => one.provider === name) ?? limits.find((one) => one.provider === null);
    return [
      [`${period}_usage`, row === undefined ? null : plain(row.total_cost)],
      [`${period}_limit`, plain(row?.cost_limit ?? 0)],
    ];
  });
  return Object.fromEntries(figures) as PeriodFigures;
}

/** An agent's key may be bound to a budget below that of the settings: the decision counts them all the same. */
async function visible(read: () => Promise<readonly BudgetSummary[]>): Promise<readonly BudgetSummary[]> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof PortError && UNSEEN.has(error.code)) return [];
    throw error;
  }
}
