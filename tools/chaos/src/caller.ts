import { setTimeout as pause } from "node:timers/promises";
import type { Books, Entry } from "./books.ts";
import type { Operation, Sender } from "./operation.ts";

const RETRY_PAUSE_MS = 40;

/** Sends the requests of one round, and keeps the books on them. */
export class Caller {
  readonly books: Books;
  readonly #sender: Sender;
  #failures = 0;
  #timeouts = 0;

  constructor(sender: Sender, books: Books) {
    this.#sender = sender;
    this.books = books;
  }

  /** Attempts that ended without an answer that settles them. */
  get failures(): number {
    return this.#failures;
  }

  /** Attempts among them that nobody answered in time. */
  get timeouts(): number {
    return this.#timeouts;
  }

  /** Sends a request once. */
  async attempt(operation: Operation): Promise<Entry> {
    const outcome = await this.#sender.send(operation);
    if (outcome.status === "unresolved") {
      this.#failures += 1;
      if (outcome.timed_out) this.#timeouts += 1;
    }
    return this.books.note(operation, outcome);
  }

  /** Sends a request again and again, under the same key, until it is answered or `mayGoOn` says no. */
  async insist(operation: Operation, mayGoOn: () => boolean): Promise<Entry> {
    for (;;) {
      const entry = await this.attempt(operation);
      if (entry.status !== "unresolved" || !mayGoOn()) return entry;
      await pause(RETRY_PAUSE_MS);
    }
  }
}

/** Does `work` for each item, `width` at once. */
export async function eachOf<T>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items].reverse();
  const take = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, take));
}
