import { LEASE_MS, type LeaseReport, type Logger, type Timers } from "@budget/domain";
import { OwnCounter, type Counted, type RequestCounter, type RequestLimit } from "./request-counter.ts";
import type { DrawShared, SharedDrawn } from "./shared-buckets.ts";

/** How often it is looked for leases that ended. */
const LOOK_INTERVAL_MS = LEASE_MS / 2;
/** For how long each server counts for itself after the database did not answer. */
const AWAY_MS = 1000;

export interface SharedCounterOptions {
  readonly draw: DrawShared;
  readonly now: () => number;
  readonly timers: Timers;
  readonly logger: Logger;
}

interface Lease {
  readonly period: number;
  readonly given_at_ms: number;
  left: number;
  /** Since it was last reported. */
  used: number;
}

/** What this server knows of one limit. */
interface Known {
  limit: RequestLimit;
  /** Oldest first. */
  leases: Lease[];
  /** Requests that wait for the database. */
  waiting: ((counted: Counted | Promise<Counted>) => void)[];
  /** Requests since the database was last asked. */
  recent: number;
  /** It is asked for more when no more than this is left of the leases. */
  low: number;
  isAsked: boolean;
  /** What was left for all servers, when that was said. */
  left_elsewhere: number;
  /** Until when the shared bucket is known to be empty. */
  empty_until_ms: number;
}

/** What is reported of a limit, and asked for. */
interface Ask {
  readonly known: Known;
  readonly waiting: Known["waiting"];
  readonly ahead: number;
  readonly reports: readonly LeaseReport[];
}

/**
 * Counts together with other servers, in buckets that the database keeps. Requests are let through by leases, which are
 * renewed before they are used up; the database is asked before one is refused, and each time for all that wait. Where
 * it does not answer, this server counts for itself.
 */
export class SharedCounter implements RequestCounter {
  readonly #draw: DrawShared;
  readonly #now: () => number;
  readonly #logger: Logger;
  readonly #own: OwnCounter;
  readonly #known = new Map<string, Known>();
  readonly #toAsk = new Set<Known>();
  readonly #stopLooking: () => void;
  #asking: Promise<void> | null = null;
  #away_until_ms = 0;

  constructor({ draw, now, timers, logger }: SharedCounterOptions) {
    this.#draw = draw;
    this.#now = now;
    this.#logger = logger;
    this.#own = new OwnCounter(now);
    this.#stopLooking = timers.every(LOOK_INTERVAL_MS, () => this.look());
  }

