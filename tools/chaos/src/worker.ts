import { setTimeout as pause } from "node:timers/promises";
import type { Caller } from "./caller.ts";
import type { Operation } from "./operation.ts";
import type { Random } from "./random.ts";
import type { Budgets } from "./station.ts";

/** Whether a client asks before it uses, or only reports what was used, often without an idempotency key. */
export type Habit = "agent" | "reporter";

const MAX_THINKING_MS = 8;
const FIRST_BACKOFF_MS = 20;
const MAX_BACKOFF_MS = 1000;

/**
 * One client: it asks for tokens, uses or frees them, and asks again. What fails it leaves as it is and goes on with
 * something new; after failures in a row it waits longer each time, as clients do.
 */
export class Worker {
  readonly #caller: Caller;
  readonly #budgets: Budgets;
  readonly #random: Random;
  readonly #name: string;
  readonly #habit: Habit;
  #sent = 0;
  #failures_in_a_row = 0;

  /** @param name what the names of its requests, and its context, begin with */
  constructor(caller: Caller, budgets: Budgets, random: Random, name: string, habit: Habit) {
    this.#caller = caller;
    this.#budgets = budgets;
    this.#random = random;
    this.#name = name;
    this.#habit = habit;
  }

  /** @param isOver asked before each request */
  async run(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const budget_id = this.#random.pick([this.#budgets.hot, this.#budgets.below]);
      const context_id = this.#name;
      if (this.#habit === "reporter") {
        await this.#send(this.#use({ budget_id, context_id }, false, this.#chance(0.5)));
        continue;
      }
      const name = this.#nextName();
      const tokens = this.#random.between(100, 4000);
      const allocation_id = await this.#send({ kind: "allocate", name, budget_id, context_id, tokens });
      if (allocation_id === null) continue;
      for (const operation of this.#spend(allocation_id)) {
        if (isOver() || (await this.#send(operation)) === null) break;
      }
    }
  }

  /** What is done with an allocation; some are left open, for the end of the round. */
  #spend(allocation_id: string): readonly Operation[] {
    const on = { allocation_id };
    const operations: Operation[] = [];
    if (this.#chance(0.1)) {
      const additional_tokens = this.#random.between(1, 500);
      operations.push({ kind: "extend", name: this.#nextName(), allocation_id, additional_tokens });
    }
    if (this.#chance(0.3)) operations.push(this.#use(on, false, true));
    if (this.#chance(0.2)) operations.push(this.#use(on, false, false));
    if (this.#chance(0.2)) operations.push({ kind: "release", name: this.#nextName(), allocation_id });
    else if (this.#chance(0.85)) operations.push(this.#use(on, true, true));
    return operations;
  }

  #use(on: (Operation & { readonly kind: "use" })["on"], final: boolean, has_key: boolean): Operation {
    return {
      kind: "use",
      name: this.#nextName(),
      on,
      input_tokens: this.#random.between(0, 900),
      output_tokens: this.#random.between(1, 300),
      final,
      has_key,
    };
  }

  #chance(share: number): boolean {
    return this.#random.fraction() < share;
  }

  #nextName(): string {
    this.#sent += 1;
    return `${this.#name}-${this.#sent}`;
  }

  /** @returns the id answered, or null where nothing was acknowledged */
  async #send(operation: Operation): Promise<string | null> {
    const { status, id } = await this.#caller.attempt(operation);
    if (status === "acknowledged") {
      this.#failures_in_a_row = 0;
      await pause(this.#random.between(0, MAX_THINKING_MS));
      return id;
    }
    await pause(Math.min(FIRST_BACKOFF_MS * 2 ** this.#failures_in_a_row, MAX_BACKOFF_MS));
    this.#failures_in_a_row += 1;
    return null;
  }
}
