import {
  MoneyError,
  SERVICE_TIERS,
  canonicalProvider,
  divideHalfEven,
  identifyModel,
  isUsageUnit,
  modelKey,
  parseDecimal,
  pricedThingKey,
  type JsonValue,
  type PriceComponent,
  type PriceObservation,
  type ServiceTier,
  type SourceReading,
  type TimeOfDay,
  type UsageUnit,
} from "@budget/domain";
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
import { kindOf, observationOf, startOfDay } from "./reading.ts";

/** What the operator adds to the prices of a provider, or takes off. */
export interface Markup {
  readonly provider: string;
  /** Null for all models of the provider that have no markup of their own. */
  readonly model: string | null;
  /** Millionths, from -1,000,000 (free) to 10,000,000; 125,000 makes prices 12.5 % dearer. */
  readonly markup_ppm: number;
}

/** A mistake in the operator's file. */
export interface CustomPriceProblem {
  /** From 1; `column` too. */
  readonly line: number;
  readonly column: number;
  /** The place as a JSON pointer, such as `/prices/0/model`; empty for the whole file. */
  readonly pointer: string;
  /** What is wrong, and what would be right. */
  readonly detail: string;
}

/** A file is read as a whole, or not at all. */
export type CustomPrices =
  | { readonly ok: true; readonly reading: SourceReading; readonly markups: readonly Markup[] }
  | { readonly ok: false; readonly problems: readonly CustomPriceProblem[] };

const FEMTO_SCALE = 15;
/** USD for a million units are as many femto-USD for one as USD for one unit with six decimals fewer. */
const FEMTO_SCALE_PER_MILLION = 9;
const LARGEST_FEMTO_USD = 2n ** 63n - 1n;
const PPM = 1_000_000n;
/** With four decimals a percentage is a whole number of millionths. */
const PERCENT_DECIMALS = 4;
const LEAST_MARKUP_PPM = -PPM;
const LARGEST_MARKUP_PPM = 10n * PPM;
const LARGEST_CONTEXT = 1_000_000_000_000n;
const LONGEST_TEXT = 200;
/** Aliases of aliases multiply what is read; so few cannot multiply it to harm. */
const MOST_ALIASES = 100;
/** One missing bracket can make a mistake of every line below it. */
const MOST_SYNTAX_PROBLEMS = 20;

/** A value in the file. */
interface Place {
  readonly node: ParsedNode | null;
  readonly pointer: string;
  /** Where it begins, in characters; of a value that is missing, where its name begins. */
  readonly offset: number;
}

type Fields = ReadonlyMap<string, Place>;

interface Pair {
  readonly key: ParsedNode;
  readonly value: ParsedNode | null;
}

interface DecimalRange {
  readonly scale: number;
  readonly least: bigint;
  readonly most: bigint;
  /** For a message: `it must be …`. */
  readonly words: string;
}

const PRICE_WORDS = "from 0 to 9223 USD for one unit";
const PER_UNIT: DecimalRange = { scale: FEMTO_SCALE, least: 0n, most: LARGEST_FEMTO_USD, words: PRICE_WORDS };
const PER_MILLION: DecimalRange = { ...PER_UNIT, scale: FEMTO_SCALE_PER_MILLION };
const PERCENT: DecimalRange = {
  scale: PERCENT_DECIMALS,
  least: LEAST_MARKUP_PPM,
  most: LARGEST_MARKUP_PPM,
  words: "from -100 to 1000",
};
const CONTEXT: DecimalRange = {
  scale: 0,
  least: 0n,
  most: LARGEST_CONTEXT,
  words: `a whole number from 0 to ${LARGEST_CONTEXT}`,
};

const escapePointer = (name: string): string => name.replaceAll("~", "~0").replaceAll("/", "~1");

/** Numbers as they are written, because a float of them is another number. */
function valueOf(node: ParsedNode | null): string | boolean | null {
  if (!isScalar(node)) return null;
  return typeof node.value === "number" ? node.source : (node.value as string | boolean | null);
}

