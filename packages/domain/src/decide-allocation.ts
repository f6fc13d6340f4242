import { PRIORITY } from "./default-tokens.ts";
import type { Balance, BudgetPolicy } from "./entities.ts";
import { isInForce } from "./matching.ts";
import { nanoToUsdText, type NanoUsd } from "./money.ts";
import type { PolicyReading, PolicyWarning, Refusal, Violation } from "./outcome.ts";
import type { Window } from "./windows.ts";

/** What policies would hold beyond what they hold now. */
export interface HoldEstimate {
  readonly tokens: number;
  /** Null where no price is known. */
  readonly cost_nano_usd: NanoUsd | null;
}

/** What is asked for. */
export interface HoldRequest {
  /** The tokens wanted. */
  readonly tokens: number;
  /** The fewest tokens that are of use, at least 1; the same as `tokens` where the request names one number. */
  readonly min_tokens: number;
  /** When it is decided. */
  readonly now_ms: number;
  /** 1 to 10; 10 passes policies that allow `priority_override`. */
  readonly priority: number;
  /** What granting so many tokens would hold; never falls as tokens rise. */
  readonly holdFor: (tokens: number) => HoldEstimate;
}

/** A policy that counts the request, with its balance rolled to the window of the decision. */
export interface CountedPolicy {
  readonly policy: BudgetPolicy;
  readonly balance: Balance;
  readonly window: Window;
}

export type Decision =
  | {
      readonly granted: true;
      /** As many of the tokens wanted as fit. */
      readonly tokens: number;
      readonly hold: HoldEstimate;
      readonly warnings: readonly PolicyWarning[];
      readonly action_reached: boolean;
    }
  | { readonly granted: false; readonly refusal: Refusal };

/** One number of tokens, as a policy judges it. */
interface Asked extends HoldEstimate {
  readonly priority: number;
}

const SHARE_SCALE = 1_000_000n;

/**
 * Decides one request against every policy that counts it. Granted means: for every `enforce` policy in force, used +
 * held + granted <= limit, in tokens and in cost; where less than what is wanted fits, and the request takes less, the
 * most that fits is granted. `warn` and `log` policies never refuse.
 * @param counted the policies of the budget and its ancestors that match the request, in id order
 * @returns a grant with its warnings, or a refusal that lists every policy that does not fit
 */
export function decideAllocation(request: HoldRequest, counted: readonly CountedPolicy[]): Decision {
  const inForce = counted.filter(({ policy }) => isInForce(policy, request.now_ms));
  const wanted = judgeTokensAsked(request, request.tokens, inForce);
  if (wanted.violations.length === 0) return grant(request.tokens, wanted);
  const tokens_that_fit = tokensThatFit(request, inForce);
  if (tokens_that_fit >= request.min_tokens) {
    return grant(tokens_that_fit, judgeTokensAsked(request, tokens_that_fit, inForce));
  }
  const least =
    request.min_tokens === request.tokens ? wanted : judgeTokensAsked(request, request.min_tokens, inForce);
  return { granted: false, refusal: refuse(request.min_tokens, least, tokens_that_fit) };
}

/** What the policies say to a number of tokens. */
interface Judgement {
  readonly hold: HoldEstimate;
  readonly violations: Violation[];
  readonly warnings: PolicyWarning[];
}

function judgeTokensAsked(
  request: HoldRequest,
  tokens: number,
  inForce: readonly CountedPolicy[],
): Judgement {
  const hold = request.holdFor(tokens);
  const asked: Asked = { ...hold, priority: request.priority };
  const judgement: Judgement = { hold, violations: [], warnings: [] };
  for (const entry of inForce) {
    judgeTokens(asked, entry, judgement);
    judgeCost(asked, entry, judgement);
  }
  return judgement;
}

const grant = (tokens: number, { hold, warnings }: Judgement): Decision => ({
  granted: true,
  tokens,
  hold,
  warnings,
  action_reached: warnings.some(({ code }) => code !== "warning_threshold"),
});

