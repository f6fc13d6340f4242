import { randomFillSync } from "node:crypto";
import type { Clock, IdSource, Timers } from "@budget/domain";
import { v7 } from "uuid";

/** The real clock, ids and timers. Below the applications nobody else touches them. */

export const systemClock: Clock = { now: () => Date.now() };

const RANDOM_BYTES_OF_AN_ID = 16;

/** Random bytes for ids, drawn for many ids at once: each draw is a call of the system. */
function createRandomBytes(): () => Uint8Array {
  const pool = new Uint8Array(RANDOM_BYTES_OF_AN_ID * 512);
  let next = pool.length;
  return () => {
    if (next === pool.length) {
      randomFillSync(pool);
      next = 0;
    }
    next += RANDOM_BYTES_OF_AN_ID;
    return pool.subarray(next - RANDOM_BYTES_OF_AN_ID, next);
  };
}

const randomBytes = createRandomBytes();

export const uuidSource: IdSource = { next: (at_ms) => v7({ msecs: at_ms, rng: randomBytes }) };

export const systemTimers: Timers = {
  every(interval_ms, work) {
    const timer = setInterval(work, interval_ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
