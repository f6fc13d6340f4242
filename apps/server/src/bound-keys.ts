import type { ApiKey } from "@budget/domain";
import type { CommandContext, Engine } from "@budget/engine";
import { problem, type ProblemAnswer } from "./problems.ts";

/** What a request may name that a key can be bound to. */
interface Named {
  budget_id?: unknown;
  component?: unknown;
  allocation_id?: unknown;
}

export interface BoundInput {
  readonly params: Named;
  readonly body: (Named & { readonly items?: readonly unknown[] }) | undefined;
  readonly context: CommandContext;
}

const isBound = ({ budget_ids, components }: ApiKey): boolean => budget_ids.length + components.length > 0;

const isNamed = (item: unknown): item is Named => typeof item === "object" && item !== null;

/**
 * Holds a request to the budgets and components that its key is bound to: what is not its own is not there for it. Where
 * it names no budget, the first of the key's own is charged.
 * @returns the problem with it; null where there is none
 */
export async function holdToKey(
  key: ApiKey,
  { params, body, context }: BoundInput,
  engine: Engine,
): Promise<ProblemAnswer | null> {
  if (!isBound(key)) return null;
  const fromPath = await whyForeign(key, params, "", context, engine);
  if (fromPath !== null || body === undefined) return fromPath;
  const items = body.items;
  if (items === undefined) return whyForeignBody(key, body, params, "", context, engine);
  for (const [index, item] of items.entries()) {
    // What is no object is refused as such, with the other items.
    const why = isNamed(item)
      ? await whyForeignBody(key, item, params, `/items/${index}`, context, engine)
      : null;
    if (why !== null) return why;
  }
  return null;
}

function whyForeignBody(
  key: ApiKey,
  body: Named,
  params: Named,
  place: string,
  context: CommandContext,
  engine: Engine,
): Promise<ProblemAnswer | null> {
  const isOfAllocation = body.allocation_id !== undefined || params.allocation_id !== undefined;
  if (body.budget_id === undefined && !isOfAllocation && key.budget_ids.length > 0)
    body.budget_id = key.budget_ids[0];
  return whyForeign(key, body, place, context, engine);
}

/** As ids and components are compared; those in the items of a batch were not read yet. */
const folded = (value: unknown): string | undefined =>
  typeof value === "string" ? value.trim().toLowerCase() : undefined;

async function whyForeign(
  key: ApiKey,
  named: Named,
  place: string,
  context: CommandContext,
  engine: Engine,
): Promise<ProblemAnswer | null> {
  const { budget_ids, components } = key;
  const budget_id = folded(named.budget_id);
  const component = folded(named.component);
  const allocation_id = folded(named.allocation_id);
  if (budget_id !== undefined && budget_ids.length > 0 && !budget_ids.includes(budget_id)) {
    const detail = `There is no budget with the id ${budget_id}.`;
    return problem({ code: "budget_not_found", field: `${place}/budget_id`, detail });
  }
  if (component !== undefined && components.length > 0 && !components.includes(component)) {
    const detail = `This key is for ${components.join(", ")} only.`;
    return problem({ code: "forbidden", field: `${place}/component`, detail });
  }
  if (allocation_id === undefined) return null;
  const found = await engine.allocations.explain(context, allocation_id);
  // What is not there is told by the route.
  if (!found.ok) return null;
  const { dimensions, ...decision } = found.value;
  const isOwn =
    (budget_ids.length === 0 || budget_ids.includes(decision.budget_id)) &&
    (components.length === 0 || components.includes(dimensions.component));
  if (isOwn) return null;
  const detail = `There is no allocation with the id ${allocation_id}.`;
  return problem({ code: "allocation_not_found", field: `${place}/allocation_id`, detail });
}
