import {
  accepted,
  decideAllocation,
  decisionRecord,
  holdChange,
  rejected,
  type AllocationExtend,
  type BudgetAllocation,
  type ChangedBy,
  type Grant,
  type HoldRequest,
  type Outcome,
} from "@budget/domain";
import { alternativesFor, noteOverrides, readExpiration } from "./allocate.ts";
import { targetOf, type Batch } from "./batch.ts";
import type { Command, Target } from "./command.ts";
import { estimateCost, priceOf } from "./hold-cost.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import { refuse } from "./refusals.ts";
import { notFound, whyNotChargeable, whyUndecidable } from "./requests.ts";

/** Gives a live allocation more tokens, decided like a request of their own, or another end. */
export class ExtendCommand implements Command<Grant> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[];
  readonly creates = {};
  readonly #allocation_id: string;
  readonly #input: AllocationExtend;
  readonly #by: Pick<ChangedBy, "actor">;

  /** @param by who asks, for the record of limits that are passed */
  constructor(
    allocation_id: string,
    input: AllocationExtend,
    idempotency: IdempotentRequest | null,
    by: Pick<ChangedBy, "actor">,
  ) {
    this.#by = by;
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
    if (additional_tokens === undefined) return this.#grant(batch, allocation, expiration.value, [], []);

    const { catalog } = batch;
    const wrong =
      whyNotChargeable(catalog, allocation.budget_id) ??
      whyUndecidable(catalog, allocation.budget_id, allocation, batch.now_ms);
    if (wrong !== null) return rejected(wrong);
    const request = extensionRequest(batch, allocation, additional_tokens);
    const counted = batch.counted(targetOf(batch.catalog, allocation));
    const decision = decideAllocation(request, counted);
    if (!decision.granted) {
      const record = decisionRecord(request, counted, decision, null);
      return refuse(batch, askedBy(allocation, batch.nextId()), record, decision.refusal);
    }
    noteOverrides(batch, this.#by, allocation, decision.warnings);
    const extended = request.extend(additional_tokens);
    const { tokens_allocated } = extended;
    const alternatives = alternativesFor(catalog, allocation, tokens_allocated, decision, batch.now_ms);
    return this.#grant(batch, extended, expiration.value, decision.warnings, alternatives);
  }

  #grant(
    batch: Batch,
    allocation: BudgetAllocation,
    expiration_time_ms: number,
    warnings: Grant["warnings"],
    alternatives: Grant["alternatives"],
  ): Outcome<Grant> {
    const extended = { ...allocation, expiration_time_ms };
    batch.changeAllocation(extended, "allocation.extended");
    return accepted({ allocation: extended, learned: null, warnings, alternatives });
  }
}

interface ExtensionRequest extends HoldRequest {
  readonly extend: (additional_tokens: number) => BudgetAllocation;
}

/**
 * An extension is decided by what it would add to the hold: an allocation that is used beyond its tokens first makes up
 * for that.
 */
function extensionRequest(
  batch: Batch,
  allocation: BudgetAllocation,
  additional_tokens: number,
): ExtensionRequest {
  const price = priceOf(batch.catalog, allocation, batch.now_ms);
  // What all the tokens cost together, less what those before did: a longer call can reach a dearer tier.
  const estimate = (tokens: number) =>
    estimateCost(price, tokens, allocation.input_tokens ?? undefined) ?? 0n;
  const estimated_before = estimate(allocation.tokens_allocated);
  const extend = (tokens: number): BudgetAllocation => {
    const tokens_allocated = allocation.tokens_allocated + tokens;
    const added_cost = estimate(tokens_allocated) - estimated_before;
    const cost_allocated_nano_usd = allocation.cost_allocated_nano_usd + added_cost;
    return { ...allocation, tokens_allocated, cost_allocated_nano_usd };
  };
  return {
    tokens: additional_tokens,
    min_tokens: additional_tokens,
    now_ms: batch.now_ms,
    priority: allocation.priority,
    extend,
    holdFor(tokens) {
      const change = holdChange(allocation, extend(tokens));
      return price === undefined ? { ...change, cost_nano_usd: null } : change;
    },
  };
}

/** An extension as a refusal names it. */
function askedBy(allocation: BudgetAllocation, refusal_id: string) {
  const { allocation_id, budget_id, context_id, tier, provider, model, component, task_type } = allocation;
  return { refusal_id, allocation_id, budget_id, context_id, tier, provider, model, component, task_type };
}
