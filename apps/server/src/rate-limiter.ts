import { problem, type ProblemAnswer } from "./problems.ts";

export interface RateLimit {
  /** Requests a second that each key has, on average; 0 for no limit. */
  readonly per_second: number;
  /** Requests that a key may make at once after a rest. */
  readonly burst: number;
}

/** What is left of one key's requests. */
interface Bucket {
  left: number;
  filled_at_ms: number;
}

/** Keys whose buckets are kept; a bucket that is full says nothing and can be forgotten. */
const MOST_BUCKETS = 10_000;

/** Counts the requests of each key, as a bucket that fills with time. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Counts a request of a key. @returns null where it may go on, else its answer */
  refuses(key_id: string): ProblemAnswer | null {
    const wait_s = this.#take(key_id);
    return wait_s === null ? null : this.#refusal(wait_s);
  }

  /** @returns null where the request may go on, else after how many seconds another one may */
  #take(key_id: string): number | null {
    const { per_second, burst } = this.#limit;
    if (per_second === 0) return null;
    const now_ms = this.#now();
    const bucket = this.#buckets.get(key_id) ?? this.#newBucket(key_id, now_ms);
    const gained = Math.max(0, now_ms - bucket.filled_at_ms) * (per_second / 1000);
    bucket.left = Math.min(burst, bucket.left + gained);
    bucket.filled_at_ms = now_ms;
    if (bucket.left < 1) return Math.max(1, Math.ceil((1 - bucket.left) / per_second));
    bucket.left -= 1;
    return null;
  }

  #refusal(wait_s: number): ProblemAnswer {
    const { per_second, burst } = this.#limit;
    const detail = `This key may make ${per_second} requests a second, and ${burst} at once after a rest.`;
    const answer = problem({ code: "rate_limited", detail });
    return {
      ...answer,
      headers: {
        "Retry-After": String(wait_s),
        "RateLimit-Policy": `"key";q=${burst};w=${Math.ceil(burst / per_second)}`,
        RateLimit: `"key";r=0;t=${wait_s}`,
      },
    };
  }

  #newBucket(key_id: string, now_ms: number): Bucket {
    if (this.#buckets.size >= MOST_BUCKETS) this.#forgetFull(now_ms);
    const bucket = { left: this.#limit.burst, filled_at_ms: now_ms };
    this.#buckets.set(key_id, bucket);
    return bucket;
  }

  #forgetFull(now_ms: number): void {
    const { per_second, burst } = this.#limit;
    for (const [key_id, { left, filled_at_ms }] of this.#buckets)
      if (left + ((now_ms - filled_at_ms) * per_second) / 1000 >= burst) this.#buckets.delete(key_id);
  }
}
