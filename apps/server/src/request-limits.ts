import { problem, type ProblemAnswer } from "./problems.ts";

/** What a request may be made of, beyond its size in bytes. */

/** Deeper than anything that a route takes: metadata of 100 levels in an item of a batch has 103. */
export const MOST_LEVELS = 128;
export const MOST_QUERY_CHARACTERS = 4096;
/** More than any route knows. */
export const MOST_QUERY_PARAMETERS = 50;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** `[` and `{` have this in common, and so have `]` and `}`, with the bit that is masked out. */
const [OPENING, CLOSING, EITHER_BRACKET] = [0x5b, 0x5d, 0xdf];

/**
 * Whether JSON is nested deeper than so many levels, found by its brackets alone, before anything is made of it.
 * @param json in UTF-8, where no byte of another character looks like one of these
 */
export function isDeeperThan(levels: number, json: Uint8Array): boolean {
  // A shorter text has not as many pairs of brackets, or is no JSON.
  if (json.length <= 2 * levels) return false;
  let depth = 0;
  for (let index = 0; index < json.length; index += 1) {
    const byte = json[index] ?? 0;
    if (byte === QUOTE) {
      index = endOfString(json, index + 1);
    } else if (byte > QUOTE) {
      const bracket = byte & EITHER_BRACKET;
      if (bracket === OPENING) {
        depth += 1;
        if (depth > levels) return true;
      } else if (bracket === CLOSING) {
        depth -= 1;
      }
    }
  }
  return false;
}

/** Where the quote is that ends a string. */
function endOfString(json: Uint8Array, start: number): number {
  let index = start;
  while (index < json.length && json[index] !== QUOTE) index += json[index] === BACKSLASH ? 2 : 1;
  return index;
}

/** Why the query of a URL is not even taken apart; null where it is. */
export function queryProblem(url: string): ProblemAnswer | null {
  const start = url.indexOf("?") + 1;
  if (start === 0) return null;
  const characters = url.length - start;
  if (characters > MOST_QUERY_CHARACTERS)
    return wrongQuery(`may have ${MOST_QUERY_CHARACTERS} characters at most; it has ${characters}.`);
  let parameters = 1;
  for (let at = url.indexOf("&", start); at >= 0; at = url.indexOf("&", at + 1)) parameters += 1;
  if (parameters > MOST_QUERY_PARAMETERS)
    return wrongQuery(`may have ${MOST_QUERY_PARAMETERS} parameters at most; it has ${parameters}.`);
  return null;
}

const wrongQuery = (detail: string): ProblemAnswer =>
  problem({ code: "invalid_value", field: "", detail: `The query of the URL ${detail}` });
