import { accepted, closeAllocation, rejected, type BudgetAllocation, type Outcome } from "@budget/domain";
import type { Batch } from "./batch.ts";
import type { Command, Target } from "./command.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import { notFound } from "./requests.ts";

/** Frees what an allocation still holds. What it used stays booked. */
export class ReleaseCommand implements Command<BudgetAllocation> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[];
  readonly creates = {};
  readonly #allocation_id: string;

  constructor(allocation_id: string, idempotency: IdempotentRequest | null) {
    this.#allocation_id = allocation_id;
    this.allocation_ids = [allocation_id];
    this.idempotency = idempotency;
  }

  targets(): readonly Target[] {
    return [];
  }

  execute(batch: Batch): Outcome<BudgetAllocation> {
    const allocation = batch.allocations.get(this.#allocation_id);
    if (allocation === undefined) return notFound("allocation", this.#allocation_id);
    // Releasing twice is no mistake worth an error: nothing is held either way.
    if (allocation.status === "released") return accepted(allocation);
    if (allocation.status !== "active") {
      return rejected({
        code: "allocation_not_active",
        detail: `Allocation ${allocation.allocation_id} is ${allocation.status} already, and holds nothing.`,
      });
    }
    const released = closeAllocation(allocation, "released", batch.now_ms);
    batch.changeAllocation(released, "allocation.released");
    return accepted(released);
  }
}