/** The name of a field. An alias is none: the parser would not see that it repeats another one. */
const nameOf = (key: ParsedNode): string => String(valueOf(key));

/** A file whose values are read one by one; whoever finds something wrong says so here and answers null. */
class PriceFile {
  readonly problems: CustomPriceProblem[] = [];
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #targets = new Map<Alias, ParsedNode>();

  constructor(text: string) {
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false });
    const mistakes = [...this.#document.errors, ...this.#document.warnings];
    for (const { pos, code, message } of mistakes.slice(0, MOST_SYNTAX_PROBLEMS)) {
      const detail = code === "MULTIPLE_DOCS" ? "A file is one document; take out the line `---`." : message;
      this.wrong({ pointer: "", offset: pos[0] }, detail);
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

  list(place: Place): readonly Place[] {
    const value = this.#resolved(place.node);
    if (!isSeq(value)) {
      this.wrong(place, "It must be a list.");
      return [];
    }
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
      const pointer = `${place.pointer}/${escapePointer(name)}`;
      if (known.includes(name)) fields.set(name, { node, pointer, offset: (node ?? key).range[0] });
      else
        this.wrong({ pointer, offset: key.range[0] }, `There is no field ${JSON.stringify(name)}. ${taken}`);
    }
    for (const name of required) if (!fields.has(name)) this.wrong(place, `${name} is missing.`);
    return fields;
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
        if (target === undefined) this.wrong(at, `There is no anchor &${alias.source} before it.`);
        else this.#targets.set(alias, target);
        if (this.#targets.size <= MOST_ALIASES) return undefined;
        this.wrong(at, `There are more than ${MOST_ALIASES} aliases; write the values themselves.`);
        return visit.BREAK;
      },
    });
  }
}

/** What a field says; undefined where it is left out or wrong. */
function optional<T>(
  file: PriceFile,
  fields: Fields | null,
  name: string,
  read: (file: PriceFile, place: Place) => T | null,
): T | undefined {
  const place = fields?.get(name);
  return (place && read(file, place)) ?? undefined;
}

const readText = (file: PriceFile, place: Place): string | null => file.text(place);
const decimalIn =
  (range: DecimalRange) =>
  (file: PriceFile, place: Place): bigint | null =>
    file.decimal(place, range);

