import type { BudgetPolicy, Outcome } from "@budget/domain";
import type { Batch } from "./batch.ts";
import type { Catalog } from "./catalog.ts";
import type { IdempotentRequest } from "./idempotency.ts";

/** The policies that count something, and the context that it happens in. */
export interface Target {
  readonly policies: readonly BudgetPolicy[];
  readonly context_id: string;
}

/** What a command may look at before the balances are locked. */
export interface Preview {
  readonly catalog: Catalog;
  readonly allocations: Batch["allocations"];
  readonly now_ms: number;
}

/** One thing to be done in a ledger transaction. */
export interface Command<T> {
  readonly idempotency: IdempotentRequest | null;
  /** Allocations that it changes. */
  readonly allocation_ids: readonly string[];
  /** The id of what it makes, chosen beforehand: so a second attempt sees whether the first was committed. */
  readonly creates: { readonly allocation_id?: string; readonly record_id?: string };
  /** Whether it changes nothing: then balances that are not there need not be made for it. */
  readonly asks_only?: true;
  /** Whatever balances it will need, beside those of the allocations that it changes. */
  targets(preview: Preview): readonly Target[];
  /** Decides and changes the batch. Nothing may be changed before the last rejection. */
  execute(batch: Batch): Outcome<T>;
}
