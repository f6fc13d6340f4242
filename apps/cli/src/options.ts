import { InvalidArgumentError } from "commander";
import { UsageError } from "./exit-codes.ts";

/** A whole number of 0 or more. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Give a whole number.");
  return value;
}

/** A whole number from 1, or the word `none`: commander takes null for an option without a value. */
export function numberOrNone(text: string): number | "none" {
  if (text === "none") return text;
  const value = wholeNumber(text);
  if (value < 1) throw new InvalidArgumentError("Give a whole number from 1, or none.");
  return value;
}

/** A whole number, or two of them as the fewest and the most that are of use. */
export function wholeNumberOrRange(text: string): number | { min: number; max: number } {
  const [least = "", most, ...others] = text.split("..");
  if (most === undefined) return wholeNumber(least);
  if (others.length > 0) throw new InvalidArgumentError("Give a whole number, or a range such as 200..4000.");
  return { min: wholeNumber(least), max: wholeNumber(most) };
}

/** Decimal text of dollars, left as it is so that no digit is lost. */
export function dollars(text: string): string {
  if (!/^\d+(\.\d{1,9})?$/.test(text)) {
    throw new InvalidArgumentError("Give dollars such as 0.50, with at most 9 decimals.");
  }
  return text;
}

/** A share from 0 to 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !(value >= 0 && value <= 1))
    throw new InvalidArgumentError("Give a number from 0 to 1.");
  return value;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/i;

/** An instant, or a day that stands for its start in UTC. */
export function instant(text: string): string {
  const day = text.slice(0, 10);
  // Date makes another day of one that its month does not have.
  const isDay = DAY.test(day) && new Date(Date.parse(day) || 0).toISOString().startsWith(day);
  if (isDay && day === text) return `${day}T00:00:00.000Z`;
  if (isDay && INSTANT.test(text) && !Number.isNaN(Date.parse(text))) return text;
  throw new InvalidArgumentError(
    "Give a day such as 2026-11-01, which is its start in UTC, or an instant such as 2026-11-01T09:30:00Z.",
  );
}

/** Checks that a span of time does not end before it begins, by the names of the options that were typed. */
export function checkSpan(
  from: readonly [option: string, time: string | undefined],
  to: readonly [option: string, time: string | undefined],
): void {
  if (from[1] === undefined || to[1] === undefined || Date.parse(from[1]) < Date.parse(to[1])) return;
  throw new UsageError(`${to[0]} must be later than ${from[0]}.`);
}
