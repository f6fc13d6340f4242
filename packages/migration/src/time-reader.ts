import { localTimeToInstant, type LocalTimeReading } from "@budget/domain";

/** How the times of rows were read. */
export interface TimeCounts {
  /** Written with an offset from UTC, and taken as they are. */
  with_offset: number;
  /** Written without one, and read in the time zone that was named. */
  local: number;
  /** Of these: shown twice by clocks that were set back; the first time was taken. */
  ambiguous: number;
  /** Of these: never shown by clocks that were set forward; taken as if they had not been. */
  skipped: number;
}

const TIME = /^(\d{4}-\d\d-\d\d[T ]\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(?:(Z)|([+-])(\d\d):?(\d\d))?$/i;
const MINUTE_MS = 60_000;
/** More hours than a year has. */
const MOST_REMEMBERED = 10_000;

/** Reads ISO 8601 times with or without an offset, millions of them. */
export class TimeReader {
  readonly counts: TimeCounts = { with_offset: 0, local: 0, ambiguous: 0, skipped: 0 };
  readonly #time_zone: string;
  /** Hours in which no clock was changed, by what the clocks showed: a look into the calendar takes far longer. */
  readonly #hours = new Map<string, LocalTimeReading>();

  /** @param time_zone IANA name of the zone whose clocks showed the times that are written without an offset */
  constructor(time_zone: string) {
    this.#time_zone = time_zone;
  }

  /** @returns epoch milliseconds, what is finer cut off; null where the value is no time */
  read(value: unknown): number | null {
    const found = typeof value === "string" ? TIME.exec(value) : null;
    if (found === null) return null;
    const [, hour = "", minute = "", second = "00", fraction = "", utc, sign, hours, minutes] = found;
    if (Number(second) > 59) return null;
    const within_ms = Number(second) * 1000 + Number(fraction.slice(0, 3).padEnd(3, "0"));
    if (utc === undefined && sign === undefined) return this.#local(hour, minute, within_ms);
    const written = localTimeToInstant(`${hour}:${minute}`, "UTC");
    if (written === null) return null;
    this.counts.with_offset += 1;
    const offset_ms = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * MINUTE_MS;
    return written.at_ms + within_ms - (sign === "-" ? -offset_ms : offset_ms);
  }

  #local(hour: string, minute: string, within_ms: number): number | null {
    const begin = this.#minuteOf(hour, minute);
    if (begin === null) return null;
    this.counts.local += 1;
    if (begin.kind !== "exact") this.counts[begin.kind] += 1;
    return begin.at_ms + within_ms;
  }

  #minuteOf(hour: string, minute: string): LocalTimeReading | null {
    const even = this.#hours.get(hour) ?? this.#evenHour(hour);
    if (even === null || minute > "59") return localTimeToInstant(`${hour}:${minute}`, this.#time_zone);
    return { at_ms: even.at_ms + Number(minute) * MINUTE_MS, kind: even.kind };
  }

  /** When an hour began; null where its minutes did not all follow each other. */
  #evenHour(hour: string): LocalTimeReading | null {
    const first = localTimeToInstant(`${hour}:00`, this.#time_zone);
    const last = localTimeToInstant(`${hour}:59`, this.#time_zone);
    if (first === null || last?.kind !== first.kind) return null;
    if (last.at_ms - first.at_ms !== 59 * MINUTE_MS) return null;
    if (this.#hours.size >= MOST_REMEMBERED) this.#hours.clear();
    this.#hours.set(hour, first);
    return first;
  }
}

/** What should be known of how times were read, one sentence each. */
export function timeRemarks(
  { with_offset, ambiguous, skipped }: TimeCounts,
  time_zone: string,
): readonly string[] {
  const times = (count: number): string => (count === 1 ? "1 time" : `${count} times`);
  return [
    ...(with_offset === 0
      ? []
      : [`${times(with_offset)} had an offset from UTC and did not need the time zone.`]),
    ...(ambiguous === 0
      ? []
      : [
          `${times(ambiguous)} came twice on clocks of ${time_zone} that were set back; the first was taken.`,
        ]),
    ...(skipped === 0
      ? []
      : [
          `${times(skipped)} never came on clocks of ${time_zone} that were set forward; taken as if they had not been.`,
        ]),
  ];
}
