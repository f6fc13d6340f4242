import type { CheckAnswer, CheckRequest } from "./check-budget.ts";
import type { Model, Models } from "./model-tiers.ts";

export interface RouteRequest {
  readonly input_text: string;
  readonly default_provider: string;
  readonly default_model: string;
  /** `default` if left out. */
  readonly task_type?: string;
  readonly component?: string;
  readonly context_id?: string;
}

/** Which model to call; or that none fits, and why the one that was wanted does not. */
export type RouteAnswer =
  | {
      readonly provider: string;
      readonly model: string;
      readonly warnings: readonly string[];
      readonly refusal: null;
    }
  | {
      readonly provider: null;
      readonly model: null;
      readonly warnings: readonly string[];
      readonly refusal: string;
    };

/**
 * Chooses the wanted model where it fits, else a cheaper one that fits, else a free one that fits, else none: an enforced
 * limit is never passed.
 */
export async function route(
  models: Pick<Models, "alternatives">,
  check: (request: CheckRequest) => Promise<CheckAnswer>,
  { default_provider, default_model, ...request }: RouteRequest,
): Promise<RouteAnswer> {
  const wanted: Model = { provider: default_provider, model: default_model };
  const first = await check({ ...request, ...wanted });
  if (first.allowed) return { ...wanted, warnings: first.info.warnings, refusal: null };

  const { reason } = first.info;
  const { task_type } = request;
  const others = await models.alternatives({ ...wanted, ...(task_type !== undefined && { task_type }) });
  for (const { isFree, ...other } of others) {
    const { allowed, info } = await check({ ...request, ...other });
    if (!allowed) continue;
    const name = `${other.provider}/${other.model}`;
    const step = isFree
      ? `Using free model ${name}`
      : `Downgraded from ${default_provider}/${default_model} to ${name}`;
    return { ...other, warnings: [...info.warnings, `${reason}. ${step}`], refusal: null };
  }
  const refusal = `${reason}, and no cheaper or free model fits`;
  return { provider: null, model: null, warnings: [], refusal };
}
