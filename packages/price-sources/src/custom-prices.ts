import {
  SERVICE_TIERS,
  canonicalProvider,
  identifyModel,
  isUsageUnit,
  modelKey,
  pricedThingKey,
  type Markup,
  type PriceComponent,
  type PriceObservation,
  type ServiceTier,
  type TimeOfDay,
  type UsageUnit,
} from "@budget/domain";
import {
  decimalIn,
  optional,
  readItems,
  readText,
  type DecimalRange,
  type Fields,
  type OperatorFile,
  type Place,
} from "./operator-file.ts";
import { observationOf, startOfDay } from "./reading.ts";

const FEMTO_SCALE = 15;
/** USD for a million units are as many femto-USD for one as USD for one unit with six decimals fewer. */
const FEMTO_SCALE_PER_MILLION = 9;
const LARGEST_FEMTO_USD = 2n ** 63n - 1n;
const PPM = 1_000_000n;
/** With four decimals a percentage is a whole number of millionths. */
const PERCENT_DECIMALS = 4;
const LEAST_MARKUP_PPM = -990_000n;
const LARGEST_MARKUP_PPM = 10n * PPM;
const LARGEST_CONTEXT = 1_000_000_000_000n;

const PRICE_WORDS = "from 0 to 9223 USD for one unit";
const PER_UNIT: DecimalRange = { scale: FEMTO_SCALE, least: 0n, most: LARGEST_FEMTO_USD, words: PRICE_WORDS };
const PER_MILLION: DecimalRange = { ...PER_UNIT, scale: FEMTO_SCALE_PER_MILLION };
const PERCENT: DecimalRange = {
  scale: PERCENT_DECIMALS,
  least: LEAST_MARKUP_PPM,
  most: LARGEST_MARKUP_PPM,
  words: "from -99 to 1000",
};
const CONTEXT: DecimalRange = {
  scale: 0,
  least: 0n,
  most: LARGEST_CONTEXT,
  words: `a whole number from 0 to ${LARGEST_CONTEXT}`,
};

const TIME_OF_DAY = /^((?:[01]\d|2[0-3]):[0-5]\d)(:[0-5]\d)?$/;

function readTime(file: OperatorFile, place: Place): string | null {
  const text = file.text(place);
  if (text === null) return null;
  const [, minute, second = ":00"] = TIME_OF_DAY.exec(text) ?? [];
  if (minute !== undefined) return minute + second;
  return file.wrong(place, `It is ${text}; it must be a time in UTC such as 16:30.`);
}

function readTimeOfDay(file: OperatorFile, place: Place): TimeOfDay | null {
  const fields = file.fields(place, ["start", "end"], ["start", "end"]);
  const start = optional(file, fields, "start", readTime);
  const end = optional(file, fields, "end", readTime);
  if (start === undefined || end === undefined) return null;
  return start === end ? file.wrong(place, "It has no hours: start and end are the same.") : { start, end };
}

const INSTANT = /^(\d{4}-\d{2}-\d{2})T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/;

/** A day, from midnight in UTC, or an instant with its offset. */
function readInstant(file: OperatorFile, place: Place): number | null {
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

function readUnit(file: OperatorFile, place: Place): UsageUnit | null {
  const text = file.text(place);
  if (text === null || isUsageUnit(text)) return text;
  return file.wrong(place, `It is ${text}; it must be a unit such as input_tokens or cache_read_tokens.`);
}

function readComponent(file: OperatorFile, place: Place): readonly PlacedComponent[] {
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

function readFlatFields(file: OperatorFile, fields: Fields): readonly PlacedComponent[] {
  return Object.entries(FLAT_FIELDS).flatMap(([name, unit]) => {
    const place = fields.get(name);
    const amount_femto_usd = optional(file, fields, name, decimalIn(PER_MILLION));
    if (place === undefined || amount_femto_usd === undefined) return [];
    return [{ place, component: { unit, amount_femto_usd, above_input_tokens: 0 } }];
  });
}

function readComponents(file: OperatorFile, fields: Fields): readonly PriceComponent[] {
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

const readServiceTier = (file: OperatorFile, place: Place): ServiceTier | null =>
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

function readPrice(file: OperatorFile, place: Place): PriceObservation | null {
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

function readMarkup(file: OperatorFile, place: Place): Markup | null {
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

const priceKey = (price: PriceObservation): string => `${pricedThingKey(price)}\n${price.effective_ms ?? ""}`;
const markupKey = ({ provider, model }: Markup): string =>
  model === null ? provider : modelKey({ provider, model });

/** Reads the list of prices. */
export const readPrices = (file: OperatorFile, list: Place | undefined): readonly PriceObservation[] =>
  readItems(file, list, readPrice, priceKey);

/** Reads the list of markups. */
export const readMarkups = (file: OperatorFile, list: Place | undefined): readonly Markup[] =>
  readItems(file, list, readMarkup, markupKey);
