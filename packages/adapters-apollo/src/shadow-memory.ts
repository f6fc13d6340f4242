import type { TokenRequest } from "./calls.ts";

/** An allocation of the old system, and what Budget made for it. */
export class ShadowedAllocation {
  readonly request: TokenRequest;
  readonly #allocation_id: Promise<string | null>;
  #last: Promise<unknown>;

  /** @param allocation_id Budget's; null where Budget granted none */
  constructor(request: TokenRequest, allocation_id: Promise<string | null>) {
    this.request = request;
    this.#allocation_id = allocation_id.catch(() => null);
    this.#last = this.#allocation_id;
  }

  /** Does something with Budget's allocation when all that came before is done: usage is booked before the release. */
  inTurn(work: (allocation_id: string | null) => Promise<void>): Promise<void> {
    const done = this.#last.then(async () => work(await this.#allocation_id));
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** So many allocations of the old system are known at most; the oldest are forgotten first. */
export const MOST_REMEMBERED = 10_000;

/** Which of Budget's allocations stand for those of the old system, whose ids are others. */
export class ShadowMemory {
  readonly #known = new Map<string, ShadowedAllocation>();

  keep(old_id: string, allocation: ShadowedAllocation): void {
    this.#known.set(old_id, allocation);
    if (this.#known.size <= MOST_REMEMBERED) return;
    const [oldest] = this.#known.keys();
    if (oldest !== undefined) this.#known.delete(oldest);
  }

  find(old_id: string): ShadowedAllocation | undefined {
    return this.#known.get(old_id);
  }

  /** Finds it for the last time. */
  take(old_id: string): ShadowedAllocation | undefined {
    const allocation = this.#known.get(old_id);
    this.#known.delete(old_id);
    return allocation;
  }
}
