import {
  type JsonValue,
  type ModelCapabilities,
  type PriceComponent,
  type PriceObservation,
  type ServiceTier,
  type SetAside,
  type SourceOutcome,
  identifyModel,
} from "@budget/domain";
import { isCostField, mappedField, SET_ASIDE_FIELDS, STRUCTURED_FIELDS } from "./litellm-fields.ts";
import {
  booleanOrNull,
  countOrNull,
  fault,
  isNamedFree,
  isObject,
  kindOf,
  observationOf,
  parseJson,
  readAmount,
  readingOf,
  type JsonObject,
} from "./reading.ts";

/** The row that explains the others. */
const SAMPLE = "sample_spec";
const PER_MILLION_PPM = 1_000_000n;

/** One row of the map, and what is set aside of it. */
interface Entry {
  readonly key: string;
  readonly provider: string;
  readonly row: JsonObject;
  readonly setAside: (reason: string, detail: string) => void;
}

type Tiers = Map<ServiceTier, PriceComponent[]>;

/** Adds what a field says; where another one said it already, with another amount, the first amount stays. */
function addTo(
  { setAside }: Entry,
  tiers: Tiers,
  field: string,
  service_tier: ServiceTier,
  component: PriceComponent,
): void {
  const { unit, amount_femto_usd, above_input_tokens } = component;
  const components = tiers.get(service_tier) ?? [];
  const first = components.find(
    (other) => other.unit === unit && other.above_input_tokens === above_input_tokens,
  );
  if (first === undefined) {
    tiers.set(service_tier, [...components, component]);
  } else if (first.amount_femto_usd !== amount_femto_usd) {
    const other = `another field says ${first.amount_femto_usd} for ${unit}`;
    setAside("contradicts_itself", `${field} says ${amount_femto_usd} (femto-USD), but ${other}`);
  }
}

/** Reads the fields that hold one amount each. */
function readFields(entry: Entry, tiers: Tiers): void {
  for (const [field, amount] of Object.entries(entry.row)) {
    if (!isCostField(field) || amount === null || (STRUCTURED_FIELDS as readonly string[]).includes(field))
      continue;
    const why = SET_ASIDE_FIELDS[field];
    const mapped = mappedField(field);
    if (why !== undefined) {
      entry.setAside("field_set_aside", `${field} ${why}`);
    } else if (mapped === undefined) {
      entry.setAside("unknown_field", `${field} is ${JSON.stringify(amount)}`);
    } else {
      const amount_femto_usd = readAmount(amount);
      if (amount_femto_usd === undefined) {
        entry.setAside("unreadable_amount", `${field} is ${JSON.stringify(amount)}`);
      } else {
        const { unit, above_input_tokens, service_tier } = mapped;
        addTo(entry, tiers, field, service_tier, { unit, amount_femto_usd, above_input_tokens });
      }
    }
  }
}

/** Reads `tiered_pricing`: amounts for spans of input tokens, the first of which begins at 0. */
function readTieredPricing(entry: Entry, tiers: Tiers): void {
  const spans = entry.row.tiered_pricing;
  if (spans === undefined) return;
  if (!Array.isArray(spans)) {
    entry.setAside("unreadable_amount", `tiered_pricing is ${kindOf(spans)}`);
    return;
  }
  for (const span of spans as readonly JsonValue[]) {
    const range = isObject(span) && Array.isArray(span.range) ? (span.range as readonly JsonValue[]) : [];
    const [from] = range;
    if (!isObject(span) || typeof from !== "number" || !Number.isSafeInteger(from) || from < 0) {
      entry.setAside("unreadable_amount", `a span of tiered_pricing is ${JSON.stringify(span)}`);
      continue;
    }
    for (const [field, amount] of Object.entries(span)) {
      if (!isCostField(field)) continue;
      const mapped = mappedField(field);
      const amount_femto_usd = readAmount(amount);
      if (mapped === undefined || amount_femto_usd === undefined) {
        entry.setAside("unknown_field", `${field} in tiered_pricing is ${JSON.stringify(amount)}`);
      } else {
        const { unit, service_tier } = mapped;
        const spanned = `${field} in tiered_pricing`;
        addTo(entry, tiers, spanned, service_tier, { unit, amount_femto_usd, above_input_tokens: from });
      }
    }
  }
}

