import { PortError, type BudgetPort } from "@budget/adapter-port";
import type { Allocation } from "@budget/client-js";
import type { ApolloFailure, RecordedTokens, TokenUsage, UsageType } from "./calls.ts";
import { given, requireTokens, requireUsageType } from "./read-calls.ts";
import { APOLLO, orWhyNot, type Scope } from "./scope.ts";

/** What Apollo calls a provider or model that nobody named. */
const UNKNOWN = "unknown";

/** Books usage against the allocation that it names, else against the newest live one of its context, else without one. */
export async function recordTokens(scope: Scope, usage: TokenUsage): Promise<RecordedTokens | ApolloFailure> {
  const tokens = requireTokens("tokens", usage.tokens, 0);
  const type = requireUsageType(usage.usage_type ?? "total");
  return orWhyNot(["allocation_not_found"], async () => {
    const { allocation, context_id } = await targetOf(scope, usage);
    const after = tokens === 0 ? allocation : await book(scope, usage, tokens, type, allocation);
    return {
      success: true,
      allocation_id: after?.allocation_id ?? null,
      context_id,
      recorded_tokens: tokens,
      remaining: after?.remaining_tokens ?? 0,
    };
  });
}

interface Target {
  /** Null where nothing was held. */
  readonly allocation: Allocation | null;
  readonly context_id: string;
}

async function targetOf({ port, budget_id }: Scope, usage: TokenUsage): Promise<Target> {
  const { allocation_id, context_id } = given(usage);
  if (allocation_id !== undefined) {
    const allocation = await port.allocations.get(allocation_id);
    return { allocation, context_id: allocation.context_id };
  }
  if (context_id === undefined) {
    throw new PortError("invalid_value", "context_id or allocation_id is needed.", "/context_id");
  }
  const live = await port.allocations.list({ ...given({ budget_id }), context_id, is_active: true });
  return { allocation: live[0] ?? null, context_id };
}

/** @returns the allocation as it is afterwards; null where there is none */
async function book(
  { port, budget_id }: Scope,
  usage: TokenUsage,
  tokens: number,
  type: UsageType,
  allocation: Allocation | null,
): Promise<Allocation | null> {
  const provider = usage.provider ?? allocation?.provider ?? UNKNOWN;
  const model = usage.model ?? allocation?.model ?? UNKNOWN;
  const namesModel = (usage.provider ?? usage.model ?? null) !== null;
  const { context_id, task_type, operation_id, metadata } = usage;
  const side = type === "total" ? await dearerSide(port, provider, model) : type;
  await port.usage.record({
    ...given({
      allocation_id: allocation?.allocation_id,
      budget_id: allocation === null ? budget_id : undefined,
      component: usage.component ?? (allocation === null ? APOLLO : undefined),
      // An allocation may have been asked for by its tier alone, which says more than an unknown model.
      tier: namesModel ? undefined : allocation?.tier,
      ...{ context_id, task_type, operation_id },
      // Reports can tell by it that the side was not said.
      metadata: type === "total" ? { ...metadata, usage_type: type } : metadata,
    }),
    ...{ provider, model },
    ...(side === "input" ? { input_tokens: tokens } : { output_tokens: tokens }),
  });
  return allocation === null ? null : port.allocations.get(allocation.allocation_id);
}

/**
 * The side that tokens without a split are counted on: the one whose tokens cost more, so that what is booked is not less
 * than what was spent. Output where no price is known.
 */
async function dearerSide(port: BudgetPort, provider: string, model: string): Promise<"input" | "output"> {
  try {
    const price = await port.prices.current({ provider, model });
    const { input_cost_per_token: input, output_cost_per_token: output } = price;
    return input !== null && (output === null || input > output) ? "input" : "output";
  } catch (error) {
    if (error instanceof PortError && error.code === "price_not_found") return "output";
    throw error;
  }
}
