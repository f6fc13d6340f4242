import { setTimeout as pause } from "node:timers/promises";
import { Books } from "./books.ts";
import { Caller, eachOf } from "./caller.ts";
import { check, sample, type Findings } from "./check.ts";
import { Sender, hasKey, type Operation } from "./operation.ts";
import { createRandom, type Random } from "./random.ts";
import type { Station, Struck } from "./station.ts";
import { Worker, type Habit } from "./worker.ts";

/** How long a server may take from the end of a fault to its next success. */
const SERVE_AGAIN_MS = 20_000;
/** How long everything that was left open may take to be answered after that. */
const RESOLVE_MS = 60_000;
const WIDTH = 8;

export interface RoundOptions {
  readonly seed: number;
  readonly kind: string;
  readonly round: number;
  readonly crew: readonly Habit[];
  readonly request_timeout_ms: number;
  readonly station: Station;
  /** Rows that the rounds before made. */
  readonly before: { readonly allocations: number; readonly usage_records: number };
}

/** What one round did and found. */
export interface RoundResult extends Findings {
  /** What the fault was. */
  readonly fault: string;
  readonly allocations: number;
  readonly usage_records: number;
  /** Requests that were sent again because the first attempt left them open. */
  readonly retried: number;
  /** Attempts that were not answered at all in time. */
  readonly timed_out: number;
  /** From the end of the fault to the first success. */
  readonly served_again_ms: number;
  /** What else is wrong, such as a server that ended. */
  readonly broken: readonly string[];
  readonly rows: RoundOptions["before"];
}

/** Load, a fault in the middle of it, the retries of clients, and the checks. */
export async function runRound(options: RoundOptions): Promise<RoundResult> {
  const { seed, kind, round, station } = options;
  const random = createRandom(seed, kind, round);
  const prefix = `${kind}-${round}-`;
  const target = { base_url: station.client_url, timeout_ms: options.request_timeout_ms };
  const caller = new Caller(new Sender(target), new Books());
  await station.prepare();

  const { struck, served_again_ms } = await strike(options, caller, prefix, random);
  const retried = await settleEverything(caller, station, prefix, random);
  const { books } = caller;
  const broken = [...(struck.broken ?? []), ...brokenPromises(caller, station, served_again_ms)];
  const counts = {
    fault: struck.what,
    timed_out: caller.timeouts,
    retried,
    served_again_ms,
    broken,
    allocations: books.acknowledged("allocate").length,
    usage_records: books.acknowledged("use").length,
  };
  if (!station.server.isAlive) return { ...counts, ...NOTHING_FOUND, rows: options.before };
  return { ...counts, ...(await check({ station, books, prefix, before: options.before, random })) };
}

const NOTHING_FOUND: Findings = { lost: [], doubled: [], wrong: [], verify_differences: [], held_tokens: 0 };

/** The result of a round that did not come to its end, but for what broke. */
export const NOTHING_DONE: Omit<RoundResult, "rows" | "broken"> = {
  ...NOTHING_FOUND,
  fault: "a fault that was not told",
  allocations: 0,
  usage_records: 0,
  retried: 0,
  timed_out: 0,
  served_again_ms: 0,
};

/** Lets the workers loose, and the fault on them. */
async function strike(
  { seed, kind, round, crew, station }: RoundOptions,
  caller: Caller,
  prefix: string,
  random: Random,
): Promise<{ readonly struck: Struck; readonly served_again_ms: number }> {
  let is_over = false;
  const running = crew.map((habit, index) => {
    const ownRandom = createRandom(seed, kind, round, `worker ${index}`);
    return new Worker(caller, station.budgets, ownRandom, `${prefix}w${index}`, habit).run(() => is_over);
  });
  const before_ms = random.between(30, 400);
  const after_ms = random.between(0, 150);
  try {
    await pause(before_ms);
    const struck = await station.fault(random, { failures: () => caller.failures });
    const [served_again_ms] = await Promise.all([
      serveAgain(caller, station, `${prefix}probe`),
      pause(after_ms),
    ]);
    const what = `${struck.what}, after ${before_ms} ms of load`;
    return { struck: { ...struck, what }, served_again_ms };
  } finally {
    is_over = true;
    await Promise.all(running);
  }
}

/** Asks until a request succeeds. @returns how long that took; more than the limit where it gave up */
async function serveAgain(caller: Caller, station: Station, name: string): Promise<number> {
  const from_ms = performance.now();
  const probe: Operation = {
    kind: "allocate",
    name,
    budget_id: station.budgets.hot,
    context_id: name,
    tokens: 1,
  };
  await caller.insist(probe, () => station.server.isAlive && performance.now() - from_ms < SERVE_AGAIN_MS);
  return performance.now() - from_ms;
}

/**
 * Retries what was left open, closes what is still held, and asks some of what was acknowledged once more: it must be
 * answered the same, and count once.
 * @returns how many requests had been left open
 */
async function settleEverything(
  caller: Caller,
  station: Station,
  prefix: string,
  random: Random,
): Promise<number> {
  const deadline_ms = performance.now() + RESOLVE_MS;
  const mayGoOn = (): boolean => station.server.isAlive && performance.now() < deadline_ms;
  const { books } = caller;
  const unresolved = books.unresolved();
  await eachOf(unresolved, WIDTH, ({ operation }) => caller.insist(operation, mayGoOn));

  const open = books.openAllocations();
  await eachOf(
    open.map(({ id }, index) => closing(id, `${prefix}close-${index}`, random)),
    WIDTH,
    (operation) => caller.insist(operation, mayGoOn),
  );

  const again = books.entries.filter(
    ({ status, operation }) => status === "acknowledged" && hasKey(operation),
  );
  await eachOf(sample(again, random), WIDTH, ({ operation }) => caller.attempt(operation));
  return unresolved.length;
}

const closing = (allocation_id: string, name: string, random: Random): Operation =>
  random.fraction() < 0.5
    ? { kind: "release", name, allocation_id }
    : {
        kind: "use",
        name,
        on: { allocation_id },
        input_tokens: 10,
        output_tokens: 10,
        final: true,
        has_key: true,
      };

function brokenPromises(caller: Caller, station: Station, served_again_ms: number): readonly string[] {
  const broken: string[] = [];
  if (!station.server.isAlive) broken.push(`the server ended by itself:\n${station.server.logTail}`);
  if (served_again_ms > SERVE_AGAIN_MS) {
    broken.push(`the server did not serve again within ${SERVE_AGAIN_MS} ms of the end of the fault`);
  }
  const left = caller.books.unresolved();
  if (left.length > 0) {
    broken.push(`${left.length} requests were never answered, the first with ${left[0]?.reason ?? ""}`);
  }
  return broken;
}