/** Reads `search_context_cost_per_query`: a search costs by how much context it fetches, which no usage says. */
function readSearches(entry: Entry, tiers: Tiers): void {
  const field = "search_context_cost_per_query";
  const sizes = entry.row[field];
  if (sizes === undefined) return;
  const amounts = isObject(sizes)
    ? Object.entries(sizes).map(([size, amount]) => [size, readAmount(amount)] as const)
    : [];
  const medium = amounts.find(([size]) => size === "search_context_size_medium")?.[1];
  if (medium === undefined) {
    entry.setAside("unreadable_amount", `${field} is ${JSON.stringify(sizes)}`);
    return;
  }
  const search = { unit: "web_searches", amount_femto_usd: medium, above_input_tokens: 0 } as const;
  addTo(entry, tiers, field, "standard", search);
  for (const [size, amount] of amounts) {
    if (amount !== medium)
      entry.setAside("field_set_aside", `${size} differs from the medium one, which is charged`);
  }
}

/** A price times a factor such as 1.1, exactly; undefined where a factor is no decimal number above 0. */
function scaled(
  components: readonly PriceComponent[],
  factor: JsonValue,
): readonly PriceComponent[] | undefined {
  // A factor of 1 million is read as femto-USD of a million dollars; only its digits matter here.
  const femto = readAmount(factor);
  if (femto === undefined || femto <= 0n) return undefined;
  const factor_ppm = femto / 1_000_000_000n;
  if (factor_ppm * 1_000_000_000n !== femto) return undefined;
  const exact = components.every(
    ({ amount_femto_usd }) => (amount_femto_usd * factor_ppm) % PER_MILLION_PPM === 0n,
  );
  if (!exact) return undefined;
  return components.map((component) => ({
    ...component,
    amount_femto_usd: (component.amount_femto_usd * factor_ppm) / PER_MILLION_PPM,
  }));
}

interface Derived {
  readonly scope: string;
  readonly service_tier: ServiceTier;
  readonly field: string;
  readonly factor: JsonValue;
}

/** The prices that the map gives as a factor of the standard one: regions, and the fast mode. */
function derivedPrices({ row, setAside }: Entry): readonly Derived[] {
  const derived: Derived[] = [];
  for (const scope of ["eu", "us"]) {
    const field = `regional_processing_uplift_multiplier_${scope}`;
    const factor = row[field];
    if (factor !== undefined) derived.push({ scope, service_tier: "standard", field, factor });
  }
  const factors = isObject(row.provider_specific_entry) ? row.provider_specific_entry : {};
  for (const [name, factor] of Object.entries(factors)) {
    const field = `provider_specific_entry.${name}`;
    if (typeof factor !== "number") continue;
    if (name === "fast") derived.push({ scope: "", service_tier: "fast", field, factor });
    else if (/^[a-z]{2}$/.test(name)) derived.push({ scope: name, service_tier: "standard", field, factor });
    else setAside("unknown_field", `${field} is ${factor}`);
  }
  return derived;
}

/** Searches cost the same wherever and however fast a model answers. */
const isScaled = ({ unit }: PriceComponent): boolean => unit !== "web_searches";

/** Servers that run on their user's own machine, so that nobody asks money for them. */
const LOCAL_SERVERS: ReadonlySet<string> = new Set(["ollama", "lemonade"]);

/** Whether a row means it where all that it names costs 0. */
function isMeantFree({ key, provider, row }: Entry): boolean {
  const model = key.toLowerCase();
  const isLocal = LOCAL_SERVERS.has(provider) && !model.endsWith("-cloud");
  return isLocal || isNamedFree(model) || row.mode === "moderation";
}

