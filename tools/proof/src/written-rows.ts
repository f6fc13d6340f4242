import type { AllocationChange, Facts, PolicyChange, UsageChange } from "./facts.ts";

/** What a transaction wrote, by id. A row is written once in a transaction. */
export interface Written {
  readonly allocations: Map<string, AllocationChange>;
  readonly usage: Map<string, UsageChange>;
  readonly policies: Map<string, PolicyChange>;
  /** Allocations that an event has extended so far. */
  readonly extended: Set<string>;
  events_left: number;
}

/** The rows of the history, and the number of events, by transaction. */
export function writtenByTransaction(facts: Facts): Map<string, Written> {
  const transactions = new Map<string, Written>();
  const of = (transaction_id: string): Written => {
    let written = transactions.get(transaction_id);
    if (written === undefined) {
      written = {
        allocations: new Map(),
        usage: new Map(),
        policies: new Map(),
        extended: new Set(),
        events_left: 0,
      };
      transactions.set(transaction_id, written);
    }
    return written;
  };
  for (const change of facts.allocations) {
    of(change.transaction_id).allocations.set(change.allocation_id, change);
  }
  for (const change of facts.usage) of(change.transaction_id).usage.set(change.record_id, change);
  for (const change of facts.policies) of(change.transaction_id).policies.set(change.policy_id, change);
  for (const { transaction_id } of facts.events) of(transaction_id).events_left += 1;
  return transactions;
}
