import {
  componentsFingerprint,
  identifyModel,
  isMovingAlias,
  isoTime,
  parseDecimal,
  pricedThingKey,
  USAGE_UNITS,
  type FemtoUsd,
  type JsonValue,
  type PriceComponent,
  type PriceObservation,
  type PriceType,
  type ServiceTier,
  type SetAside,
  type SourceFault,
  type SourceOutcome,
  type SourceReading,
  type TimeOfDay,
  type UsageMeasure,
  type UsageUnit,
} from "@budget/domain";

const PRICE_TYPES_OF_MEASURES: readonly (readonly [PriceType, readonly UsageMeasure[]])[] = [
  ["token", ["token"]],
  ["character", ["character"]],
  ["image", ["image", "pixel"]],
  ["time", ["second"]],
];

/** What a price is chiefly quoted in: tokens where it has any, and a fixed fee where it has nothing else. */
export function priceTypeOf(components: readonly PriceComponent[]): PriceType {
  const measures = new Set(components.map(({ unit }) => USAGE_UNITS[unit].measure));
  const found = PRICE_TYPES_OF_MEASURES.find(([, ofType]) => ofType.some((measure) => measures.has(measure)));
  return found?.[0] ?? "fixed";
}

const FEMTO_SCALE = 15;
/** What 64 bits hold; no price comes near it. */
const LARGEST = 2n ** 63n - 1n;

/**
 * Reads an amount as it stands in JSON, as femto-USD for one unit.
 *
 * @param amount a number, or decimal text
 * @param decimals how far the source's amounts are scaled up: 6 for USD per million, 2 for US cents per unit
 * @returns undefined where it is no amount of money
 */
export function readAmount(amount: unknown, decimals = 0): FemtoUsd | undefined {
  if (typeof amount !== "number" && typeof amount !== "string") return undefined;
  try {
    const femto_usd = parseDecimal(amount, FEMTO_SCALE - decimals, "half-even");
    return femto_usd > LARGEST || femto_usd < -LARGEST ? undefined : femto_usd;
  } catch {
    // Text that is no decimal number, and numbers beyond all sense, are for the caller to report.
    return undefined;
  }
}

/** The unit that a field of a source stands for. Fields are any text: `constructor` stands for none. */
export const unitOfField = (
  units: Readonly<Record<string, UsageUnit>>,
  field: string,
): UsageUnit | undefined => (Object.hasOwn(units, field) ? units[field] : undefined);

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/**
 * The first instant of a day in UTC, such as `2026-09-01`.
 *
 * @returns undefined where the text is no day of the calendar
 */
export function startOfDay(day: string): number | undefined {
  if (!DAY.test(day)) return undefined;
  const at_ms = Date.parse(`${day}T00:00:00Z`);
  // Engines read the 30th of February as a day of March.
  return !Number.isNaN(at_ms) && isoTime(at_ms).startsWith(day) ? at_ms : undefined;
}

/** What one row of a source says, before its names are read. */
export interface NamedPrice {
  readonly provider: string;
  readonly model: string;
  readonly components: readonly PriceComponent[];
  readonly raw: JsonValue;
  /** Added to the scope that the name says. */
  readonly scope?: string;
  readonly service_tier?: ServiceTier;
  readonly effective_ms?: number | null;
  readonly end_ms?: number | null;
  readonly time_of_day?: TimeOfDay | null;
  /** The model as the source has it, where that is not its name alone. */
  readonly listed_as?: string;
}

/** Reads the names of a row, and tells what its price is chiefly quoted in. */
export function observationOf(price: NamedPrice): PriceObservation {
  const identity = identifyModel(price.provider, price.model);
  const scope = [identity.scope, price.scope ?? ""].filter((part) => part !== "").join("/");
  return {
    provider: identity.provider,
    model: identity.model,
    scope,
    service_tier: price.service_tier ?? "standard",
    time_of_day: price.time_of_day ?? null,
    effective_ms: price.effective_ms ?? null,
    end_ms: price.end_ms ?? null,
    price_type: priceTypeOf(price.components),
    components: price.components,
    name: `${price.provider}/${price.listed_as ?? price.model}`,
    raw: price.raw,
  };
}

/** A name is in the key of an index, which PostgreSQL has 2,700 bytes for. */
const LONGEST_NAME = 512;

/** Whether a name can be kept by every database, and found again. */
const isName = (name: string): boolean =>
  name.length <= LONGEST_NAME && !/\p{Cc}/u.test(name) && name.isWellFormed();

const isKeptName = ({ provider, model }: { readonly provider: string; readonly model: string }): boolean =>
  isName(`${provider}/${model}`);

const isKept = (observation: PriceObservation): boolean =>
  isName(observation.name) && isKeptName(observation) && isName(observation.scope);

const hasTierBounds = ({ components }: PriceObservation): boolean =>
  components.every(({ above_input_tokens }) => Number.isSafeInteger(above_input_tokens));

const placeOf = ({ unit, above_input_tokens }: PriceComponent): string => `${unit} ${above_input_tokens}`;

