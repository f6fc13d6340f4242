import { DateTime, IANAZone } from "luxon";
import type { Period } from "./enums.ts";

/** A span of time, its start included and its end not; an end of null never comes. */
export interface Window {
  readonly start_ms: number;
  readonly end_ms: number | null;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const CALENDAR_UNITS = { daily: "day", weekly: "week", monthly: "month" } as const;
/** Beyond it the neighbouring windows leave the range of dates. */
const FURTHEST_MS = 8e15;
const IANA_NAME = /^[A-Za-z]/;
const WHOLE_LIFE: Window = Object.freeze({ start_ms: 0, end_ms: null });

/**
 * Whether a name such as `Europe/Berlin` or `UTC` is a time zone of the IANA database. A bare offset such as `+02:00`
 * is none: it has no calendar rules.
 */
export function isTimeZone(name: string): boolean {
  return IANA_NAME.test(name) && IANAZone.isValidZone(name);
}

/**
 * The window of a period that an instant lies in. Windows of one period and time zone follow each other without gap or
 * overlap, through every change of the clocks:
 * - an hour is a clock hour at one offset from UTC: an hour that is repeated is two windows, one that the change cuts
 *   is shorter;
 * - days, weeks (from Monday) and months begin when the clocks reach midnight or pass over it.
 *
 * `total`, `per_session` and `per_task` have one window for all time.
 *
 * @param time_zone IANA name
 * @param at_ms epoch milliseconds, a whole number within ±8e15
 * @throws {RangeError} where there is no such time zone or instant
 */
export function windowAt(period: Period, time_zone: string, at_ms: number): Window {
  switch (period) {
    case "hourly":
      return hourAt(clocksOf(time_zone), validInstant(at_ms));
    case "daily":
    case "weekly":
    case "monthly":
      return calendarWindowAt(CALENDAR_UNITS[period], clocksOf(time_zone), validInstant(at_ms));
    case "total":
    case "per_session":
    case "per_task":
      return WHOLE_LIFE;
  }
}

/**
 * A `windowAt` that remembers the last window of every period and time zone, for callers that ask again and again
 * about the present.
 */
export function createWindowCache(): typeof windowAt {
  const windows = new Map<string, Window>();
  return (period, time_zone, at_ms) => {
    const key = `${period} ${time_zone}`;
    const known = windows.get(key);
    if (known !== undefined && known.start_ms <= at_ms && (known.end_ms === null || at_ms < known.end_ms)) {
      return known;
    }
    const window = windowAt(period, time_zone, at_ms);
    windows.set(key, window);
    return window;
  };
}

/** What the clocks of a time zone are ahead of UTC at an instant, in milliseconds. */
type OffsetAt = (at_ms: number) => number;

/** @throws {RangeError} where there is no such time zone */
export function clocksOf(time_zone: string): OffsetAt {
  const zone = IANAZone.create(time_zone);
  if (!IANA_NAME.test(time_zone) || !zone.isValid) {
    throw new RangeError(`no time zone is called ${JSON.stringify(time_zone)}`);
  }
  // Luxon answers in minutes, and local mean times of the past are not whole ones.
  return (at_ms) => Math.round(zone.offset(at_ms) * 60_000);
}

function validInstant(at_ms: number): number {
  if (!Number.isInteger(at_ms) || Math.abs(at_ms) > FURTHEST_MS) {
    throw new RangeError(`not an instant in epoch milliseconds: ${at_ms}`);
  }
  return at_ms;
}

/** The first instant that something holds at, where it does not at `before_ms`, does at `at_ms`, and changes once. */
function firstInstant(before_ms: number, at_ms: number, holds: (at_ms: number) => boolean): number {
  while (at_ms - before_ms > 1) {
    const middle_ms = Math.floor((before_ms + at_ms) / 2);
    if (holds(middle_ms)) at_ms = middle_ms;
    else before_ms = middle_ms;
  }
  return at_ms;
}

function hourAt(offsetAt: OffsetAt, at_ms: number): { start_ms: number; end_ms: number } {
  const offset_ms = offsetAt(at_ms);
  const isSameOffset = (instant_ms: number) => offsetAt(instant_ms) === offset_ms;
  const start_ms = Math.floor((at_ms + offset_ms) / HOUR_MS) * HOUR_MS - offset_ms;
  const last_ms = start_ms + HOUR_MS - 1;
  return {
    start_ms: isSameOffset(start_ms) ? start_ms : firstInstant(start_ms, at_ms, isSameOffset),
    end_ms: isSameOffset(last_ms) ? last_ms + 1 : firstInstant(at_ms, last_ms, (ms) => !isSameOffset(ms)),
  };
}

function calendarWindowAt(
  unit: "day" | "week" | "month",
  offsetAt: OffsetAt,
  at_ms: number,
): { start_ms: number; end_ms: number } {
  // The calendar is reckoned in UTC, on what the clocks show; only boundaries are turned into instants.
  const boundary = (midnight: DateTime) => instantShowing(midnight.toMillis(), offsetAt);
  let first = DateTime.fromMillis(at_ms + offsetAt(at_ms), { zone: "utc" }).startOf(unit);
  let start_ms = boundary(first);
  // Clocks that are set back over midnight show the old date again after the new one has begun, so the date alone
  // does not tell the window.
  while (at_ms < start_ms) {
    first = first.minus({ [unit]: 1 });
    start_ms = boundary(first);
  }
  let end_ms = boundary(first.plus({ [unit]: 1 }));
  while (at_ms >= end_ms) {
    first = first.plus({ [unit]: 1 });
    start_ms = end_ms;
    end_ms = boundary(first.plus({ [unit]: 1 }));
  }
  return { start_ms, end_ms };
}

/**
 * The instant at which clocks reach a local time or pass over it. No clock is a day from UTC, so it lies within a day
 * of the same time in UTC. Clocks that are set back can reach it twice; then it is always the same one of the two.
 */
function instantShowing(local_ms: number, offsetAt: OffsetAt): number {
  const offset_ms = offsetAt(local_ms - DAY_MS);
  if (offsetAt(local_ms + DAY_MS) === offset_ms) return local_ms - offset_ms;
  return firstInstant(local_ms - DAY_MS, local_ms + DAY_MS, (ms) => ms + offsetAt(ms) >= local_ms);
}
