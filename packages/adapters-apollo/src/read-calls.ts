import { PortError } from "@budget/adapter-port";
import { TIERS, type Tier } from "@budget/domain";
import type { UsageType } from "./calls.ts";
import { APOLLO_PERIODS, readPeriod, readTier, type ApolloPeriod } from "./words.ts";

/** Reads parts of Apollo's requests, and says in Apollo's words what is wrong with them. */

const USAGE_TYPES: readonly UsageType[] = ["input", "output", "total"];

const wrong = (field: string, should: string, value: unknown): PortError =>
  new PortError("invalid_value", `${field} must be ${should}; it was ${String(value)}.`, `/${field}`);

/** @throws PortError `invalid_value` where it is no tier */
export function requireTier(field: string, word: string): Tier {
  const tier = readTier(word);
  if (tier === undefined) throw wrong(field, `one of ${TIERS.join(", ")}`, word);
  return tier;
}

/** @throws PortError `invalid_value` where it is no period of Apollo's */
export function requirePeriod(word: string): ApolloPeriod {
  const period = readPeriod(word);
  if (period === undefined) throw wrong("period", `one of ${APOLLO_PERIODS.join(", ")}`, word);
  return period;
}

/** @throws PortError `invalid_value` where it is no usage type */
export function requireUsageType(word: string): UsageType {
  const folded = word.trim().toLowerCase();
  const type = USAGE_TYPES.find((one) => one === folded);
  if (type === undefined) throw wrong("usage_type", `one of ${USAGE_TYPES.join(", ")}`, word);
  return type;
}

/** @throws PortError `invalid_value` where it is no whole number from `minimum` on */
export function requireTokens(field: string, tokens: number, minimum: number): number {
  if (Number.isSafeInteger(tokens) && tokens >= minimum) return tokens;
  throw wrong(field, `a whole number of tokens, at least ${minimum}`, tokens);
}

/** The fields that say something: what a caller leaves out, in one way or the other, is not there. */
export function given<T extends object>(fields: T): { [Name in keyof T]?: NonNullable<T[Name]> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(entries) as { [Name in keyof T]?: NonNullable<T[Name]> };
}

/** What a reader makes of a value that is given; undefined where it is left out. */
export const readGiven = <T, R>(value: T | null | undefined, read: (value: T) => R): R | undefined =>
  value === undefined || value === null ? undefined : read(value);
