import type { AllocationCreate } from "@budget/domain";
import type { Engine } from "@budget/engine";
import { CONTEXT, inTurn } from "./setup.ts";

/** What a benchmark asks for again and again. */
export const requestFor = (budget_id: string): AllocationCreate => ({
  budget_id,
  context_id: "bench",
  component: "bench",
  tokens_allocated: 1000,
  provider: "openai",
  model: "gpt-4o",
});

/** One allocation after the other, over the budgets in turn. */
export function allocating(engine: Engine, budget_ids: readonly string[]): () => Promise<void> {
  const nextBudget = inTurn(budget_ids);
  return async () => {
    const outcome = await engine.allocations.allocate(CONTEXT, requestFor(nextBudget()));
    if (!outcome.ok) throw new Error(outcome.rejection.detail);
  };
}

/** An allocation, and the usage that settles it. */
export function allocatingAndSettling(engine: Engine, budget_ids: readonly string[]): () => Promise<void> {
  const nextBudget = inTurn(budget_ids);
  return async () => {
    const granted = await engine.allocations.allocate(CONTEXT, requestFor(nextBudget()));
    if (!granted.ok) throw new Error(granted.rejection.detail);
    const { allocation_id } = granted.value.allocation;
    const settled = await engine.usage.record(CONTEXT, {
      allocation_id,
      input_tokens: 600,
      output_tokens: 200,
      final: true,
    });
    if (!settled.ok) throw new Error(settled.rejection.detail);
  };
}
