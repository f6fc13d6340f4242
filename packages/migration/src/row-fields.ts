import { MAX_TOKENS, type Metadata } from "@budget/domain";
import { MOST_METADATA_CHARACTERS } from "@budget/engine";
import type { TimeReader } from "./time-reader.ts";

const LONGEST_TEXT = 200;
const LONGEST_SHOWN = 60;

/** A value as a message repeats it. */
function shown(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length <= LONGEST_SHOWN ? text : `${text.slice(0, LONGEST_SHOWN)}…`;
}

/** Text that every database takes. */
const isStorable = (text: string): boolean =>
  text.length <= LONGEST_TEXT && !text.includes("\0") && text.isWellFormed();

/** The fields of one row of an old system. What is wrong with them is gathered, and answered with a value to go on. */
export class RowFields {
  readonly #row: Readonly<Record<string, unknown>>;
  readonly #problems: string[] = [];

  constructor(row: Readonly<Record<string, unknown>>) {
    this.#row = row;
  }

  /** What is wrong, and what would be right; null where nothing is. */
  get reason(): string | null {
    return this.#problems.length === 0 ? null : this.#problems.join("; ");
  }

  wrong(name: string, expected: string): void {
    this.#problems.push(`${name} is ${shown(this.#row[name])}, and must be ${expected}`);
  }

  /** Text of 1 to 200 characters. */
  text(name: string): string {
    const value = this.optionalText(name);
    if (value === null) this.wrong(name, `text of 1 to ${LONGEST_TEXT} characters`);
    return value ?? "";
  }

  /** As {@link text}; null where it is missing, null or blank. */
  optionalText(name: string): string | null {
    const value = this.#row[name] ?? "";
    if (typeof value === "string" && isStorable(value)) return value.trim() || null;
    this.wrong(name, `text of at most ${LONGEST_TEXT} characters`);
    return null;
  }

  /** Whole tokens, 0 to 10^12. */
  tokens(name: string): number {
    const value = this.#row[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS)
      return value;
    this.wrong(name, `a whole number from 0 to ${MAX_TOKENS}`);
    return 0;
  }

  /** A number from 0 to 1. */
  share(name: string): number {
    const value = this.#row[name];
    if (typeof value === "number" && value >= 0 && value <= 1) return value;
    this.wrong(name, "a number from 0 to 1");
    return 0;
  }

  /** A word out of a closed set, in any case. */
  word<Word extends string>(
    name: string,
    read: (word: string) => Word | undefined,
    known: readonly string[],
  ): Word {
    const value = this.#row[name];
    const word = typeof value === "string" ? read(value.trim().toLowerCase()) : undefined;
    if (word !== undefined) return word;
    this.wrong(name, `one of ${known.join(", ")}`);
    return "" as Word;
  }

  /** Free data, of at most 65,536 characters as JSON. */
  metadata(name: string, value: Metadata): Metadata {
    if (JSON.stringify(value).length > MOST_METADATA_CHARACTERS)
      this.wrong(name, `at most ${MOST_METADATA_CHARACTERS} characters long`);
    return value;
  }

  /** A time of the past, in epoch milliseconds. */
  pastTime(name: string, times: TimeReader, now_ms: number): number {
    const at_ms = times.read(this.#row[name]);
    if (at_ms !== null && at_ms >= 0 && at_ms <= now_ms) return at_ms;
    this.wrong(name, at_ms === null ? "a time such as 2026-11-23T10:43:23" : "between 1970 and now");
    return 0;
  }
}
