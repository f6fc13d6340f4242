import { clocksOf } from "./windows.ts";

/** What clocks of a time zone show without saying which zone that is, turned into an instant. */
export interface LocalTimeReading {
  readonly at_ms: number;
  /**
   * `ambiguous`: clocks that were set back showed it twice, and this is the first time. `skipped`: clocks that were set
   * forward never showed it, and this is when they would have without the change.
   */
  readonly kind: "exact" | "ambiguous" | "skipped";
}

const DAY_MS = 24 * 3_600_000;
const NAIVE_TIME = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?$/;

/** The local time as if it were in UTC; null where it is none. What is finer than a millisecond is cut off. */
function readNaiveTime(text: string): number | null {
  const [isTime, day = "", minute = "", second = "00", fraction = ""] = NAIVE_TIME.exec(text) ?? [];
  if (isTime === undefined) return null;
  const iso = `${day}T${minute}:${second}.${fraction.slice(0, 3).padEnd(3, "0")}Z`;
  const local_ms = Date.parse(iso);
  // Days that a month does not have are taken for those of the next one.
  return !Number.isNaN(local_ms) && new Date(local_ms).toISOString() === iso ? local_ms : null;
}

/**
 * Reads an ISO 8601 time without an offset, such as Python writes: `2026-11-23T10:43:23.658225`, also with a space in
 * place of the `T`. Where clocks were changed it reads as Python does (`fold=0`): by the offset before the change.
 * @param time_zone IANA name of the zone whose clocks showed it
 * @returns null where the text is no such time
 * @throws {RangeError} where there is no such time zone
 */
export function localTimeToInstant(text: string, time_zone: string): LocalTimeReading | null {
  const offsetAt = clocksOf(time_zone);
  const local_ms = readNaiveTime(text);
  if (local_ms === null) return null;
  // No clock is a day from UTC, so a change of clocks that matters lies between these two.
  const by_earlier_offset_ms = local_ms - offsetAt(local_ms - DAY_MS);
  const by_later_offset_ms = local_ms - offsetAt(local_ms + DAY_MS);
  const shows = (at_ms: number): boolean => at_ms + offsetAt(at_ms) === local_ms;
  if (!shows(by_earlier_offset_ms))
    return shows(by_later_offset_ms)
      ? { at_ms: by_later_offset_ms, kind: "exact" }
      : { at_ms: by_earlier_offset_ms, kind: "skipped" };
  const isTwice = by_later_offset_ms !== by_earlier_offset_ms && shows(by_later_offset_ms);
  return { at_ms: by_earlier_offset_ms, kind: isTwice ? "ambiguous" : "exact" };
}