/** Takes out the tiers that cost 0 only because nobody wrote their price down: most rows of 0 are for models sold. */
function withoutUnmeantZeros(entry: Entry, tiers: Tiers): Tiers {
  const priced: Tiers = new Map();
  for (const [service_tier, components] of tiers) {
    const isZero = components.every(({ amount_femto_usd }) => amount_femto_usd === 0n);
    if (!isZero || isMeantFree(entry)) priced.set(service_tier, components);
    else entry.setAside("zero_price", `its ${service_tier} tier costs 0, and nothing says that it is free`);
  }
  return priced;
}

function readEntry(entry: Entry): readonly PriceObservation[] {
  const { key, provider, row } = entry;
  const said: Tiers = new Map();
  readFields(entry, said);
  readTieredPricing(entry, said);
  readSearches(entry, said);
  if (said.size === 0) entry.setAside("no_price", "it has no cost field that makes a price");
  const tiers = withoutUnmeantZeros(entry, said);
  const named = { provider, model: key, raw: row };
  const observations = [...tiers].map(([service_tier, components]) =>
    observationOf({ ...named, service_tier, components }),
  );
  const standard = (tiers.get("standard") ?? []).filter(isScaled);
  for (const { scope, service_tier, field, factor } of standard.length === 0 ? [] : derivedPrices(entry)) {
    const components = scaled(standard, factor);
    if (components === undefined)
      entry.setAside("unreadable_amount", `${field} is ${JSON.stringify(factor)}`);
    else observations.push(observationOf({ ...named, scope, service_tier, components }));
  }
  return observations;
}

function capabilitiesOf({ key, provider, row }: Entry): ModelCapabilities {
  const identity = identifyModel(provider, key);
  return {
    provider: identity.provider,
    model: identity.model,
    context_tokens: countOrNull(row.max_input_tokens) ?? countOrNull(row.max_tokens),
    max_output_tokens: countOrNull(row.max_output_tokens),
    tools: booleanOrNull(row.supports_function_calling),
    vision: booleanOrNull(row.supports_vision),
    reasoning: booleanOrNull(row.supports_reasoning),
  };
}

/** Keys without a routing prefix are the map's oldest, and of two keys of one model the better kept one. */
const byPrefixes = (a: string, b: string): number => a.split("/").length - b.split("/").length;

/**
 * Reads LiteLLM's map of prices (`model_prices_and_context_window.json`): USD for one unit. Every cost field is mapped to
 * a unit, a service tier and a context tier, or set aside with its reason; one that nobody knows is set aside as
 * `unknown_field`, and the rest of its row is read. A service tier knows the units that the map names for it and no
 * others. Of several keys of one model the one without a routing prefix is taken. A tier whose amounts are all 0 is set
 * aside as `zero_price`, unless the row says that it is free by its name, its mode (moderation) or its local server.
 */
export function readLiteLlm(text: string): SourceOutcome {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.outcome;
  if (!isObject(parsed.value))
    return fault("MISSING_REQUIRED", `It is ${kindOf(parsed.value)} and not a map of models.`);
  const set_aside: SetAside[] = [];
  const observations: PriceObservation[] = [];
  const capabilities = new Map<string, ModelCapabilities>();
  let unlike = 0;
  const keys = Object.keys(parsed.value).filter((key) => key !== SAMPLE);
  for (const key of keys.sort(byPrefixes)) {
    const row = parsed.value[key];
    const setAside = (reason: string, detail: string): void => {
      set_aside.push({ name: key, reason, detail });
    };
    if (!isObject(row) || typeof row.litellm_provider !== "string") {
      unlike += 1;
      setAside("no_provider", `its row is ${kindOf(row)} without a litellm_provider`);
      continue;
    }
    const entry: Entry = { key, provider: row.litellm_provider, row, setAside };
    observations.push(...readEntry(entry));
    const can = capabilitiesOf(entry);
    const name = `${can.provider}\n${can.model}`;
    if (!capabilities.has(name)) capabilities.set(name, can);
  }
  if (unlike * 2 > keys.length)
    return fault("MISSING_REQUIRED", `${unlike} of ${keys.length} rows have no litellm_provider.`);
  return readingOf(observations, set_aside, { capabilities: [...capabilities.values()] });
}
