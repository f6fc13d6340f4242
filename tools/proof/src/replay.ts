import { AllocationBooks, describe, inWords, isSame, unused, type Allocation } from "./allocation-books.ts";
import { Books, holdOf, minus, passedLimits, plus, positivePart, type PolicyBook } from "./books.ts";
import { compareWithEnd } from "./compare-with-end.ts";
import { MEASURES, NOTHING, type Amount, type Facts, type LedgerEvent } from "./facts.ts";
import { judgeRefusal } from "./judge-refusal.ts";
import type { Counts, Finding, FindingKind, Verdict } from "./verdict.ts";
import { writtenByTransaction, type Written } from "./written-rows.ts";

/**
 * Decides the whole run again from its history.
 *
 * Events are taken in order of `sequence`. A sequence value is drawn when the event is inserted, and a transaction
 * inserts its events after it has locked the balances of the policies that it decides on, and keeps the locks until it
 * has committed. So of two transactions that share a policy, all events of the one that was first to have its lock stand
 * before all of the other: on every policy, the order of sequences is the order of decisions, on whichever servers they
 * were made. (Transactions that share no policy may interleave, and then it makes no difference.) A change of a policy
 * runs while no allocation of its tenant is decided, so everything after its event was decided under the new limit.
 * Within a transaction commands are decided in the order of their events, each seeing what those before it did.
 *
 * An event only names its row. What the row became is in the history that the triggers wrote, found by transaction and
 * id; a row is written once in a transaction. At the end of each transaction the allocations that it touched must be
 * what its events led to, or history and events tell different stories, which is a finding of its own.
 *
 * After every event, so at every boundary of transactions too, no policy that binds may have more used and held than its
 * limit; the exceptions are in {@link PolicyBook.excess}.
 */
export function replay(facts: Facts): Verdict {
  return new Replay(facts).run();
}

