import { rejected, type Outcome } from "@budget/domain";
import { isTransient } from "@budget/repositories";
import type { Command } from "./command.ts";

/** As many commands as one transaction takes. */
const MAX_BATCH_COMMANDS = 512;
/** As many commands as may wait; beyond, the answer is `overloaded` at once. */
const MAX_WAITING_COMMANDS = 20_000;
/** Measured: one turn gave a fifth less over HTTP on PostgreSQL, more than four gave nothing more. */
const GATHERING_TURNS = 4;
/** How often a transaction that met another one is tried again. */
const MAX_ATTEMPTS = 5;

interface Waiting {
  readonly command: Command<unknown>;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets the event loop turn a few times, so that requests that are readable now, and those that answers just sent have
 * set free, join this transaction instead of the next: half as many commits for the same work.
 */
async function gather(): Promise<void> {
  for (let turn = 0; turn < GATHERING_TURNS; turn += 1) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** Carries out commands in one transaction and answers each, in order. `attempt` counts from 0. */
export type BatchRunner = (
  commands: readonly Command<unknown>[],
  attempt: number,
) => Promise<Outcome<unknown>[]>;

/**
 * Gathers the commands of one tenant: those that arrive while a transaction is running go into the next one together.
 * A transaction that fails is tried again, then its commands one by one, so that none can fail its neighbours.
 */
export class CommandQueue {
  readonly #runBatch: BatchRunner;
  #waiting: Waiting[] = [];
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor(runBatch: BatchRunner) {
    this.#runBatch = runBatch;
  }

  /** @returns the command's answer, once it is durable */
  submit<T>(command: Command<T>): Promise<Outcome<T>> {
    if (this.#stopped || this.#waiting.length >= MAX_WAITING_COMMANDS) {
      const detail = this.#stopped
        ? "The server is stopping."
        : "Too many requests are waiting; try again shortly.";
      return Promise.resolve(rejected({ code: "overloaded", detail }));
    }
    return new Promise<Outcome<T>>((resolve, reject) => {
      this.#waiting.push({ command, resolve: resolve as Waiting["resolve"], reject });
      this.#running ??= this.#run();
    });
  }

  /** Takes nothing new; resolves when everything that waits is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await gather();
      await this.#answer(this.#waiting.splice(0, MAX_BATCH_COMMANDS));
    }
    this.#running = null;
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    let outcomes: readonly Outcome<unknown>[];
    try {
      outcomes = await this.#attempt(batch.map(({ command }) => command));
    } catch (error) {
      const [first, ...others] = batch;
      if (others.length === 0) return first?.reject(error);
      for (const waiting of batch) await this.#answer([waiting]);
      return;
    }
    for (const [index, outcome] of outcomes.entries()) batch[index]?.resolve(outcome);
  }

  async #attempt(commands: readonly Command<unknown>[]): Promise<Outcome<unknown>[]> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#runBatch(commands, attempt);
      } catch (error) {
        if (attempt + 1 >= MAX_ATTEMPTS || !isTransient(error)) throw error;
      }
    }
  }
}
