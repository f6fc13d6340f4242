import { holdOf, minus, plus, type Books, type PolicyBook } from "./books.ts";
import { NOTHING, type AllocationState, type Amount } from "./facts.ts";

/** An allocation as far as the replay has come. */
export interface Allocation {
  readonly budget_id: string;
  state: AllocationState;
  /** Settled by the usage that comes next; until then it holds. */
  settling: boolean;
}

/** All allocations, and what they hold of their policies. */
export class AllocationBooks {
  readonly #books: Books;
  readonly #allocations = new Map<string, Allocation>();
  readonly #active = new Set<Allocation>();
  /** No active allocation expires before. */
  #next_expiry_ms = Infinity;

  constructor(books: Books) {
    this.#books = books;
  }

  get size(): number {
    return this.#allocations.size;
  }

  get(allocation_id: string): Allocation | undefined {
    return this.#allocations.get(allocation_id);
  }

  add(allocation_id: string, budget_id: string, state: AllocationState): void {
    const allocation = { budget_id, state, settling: false };
    this.#allocations.set(allocation_id, allocation);
    this.#hold(allocation, holdOf(state));
    this.#follow(allocation);
  }

  /** Puts an allocation in a new state, and what it holds with it. */
  set(allocation: Allocation, state: AllocationState): void {
    this.#hold(allocation, minus(holdOf(state), holdOf(allocation.state)));
    allocation.state = state;
    this.#follow(allocation);
  }

  #hold({ budget_id }: Allocation, change: Amount): void {
    for (const policy of this.#books.counting(budget_id)) policy.held = plus(policy.held, change);
  }

  #follow(allocation: Allocation): void {
    const { status, expiration_time_ms } = allocation.state;
    if (status === "active") {
      this.#active.add(allocation);
      this.#next_expiry_ms = Math.min(this.#next_expiry_ms, expiration_time_ms);
    } else {
      this.#active.delete(allocation);
    }
  }

  /**
   * What a policy's allocations hold whose time is not over. An allocation stops holding at its expiry, whether or not
   * an event has said so yet.
   */
  heldAt(policy: PolicyBook, now_ms: number): Amount {
    const overdue = this.#overdue(now_ms).filter(({ budget_id }) =>
      this.#books.counting(budget_id).includes(policy),
    );
    return overdue.reduce((held, { state }) => minus(held, holdOf(state)), policy.held);
  }

  #overdue(now_ms: number): readonly Allocation[] {
    if (now_ms < this.#next_expiry_ms) return [];
    this.#next_expiry_ms = Infinity;
    const overdue: Allocation[] = [];
    for (const allocation of this.#active) {
      const { expiration_time_ms } = allocation.state;
      if (expiration_time_ms <= now_ms) overdue.push(allocation);
      this.#next_expiry_ms = Math.min(this.#next_expiry_ms, expiration_time_ms);
    }
    return overdue;
  }
}

export const isSame = (left: AllocationState, right: AllocationState): boolean =>
  left.status === right.status &&
  left.expiration_time_ms === right.expiration_time_ms &&
  left.allocated.tokens === right.allocated.tokens &&
  left.allocated.cost === right.allocated.cost &&
  left.used.tokens === right.used.tokens &&
  left.used.cost === right.used.cost;

export const inWords = ({ tokens, cost }: Amount): string => `${tokens} tokens and ${cost} nano-USD`;

export const describe = (state: AllocationState | undefined): string =>
  state === undefined
    ? "unknown"
    : `${state.status} with ${inWords(state.used)} used of ${inWords(state.allocated)}`;

/** The state of an allocation when nothing of it is used yet. */
export const unused = ({ allocated, expiration_time_ms }: AllocationState): AllocationState => ({
  status: "active",
  expiration_time_ms,
  allocated,
  used: NOTHING,
});