/** What several prices of one model say together; undefined where they contradict each other, or one itself. */
function together(...prices: readonly (readonly PriceComponent[])[]): readonly PriceComponent[] | undefined {
  const known = new Map<string, PriceComponent>();
  for (const component of prices.flat()) {
    const place = placeOf(component);
    const before = known.get(place) ?? component;
    if (before.amount_femto_usd !== component.amount_femto_usd) return undefined;
    known.set(place, before);
  }
  return [...known.values()];
}

/**
 * Makes one observation of each thing and instant. Several that do not contradict each other are put together; where
 * they do, the first is kept and the others are set aside with both prices, because nobody knows which one is right.
 * One that names two prices for the same units is set aside as `contradicts_itself`, and one that no database could
 * keep as `unreadable_row`.
 */
export function oneOfEach(observations: readonly PriceObservation[]): {
  readonly observations: readonly PriceObservation[];
  readonly set_aside: readonly SetAside[];
} {
  const kept = new Map<string, PriceObservation>();
  const set_aside: SetAside[] = [];
  for (const observation of observations) {
    const { name } = observation;
    if (!isKept(observation)) {
      const detail = `its name is longer than ${LONGEST_NAME} characters, or has some that are no text`;
      set_aside.push({ name: excerptOf(name), reason: "unreadable_row", detail });
      continue;
    }
    if (!hasTierBounds(observation)) {
      set_aside.push({ name, reason: "unreadable_row", detail: "it has a context tier beyond all sense" });
      continue;
    }
    const place = `${pricedThingKey(observation)}\n${observation.effective_ms ?? ""}`;
    const first = kept.get(place);
    const said = `it costs ${componentsFingerprint(observation.components)} (femto-USD)`;
    const own = together(observation.components);
    const components = together(first?.components ?? [], own ?? []);
    if (own === undefined) {
      set_aside.push({ name, reason: "contradicts_itself", detail: said });
    } else if (components !== undefined) {
      kept.set(place, { ...(first ?? observation), components });
    } else if (first !== undefined) {
      const before = componentsFingerprint(first.components);
      const detail = `${said}, but ${first.name} is the same model and costs ${before}`;
      set_aside.push({ name, reason: "duplicate_differs", detail });
    }
  }
  return { observations: [...kept.values()], set_aside };
}

/** A whole reading; EMPTY where nothing in it has a price. */
export function readingOf(
  observations: readonly PriceObservation[],
  set_aside: readonly SetAside[],
  more: Partial<Pick<SourceReading, "aliases" | "capabilities">> = {},
): SourceOutcome {
  const unique = oneOfEach(observations);
  if (unique.observations.length === 0) return fault("EMPTY", "There is no row with a price in it.");
  return {
    ok: true,
    reading: {
      observations: unique.observations,
      set_aside: [...set_aside, ...unique.set_aside],
      aliases: (more.aliases ?? []).filter((alias) => isKeptName(alias) && isName(alias.alias)),
      capabilities: (more.capabilities ?? []).filter(isKeptName),
    },
  };
}

export const fault = (code: SourceFault, detail: string): SourceOutcome => ({
  ok: false,
  fault: code,
  detail,
});

export type JsonObject = Readonly<Record<string, JsonValue>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const LONGEST_EXCERPT = 60;

/** The beginning of a text, fit for a message. */
export const excerptOf = (text: string): string =>
  JSON.stringify(text.length > LONGEST_EXCERPT ? `${text.slice(0, LONGEST_EXCERPT)}…` : text);

/** What a JSON value is, in a word, for a message. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

/** Far more than any list of prices has. */
const MOST_LEVELS = 100;

/** Whether a value can be walked through and written again: each of its levels takes a part of the stack. */
const isWithinLevels = (value: JsonValue, levels = MOST_LEVELS): boolean =>
  typeof value !== "object" ||
  value === null ||
  (levels > 0 && Object.values(value).every((one: JsonValue) => isWithinLevels(one, levels - 1)));

/** Parses JSON; NOT_READABLE where the text is none, or is nested too deeply. */
export function parseJson(
  text: string,
):
  { readonly ok: true; readonly value: JsonValue } | { readonly ok: false; readonly outcome: SourceOutcome } {
  try {
    const value = JSON.parse(text) as JsonValue;
    if (isWithinLevels(value)) return { ok: true, value };
    const detail = `It is JSON with more than ${MOST_LEVELS} levels.`;
    return { ok: false, outcome: fault("NOT_READABLE", detail) };
  } catch {
    const detail = `It is not JSON, and begins with ${excerptOf(text)}.`;
    return { ok: false, outcome: fault("NOT_READABLE", detail) };
  }
}

/** A whole number above 0; null where a source says anything else. */
export const countOrNull = (value: unknown): number | null =>
  typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : null;

export const booleanOrNull = (value: unknown): boolean | null => (typeof value === "boolean" ? value : null);

/** Names of models that say that they are free. A price of 0 for any other may be a subscription's, or unknown. */
export const isNamedFree = (model: string): boolean => /[:-]free$/.test(model) && !isMovingAlias(model);
