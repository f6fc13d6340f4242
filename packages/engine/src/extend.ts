import {
  accepted,
  decideAllocation,
  holdOf,
  rejected,
  type AllocationExtend,
  type BudgetAllocation,
  type Decision,
  type Grant,
  type Outcome,
} from "@budget/domain";
import { addRefusalEvent, estimateCost, priceOf, raiseOverrides, readExpiration } from "./allocate.ts";
import { targetOf, type Batch } from "./batch.ts";
import type { Command, Target } from "./command.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import { notFound, whyNotChargeable } from "./requests.ts";

/** Gives a live allocation more tokens, decided like a request of their own, or another end. */
export class ExtendCommand implements Command<Grant> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[];
  readonly creates = {};
  readonly #allocation_id: string;
  readonly #input: AllocationExtend;

  constructor(allocation_id: string, input: AllocationExtend, idempotency: IdempotentRequest | null) {
    this.#allocation_id = allocation_id;
    this.#input = input;
    this.allocation_ids = [allocation_id];
    this.idempotency = idempotency;
  }

  targets(): readonly Target[] {
    return [];
  }

  execute(batch: Batch): Outcome<Grant> {
    const allocation = batch.allocations.get(this.#allocation_id);
    if (allocation === undefined) return notFound("allocation", this.#allocation_id);
    if (allocation.status !== "active") {
      return rejected({
        code: "allocation_not_active",
        detail: `Allocation ${allocation.allocation_id} is ${allocation.status}. Ask for a new one.`,
      });
    }
    const { additional_tokens, expiration_time } = this.#input;
    const expiration =
      expiration_time === undefined
        ? accepted(allocation.expiration_time_ms)
        : readExpiration(expiration_time, batch.now_ms);
    if (!expiration.ok) return expiration;
    if (additional_tokens === undefined) return this.#grant(batch, allocation, expiration.value, []);

    const unchargeable = whyNotChargeable(batch.catalog, allocation.budget_id);
    if (unchargeable !== null) return rejected(unchargeable);
    const { decision, extended } = decideExtension(batch, allocation, additional_tokens);
    if (!decision.granted) {
      addRefusalEvent(batch, allocation.budget_id, allocation.allocation_id, allocation, decision.refusal);
      return rejected(decision.refusal);
    }
    raiseOverrides(batch, decision.warnings, allocation.context_id);
    return this.#grant(batch, extended, expiration.value, decision.warnings);
  }

  #grant(
    batch: Batch,
    allocation: BudgetAllocation,
    expiration_time_ms: number,
    warnings: Grant["warnings"],
  ): Outcome<Grant> {
    const extended = { ...allocation, expiration_time_ms };
    batch.putAllocation(extended, "allocation.extended");
    return accepted({ allocation: extended, warnings, alternatives: [] });
  }
}

/**
 * The tokens of an extension are decided by what they would add to the hold: an allocation that is used beyond its
 * tokens first makes up for that.
 */
function decideExtension(
  batch: Batch,
  allocation: BudgetAllocation,
  additional_tokens: number,
): { readonly decision: Decision; readonly extended: BudgetAllocation } {
  const price = priceOf(batch.catalog, allocation, batch.now_ms);
  const held = holdOf(allocation);
  const overused = Math.max(0, allocation.tokens_used - allocation.tokens_allocated);
  const extend = (tokens: number): BudgetAllocation => ({
    ...allocation,
    tokens_allocated: allocation.tokens_allocated + tokens,
    cost_allocated_nano_usd:
      allocation.cost_allocated_nano_usd + (estimateCost(price, tokens, undefined) ?? 0n),
  });
  const extended = extend(additional_tokens);
  const addedCost = (by: BudgetAllocation) =>
    price === undefined ? null : holdOf(by).cost_nano_usd - held.cost_nano_usd;
  const decision = decideAllocation(
    {
      tokens: holdOf(extended).tokens - held.tokens,
      cost_nano_usd: addedCost(extended),
      priority: allocation.priority,
      costOfTokens: (tokens) => addedCost(extend(tokens + overused)),
    },
    batch.counted(targetOf(batch.catalog, allocation)),
  );
  return { decision, extended };
}
