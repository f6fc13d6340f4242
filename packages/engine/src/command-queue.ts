import { AsyncResource } from "node:async_hooks";
import { rejected, type Clock, type Meter, type Outcome } from "@budget/domain";
import { isTransient, isUnavailable } from "@budget/repositories";
import type { Command } from "./command.ts";

/** As many commands as one transaction takes. */
export const MAX_BATCH_COMMANDS = 512;
/** As many commands of one tenant as may wait; beyond, the answer is `overloaded` at once. */
export const MAX_WAITING_COMMANDS = 10_000;
/** As many of all tenants together: what waits takes memory, whosever it is. More than one tenant can fill alone. */
export const MAX_BACKLOG_COMMANDS = 2 * MAX_WAITING_COMMANDS;
/** Longer than this nobody waits for a turn: by then most callers have given up, and their work would be in vain. */
export const MAX_WAIT_MS = 5000;
/**
 * Where more wait than one transaction takes, and the oldest has waited for so long, no more are taken: they come faster
 * than they are carried out, and each would only make the wait longer for all. A few may wait out a slow commit.
 */
export const MAX_DELAY_MS = 1000;
/** Measured: one turn gave a fifth less over HTTP on PostgreSQL, more than four gave nothing more. */
const GATHERING_TURNS = 4;
/** How often a transaction that met another one is tried again. */
const MAX_ATTEMPTS = 5;

/** A transaction serves many callers, so it does not run on behalf of the one whose command came first. */
const OF_NOBODY = new AsyncResource("CommandQueue");

const STOPPING = "The server is stopping.";
const TOO_MANY = "Too many requests are waiting; try again shortly.";
const TOO_SLOW = "Requests have to wait too long; try again shortly.";

interface Waiting {
  readonly command: Command<unknown>;
  readonly since_ms: number;
  readonly resolve: (outcome: Outcome<unknown>) => void;
  readonly reject: (error: unknown) => void;
}

/** How many commands wait in the queues of all tenants. */
export interface Backlog {
  waiting: number;
}

/** Carries out commands in one transaction and answers each, in order. `attempt` counts from 0. */
export type BatchRunner = (
  commands: readonly Command<unknown>[],
  attempt: number,
) => Promise<Outcome<unknown>[]>;

export interface CommandQueueOptions {
  readonly runBatch: BatchRunner;
  readonly clock: Clock;
  readonly meter: Meter;
  /** Shared by the queues of all tenants. */
  readonly backlog: Backlog;
}

/**
 * Gathers the commands of one tenant: those that arrive while a transaction is running go into the next one together.
 * A transaction that fails is tried again, then its commands one by one, so that none can fail its neighbours; one that
 * fails because the database is away fails them all, for each of them alone would wait for it as long.
 *
 * What waits is bounded in number and in age. A command beyond is answered `overloaded` and is not carried out.
 */
export class CommandQueue {
  readonly #runBatch: BatchRunner;
  readonly #clock: Clock;
  readonly #meter: Meter;
  readonly #backlog: Backlog;
  /** The oldest first. */
  readonly #waiting: Waiting[] = [];
  /** When the transaction that runs now began. */
  #busy_since_ms: number | null = null;
  #running: Promise<void> | null = null;
  #stopped = false;

  constructor({ runBatch, clock, meter, backlog }: CommandQueueOptions) {
    this.#runBatch = runBatch;
    this.#clock = clock;
    this.#meter = meter;
    this.#backlog = backlog;
  }

