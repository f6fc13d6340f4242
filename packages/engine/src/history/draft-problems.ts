import { MAX_TOKENS } from "@budget/domain";

/** What is wrong with the fields of a row of an older system, in words; null where nothing is. */

const MOST_CHARACTERS = 200;

/** A name or an id: some characters that every database can store. */
export function textProblem(field: string, text: string): string | null {
  if (text === "") return `${field} is empty`;
  if (text.length > MOST_CHARACTERS)
    return `${field} has ${text.length} characters; ${MOST_CHARACTERS} are the most`;
  if (text.includes("\0") || !text.isWellFormed())
    return `${field} has a NUL character or half of a surrogate pair, which no database stores`;
  return null;
}

export const tokensProblem = (field: string, tokens: number): string | null =>
  Number.isInteger(tokens) && tokens >= 0 && tokens <= MAX_TOKENS
    ? null
    : `${field} is ${tokens}; it must be a whole number from 0 to ${MAX_TOKENS}`;

/** A time that has been: what lies ahead would be missing from the limits of the day that it comes on. */
export function timeProblem(field: string, at_ms: number, now_ms: number): string | null {
  if (!Number.isInteger(at_ms) || at_ms < 0) return `${field} is ${at_ms}, which is no time since 1970`;
  return at_ms <= now_ms ? null : `${field} is ${new Date(at_ms).toISOString()}, which is still to come`;
}

/** The first of some problems. */
export const firstProblem = (...problems: readonly (string | null)[]): string | null =>
  problems.find((problem) => problem !== null) ?? null;
