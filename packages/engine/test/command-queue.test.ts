import { AsyncLocalStorage } from "node:async_hooks";
import { accepted, NO_METER, type Meter, type Outcome } from "@budget/domain";
import { expect } from "chai";
import {
  CommandQueue,
  MAX_BACKLOG_COMMANDS,
  MAX_BATCH_COMMANDS,
  MAX_DELAY_MS,
  MAX_WAITING_COMMANDS,
  MAX_WAIT_MS,
  type Backlog,
} from "../src/command-queue.ts";
import type { Command } from "../src/command.ts";
import { code } from "./support.ts";

/** What a transaction was asked to do, and how the test lets it end. */
interface Transaction {
  readonly names: readonly string[];
  readonly attempt: number;
  succeed(): void;
  fail(error: Error): void;
}

const withCode = (text: string): Error => Object.assign(new Error(text), { code: text });
const DEADLOCK = withCode("40P01");
const CONNECTION_LOST = withCode("ECONNRESET");
const NO_ANSWER = new Error("Query read timeout");
const BUG = new Error("a bug");

/** A queue whose transactions end when the test says so. */
class TestQueue {
  readonly clock = { now_ms: 0, now: () => this.clock.now_ms };
  readonly backlog: Backlog;
  /** What was counted, in order. */
  readonly counted: string[] = [];
  readonly queue: CommandQueue;
  readonly #begun: Transaction[] = [];
  #onBegin: () => void = () => undefined;
  readonly #names = new Map<Command<unknown>, string>();