  /** @returns the command's answer, once it is durable */
  submit<T>(command: Command<T>): Promise<Outcome<T>> {
    const since_ms = this.#clock.now();
    const reason = this.#reasonToRefuse(since_ms);
    if (reason !== null) return Promise.resolve(this.#refuse(reason));
    return new Promise<Outcome<T>>((resolve, reject) => {
      this.#waiting.push({ command, since_ms, resolve: resolve as Waiting["resolve"], reject });
      this.#backlog.waiting += 1;
      this.#running ??= OF_NOBODY.runInAsyncScope(() => this.#run());
    });
  }

  /**
   * Answers the commands that have waited too long. It has to be called again and again, because a transaction that
   * hangs does not come to it.
   */
  answerOverdue(): void {
    const now_ms = this.#clock.now();
    const inTime = this.#waiting.findIndex(({ since_ms }) => !isOverdue(since_ms, now_ms));
    const overdue = this.#take(inTime === -1 ? this.#waiting.length : inTime);
    for (const { resolve } of overdue) resolve(this.#refuse(TOO_SLOW));
  }

  /** Takes nothing new; resolves when everything that waits is answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #refuse(detail: string): Outcome<never> {
    this.#meter.turnedAway();
    return rejected({ code: "overloaded", detail });
  }

  #reasonToRefuse(now_ms: number): string | null {
    if (this.#stopped) return STOPPING;
    if (this.#waiting.length >= MAX_WAITING_COMMANDS || this.#backlog.waiting >= MAX_BACKLOG_COMMANDS)
      return TOO_MANY;
    const oldest_ms = this.#waiting[0]?.since_ms ?? now_ms;
    if (this.#waiting.length > MAX_BATCH_COMMANDS && now_ms - oldest_ms > MAX_DELAY_MS) return TOO_MANY;
    // Where those before it wait in vain, it would too.
    return isOverdue(Math.min(oldest_ms, this.#busy_since_ms ?? now_ms), now_ms) ? TOO_SLOW : null;
  }

  /** Takes the oldest commands out. */
  #take(count: number): readonly Waiting[] {
    const taken = this.#waiting.splice(0, count);
    this.#backlog.waiting -= taken.length;
    return taken;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#gather();
      this.answerOverdue();
      const batch = this.#take(MAX_BATCH_COMMANDS);
      if (batch.length > 0) await this.#answer(batch);
    }
    this.#running = null;
  }

  /**
   * Lets the event loop turn a few times, so that requests that are readable now, and those that answers just sent have
   * set free, join this transaction instead of the next: half as many commits for the same work. Where a whole batch
   * waits already, each turn would only bring more to turn away.
   */
  async #gather(): Promise<void> {
    for (let turn = 0; turn < GATHERING_TURNS && this.#waiting.length < MAX_BATCH_COMMANDS; turn += 1) {
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  async #answer(batch: readonly Waiting[]): Promise<void> {
    const error = await this.#answerTogether(batch);
    if (error === null) return;
    if (batch.length === 1 || isUnavailable(error)) {
      for (const { reject } of batch) reject(error);
      return;
    }
    let reason: unknown = null;
    for (const waiting of batch) {
      const failure = isUnavailable(reason) ? reason : await this.#answerTogether([waiting], 1);
      if (failure !== null) waiting.reject(failure);
      reason = failure;
    }
  }

  /**
   * @param first_attempt above 0 where the commands were tried before, and may have been committed
   * @returns what the transaction failed with, null where all are answered
   */
  async #answerTogether(batch: readonly Waiting[], first_attempt = 0): Promise<unknown> {
    this.#busy_since_ms = this.#clock.now();
    const answered = this.#meter.batchBegan(batch.length);
    try {
      const outcomes = await this.#attempt(
        batch.map(({ command }) => command),
        first_attempt,
      );
      for (const [index, outcome] of outcomes.entries()) batch[index]?.resolve(outcome);
      return null;
    } catch (error) {
      return error;
    } finally {
      answered();
      this.#busy_since_ms = null;
    }
  }

  async #attempt(commands: readonly Command<unknown>[], first: number): Promise<Outcome<unknown>[]> {
    for (let attempt = first; ; attempt += 1) {
      try {
        return await this.#runBatch(commands, attempt);
      } catch (error) {
        if (attempt + 1 >= MAX_ATTEMPTS || !isTransient(error)) throw error;
      }
    }
  }
}

const isOverdue = (since_ms: number, now_ms: number): boolean => now_ms - since_ms > MAX_WAIT_MS;
