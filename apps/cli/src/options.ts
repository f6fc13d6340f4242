import { InvalidArgumentError } from "commander";

/** A whole number of 0 or more. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value))
    throw new InvalidArgumentError("Give a whole number.");
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
