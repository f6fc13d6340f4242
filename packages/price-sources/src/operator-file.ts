import { MoneyError, parseDecimal, type JsonValue } from "@budget/domain";
import {
  LineCounter,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  visit,
  type Alias,
  type Document,
  type ParsedNode,
} from "yaml";
import { kindOf } from "./reading.ts";

/** A mistake in a file of the operator's. */
export interface FileProblem {
  /** From 1; `column` too. */
  readonly line: number;
  readonly column: number;
  /** The place as a JSON pointer, such as `/prices/0/model`; empty for the whole file. */
  readonly pointer: string;
  /** What is wrong, and what would be right. */
  readonly detail: string;
}

const LONGEST_TEXT = 200;
/** Only such names are repeated: anything else may be a value in the wrong place, and a password. */
const NAME = /^[\w-]{1,40}$/;
/** Aliases of aliases multiply what is read; so few cannot multiply it to harm. */
const MOST_ALIASES = 100;
/** The parser ends some of its messages with what it found, after a colon. */
const QUOTED_TEXT = /(?<=\w): .*$/s;
/** One missing bracket can make a mistake of every line below it. */
const MOST_SYNTAX_PROBLEMS = 20;

/** A value in the file. */
export interface Place {
  readonly node: ParsedNode | null;
  readonly pointer: string;
  /** Where it begins, in characters; of a value that is missing, where its name begins. */
  readonly offset: number;
}

export type Fields = ReadonlyMap<string, Place>;

interface Pair {
  readonly key: ParsedNode;
  readonly value: ParsedNode | null;
}

export interface DecimalRange {
  readonly scale: number;
  readonly least: bigint;
  readonly most: bigint;
  /** For a message: `it must be …`. */
  readonly words: string;
}

/** Numbers as they are written, because a float of them is another number. */
function valueOf(node: ParsedNode | null): string | boolean | null {
  if (!isScalar(node)) return null;
  return typeof node.value === "number" ? node.source : (node.value as string | boolean | null);
}

/** The name of a field. An alias is none: the parser would not see that it repeats another one. */
const nameOf = (key: ParsedNode): string => String(valueOf(key));

/** A file whose values are read one by one; whoever finds something wrong says so here and answers null. */
export class OperatorFile {
  /** What people know it by. */
  readonly path: string;
  readonly problems: FileProblem[] = [];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #targets = new Map<Alias, ParsedNode>();

