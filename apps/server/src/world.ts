import type { Clock, IdSource, Timers } from "@budget/domain";
import { v7 } from "uuid";

/** The real clock, ids and timers. Below the applications nobody else touches them. */

export const systemClock: Clock = { now: () => Date.now() };

export const uuidSource: IdSource = { next: (at_ms) => v7({ msecs: at_ms }) };

export const systemTimers: Timers = {
  every(interval_ms, work) {
    const timer = setInterval(work, interval_ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};
