import { allocationOf, hasKey, type Operation, type Outcome } from "./operation.ts";

/** One request, and what its sender knows of it. */
export interface Entry {
  readonly operation: Operation;
  readonly status: Outcome["status"];
  /** What was answered; empty until then. */
  readonly id: string;
  readonly cost_nano_usd: bigint;
  /** Why it was not acknowledged; empty where it was. */
  readonly reason: string;
  readonly attempts: number;
}

/** What the senders of one round remember, as a client would: the only witness that no crash can touch. */
export class Books {
  readonly #entries = new Map<string, Entry>();
  /** Answers that contradict an earlier one. */
  readonly contradictions: string[] = [];

  get entries(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** Notes what an attempt gave; a request that was acknowledged once stays so. */
  note(operation: Operation, outcome: Outcome): Entry {
    const before = this.#entries.get(operation.name);
    const attempts = (before?.attempts ?? 0) + 1;
    const entry = {
      operation,
      attempts,
      ...(before?.status === "acknowledged" ? kept(before) : read(outcome)),
    };
    if (before?.status === "acknowledged") this.#compare(before, outcome);
    this.#entries.set(operation.name, entry);
    return entry;
  }

  #compare(before: Entry, outcome: Outcome): void {
    if (outcome.status === "unresolved") return;
    const { name, kind } = before.operation;
    if (outcome.status === "rejected") {
      this.contradictions.push(`${kind} ${name} was acknowledged, then rejected: ${outcome.reason}`);
    } else if (outcome.id !== before.id || outcome.cost_nano_usd !== before.cost_nano_usd) {
      this.contradictions.push(`${kind} ${name} was answered ${before.id}, and again ${outcome.id}`);
    }
  }

  /** Requests that are to be sent again until they are answered. */
  unresolved(): readonly Entry[] {
    return this.entries.filter(({ status, operation }) => status === "unresolved" && hasKey(operation));
  }

  /** Acknowledged allocations that nothing acknowledged has settled or released. */
  openAllocations(): readonly Entry[] {
    const closed = new Set<string>();
    for (const { operation, status } of this.#entries.values()) {
      if (status !== "acknowledged") continue;
      if (operation.kind === "release") closed.add(operation.allocation_id);
      if (operation.kind === "use" && operation.final) closed.add(allocationOf(operation) ?? "");
    }
    return this.acknowledged("allocate").filter(({ id }) => !closed.has(id));
  }

  acknowledged(kind: Operation["kind"]): readonly Entry[] {
    return this.entries.filter(
      ({ operation, status }) => status === "acknowledged" && operation.kind === kind,
    );
  }
}

const kept = ({ status, id, cost_nano_usd, reason }: Entry) => ({ status, id, cost_nano_usd, reason });

const read = (outcome: Outcome) =>
  outcome.status === "acknowledged" ? { ...outcome, reason: "" } : { ...outcome, id: "", cost_nano_usd: 0n };
