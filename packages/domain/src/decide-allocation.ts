import { PRIORITY } from "./default-tokens.ts";
import type { Balance, BudgetPolicy } from "./entities.ts";
import { nanoToUsdText, type NanoUsd } from "./money.ts";
import type { PolicyReading, PolicyWarning, Refusal, Violation } from "./outcome.ts";
import type { Window } from "./windows.ts";

/** What is asked for: tokens to hold, and what they may cost. */
export interface HoldRequest {
  readonly tokens: number;
  /** Null where no price is known. */
  readonly cost_nano_usd: NanoUsd | null;
  /** 1 to 10; 10 passes policies that allow `priority_override`. */
  readonly priority: number;
  /** What holding so many tokens would cost, never falling as tokens rise; null where the price is not known. */
  readonly costOfTokens: (tokens: number) => NanoUsd | null;
}

/** A policy that counts the request, with its balance rolled to the window of the decision. */
export interface CountedPolicy {
  readonly policy: BudgetPolicy;
  readonly balance: Balance;
  readonly window: Window;
}

export type Decision =
  | { readonly granted: true; readonly warnings: readonly PolicyWarning[]; readonly action_reached: boolean }
  | { readonly granted: false; readonly refusal: Refusal };

const SHARE_SCALE = 1_000_000n;

/**
 * Decides one request against every policy that counts it. Granted means: for every enabled `enforce` policy, used +
 * held + requested <= limit, in tokens and in cost. `warn` and `log` policies never refuse.
 * @param counted the policies of the budget and its ancestors that match the request, in id order
 * @returns a grant with its warnings, or a refusal that lists every policy that does not fit
 */
export function decideAllocation(request: HoldRequest, counted: readonly CountedPolicy[]): Decision {
  const violations: Violation[] = [];
  const warnings: PolicyWarning[] = [];
  for (const entry of counted) {
    if (!entry.policy.enabled) continue;
    judgeTokens(request, entry, violations, warnings);
    judgeCost(request, entry, violations, warnings);
  }
  if (violations.length > 0) return { granted: false, refusal: refuse(request, counted, violations) };
  return {
    granted: true,
    warnings,
    action_reached: warnings.some(({ code }) => code !== "warning_threshold"),
  };
}

const isOverridden = (policy: BudgetPolicy, priority: number): boolean =>
  policy.priority_override && priority >= PRIORITY.critical;

/** Whether an `enforce` policy binds a request of this priority. */
const binds = (policy: BudgetPolicy, priority: number): boolean =>
  policy.enabled && policy.type === "enforce" && !isOverridden(policy, priority);

function judgeTokens(
  request: HoldRequest,
  entry: CountedPolicy,
  violations: Violation[],
  warnings: PolicyWarning[],
) {
  const { policy, balance } = entry;
  if (policy.token_limit === null) return;
  const after = balance.used_tokens + balance.held_tokens + request.tokens;
  // Most requests are far below every threshold: no reading is made for them.
  if (after < policy.warning_threshold * policy.token_limit && after <= policy.token_limit) return;
  judge(
    tokenReading(request, entry, policy.token_limit),
    BigInt(request.tokens),
    request.priority,
    violations,
    warnings,
  );
}

function judgeCost(
  request: HoldRequest,
  entry: CountedPolicy,
  violations: Violation[],
  warnings: PolicyWarning[],
) {
  const { policy } = entry;
  if (policy.cost_limit_nano_usd === null) return;
  const reading = costReading(request, entry, policy.cost_limit_nano_usd);
  if (request.cost_nano_usd !== null) {
    judge(reading, request.cost_nano_usd, request.priority, violations, warnings);
  } else if (binds(policy, request.priority) && !policy.allow_unpriced) {
    violations.push({ ...reading, code: "price_unknown" });
  } else {
    warnings.push({ ...reading, code: "price_unknown" });
  }
}

function judge(
  reading: PolicyReading,
  requested: bigint,
  priority: number,
  violations: Violation[],
  warnings: PolicyWarning[],
): void {
  const { policy, measure, limit } = reading;
  const after = reading.used + reading.held + requested;
  if (after <= limit) {
    const code = thresholdCode(policy, after, limit);
    if (code !== null) warnings.push({ ...reading, code });
  } else if (binds(policy, priority)) {
    violations.push({ ...reading, code: measure === "tokens" ? "token_limit" : "cost_limit" });
  } else {
    warnings.push({ ...reading, code: policy.type === "enforce" ? "priority_override" : "limit_passed" });
  }
}