const TIME_OF_DAY = /^((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?$/;

function readTime(file: PriceFile, place: Place): string | null {
  const text = file.text(place);
  if (text === null) return null;
  const [, minute, second = ":00"] = TIME_OF_DAY.exec(text) ?? [];
  if (minute !== undefined) return minute + second;
  return file.wrong(place, `It is ${text}; it must be a time in UTC such as 16:30.`);
}

function readTimeOfDay(file: PriceFile, place: Place): TimeOfDay | null {
  const fields = file.fields(place, ["start", "end"], ["start", "end"]);
  const start = optional(file, fields, "start", readTime);
  const end = optional(file, fields, "end", readTime);
  if (start === undefined || end === undefined) return null;
  return start === end ? file.wrong(place, "It has no hours: start and end are the same.") : { start, end };
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A day, from midnight in UTC, or an instant with its offset. */
function readInstant(file: PriceFile, place: Place): number | null {
  const text = file.text(place);
  if (text === null) return null;
  const day = INSTANT.exec(text)?.[1];
  const instant = day !== undefined && startOfDay(day) !== undefined ? Date.parse(text) : NaN;
  const at_ms = startOfDay(text) ?? instant;
  if (!Number.isNaN(at_ms)) return at_ms;
  return file.wrong(place, `It is ${text}; it must be a day such as 2026-09-01, or 2026-09-01T12:00:00Z.`);
}

/** What is written at a price directly. */
const FLAT_FIELDS = {
  input_cost_per_million: "input_tokens",
  output_cost_per_million: "output_tokens",
} as const;
interface PlacedComponent {
  readonly place: Place;
  readonly component: PriceComponent;
}

function readUnit(file: PriceFile, place: Place): UsageUnit | null {
  const text = file.text(place);
  if (text === null || isUsageUnit(text)) return text;
  return file.wrong(place, `It is ${text}; it must be a unit such as input_tokens or cache_read_tokens.`);
}

function readComponent(file: PriceFile, place: Place): readonly PlacedComponent[] {
  const known = ["unit", "cost_per_unit", "cost_per_million", "above_input_tokens"];
  const fields = file.fields(place, known, ["unit"]);
  if (fields === null) return [];
  if (fields.has("cost_per_unit") === fields.has("cost_per_million")) {
    file.wrong(place, "It must have either cost_per_unit or cost_per_million.");
  }
  const unit = optional(file, fields, "unit", readUnit);
  const perUnit = optional(file, fields, "cost_per_unit", decimalIn(PER_UNIT));
  const amount_femto_usd = perUnit ?? optional(file, fields, "cost_per_million", decimalIn(PER_MILLION));
  const above_input_tokens = Number(optional(file, fields, "above_input_tokens", decimalIn(CONTEXT)) ?? 0n);
  if (unit === undefined || amount_femto_usd === undefined) return [];
  return [{ place, component: { unit, amount_femto_usd, above_input_tokens } }];
}

function readFlatFields(file: PriceFile, fields: Fields): readonly PlacedComponent[] {
  return Object.entries(FLAT_FIELDS).flatMap(([name, unit]) => {
    const place = fields.get(name);
    const amount_femto_usd = optional(file, fields, name, decimalIn(PER_MILLION));
    if (place === undefined || amount_femto_usd === undefined) return [];
    return [{ place, component: { unit, amount_femto_usd, above_input_tokens: 0 } }];
  });
}

function readComponents(file: PriceFile, fields: Fields): readonly PriceComponent[] {
  const list = fields.get("components");
  const placed = [
    ...readFlatFields(file, fields),
    ...(list ? file.list(list).flatMap((place) => readComponent(file, place)) : []),
  ];
  const seen = new Map<string, string>();
  for (const { place, component } of placed) {
    const key = `${component.unit} ${component.above_input_tokens}`;
    const other = seen.get(key);
    if (other === undefined) seen.set(key, place.pointer);
    else file.wrong(place, `${component.unit} has its price at ${other} already; leave one of the two out.`);
  }
  return placed.map(({ component }) => component);
}

const readServiceTier = (file: PriceFile, place: Place): ServiceTier | null =>
  file.word(place, SERVICE_TIERS);

const PRICE_FIELDS = [
  "provider",
  "model",
  "scope",
  "service_tier",
  "time_of_day",
  "effective_date",
  "end_date",
  ...Object.keys(FLAT_FIELDS),
  "components",
];

function readPrice(file: PriceFile, place: Place): PriceObservation | null {
  const problemsBefore = file.problems.length;
  const fields = file.fields(place, PRICE_FIELDS, ["provider", "model"]);
  if (fields === null) return null;
  const provider = optional(file, fields, "provider", readText);
  const model = optional(file, fields, "model", readText);
  const scope = optional(file, fields, "scope", readText)?.toLowerCase();
  const service_tier = optional(file, fields, "service_tier", readServiceTier);
  const time_of_day = optional(file, fields, "time_of_day", readTimeOfDay) ?? null;
  const effective_ms = optional(file, fields, "effective_date", readInstant) ?? null;
  const end_ms = optional(file, fields, "end_date", readInstant) ?? null;
  const components = readComponents(file, fields);
  if (end_ms !== null && effective_ms !== null && end_ms <= effective_ms) {
    file.wrong(fields.get("end_date") ?? place, "It must be later than effective_date.");
  }
  if (file.problems.length > problemsBefore || provider === undefined || model === undefined) return null;
  if (components.length === 0) {
    const fieldsOfPrices = [...Object.keys(FLAT_FIELDS), "components"].join(", ");
    return file.wrong(place, `It has no price; it must have at least one of ${fieldsOfPrices}.`);
  }
  return observationOf({
    provider,
    model,
    components,
    time_of_day,
    effective_ms,
    end_ms,
    raw: file.raw(place.node),
    ...(scope === undefined ? {} : { scope }),
    ...(service_tier === undefined ? {} : { service_tier }),
  });
}

function readMarkup(file: PriceFile, place: Place): Markup | null {
  const fields = file.fields(place, ["provider", "model", "percent"], ["provider", "percent"]);
  const provider = optional(file, fields, "provider", readText);
  const model = optional(file, fields, "model", readText);
  const percent = optional(file, fields, "percent", decimalIn(PERCENT));
  if (provider === undefined || percent === undefined) return null;
  const markup_ppm = Number(percent);
  if (model === undefined) return { provider: canonicalProvider(provider), model: null, markup_ppm };
  const identity = identifyModel(provider, model);
  if (identity.scope === "") return { provider: identity.provider, model: identity.model, markup_ppm };
  return file.wrong(place, `A markup is for all regions; its model must be ${identity.model}.`);
}

/** Reads the items of a list, if there is one; two of them that are for the same thing are a mistake. */
function readItems<Item>(
  file: PriceFile,
  list: Place | undefined,
  read: (file: PriceFile, place: Place) => Item | null,
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

const priceKey = (price: PriceObservation): string => `${pricedThingKey(price)}\n${price.effective_ms ?? ""}`;
const markupKey = ({ provider, model }: Markup): string =>
  model === null ? provider : modelKey({ provider, model });

/**
 * Reads the operator's own prices, YAML 1.2 or JSON:
 *
 * ```yaml
 * prices:
 *   - provider: openai
 *     model: gpt-5.4
 *     scope: eu # a region or commitment; the general price where left out
 *     service_tier: batch # standard where left out
 *     time_of_day: { start: "16:30", end: "00:30" } # in UTC; all day where left out
 *     effective_date: 2026-09-01 # a day in UTC or an instant; always where left out
 *     end_date: 2027-01-01 # the first instant that it no longer holds at; open where left out
 *     input_cost_per_million: 1.25 # USD, for input_tokens
 *     output_cost_per_million: 10 # USD, for output_tokens
 *     components: # any other unit, and context tiers
 *       - { unit: cache_read_tokens, cost_per_million: 0.125 }
 *       - { unit: web_searches, cost_per_unit: 0.01 }
 *       - { unit: input_tokens, cost_per_million: 2.5, above_input_tokens: 272000 }
 * markups:
 *   - { provider: openai, percent: 12.5 } # all of its models that have no markup of their own
 *   - { provider: openai, model: gpt-5.4, percent: -10 }
 * ```
 *
 * Amounts are USD, 0 or more, with at most 15 decimals for one unit and 9 for a million; percentages are from -100 to
 * 1000 with at most 4 decimals. Numbers are read by their text and never become floats; they may be quoted.
 *
 * @param text the caller bounds its size
 * @returns every mistake with its line, if there is one
 */
export function readCustomPrices(text: string): CustomPrices {
  const file = new PriceFile(text);
  if (file.problems.length > 0) return { ok: false, problems: file.problems };
  const fields = file.fields(file.root, ["prices", "markups"]);
  if (fields?.size === 0) file.wrong(file.root, "It must have prices, markups or both.");
  const observations = readItems(file, fields?.get("prices"), readPrice, priceKey);
  const markups = readItems(file, fields?.get("markups"), readMarkup, markupKey);
  if (file.problems.length > 0) return { ok: false, problems: file.problems };
  return { ok: true, reading: { observations, aliases: [], capabilities: [], set_aside: [] }, markups };
}

/**
 * Prices with a markup, each rounded half-even to a femto-USD.
 *
 * @param markup_ppm millionths, -1,000,000 or more
 */
export function applyMarkup(
  components: readonly PriceComponent[],
  markup_ppm: number,
): readonly PriceComponent[] {
  const factor_ppm = PPM + BigInt(markup_ppm);
  return components.map((component) => ({
    ...component,
    amount_femto_usd: divideHalfEven(component.amount_femto_usd * factor_ppm, PPM),
  }));
}
