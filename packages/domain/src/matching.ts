import type { BudgetPolicy, PolicyDimensions, RequestDimensions } from "./entities.ts";

const DIMENSIONS = ["tier", "provider", "model", "component", "task_type"] as const;
export type DimensionName = (typeof DIMENSIONS)[number];

/** Whether a policy counts a request: every dimension that the policy names is the request's. */
export function matches(policy: PolicyDimensions, request: RequestDimensions): boolean {
  return DIMENSIONS.every((name) => policy[name] === null || policy[name] === request[name]);
}

/**
 * The dimension that a request must name before anybody can say whether an `enforce` policy counts it, or what it would
 * cost. Guessing would either let the request slip past the limit or refuse it wrongly.
 * @param policies policies of the budget and of its ancestors
 * @returns the dimension and the policy that looks at it, or null where the request says enough
 */
export function missingDimension(
  policies: readonly BudgetPolicy[],
  request: RequestDimensions,
): { readonly dimension: DimensionName; readonly policy: BudgetPolicy } | null {
  for (const policy of policies) {
    if (policy.type !== "enforce" || !policy.enabled) continue;
    const excluded = DIMENSIONS.some(
      (name) => policy[name] !== null && request[name] !== null && policy[name] !== request[name],
    );
    if (excluded) continue;
    const countsCost = policy.cost_limit_nano_usd !== null && !policy.allow_unpriced;
    for (const dimension of DIMENSIONS) {
      const looksAt =
        policy[dimension] !== null || (countsCost && (dimension === "provider" || dimension === "model"));
      if (looksAt && request[dimension] === null) return { dimension, policy };
    }
  }
  return null;
}
