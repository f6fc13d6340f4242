import { randomBytes, randomFillSync } from "node:crypto";
import type { Clock, IdSource, SecretSource, Timers } from "@budget/domain";
import { v7 } from "uuid";

/** The real clock, ids and timers. Below the applications nobody else touches them. */

export const systemClock: Clock = { now: () => Date.now() };

export const secretSource: SecretSource = { bytes: (count) => randomBytes(count) };

const RANDOM_BYTES_OF_AN_ID = 16;

/** Random bytes for ids, drawn for many ids at once: each draw is a call of the system. */
function createIdBytes(): () => Uint8Array {
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

/** Ids that sort by the time they were made at, and within a millisecond by their order. */
function createUuidSource(): IdSource {
  const idBytes = createIdBytes();
  let last_ms = 0;
  let sequence = 0;
  return {
    next(at_ms) {
      if (at_ms !== last_ms) {
        last_ms = at_ms;
        // Starts in the lower half, so that it never runs out within a millisecond.
        sequence = new DataView(idBytes().slice().buffer).getUint32(0) >>> 1;
      } else {
        sequence += 1;
      }
      return v7({ msecs: at_ms, seq: sequence, rng: idBytes });
    },
  };
}

export const uuidSource: IdSource = createUuidSource();

export const systemTimers: Timers = {
  every(interval_ms, work) {
    const timer = setInterval(work, interval_ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Lets requests that have arrived be read between the parts of long work. */
export const letOthersGoOn = (): Promise<void> => new Promise((rested) => setImmediate(rested));

/** Longer than SQLite waits before it looks again whether the file is free. */
const REST_MS = 5;

/** Lets requests have the database between the parts of long work. */
export const rest = (): Promise<void> => new Promise((rested) => setTimeout(rested, REST_MS));