/** Which threshold of a policy an amount reaches, if any. */
export function thresholdCode(
  policy: BudgetPolicy,
  amount: bigint,
  limit: bigint,
): "action_threshold" | "warning_threshold" | null {
  if (reaches(policy.action_threshold, amount, limit)) return "action_threshold";
  if (reaches(policy.warning_threshold, amount, limit)) return "warning_threshold";
  return null;
}

const reaches = (threshold: number, amount: bigint, limit: bigint): boolean =>
  amount * SHARE_SCALE >= limit * BigInt(Math.round(threshold * Number(SHARE_SCALE)));

function tokenReading(
  request: HoldRequest,
  { policy, balance, window }: CountedPolicy,
  limit: number,
): PolicyReading {
  return reading(policy, "tokens", window, {
    limit: BigInt(limit),
    used: BigInt(balance.used_tokens),
    held: BigInt(balance.held_tokens),
    requested: BigInt(request.tokens),
  });
}

function costReading(
  request: HoldRequest,
  { policy, balance, window }: CountedPolicy,
  limit: NanoUsd,
): PolicyReading {
  return reading(policy, "cost", window, {
    limit,
    used: balance.used_cost_nano_usd,
    held: balance.held_cost_nano_usd,
    requested: request.cost_nano_usd,
  });
}

function reading(
  policy: BudgetPolicy,
  measure: "tokens" | "cost",
  window: Window,
  amounts: Pick<PolicyReading, "limit" | "used" | "held" | "requested">,
): PolicyReading {
  const left = amounts.limit - amounts.used - amounts.held;
  return { policy, measure, ...amounts, remaining: left < 0n ? 0n : left, resets_at_ms: window.end_ms };
}

function refuse(
  request: HoldRequest,
  counted: readonly CountedPolicy[],
  violations: readonly Violation[],
): Refusal {
  const tokens_that_fit = tokensThatFit(request, counted);
  return {
    code: "insufficient_budget",
    detail: refusalDetail(request, violations, tokens_that_fit),
    violations,
    tokens_that_fit,
    resets_at_ms: whenItWouldFit(violations),
  };
}

/** The largest number of tokens, at most those requested, that every binding policy has room for. */
function tokensThatFit(request: HoldRequest, counted: readonly CountedPolicy[]): number {
  const binding = counted.filter(({ policy }) => binds(policy, request.priority));
  const fits = (tokens: number): boolean =>
    binding.every(({ policy, balance }) => {
      if (
        policy.token_limit !== null &&
        balance.used_tokens + balance.held_tokens + tokens > policy.token_limit
      ) {
        return false;
      }
      if (policy.cost_limit_nano_usd === null) return true;
      const cost = request.costOfTokens(tokens);
      if (cost === null) return policy.allow_unpriced;
      return balance.used_cost_nano_usd + balance.held_cost_nano_usd + cost <= policy.cost_limit_nano_usd;
    });
  let fitting = 0;
  let tooMany = request.tokens + 1;
  while (tooMany - fitting > 1) {
    const middle = Math.floor((fitting + tooMany) / 2);
    if (fits(middle)) fitting = middle;
    else tooMany = middle;
  }
  return fitting;
}

/** When the windows in the way have turned; null where something else is in the way too, such as a live hold. */
function whenItWouldFit(violations: readonly Violation[]): number | null {
  let latest_ms = 0;
  for (const { held, requested, limit, resets_at_ms } of violations) {
    if (resets_at_ms === null || requested === null || held + requested > limit) return null;
    latest_ms = Math.max(latest_ms, resets_at_ms);
  }
  return latest_ms;
}

function refusalDetail(
  request: HoldRequest,
  violations: readonly Violation[],
  tokens_that_fit: number,
): string {
  const cost =
    request.cost_nano_usd === null ? "of unknown cost" : `for about $${nanoToUsdText(request.cost_nano_usd)}`;
  const reasons = violations.map(({ code, policy, measure, remaining, limit }) => {
    if (code === "price_unknown") {
      return `no price is known for the model, and policy ${policy.policy_id} limits cost`;
    }
    const [left, whole] =
      measure === "tokens"
        ? [`${remaining} tokens`, `${limit}`]
        : [`$${nanoToUsdText(remaining)}`, `$${nanoToUsdText(limit)}`];
    return `the ${policy.period} limit of policy ${policy.policy_id} has ${left} of ${whole} left`;
  });
  return (
    `${request.tokens} tokens ${cost} do not fit: ${reasons.join("; ")}. ` +
    `${tokens_that_fit === 0 ? "Nothing" : `At most ${tokens_that_fit} tokens`} would fit now.`
  );
}