  constructor(backlog: Backlog = { waiting: 0 }) {
    this.backlog = backlog;
    const meter: Meter = {
      ...NO_METER,
      turnedAway: () => this.counted.push("turned away"),
      batchBegan: (commands) => {
        this.counted.push(`${commands} began`);
        return () => this.counted.push(`${commands} answered`);
      },
    };
    this.queue = new CommandQueue({
      clock: this.clock,
      meter,
      backlog,
      runBatch: (commands, attempt) =>
        new Promise((resolve, reject) => {
          const names = commands.map((command) => this.#names.get(command)!);
          this.#begun.push({
            names,
            attempt,
            succeed: () => resolve(names.map((name) => accepted(name))),
            fail: reject,
          });
          this.#onBegin();
        }),
    });
  }

  submit(name = "x"): Promise<Outcome<unknown>> {
    const command: Command<unknown> = {
      idempotency: null,
      allocation_ids: [],
      creates: {},
      targets: () => [],
      execute: () => accepted(null),
    };
    this.#names.set(command, name);
    return this.queue.submit(command);
  }

  /** The next transaction that begins. */
  async transaction(): Promise<Transaction> {
    while (this.#begun.length === 0) await new Promise<void>((resolve) => (this.#onBegin = resolve));
    return this.#begun.shift()!;
  }

  /** Lets every transaction succeed that begins until all of these are answered. */
  async succeedUntil<T>(answers: Promise<T>): Promise<T> {
    const state = { isOver: false };
    void answers.then(() => (state.isOver = true));
    while (!state.isOver) {
      this.#begun.shift()?.succeed();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return answers;
  }
}

/** How each command was answered: its name, the code of its rejection, or the message of what it failed with. */
const answersOf = async (answers: readonly Promise<Outcome<unknown>>[]): Promise<unknown[]> =>
  (await Promise.allSettled(answers)).map((one) => {
    if (one.status === "rejected") return (one.reason as Error).message;
    return one.value.ok ? one.value.value : code(one.value);
  });

describe("the queue of commands", () => {
  it("carries out together what arrives while a transaction runs, in order", async () => {
    const test = new TestQueue();
    const first = test.submit("a");
    const transaction = await test.transaction();
    const later = ["b", "c"].map((name) => test.submit(name));
    transaction.succeed();
    const second = await test.transaction();
    expect([transaction.names, second.names]).to.deep.equal([["a"], ["b", "c"]]);
    second.succeed();
    expect(await answersOf([first, ...later])).to.deep.equal(["a", "b", "c"]);
    expect(test.backlog.waiting).to.equal(0);
    expect(test.counted).to.deep.equal(["1 began", "1 answered", "2 began", "2 answered"]);
  });

  it("is bounded in number for one tenant: what is beyond is answered before anything is carried out", async () => {
    const test = new TestQueue();
    const taken = Array.from({ length: MAX_WAITING_COMMANDS }, () => test.submit());
    const beyond = await answersOf([test.submit(), test.submit()]);
    expect(beyond).to.deep.equal(["overloaded", "overloaded"]);
    expect(test.counted).to.deep.equal(["turned away", "turned away"]);
    const answers = await test.succeedUntil(answersOf(taken));
    expect(new Set(answers)).to.deep.equal(new Set(["x"]));
    expect(await test.succeedUntil(test.submit("again"))).to.deep.equal(accepted("again"));
  });

  it("is bounded in number over all tenants together", async () => {
    const backlog: Backlog = { waiting: 0 };
    const tenants = Array.from({ length: 3 }, () => new TestQueue(backlog));
    const counts = [MAX_WAITING_COMMANDS, MAX_WAITING_COMMANDS - 1, 1];
    const taken = tenants.map((test, index) => Array.from({ length: counts[index]! }, () => test.submit()));
    expect(backlog.waiting).to.equal(MAX_BACKLOG_COMMANDS);
    for (const test of tenants) expect(code(await test.submit())).to.equal("overloaded");
    await Promise.all(tenants.map((test, index) => test.succeedUntil(Promise.all(taken[index]!))));
    expect(backlog.waiting).to.equal(0);
  });

  it("takes no more than it can carry out soon", async () => {
    const test = new TestQueue();
    const running = test.submit("running");
    const transaction = await test.transaction();
    const taken = Array.from({ length: MAX_BATCH_COMMANDS }, () => test.submit());
    test.clock.now_ms += MAX_DELAY_MS + 1;
    // As many as one transaction takes may wait out a slow one.
    taken.push(test.submit());
    expect(await answersOf([test.submit()])).to.deep.equal(["overloaded"]);
    transaction.succeed();
    await test.succeedUntil(answersOf([running, ...taken]));
    expect(await test.succeedUntil(test.submit("later"))).to.deep.equal(accepted("later"));
  });

  it("answers what has waited too long when it takes the next batch, and does not carry it out", async () => {
    const test = new TestQueue();
    const running = test.submit("running");
    const transaction = await test.transaction();
    const old = test.submit("old");
    test.clock.now_ms += 1;
    const young = test.submit("young");
    test.clock.now_ms += MAX_WAIT_MS;
    transaction.succeed();
    const next = await test.transaction();
    expect(next.names).to.deep.equal(["young"]);
    next.succeed();
    expect(await answersOf([running, old, young])).to.deep.equal(["running", "overloaded", "young"]);
  });

  it("answers what has waited too long although a transaction hangs", async () => {
    const test = new TestQueue();
    const running = test.submit("running");
    const transaction = await test.transaction();
    const old = test.submit("old");
    test.clock.now_ms += MAX_WAIT_MS;
    test.queue.answerOverdue();
    const young = test.submit("young");
    test.clock.now_ms += 1;
    test.queue.answerOverdue();
    expect(await answersOf([old])).to.deep.equal(["overloaded"]);
    expect(test.backlog.waiting).to.equal(1);
    transaction.succeed();
    (await test.transaction()).succeed();
    expect(await answersOf([running, young])).to.deep.equal(["running", "young"]);
  });

  it("takes nothing new while the oldest waits in vain, and again once the transaction has ended", async () => {
    const test = new TestQueue();
    const running = test.submit("running");
    const transaction = await test.transaction();
    const old = test.submit("old");
    test.clock.now_ms += MAX_WAIT_MS + 1;
    expect(await answersOf([test.submit("new")])).to.deep.equal(["overloaded"]);
    test.queue.answerOverdue();
    expect(await answersOf([old, test.submit("new")])).to.deep.equal(["overloaded", "overloaded"]);
    transaction.succeed();
    expect(await answersOf([running])).to.deep.equal(["running"]);
    expect(await test.succeedUntil(test.submit("new"))).to.deep.equal(accepted("new"));
  });

  it("tries a transaction again that met another one, five times in all", async () => {
    const test = new TestQueue();
    const answer = test.submit("a");
    for (let attempt = 0; attempt < 4; attempt += 1) {
      const transaction = await test.transaction();
      expect(transaction.attempt).to.equal(attempt);
      transaction.fail(attempt % 2 === 0 ? DEADLOCK : CONNECTION_LOST);
    }
    (await test.transaction()).succeed();
    expect(await answersOf([answer])).to.deep.equal(["a"]);
    const failing = test.submit("b");
    for (let attempt = 0; attempt < 5; attempt += 1) (await test.transaction()).fail(DEADLOCK);
    expect(await answersOf([failing])).to.deep.equal([DEADLOCK.message]);
  });

  it("carries out commands one by one where a bug fails them together", async () => {
    const test = new TestQueue();
    const answers = ["a", "b", "c"].map((name) => test.submit(name));
    (await test.transaction()).fail(BUG);
    for (const name of ["a", "b", "c"]) {
      const alone = await test.transaction();
      expect(alone.names).to.deep.equal([name]);
      if (name === "b") alone.fail(BUG);
      else alone.succeed();
    }
    expect(await answersOf(answers)).to.deep.equal(["a", "a bug", "c"]);
  });

  it("fails a batch as a whole, and at once, where the database does not answer", async () => {
    const test = new TestQueue();
    const answers = ["a", "b", "c"].map((name) => test.submit(name));
    (await test.transaction()).fail(NO_ANSWER);
    expect(await answersOf(answers)).to.deep.equal(Array(3).fill(NO_ANSWER.message));
    const alone = ["d", "e", "f"].map((name) => test.submit(name));
    (await test.transaction()).fail(BUG);
    (await test.transaction()).succeed();
    (await test.transaction()).fail(NO_ANSWER);
    expect(await answersOf(alone)).to.deep.equal(["d", NO_ANSWER.message, NO_ANSWER.message]);
    expect(await test.succeedUntil(test.submit("after"))).to.deep.equal(accepted("after"));
  });

  it("answers everything that waits when it stops, and takes nothing more", async () => {
    const test = new TestQueue();
    const running = test.submit("running");
    const transaction = await test.transaction();
    const waiting = test.submit("waiting");
    const stopped = test.queue.stop();
    expect(await answersOf([test.submit("late")])).to.deep.equal(["overloaded"]);
    transaction.succeed();
    await test.succeedUntil(stopped);
    expect(await answersOf([running, waiting])).to.deep.equal(["running", "waiting"]);
  });

  it("runs on behalf of nobody, and answers each caller on its own behalf", async () => {
    const callers = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const queue = new CommandQueue({
      clock: { now: () => 0 },
      meter: NO_METER,
      backlog: { waiting: 0 },
      runBatch: (commands) => {
        seen.push(callers.getStore());
        return Promise.resolve(commands.map(() => accepted(null)));
      },
    });
    const callAs = (caller: string) =>
      callers.run(caller, async () => {
        await queue.submit({} as Command<null>);
        return callers.getStore();
      });
    expect(await Promise.all([callAs("first"), callAs("second")])).to.deep.equal(["first", "second"]);
    expect(seen).to.deep.equal([undefined]);
  });
});
