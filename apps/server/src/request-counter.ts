import {
  draw,
  fullBucket,
  refill,
  waitForRequest,
  wholeRequests,
  type RequestBucket,
  type RequestRate,
} from "@budget/domain";

/** Whose requests are counted, and how many there may be. */
export interface RequestLimit {
  readonly tenant_id: string;
  /** The key, or the tenant itself. */
  readonly limit_id: string;
  readonly rate: RequestRate;
}

/** What became of a request. */
export interface Counted {
  /** Requests that may follow at once. */
  readonly left: number;
  /** 0 where the request may go on, else in how many milliseconds another one may. */
  readonly wait_ms: number;
}

/** Counts requests against limits. */
export interface RequestCounter {
  /** At once where that is possible: every request passes here. */
  count(limit: RequestLimit): Counted | Promise<Counted>;
  /** Ends, and leaves to others what was not used. */
  stop(): Promise<void>;
}

/** Buckets that are kept; one that is full says nothing and can be forgotten. */
const MOST_BUCKETS = 10_000;

const ONE = { now: 1, ahead: 0 };

interface Kept {
  rate: RequestRate;
  bucket: RequestBucket;
}

/** Counts in the memory of this process. */
export class OwnCounter implements RequestCounter {
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept>();

  constructor(now: () => number) {
    this.#now = now;
  }

  count({ limit_id, rate }: RequestLimit): Counted {
    const now_ms = this.#now();
    const kept = this.#kept.get(limit_id) ?? this.#keep(limit_id, rate, now_ms);
    const drawn = draw(refill(kept.bucket, rate, now_ms), ONE);
    kept.bucket = drawn.bucket;
    kept.rate = rate;
    if (drawn.now === 0) return { left: 0, wait_ms: waitForRequest(drawn.bucket, rate) };
    return { left: wholeRequests(drawn.bucket), wait_ms: 0 };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }

  #keep(limit_id: string, rate: RequestRate, now_ms: number): Kept {
    if (this.#kept.size >= MOST_BUCKETS) this.#forgetFull(now_ms);
    const kept = { rate, bucket: fullBucket(rate, now_ms) };
    this.#kept.set(limit_id, kept);
    return kept;
  }

  #forgetFull(now_ms: number): void {
    for (const [limit_id, { rate, bucket }] of this.#kept)
      if (wholeRequests(refill(bucket, rate, now_ms)) === rate.burst) this.#kept.delete(limit_id);
  }
}
