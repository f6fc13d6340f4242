import {
  PRIORITY,
  missingDimension,
  rejected,
  tierOf,
  type AllocationCreate,
  type Outcome,
  type Rejection,
  type RequestDimensions,
} from "@budget/domain";
import type { Catalog } from "./catalog.ts";

export const DEFAULT_TASK_TYPE = "default";
export const DEFAULT_PRIORITY = PRIORITY.normal;

/** The outcome of a thing that is not there. */
export const notFound = (
  what: "budget" | "policy" | "allocation" | "decision" | "usage_record" | "key" | "tenant" | "alert",
  id: string,
): Outcome<never> =>
  rejected({ code: `${what}_not_found`, detail: `There is no ${what.replace("_", " ")} with the id ${id}.` });

/** The outcome of a change to something that has changed since the caller saw it. */
export const staleVersion = (version: number): Outcome<never> =>
  rejected({
    code: "version_conflict",
    detail: `It was changed meanwhile and is at version ${version} now. Read it again before changing it.`,
  });

export const invalid = (field: string, detail: string): Outcome<never> =>
  rejected({ code: "invalid_value", field, detail });

/** The dimensions of a request, with what it leaves out filled in by the rules for tier and task type. */
export function dimensionsOf(
  input: Pick<AllocationCreate, "component" | "model" | "provider" | "task_type" | "tier">,
): RequestDimensions {
  const { component } = input;
  const provider = input.provider ?? null;
  const model = input.model ?? null;
  return {
    tier: input.tier ?? tierOf({ model, component, provider }),
    provider,
    model,
    component,
    task_type: input.task_type ?? DEFAULT_TASK_TYPE,
  };
}

/** Why a budget cannot be charged, or null where it can. */
export function whyNotChargeable(catalog: Catalog, budget_id: string): Rejection | null {
  if (catalog.budgets.budget(budget_id) === undefined) {
    return {
      code: "budget_not_found",
      field: "/budget_id",
      detail: `There is no budget with the id ${budget_id}.`,
    };
  }
  const inactive = catalog.budgets
    .lineage(budget_id)
    .find((budget) => !budget.is_active || budget.deleted_at_ms !== null);
  if (inactive === undefined) return null;
  return {
    code: "budget_inactive",
    field: "/budget_id",
    detail: `Budget ${inactive.budget_id} (${inactive.name}) is not active, so nothing is granted from it.`,
  };
}

/** Why policies cannot be applied to a request, or null where it names every dimension that they look at. */
export function whyUndecidable(
  catalog: Catalog,
  budget_id: string,
  request: RequestDimensions,
  now_ms: number,
): Rejection | null {
  const missing = missingDimension(catalog.budgets.policiesOver(budget_id), request, now_ms);
  if (missing === null) return null;
  return {
    code: "dimension_required",
    field: `/${missing.dimension}`,
    detail:
      `The enforced policy ${missing.policy.policy_id} depends on the ${missing.dimension} of a request. ` +
      `Name the ${missing.dimension}.`,
  };
}