  count(limit: RequestLimit): Counted | Promise<Counted> {
    const now_ms = this.#now();
    const known = this.#knownOf(limit);
    known.recent += 1;
    const counted = countByLease(known, now_ms);
    if (counted !== null) {
      if (leftOf(known, now_ms) <= known.low && !known.isAsked) this.#ask(known);
      return counted;
    }
    if (now_ms < known.empty_until_ms) return { left: 0, wait_ms: known.empty_until_ms - now_ms };
    if (now_ms < this.#away_until_ms) return this.#own.count(limit);
    return new Promise((counted) => {
      known.waiting.push(counted);
      this.#ask(known);
    });
  }

  /** Gives back what is left of leases that ended, and forgets limits that nobody asks of. */
  look(): void {
    const now_ms = this.#now();
    for (const [limit_id, known] of this.#known) {
      if (known.leases.some((lease) => !isUsable(lease, now_ms))) this.#ask(known);
      else if (known.leases.length === 0 && !known.isAsked && now_ms >= known.empty_until_ms)
        this.#known.delete(limit_id);
    }
  }

  /** Resolves when nothing is asked any more. */
  async settled(): Promise<void> {
    while (this.#asking !== null) await this.#asking;
  }

  /** Gives back all that is left. */
  async stop(): Promise<void> {
    this.#stopLooking();
    await this.settled();
    const holding = [...this.#known.values()].filter(({ leases }) => leases.length > 0);
    for (const known of holding) known.recent = 0;
    if (holding.length > 0) await this.#askFor(holding, Number.POSITIVE_INFINITY);
  }

  #knownOf(limit: RequestLimit): Known {
    let known = this.#known.get(limit.limit_id);
    if (known === undefined) {
      known = {
        limit,
        leases: [],
        waiting: [],
        recent: 0,
        low: 0,
        isAsked: false,
        left_elsewhere: 0,
        empty_until_ms: 0,
      };
      this.#known.set(limit.limit_id, known);
    }
    known.limit = limit;
    return known;
  }

  #ask(known: Known): void {
    known.isAsked = true;
    this.#toAsk.add(known);
    this.#asking ??= this.#askWhileNeeded();
  }

  /** One question at a time; what comes up meanwhile goes into the next one. */
  async #askWhileNeeded(): Promise<void> {
    while (this.#toAsk.size > 0) {
      const all = [...this.#toAsk];
      this.#toAsk.clear();
      await this.#askFor(all, this.#now());
    }
    // At once, so that whoever asks next starts anew.
    this.#asking = null;
  }

  async #askFor(all: readonly Known[], now_ms: number): Promise<void> {
    const asks = all.map((known) => takeAsk(known, now_ms));
    try {
      const answers = await this.#draw(
        asks.map(({ known, waiting, ahead, reports }) => ({
          limit: known.limit,
          wanted: { now: waiting.length, ahead },
          reports,
        })),
      );
      for (const [index, ask] of asks.entries()) this.#answer(ask, answers[index], now_ms);
    } catch (error) {
      this.#away_until_ms = this.#now() + AWAY_MS;
      this.#logger.warning("api", "The database does not count requests; this server counts for itself", {
        error: String(error),
      });
      for (const { known, waiting } of asks)
        for (const counted of waiting) counted(this.#own.count(known.limit));
    }
    for (const { known } of asks) known.isAsked = this.#toAsk.has(known);
  }

  #answer({ known, waiting }: Ask, drawn: SharedDrawn | undefined, asked_at_ms: number): void {
    if (drawn === undefined) throw new Error(`Nothing was said of the limit ${known.limit.limit_id}.`);
    const { now, ahead, period, left, wait_ms } = drawn;
    if (ahead > 0) known.leases.push({ period, given_at_ms: asked_at_ms, left: ahead, used: 0 });
    known.low = Math.floor(ahead / 2);
    known.left_elsewhere = left;
    if (now < waiting.length) known.empty_until_ms = this.#now() + wait_ms;
    for (const [index, counted] of waiting.entries())
      counted(index < now ? { left: left + ahead, wait_ms: 0 } : { left: 0, wait_ms });
  }
}

/** A clock that was put back ends a lease. It counts from before it was asked for, so it never lasts too long. */
const isUsable = ({ given_at_ms }: Lease, now_ms: number): boolean =>
  now_ms >= given_at_ms && now_ms < given_at_ms + LEASE_MS;

const leftOf = ({ leases }: Known, now_ms: number): number =>
  leases.reduce((sum, lease) => sum + (isUsable(lease, now_ms) ? lease.left : 0), 0);

/** Lets a request through by a lease; null where there is none. */
function countByLease(known: Known, now_ms: number): Counted | null {
  const lease = known.leases.find((one) => one.left > 0 && isUsable(one, now_ms));
  if (lease === undefined) return null;
  lease.left -= 1;
  lease.used += 1;
  const left = leftOf(known, now_ms) + known.left_elsewhere;
  return { left: Math.min(known.limit.rate.burst - 1, left), wait_ms: 0 };
}

/** The requests that wait and have to be asked for: a lease that came meanwhile lets others of them through. */
function takeWaiting(known: Known, now_ms: number): Known["waiting"] {
  const waiting = known.waiting.filter((answer) => {
    const counted = countByLease(known, now_ms);
    if (counted !== null) answer(counted);
    return counted === null;
  });
  known.waiting = [];
  return waiting;
}

/** What is to be said and asked of a limit now; what is reported of leases is taken from them. */
function takeAsk(known: Known, now_ms: number): Ask {
  const { recent, limit } = known;
  const waiting = takeWaiting(known, now_ms);
  const reports = known.leases.map((lease) => {
    const unused = isUsable(lease, now_ms) ? 0 : lease.left;
    const report = { period: lease.period, used: lease.used, unused };
    lease.used = 0;
    lease.left -= unused;
    return report;
  });
  // One that is used up is reported in full.
  known.leases = known.leases.filter(({ left }) => left > 0);
  known.recent = 0;
  // Twice of what came since the last time, but not more than the rate lets through while a lease lasts.
  const most = Math.floor((limit.rate.per_second * LEASE_MS) / 1000);
  const ahead = Math.max(0, Math.min(2 * recent, most) - leftOf(known, now_ms));
  return { known, waiting, ahead, reports: reports.filter(({ used, unused }) => used + unused > 0) };
}