class Replay {
  readonly #facts: Facts;
  readonly #books: Books;
  readonly #written: Map<string, Written>;
  readonly #allocations: AllocationBooks;
  readonly #findings: Finding[] = [];
  readonly #room = new Map<string, bigint>();
  readonly #by_server = new Map<string, number>();
  readonly #counts: Counts = {
    transactions: 0,
    granted: 0,
    extended: 0,
    refused: 0,
    settled: 0,
    released: 0,
    expired: 0,
    usage_records: 0,
    policies_raised: 0,
    policies_lowered: 0,
    policies_bound_elsewhere: 0,
  };

  constructor(facts: Facts) {
    this.#facts = facts;
    this.#books = new Books(facts.parents, facts.policies);
    this.#allocations = new AllocationBooks(this.#books);
    this.#written = writtenByTransaction(facts);
  }

  run(): Verdict {
    const { events } = this.#facts;
    for (const event of events) {
      const written = this.#written.get(event.transaction_id);
      if (written === undefined) throw new Error(`Transaction ${event.transaction_id} ended twice.`);
      this.#apply(event, written);
      written.events_left -= 1;
      if (written.events_left === 0) this.#endTransaction(event, written);
    }
    const last = events.at(-1);
    if (last !== undefined) this.#end(last);
    return {
      counts: this.#counts,
      findings: this.#findings,
      policies: [...this.#books.policies.values()],
      room_at_last_refusal: this.#room,
      decisions_by_server: this.#by_server,
      ended_at_ms: last?.created_at_ms ?? 0,
    };
  }

  #apply(event: LedgerEvent, written: Written): void {
    switch (event.event_type) {
      case "allocation.granted":
        this.#grant(event, written);
        break;
      case "allocation.extended":
        this.#extend(event, written);
        break;
      case "allocation.refused":
        this.#refuse(event);
        break;
      case "allocation.settled":
        this.#counts.settled += 1;
        this.#withAllocation(event, (allocation) => (allocation.settling = true));
        break;
      case "allocation.released":
        this.#counts.released += 1;
        this.#withAllocation(event, (allocation) => this.#close(event, allocation, "released"));
        break;
      case "allocation.expired":
        this.#counts.expired += 1;
        this.#withAllocation(event, (allocation) => this.#close(event, allocation, "expired"));
        break;
      case "usage.recorded":
        this.#use(event, written);
        break;
      case "policy.created":
      case "policy.updated":
      case "policy.deleted":
        this.#changePolicy(event, written);
        break;
      default:
      // Alerts, budgets and prices change no sum.
    }
  }

  #grant(event: LedgerEvent, { allocations }: Written): void {
    const change = allocations.get(event.subject_id);
    if (change?.before !== null || this.#allocations.get(event.subject_id) !== undefined) {
      this.#inconsistent(event, `allocation ${event.subject_id} was granted, and no row was made`);
      return;
    }
    this.#counts.granted += 1;
    this.#countDecision(event, change.budget_id);
    this.#allocations.add(event.subject_id, change.budget_id, unused(change.after));
    this.#checkGrant(event, change.budget_id);
  }

  #extend(event: LedgerEvent, { allocations, extended }: Written): void {
    const change = allocations.get(event.subject_id);
    if (change === undefined) {
      this.#inconsistent(event, `allocation ${event.subject_id} was extended, and its row not written`);
      return;
    }
    // With two extensions, or a grant and an extension, of one allocation in one transaction nobody could say how much
    // each of them gave. The clients of the proof wait for each answer, so that it does not happen.
    if (change.before === null || extended.has(event.subject_id)) {
      this.#inconsistent(event, `allocation ${event.subject_id} was extended twice at once`);
      return;
    }
    extended.add(event.subject_id);
    this.#counts.extended += 1;
    this.#countDecision(event, change.budget_id);
    this.#withAllocation(event, (allocation) => {
      const before = allocation.state;
      const { allocated, expiration_time_ms } = change.after;
      this.#allocations.set(allocation, { ...before, allocated, expiration_time_ms });
      const grew = allocated.tokens > before.allocated.tokens || allocated.cost > before.allocated.cost;
      if (grew) this.#checkGrant(event, allocation.budget_id);
    });
  }

  #close(event: LedgerEvent, allocation: Allocation, status: "released" | "expired" | "settled"): void {
    if (allocation.state.status !== "active") {
      this.#inconsistent(event, `allocation ${event.subject_id} was ${allocation.state.status} already`);
    }
    this.#allocations.set(allocation, { ...allocation.state, status });
  }

  #use(event: LedgerEvent, { usage }: Written): void {
    const record = usage.get(event.subject_id);
    if (record === undefined) {
      this.#inconsistent(event, `usage ${event.subject_id} was recorded, and no row was made`);
      return;
    }
    usage.delete(event.subject_id);
    this.#counts.usage_records += 1;
    const allocation = this.#allocations.get(record.allocation_id ?? "");
    const held = allocation === undefined ? NOTHING : holdOf(allocation.state);
    const overage = positivePart(minus(record.used, held));
    if (allocation !== undefined) {
      const { state } = allocation;
      this.#allocations.set(allocation, { ...state, used: plus(state.used, record.used) });
      if (allocation.settling) {
        allocation.settling = false;
        this.#close(event, allocation, "settled");
      }
    }
    for (const policy of this.#books.counting(record.budget_id)) {
      policy.addUsed(record.used, record.timestamp_ms);
      policy.excuse(overage);
    }
    if (overage.tokens > 0n || overage.cost > 0n) {
      this.#find(
        "overage",
        event,
        `${inWords(overage)} more were used than were held; the load does not do so`,
      );
    }
    this.#checkLimits(event, record.budget_id);
  }

  #changePolicy(event: LedgerEvent, { policies }: Written): void {
    const change = policies.get(event.subject_id);
    const policy = this.#books.policies.get(event.subject_id);
    if (change === undefined || policy === undefined) {
      this.#inconsistent(event, `policy ${event.subject_id} was changed, and its row not written`);
      return;
    }
    const [before, after] = [policy.limit, change.limit];
    const lowered = MEASURES.some(
      (measure) => after[measure] !== null && before[measure] !== null && after[measure] < before[measure],
    );
    if (event.event_type === "policy.updated") {
      if (lowered) this.#counts.policies_lowered += 1;
      else this.#counts.policies_raised += 1;
      policy.changed_by = this.#serverOf(event);
    }
    policy.change(change, event.created_at_ms);
  }

  #refuse(event: LedgerEvent): void {
    const { refusal, budget_id, created_at_ms } = event;
    if (refusal === null || budget_id === null) {
      this.#inconsistent(event, "a refusal does not say what was refused");
      return;
    }
    this.#counts.refused += 1;
    this.#countDecision(event, budget_id);
    const policies = this.#books.counting(budget_id);
    const { is_phantom, differences, tokens_that_fit } = judgeRefusal(
      refusal,
      policies,
      (policy) => ({
        used: policy.used(created_at_ms),
        held: this.#allocations.heldAt(policy, created_at_ms),
      }),
      this.#facts.token_price_nano_usd,
    );
    this.#room.set(budget_id, tokens_that_fit);
    if (is_phantom) this.#find("phantom refusal", event, `it fitted; ${differences.join("; ")}`);
    else if (differences.length > 0) this.#find("untrue refusal", event, differences.join("; "));
  }

  /** A grant must leave every limit as it is, whatever excuses there are for what was there before. */
  #checkGrant(event: LedgerEvent, budget_id: string): void {
    const at_ms = event.created_at_ms;
    const policies = this.#books.counting(budget_id);
    const amountOf = (policy: PolicyBook): Amount => plus(policy.used(at_ms), policy.held);
    const passed = passedLimits(policies, amountOf);
    for (const { policy, measure, limit } of passed) {
      const amount = amountOf(policy)[measure];
      this.#find(
        "limit passed",
        event,
        `granted up to ${amount} of ${limit} (${measure}) of policy ${policy.policy_id}`,
      );
    }
    for (const policy of policies) {
      // What was told just now is not told again.
      policy.excess(at_ms);
      policy.noteGrant(at_ms);
    }
  }

  #checkLimits(event: LedgerEvent, budget_id: string): void {
    for (const policy of this.#books.counting(budget_id)) {
      const excess = policy.excess(event.created_at_ms);
      if (excess.tokens === 0n && excess.cost === 0n) continue;
      this.#find("limit passed", event, `${inWords(excess)} above the limit of policy ${policy.policy_id}`);
    }
  }

  #withAllocation(event: LedgerEvent, work: (allocation: Allocation) => void): void {
    const allocation = this.#allocations.get(event.subject_id);
    if (allocation === undefined) {
      this.#inconsistent(event, `${event.event_type} of an allocation that was never granted`);
      return;
    }
    work(allocation);
    this.#checkLimits(event, allocation.budget_id);
  }

  #countDecision(event: LedgerEvent, budget_id: string): void {
    const server = this.#serverOf(event);
    this.#by_server.set(server, (this.#by_server.get(server) ?? 0) + 1);
    for (const policy of this.#books.counting(budget_id)) {
      if (policy.changed_by !== null && policy.changed_by !== server)
        this.#counts.policies_bound_elsewhere += 1;
      policy.changed_by = null;
    }
  }

  #serverOf({ transaction_id }: LedgerEvent): string {
    return this.#facts.servers.get(transaction_id) ?? "unknown";
  }

  /** After the last event of a transaction, its rows must be what the events led to. */
  #endTransaction(event: LedgerEvent, written: Written): void {
    this.#counts.transactions += 1;
    for (const [allocation_id, { after }] of written.allocations) {
      const allocation = this.#allocations.get(allocation_id);
      if (allocation !== undefined && isSame(allocation.state, after)) continue;
      this.#inconsistent(
        event,
        `the events lead to ${describe(allocation?.state)} for allocation ${allocation_id}, its row is ${describe(after)}`,
      );
    }
    for (const record_id of written.usage.keys()) {
      this.#inconsistent(event, `usage ${record_id} has a row and no event`);
    }
    this.#written.delete(event.transaction_id);
  }

  #end(last: LedgerEvent): void {
    for (const transaction_id of this.#written.keys()) {
      this.#inconsistent(last, `transaction ${transaction_id} wrote rows and no event`);
    }
    const differences = compareWithEnd(this.#facts, this.#allocations, this.#counts.usage_records);
    for (const difference of differences) this.#inconsistent(last, difference);
  }

  #inconsistent(event: LedgerEvent, detail: string): void {
    this.#find("inconsistent history", event, detail);
  }

  #find(kind: FindingKind, { sequence, transaction_id }: LedgerEvent, detail: string): void {
    this.#findings.push({ kind, sequence, transaction_id, detail });
  }
}
