import {
  MEASURES,
  NOTHING,
  type AllocationState,
  type Amount,
  type Measure,
  type Period,
  type PolicyChange,
} from "./facts.ts";

const HOUR_MS = 3_600_000;

export const plus = (left: Amount, right: Amount): Amount => ({
  tokens: left.tokens + right.tokens,
  cost: left.cost + right.cost,
});

export const minus = (left: Amount, right: Amount): Amount => ({
  tokens: left.tokens - right.tokens,
  cost: left.cost - right.cost,
});

const atLeastZero = (value: bigint): bigint => (value < 0n ? 0n : value);
export const positivePart = ({ tokens, cost }: Amount): Amount => ({
  tokens: atLeastZero(tokens),
  cost: atLeastZero(cost),
});

/** What an allocation keeps from its policies: allocated less used, and nothing once it is closed. */
export const holdOf = ({ status, allocated, used }: AllocationState): Amount =>
  status === "active" ? positivePart(minus(allocated, used)) : NOTHING;

/** Windows are worked out here once more, so that the product's own reckoning is not what it is checked by. */
const windowStart = (period: Period, at_ms: number): number => {
  switch (period) {
    case "total":
      return 0;
    case "hourly":
      return at_ms - (at_ms % HOUR_MS);
  }
};

/** What one policy counts, added up from the history. */
export class PolicyBook {
  readonly policy_id: string;
  readonly budget_id: string;
  readonly period: Period;
  binds = false;
  limit: PolicyChange["limit"] = { tokens: null, cost: null };
  held: Amount = NOTHING;
  /** The server that changed the limit, until the first decision under it. */
  changed_by: string | null = null;
  /** The largest part of the limit that was used and held right after a grant, and at how much room. */
  highest: Readonly<Record<Measure, number>> = { tokens: 0, cost: 0 };
  readonly #used = new Map<number, Amount>();
  /** How far used and held are above the limit for a good reason; see {@link excess}. */
  #excused: Amount = NOTHING;

  constructor({ policy_id, budget_id, period }: PolicyChange) {
    this.policy_id = policy_id;
    this.budget_id = budget_id;
    this.period = period;
  }

  used(at_ms: number): Amount {
    return this.#used.get(windowStart(this.period, at_ms)) ?? NOTHING;
  }

  addUsed(amount: Amount, at_ms: number): void {
    this.#used.set(windowStart(this.period, at_ms), plus(this.used(at_ms), amount));
  }

  /** Takes what a policy was changed to. What is above a lowered limit now was granted under the old one. */
  change({ limit, binds }: PolicyChange, at_ms: number): void {
    this.limit = limit;
    this.binds = binds;
    this.#excused = positivePart(this.#over(at_ms));
  }

  /** Takes usage that nothing was held for: truth may pass a limit, and is booked in full. */
  excuse(overage: Amount): void {
    this.#excused = plus(this.#excused, overage);
  }

  /**
   * How far used and held are above the limit without a good reason. Good reasons are a limit that was lowered, and usage
   * beyond what was held for it; what they excuse may only shrink afterwards, as no grant may add to it.
   * @returns what is above; the same excess is told once
   */
  excess(at_ms: number): Amount {
    const over = positivePart(this.#over(at_ms));
    const unexcused = this.binds ? positivePart(minus(over, this.#excused)) : NOTHING;
    this.#excused = over;
    return unexcused;
  }

  /** Keeps in mind how near the limit a grant came. */
  noteGrant(at_ms: number): void {
    const share = (measure: Measure): number => {
      const limit = this.limit[measure];
      if (limit === null || limit === 0n) return 0;
      const amount = this.used(at_ms)[measure] + this.held[measure];
      return Math.max(this.highest[measure], Number(amount) / Number(limit));
    };
    this.highest = { tokens: share("tokens"), cost: share("cost") };
  }

  #over(at_ms: number): Amount {
    const amount = plus(this.used(at_ms), this.held);
    const over = (measure: Measure): bigint => {
      const limit = this.limit[measure];
      return limit === null ? 0n : amount[measure] - limit;
    };
    return { tokens: over("tokens"), cost: over("cost") };
  }
}

/** The books of all policies, and which of them count a budget. */
export class Books {
  readonly policies: ReadonlyMap<string, PolicyBook>;
  readonly #parents: ReadonlyMap<string, string | null>;
  readonly #chains = new Map<string, readonly PolicyBook[]>();

  /** Every policy has a book from the start, so that one made later has counted what was there before. */
  constructor(parents: ReadonlyMap<string, string | null>, changes: readonly PolicyChange[]) {
    this.policies = new Map(changes.map((change) => [change.policy_id, new PolicyBook(change)]));
    this.#parents = parents;
  }

  /** The policies of a budget and of those above it. */
  counting(budget_id: string): readonly PolicyBook[] {
    let chain = this.#chains.get(budget_id);
    if (chain === undefined) {
      const budget_ids = new Set(this.#upwards(budget_id));
      chain = [...this.policies.values()].filter((policy) => budget_ids.has(policy.budget_id));
      this.#chains.set(budget_id, chain);
    }
    return chain;
  }

  *#upwards(budget_id: string): Iterable<string> {
    for (let at: string | null = budget_id; at !== null; at = this.#parents.get(at) ?? null) yield at;
  }
}

/** Limits that an amount would pass, of those that bind. */
export function passedLimits(
  policies: readonly PolicyBook[],
  amountOf: (policy: PolicyBook) => Amount,
): readonly { readonly policy: PolicyBook; readonly measure: Measure; readonly limit: bigint }[] {
  return policies.flatMap((policy) =>
    MEASURES.flatMap((measure) => {
      const limit = policy.limit[measure];
      if (!policy.binds || limit === null || amountOf(policy)[measure] <= limit) return [];
      return [{ policy, measure, limit }];
    }),
  );
}