  constructor(path: string, text: string) {
    this.path = path;
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const mistakes = [...this.#document.errors, ...this.#document.warnings];
    for (const { pos, code, message } of mistakes.slice(0, MOST_SYNTAX_PROBLEMS)) {
      const detail = code === "MULTIPLE_DOCS" ? "A file is one document; take out the line `---`." : message;
      // What stands there may be a password.
      this.wrong({ pointer: "", offset: pos[0] }, detail.replace(QUOTED_TEXT, "."));
    }
    if (this.problems.length === 0) this.#findTargets();
  }

  get root(): Place {
    return { node: this.#document.contents, pointer: "", offset: 0 };
  }

  wrong({ pointer, offset }: Pick<Place, "pointer" | "offset">, detail: string): null {
    const { line, col } = this.#lines.linePos(offset);
    this.problems.push({ line: Math.max(line, 1), column: Math.max(col, 1), pointer, detail });
    return null;
  }

  /** The line that a place begins on, from 1. */
  lineOf({ offset }: Place): number {
    return Math.max(this.#lines.linePos(offset).line, 1);
  }

  list(place: Place): readonly Place[] {
    const items = this.items(place);
    if (items === null) this.wrong(place, "It must be a list.");
    return items ?? [];
  }

  /** Null where no list stands there. */
  items(place: Place): readonly Place[] | null {
    const value = this.#resolved(place.node);
    if (!isSeq(value)) return null;
    return (value.items as readonly ParsedNode[]).map((node, index) => ({
      node,
      pointer: `${place.pointer}/${index}`,
      offset: node.range[0],
    }));
  }

  fields(place: Place, known: readonly string[], required: readonly string[] = []): Fields | null {
    const value = this.#resolved(place.node);
    const taken = `It takes ${known.join(", ")}.`;
    if (!isMap(value)) return this.wrong(place, `It must have fields. ${taken}`);
    const fields = new Map<string, Place>();
    for (const { key, value: node } of value.items as readonly Pair[]) {
      const name = nameOf(key);
      const pointer = `${place.pointer}/${name}`;
      const at = { pointer, offset: key.range[0] };
      if (known.includes(name)) fields.set(name, { node, pointer, offset: (node ?? key).range[0] });
      else if (NAME.test(name)) this.wrong(at, `There is no field ${JSON.stringify(name)}. ${taken}`);
      else this.wrong({ ...at, pointer: place.pointer }, `There is no such field. ${taken}`);
    }
    for (const name of required) if (!fields.has(name)) this.wrong(place, `${name} is missing.`);
    return fields;
  }

  /** What stands below names of the operator's own choice, in the order of the file. */
  entries(place: Place): readonly (readonly [name: string, place: Place])[] {
    const value = this.#resolved(place.node);
    if (!isMap(value)) {
      this.wrong(place, "It must have names with values.");
      return [];
    }
    return (value.items as readonly Pair[]).map(({ key, value: node }) => {
      const name = nameOf(key);
      return [name, { node, pointer: `${place.pointer}/${name}`, offset: (node ?? key).range[0] }];
    });
  }

  /** Text and numbers, as they are written; null where something else stands there, or nothing. */
  written(place: Place): string | null {
    const value = valueOf(this.#resolved(place.node));
    return typeof value === "string" ? value : null;
  }

  /** Text and numbers, as they are written. */
  text(place: Place): string | null {
    const value = valueOf(this.#resolved(place.node));
    const text = typeof value === "string" ? value.trim() : "";
    if (text !== "" && text.length <= LONGEST_TEXT && !text.includes("\0") && text.isWellFormed())
      return text;
    const found = typeof value === "string" ? "other text" : kindOf(value);
    return this.wrong(place, `It must be text of 1 to ${LONGEST_TEXT} characters, and is ${found}.`);
  }

  word<Word extends string>(place: Place, words: readonly Word[]): Word | null {
    const text = this.text(place);
    if (text === null) return null;
    const word = words.find((one) => one === text.toLowerCase());
    return word ?? this.wrong(place, `It is ${text}; it must be one of ${words.join(", ")}.`);
  }

  flag(place: Place): boolean | null {
    const value = valueOf(this.#resolved(place.node));
    return typeof value === "boolean" ? value : this.wrong(place, "It must be true or false.");
  }

  /** A decimal number as a whole number of the smallest decimal of its scale. */
  decimal(place: Place, { scale, least, most, words }: DecimalRange): bigint | null {
    const text = this.text(place);
    if (text === null) return null;
    try {
      const amount = parseDecimal(text, scale);
      if (amount >= least && amount <= most) return amount;
      return this.wrong(place, `It is ${text}; it must be ${words}.`);
    } catch (error) {
      if (!(error instanceof MoneyError)) throw error;
      return this.wrong(place, `It must be ${words}: ${error.message}.`);
    }
  }

  /** All that stands at a place, for evidence. Only what was read without a problem is sure to have an end. */
  raw(node: ParsedNode | null): JsonValue {
    const value = this.#resolved(node);
    if (isSeq(value)) return (value.items as readonly ParsedNode[]).map((item) => this.raw(item));
    if (!isMap(value)) return valueOf(value);
    const pairs = value.items as readonly Pair[];
    return Object.fromEntries(pairs.map((pair) => [nameOf(pair.key), this.raw(pair.value)]));
  }

  #resolved(node: ParsedNode | null): ParsedNode | null {
    return isAlias(node) ? (this.#targets.get(node) ?? null) : node;
  }

  #findTargets(): void {
    visit(this.#document, {
      Alias: (_, alias) => {
        const target = alias.resolve(this.#document) as ParsedNode | undefined;
        const at = { pointer: "", offset: alias.range?.[0] ?? 0 };
        const anchor = NAME.test(alias.source) ? `anchor &${alias.source}` : "such anchor";
        if (target === undefined) this.wrong(at, `There is no ${anchor} before it.`);
        else this.#targets.set(alias, target);
        if (this.#targets.size <= MOST_ALIASES) return undefined;
        this.wrong(at, `There are more than ${MOST_ALIASES} aliases; write the values themselves.`);
        return visit.BREAK;
      },
    });
  }
}

/** What a field says; undefined where it is left out or wrong. */
export function optional<T>(
  file: OperatorFile,
  fields: Fields | null,
  name: string,
  read: (file: OperatorFile, place: Place) => T | null,
): T | undefined {
  const place = fields?.get(name);
  return (place && read(file, place)) ?? undefined;
}

export const readText = (file: OperatorFile, place: Place): string | null => file.text(place);
export const decimalIn =
  (range: DecimalRange) =>
  (file: OperatorFile, place: Place): bigint | null =>
    file.decimal(place, range);

/** Reads the items of a list, if there is one; two of them that are for the same thing are a mistake. */
export function readItems<Item>(
  file: OperatorFile,
  list: Place | undefined,
  read: (file: OperatorFile, place: Place) => Item | null,
  keyOf: (item: Item) => string,
): readonly Item[] {
  const seen = new Map<string, string>();
  return (list ? file.list(list) : []).flatMap((place) => {
    const item = read(file, place);
    if (item === null) return [];
    const other = seen.get(keyOf(item));
    if (other !== undefined) file.wrong(place, `It is for the same as ${other}; leave one of the two out.`);
    else seen.set(keyOf(item), place.pointer);
    return [item];
  });
}
