import type { BudgetPolicy, PolicyDimensions, RequestDimensions } from "./entities.ts";
import { familyOf } from "./model-names.ts";

const DIMENSIONS = ["tier", "provider", "model", "component", "task_type"] as const;
export type DimensionName = (typeof DIMENSIONS)[number];

/**
 * Whether a policy on a model counts a request for one: the same, or a dated snapshot of it. A provider that is asked for
 * `gpt-4o` answers as `gpt-4o-2024-08-06`, and what was held under one name must be booked under the other.
 */
export const matchesModel = (of_policy: string | null, of_request: string | null): boolean =>
  of_policy === null ||
  of_policy === of_request ||
  (of_request !== null && of_policy === familyOf(of_request));

const matchesDimension = (
  name: DimensionName,
  policy: PolicyDimensions,
  request: RequestDimensions,
): boolean =>
  name === "model"
    ? matchesModel(policy.model, request.model)
    : policy[name] === null || policy[name] === request[name];

/** Whether a policy refuses and warns at an instant; one that is switched off, or at its end, only counts. */
export const isInForce = ({ enabled, end_ms }: BudgetPolicy, at_ms: number): boolean =>
  enabled && (end_ms === null || at_ms < end_ms);

/** Whether a policy counts a request: every dimension that the policy names is the request's. */
export const matches = (policy: PolicyDimensions, request: RequestDimensions): boolean =>
  DIMENSIONS.every((name) => matchesDimension(name, policy, request));

/**
 * The dimension that a request must name before anybody can say whether an `enforce` policy counts it, or what it would
 * cost. Guessing would either let the request slip past the limit or refuse it wrongly.
 * @param policies policies of the budget and of its ancestors
 * @param at_ms when it is decided
 * @returns the dimension and the policy that looks at it, or null where the request says enough
 */
export function missingDimension(
  policies: readonly BudgetPolicy[],
  request: RequestDimensions,
  at_ms: number,
): { readonly dimension: DimensionName; readonly policy: BudgetPolicy } | null {
  for (const policy of policies) {
    if (policy.type !== "enforce" || !isInForce(policy, at_ms)) continue;
    const excluded = DIMENSIONS.some(
      (name) => request[name] !== null && !matchesDimension(name, policy, request),
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
