import { passedLimits, plus, type PolicyBook } from "./books.ts";
import type { Amount, Refusal, Violation } from "./facts.ts";

/** What the history says of a refusal. */
export interface Judgement {
  /** Whether what was asked for fitted after all. */
  readonly is_phantom: boolean;
  /** What the refusal says that the recount does not. */
  readonly differences: readonly string[];
  /** The most tokens that would have been granted instead. */
  readonly tokens_that_fit: bigint;
}

/**
 * Decides a refused request again.
 * @param policies those that count the budget
 * @param countOf what a policy had used, and what was held of it, when the refusal was decided
 * @param token_price_nano_usd what holding one token costs; it tells the tokens asked for where only a cost was refused
 */
export function judgeRefusal(
  refusal: Refusal,
  policies: readonly PolicyBook[],
  countOf: (policy: PolicyBook) => { readonly used: Amount; readonly held: Amount },
  token_price_nano_usd: bigint,
): Judgement {
  const requested = requestedIn(refusal.violations, token_price_nano_usd);
  if (requested === null) {
    return {
      is_phantom: true,
      differences: ["it does not say what was requested"],
      tokens_that_fit: refusal.tokens_that_fit,
    };
  }
  const counts = new Map(policies.map((policy) => [policy, countOf(policy)]));
  const amountOf = (policy: PolicyBook): Amount => {
    const { used, held } = counts.get(policy)!;
    return plus(used, held);
  };
  const expected = passedLimits(policies, (policy) => plus(amountOf(policy), requested)).map(
    ({ policy, measure, limit }): Violation => ({
      policy_id: policy.policy_id,
      measure,
      limit,
      used: counts.get(policy)!.used[measure],
      held: counts.get(policy)!.held[measure],
      requested: requested[measure],
    }),
  );
  const tokens_that_fit = tokensThatFit(policies, amountOf, requested.tokens, token_price_nano_usd);
  const differences = compare(refusal.violations, expected);
  if (tokens_that_fit !== refusal.tokens_that_fit) {
    differences.push(`it says that ${refusal.tokens_that_fit} tokens fit, and ${tokens_that_fit} do`);
  }
  return { is_phantom: expected.length === 0, differences, tokens_that_fit };
}

/** What was asked for: any violation tells it, by the price of a token. */
function requestedIn(violations: readonly Violation[], token_price_nano_usd: bigint): Amount | null {
  for (const { measure, requested } of violations) {
    if (requested === null) continue;
    if (measure === "tokens") return { tokens: requested, cost: requested * token_price_nano_usd };
    if (token_price_nano_usd > 0n) return { tokens: requested / token_price_nano_usd, cost: requested };
  }
  return null;
}

function tokensThatFit(
  policies: readonly PolicyBook[],
  amountOf: (policy: PolicyBook) => Amount,
  requested: bigint,
  token_price_nano_usd: bigint,
): bigint {
  let fitting = requested;
  for (const policy of policies) {
    if (!policy.binds) continue;
    const { limit } = policy;
    const amount = amountOf(policy);
    if (limit.tokens !== null) fitting = least(fitting, limit.tokens - amount.tokens);
    if (limit.cost !== null && token_price_nano_usd > 0n) {
      fitting = least(fitting, (limit.cost - amount.cost) / token_price_nano_usd);
    }
  }
  return fitting < 0n ? 0n : fitting;
}

const least = (left: bigint, right: bigint): bigint => (left < right ? left : right);

function compare(said: readonly Violation[], expected: readonly Violation[]): string[] {
  const key = ({ policy_id, measure }: Violation): string => `policy ${policy_id} (${measure})`;
  const recounted = new Map(expected.map((violation) => [key(violation), violation]));
  const differences: string[] = [];
  for (const violation of said) {
    const name = key(violation);
    const truth = recounted.get(name);
    recounted.delete(name);
    if (truth === undefined) {
      differences.push(`it names ${name}, which had room: ${inWords(violation)}`);
      continue;
    }
    if (inWords(truth) !== inWords(violation)) {
      differences.push(`of ${name} it says ${inWords(violation)}; the recount says ${inWords(truth)}`);
    }
  }
  for (const name of recounted.keys()) differences.push(`it leaves out ${name}, which had no room`);
  return differences;
}

const inWords = ({ limit, used, held, requested }: Violation): string =>
  `${used} used and ${held} held of ${limit}, ${requested ?? "an unknown number"} requested`;