const isOverridden = (policy: BudgetPolicy, priority: number): boolean =>
  policy.priority_override && priority >= PRIORITY.critical;

/** Whether an `enforce` policy binds a request of this priority. */
const binds = (policy: BudgetPolicy, priority: number): boolean =>
  policy.type === "enforce" && !isOverridden(policy, priority);

function judgeTokens(asked: Asked, entry: CountedPolicy, judgement: Judgement): void {
  const { policy, balance } = entry;
  if (policy.token_limit === null) return;
  const after = balance.used_tokens + balance.held_tokens + asked.tokens;
  // Most requests are far below every threshold: no reading is made for them.
  if (after < policy.warning_threshold * policy.token_limit && after <= policy.token_limit) return;
  judge(tokenReading(asked, entry, policy.token_limit), BigInt(asked.tokens), asked.priority, judgement);
}

function judgeCost(asked: Asked, entry: CountedPolicy, judgement: Judgement): void {
  const { policy } = entry;
  if (policy.cost_limit_nano_usd === null) return;
  const reading = costReading(asked, entry, policy.cost_limit_nano_usd);
  if (asked.cost_nano_usd !== null) {
    judge(reading, asked.cost_nano_usd, asked.priority, judgement);
  } else if (binds(policy, asked.priority) && !policy.allow_unpriced) {
    judgement.violations.push({ ...reading, code: "price_unknown" });
  } else {
    judgement.warnings.push({ ...reading, code: "price_unknown" });
  }
}

function judge(
  reading: PolicyReading,
  requested: bigint,
  priority: number,
  { violations, warnings }: Judgement,
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
  asked: Asked,
  { policy, balance, window }: CountedPolicy,
  limit: number,
): PolicyReading {
  return reading(policy, "tokens", window, {
    limit: BigInt(limit),
    used: BigInt(balance.used_tokens),
    held: BigInt(balance.held_tokens),
    requested: BigInt(asked.tokens),
  });
}

function costReading(
  asked: Asked,
  { policy, balance, window }: CountedPolicy,
  limit: NanoUsd,
): PolicyReading {
  return reading(policy, "cost", window, {
    limit,
    used: balance.used_cost_nano_usd,
    held: balance.held_cost_nano_usd,
    requested: asked.cost_nano_usd,
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

function refuse(tokens: number, { hold, violations }: Judgement, tokens_that_fit: number): Refusal {
  return {
    code: "insufficient_budget",
    detail: refusalDetail(tokens, hold, violations, tokens_that_fit),
    refusal_id: null,
    violations,
    tokens_that_fit,
    resets_at_ms: whenItWouldFit(violations),
  };
}

/** The largest number of tokens, at most those wanted, that every binding policy has room for. */
function tokensThatFit(request: HoldRequest, inForce: readonly CountedPolicy[]): number {
  const binding = inForce.filter(({ policy }) => binds(policy, request.priority));
  const fits = (count: number): boolean => {
    const { tokens, cost_nano_usd } = request.holdFor(count);
    return binding.every(({ policy, balance }) => {
      if (
        policy.token_limit !== null &&
        balance.used_tokens + balance.held_tokens + tokens > policy.token_limit
      ) {
        return false;
      }
      if (policy.cost_limit_nano_usd === null) return true;
      if (cost_nano_usd === null) return policy.allow_unpriced;
      return (
        balance.used_cost_nano_usd + balance.held_cost_nano_usd + cost_nano_usd <= policy.cost_limit_nano_usd
      );
    });
  };
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
  tokens: number,
  { cost_nano_usd }: HoldEstimate,
  violations: readonly Violation[],
  tokens_that_fit: number,
): string {
  const cost = cost_nano_usd === null ? "of unknown cost" : `for about $${nanoToUsdText(cost_nano_usd)}`;
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
    `${tokens} tokens ${cost} do not fit: ${reasons.join("; ")}. ` +
    `${tokens_that_fit === 0 ? "Nothing" : `At most ${tokens_that_fit} tokens`} would fit now.`
  );
}
