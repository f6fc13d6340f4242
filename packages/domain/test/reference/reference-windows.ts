import type { Period } from "../../src/index.ts";

/**
 * Windows told by the calendar alone: two instants are in one window where the clocks on the wall show the same hour,
 * day, week or month. No boundary is ever computed, so that no boundary can be computed wrongly.
 */

interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly offset_ms: number;
}

const formats = new Map<string, Intl.DateTimeFormat>();
const labels = new Map<string, string>();

/** The name of the window that an instant lies in; the same for all instants of one window. */
export function windowLabel(period: Period, time_zone: string, at_ms: number): string {
  const key = `${period} ${time_zone} ${at_ms}`;
  let label = labels.get(key);
  if (label === undefined) {
    label = readLabel(period, time_zone, at_ms);
    if (labels.size > 100_000) labels.clear();
    labels.set(key, label);
  }
  return label;
}

function readLabel(period: Period, time_zone: string, at_ms: number): string {
  const { year, month, day, hour, offset_ms } = wallClock(time_zone, at_ms);
  switch (period) {
    case "hourly":
      // An hour that the clocks show twice is two hours.
      return `${year}-${month}-${day} ${hour} ${offset_ms}`;
    case "daily":
      return `${year}-${month}-${day}`;
    case "weekly": {
      const date = new Date(Date.UTC(year, month - 1, day));
      const daysSinceMonday = (date.getUTCDay() + 6) % 7;
      return new Date(date.getTime() - daysSinceMonday * 86_400_000).toISOString().slice(0, 10);
    }
    case "monthly":
      return `${year}-${month}`;
    case "total":
    case "per_session":
    case "per_task":
      return "always";
  }
}

function wallClock(time_zone: string, at_ms: number): WallClock {
  let format = formats.get(time_zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: time_zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
    });
    formats.set(time_zone, format);
  }
  const shown = new Map(format.formatToParts(at_ms).map(({ type, value }) => [type, Number(value)]));
  const [year, month, day, hour, minute] = (["year", "month", "day", "hour", "minute"] as const).map((part) =>
    shown.get(part)!,
  ) as [number, number, number, number, number];
  const minute_ms = at_ms - (at_ms % 60_000);
  return { year, month, day, hour, offset_ms: Date.UTC(year, month - 1, day, hour, minute) - minute_ms };
}
