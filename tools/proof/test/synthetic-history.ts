import type {
  AllocationChange,
  AllocationState,
  AllocationStatus,
  Amount,
  Facts,
  LedgerEvent,
  PolicyChange,
  UsageChange,
  Violation,
} from "../src/facts.ts";

/** What holding one token costs, in nano-USD. */
export const TOKEN_PRICE = 600n;

export const tokens = (count: number): Amount => ({
  tokens: BigInt(count),
  cost: BigInt(count) * TOKEN_PRICE,
});

/** The history of a run that never was: each method writes what the product and the triggers would have written. */
export class SyntheticHistory {
  readonly parents = new Map<string, string | null>();
  readonly events: LedgerEvent[] = [];
  readonly allocations: AllocationChange[] = [];
  readonly usage: UsageChange[] = [];
  readonly policies: PolicyChange[] = [];
  readonly states = new Map<string, AllocationState>();
  now_ms = 1_000_000;
  #transaction = 1;
  #made = 0;

  /** What follows is written by another transaction. */
  nextTransaction(): this {
    this.#transaction += 1;
    return this;
  }

  budget(budget_id: string, parent_budget_id: string | null = null): this {
    this.parents.set(budget_id, parent_budget_id);
    return this;
  }

  /** Makes a policy by tokens, or changes its limit. */
  limit(policy_id: string, budget_id: string, limit: number, period: PolicyChange["period"] = "total"): this {
    const isNew = this.policies.every((policy) => policy.policy_id !== policy_id);
    this.nextTransaction();
    this.policies.push({
      ...this.#row(),
      policy_id,
      budget_id,
      period,
      limit: { tokens: BigInt(limit), cost: null },
      binds: true,
    });
    this.#event(isNew ? "policy.created" : "policy.updated", budget_id, policy_id);
    return this.nextTransaction();
  }

  grant(allocation_id: string, budget_id: string, count: number, hold_ms = 3_600_000): this {
    const expiration_time_ms = this.now_ms + hold_ms;
    this.#put(allocation_id, budget_id, {
      status: "active",
      expiration_time_ms,
      allocated: tokens(count),
      used: tokens(0),
    });
    return this.#event("allocation.granted", budget_id, allocation_id);
  }

  extend(allocation_id: string, budget_id: string, count: number): this {
    const state = this.states.get(allocation_id)!;
    const allocated = tokens(Number(state.allocated.tokens) + count);
    this.#put(allocation_id, budget_id, { ...state, allocated });
    return this.#event("allocation.extended", budget_id, allocation_id);
  }

  close(
    allocation_id: string,
    budget_id: string,
    status: Exclude<AllocationStatus, "active" | "settled">,
  ): this {
    this.#put(allocation_id, budget_id, { ...this.states.get(allocation_id)!, status });
    return this.#event(`allocation.${status}`, budget_id, allocation_id);
  }

  use(allocation_id: string, budget_id: string, count: number, final = true): this {
    const state = this.states.get(allocation_id)!;
    const used = tokens(Number(state.used.tokens) + count);
    this.#put(allocation_id, budget_id, { ...state, used, status: final ? "settled" : state.status });
    if (final) this.#event("allocation.settled", budget_id, allocation_id);
    const record_id = `usage ${(this.#made += 1)}`;
    this.usage.push({
      ...this.#row(),
      record_id,
      allocation_id,
      budget_id,
      timestamp_ms: this.now_ms,
      used: tokens(count),
    });
    return this.#event("usage.recorded", budget_id, record_id);
  }

  /** Refuses, and says of each policy what is given: limit, used, held and requested, in tokens. */
  refuse(
    budget_id: string,
    tokens_that_fit: number,
    sums: Readonly<Record<string, readonly [limit: number, used: number, held: number, requested: number]>>,
  ): this {
    const violations = Object.entries(sums).map(([policy_id, [limit, used, held, requested]]): Violation => ({
      policy_id,
      measure: "tokens",
      limit: BigInt(limit),
      used: BigInt(used),
      held: BigInt(held),
      requested: BigInt(requested),
    }));
    const refusal = { tokens_that_fit: BigInt(tokens_that_fit), violations };
    return this.#event("allocation.refused", budget_id, `request ${(this.#made += 1)}`, refusal);
  }

  facts(): Facts {
    const sum = (measure: "tokens" | "cost"): bigint =>
      this.usage.reduce((total, { used }) => total + used[measure], 0n);
    return {
      parents: this.parents,
      events: this.events,
      allocations: this.allocations,
      usage: this.usage,
      policies: this.policies,
      rewritten_usage: [],
      servers: new Map(),
      final_allocations: this.states,
      final_usage: { records: this.usage.length, tokens: sum("tokens"), cost: sum("cost") },
      token_price_nano_usd: TOKEN_PRICE,
    };
  }

  #row() {
    return { serial: (this.#made += 1), transaction_id: String(this.#transaction) };
  }

  #put(allocation_id: string, budget_id: string, after: AllocationState): void {
    const before = this.states.get(allocation_id) ?? null;
    this.states.set(allocation_id, after);
    this.allocations.push({ ...this.#row(), allocation_id, budget_id, before, after });
  }

  #event(
    event_type: string,
    budget_id: string,
    subject_id: string,
    refusal: LedgerEvent["refusal"] = null,
  ): this {
    this.events.push({
      sequence: this.events.length + 1,
      transaction_id: String(this.#transaction),
      event_type,
      budget_id,
      subject_id,
      created_at_ms: this.now_ms,
      refusal,
    });
    return this;
  }
}
