import {
  divideHalfEven,
  familyOf,
  identifyModel,
  isMovingAlias,
  modelKey,
  isUsageUnit,
  normaliseName,
  parseDecimal,
  type FemtoUsd,
  type JsonValue,
  type ModelAlias,
  type ModelCapabilities,
  type ModelIdentity,
  type PriceComponent,
  type PriceDraft,
  type PriceObservation,
  type SetAside,
  type SourceReading,
  type TimeOfDay,
  type UsageUnit,
} from "@budget/domain";
import {
  waitForUpdate,
  type ConditionalPrice,
  type MatchLogic,
  type ModelInfo,
  type ModelPrice,
  type Provider,
} from "@pydantic/genai-prices";
import { countOrNull, oneOfEach, priceTypeOf } from "./reading.ts";

/** Where the prices are from; a test holds the version to that of the installed package. */
export const BUNDLED_CATALOGUE_SOURCE = "genai-prices@0.1.8";

/** The prices of the catalogue, and all that was left of it. */
export interface BundledCatalogue {
  readonly drafts: readonly PriceDraft[];
  readonly set_aside: readonly SetAside[];
}

/** How many units a price of the catalogue is for, by the end of its key. The units' table is not exported. */
const PER: readonly (readonly [suffix: string, per: bigint, unitSuffix: string])[] = [
  ["_mtok", 1_000_000n, "_tokens"],
  ["_mchars", 1_000_000n, "_characters"],
  ["_kcount", 1_000n, ""],
  ["_kpages", 1_000n, "_pages"],
  ["_gpixels", 1_000_000_000n, "_pixels"],
  ["_hours", 3_600n, "_seconds"],
];

/** The unit that a key of the catalogue prices, and how many of them: `input_mtok` is a million `input_tokens`. */
function readPriceKey(key: string): { readonly unit: UsageUnit; readonly per: bigint } | undefined {
  for (const [suffix, per, unitSuffix] of PER) {
    if (!key.endsWith(suffix)) continue;
    const unit = key.slice(0, -suffix.length) + unitSuffix;
    if (isUsageUnit(unit)) return { unit, per };
  }
  return undefined;
}

const FEMTO_SCALE = 15;

/** An amount for `per` units as femto-USD for one; only prices by the hour leave a rest, which is rounded half-even. */
function perUnit(amount: number, per: bigint): FemtoUsd {
  return divideHalfEven(parseDecimal(amount, FEMTO_SCALE, "half-even"), per);
}

/** Whether a matcher of the catalogue takes a name for its model. */
function isMatch(match: MatchLogic, name: string): boolean {
  if ("or" in match) return match.or.some((one) => isMatch(one, name));
  if ("and" in match) return match.and.every((one) => isMatch(one, name));
  if ("equals" in match) return name === match.equals;
  if ("starts_with" in match) return name.startsWith(match.starts_with);
  if ("ends_with" in match) return name.endsWith(match.ends_with);
  if ("contains" in match) return name.includes(match.contains);
  return new RegExp(match.regex).test(name);
}

/** The names that a matcher gives in full, and those that it gives the beginning of. */
function namesIn(match: MatchLogic): readonly string[] {
  if ("or" in match) return match.or.flatMap(namesIn);
  if ("equals" in match) return [match.equals];
  return "starts_with" in match && /[a-z0-9]$/i.test(match.starts_with) ? [match.starts_with] : [];
}

/**
 * The names that mean exactly this model: its id, what its matcher calls equal, and the bare beginning that all of its
 * dated names share (`claude-3-5-haiku` of `claude-3-5-haiku-20241022`), where the catalogue, asked for that beginning
 * alone, answers this model.
 */
function exactNames(model: ModelInfo, { models }: Provider): ReadonlySet<string> {
  const own = namesIn(model.match).filter(
    (name) => models.find(({ match }) => isMatch(match, name)) === model,
  );
  return new Set([model.id, ...own].map(normaliseName));
}

/** Two names with the same place have one price at any instant. */
const placeOf = (identity: ModelIdentity): string => `${modelKey(identity)}\n${identity.scope}`;

/** Whether a name is one that the seller moves from model to model, and that this model has for now. */
const isAliasOf = (model: ModelInfo, name: string): boolean =>
  isMovingAlias(name) && name !== normaliseName(model.id);

/** The matchers of a model that look at a part of a name. */
function fuzzyMatchers(match: MatchLogic): readonly string[] {
  if ("or" in match) return match.or.flatMap(fuzzyMatchers);
  return "equals" in match ? [] : [JSON.stringify(match)];
}

/** When a price of a model is in force, of several. */
interface Terms {
  readonly effective_ms: number;
  readonly end_ms: number | null;
  readonly time_of_day: TimeOfDay | null;
}

const UTC_TIME = /^(\d{2}:\d{2}:\d{2})Z$/;

function startOf({ constraint }: ConditionalPrice): number | null | undefined {
  if (constraint === undefined) return 0;
  if (constraint.type === "time_of_date") return null;
  const start = Date.parse(`${constraint.start_date}T00:00:00Z`);
  return Number.isNaN(start) ? undefined : start;
}

/**
 * When one of several prices holds. The catalogue reads them from the last to the first and takes the one whose
 * condition is met: so a price ends where a later one of the list begins, and hours of the day hold on all days.
 *
 * @returns undefined where its condition cannot be read
 */
function termsOf(prices: readonly ConditionalPrice[], index: number): Terms | undefined {
  const own = prices[index];
  const start = own && startOf(own);
  if (!own || start === undefined) return undefined;
  const laterStarts = prices.slice(index + 1).flatMap((price) => startOf(price) ?? []);
  const end_ms = laterStarts.length === 0 ? null : Math.min(...laterStarts);
  if (own.constraint?.type !== "time_of_date") return { effective_ms: start ?? 0, end_ms, time_of_day: null };
  const from = UTC_TIME.exec(own.constraint.start_time)?.[1];
  const until = UTC_TIME.exec(own.constraint.end_time)?.[1];
  if (from === undefined || until === undefined) return undefined;
  return { effective_ms: 0, end_ms, time_of_day: { start: from, end: until } };
}

/** A catalogue writes free models without any price. Where the name does not say so, it might as well be unknown. */
const isNamedFree = (model: string): boolean => model.endsWith(":free");
const FREE: readonly PriceComponent[] = (["input_tokens", "output_tokens"] as const).map((unit) => ({
  unit,
  amount_femto_usd: 0n,
  above_input_tokens: 0,
}));

/** Models whose seller charges a minimum for each request, which genai-prices keeps in its code and not in its data. */
const MINIMUM_SECONDS: ReadonlyMap<string, number> = new Map([
  ["groq/whisper-large-v3", 10],
  ["groq/whisper-large-v3-turbo", 10],
]);

type Report = (reason: string, detail: string) => void;

function readComponents(prices: ModelPrice, report: Report): readonly PriceComponent[] {
  const components: PriceComponent[] = [];
  for (const [key, price] of Object.entries(prices)) {
    if (price === undefined) continue;
    const read = readPriceKey(key);
    if (!read) {
      report("unknown_unit", key);
      continue;
    }
    const tiers =
      typeof price === "number" ? [{ start: 0, price }] : [{ start: 0, price: price.base }, ...price.tiers];
    for (const tier of tiers) {
      if (!(tier.price >= 0 && Number.isSafeInteger(tier.start) && tier.start >= 0)) {
        report("unreadable_amount", `${key}: ${JSON.stringify(tier)}`);
        continue;
      }
      components.push({
        unit: read.unit,
        amount_femto_usd: perUnit(tier.price, read.per),
        above_input_tokens: tier.start,
      });
    }
  }
  return components;
}

type UnnamedPrice = Omit<PriceDraft, "provider" | "model" | "scope" | "source" | "status" | "verified">;

function readModel(model: ModelInfo, report: Report): readonly UnnamedPrice[] {
  const prices = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }];
  return prices.flatMap((price, index) => {
    const terms = termsOf(prices, index);
    if (!terms) {
      report("unreadable_condition", JSON.stringify(price.constraint));
      return [];
    }
    if (terms.end_ms !== null && terms.end_ms <= terms.effective_ms) {
      report("never_in_force", JSON.stringify(price.constraint ?? null));
      return [];
    }
    const read = readComponents(price.prices, report);
    const components = read.length === 0 && isNamedFree(model.id) ? FREE : read;
    if (components.length === 0) {
      report("no_price", "neither a price nor a name that says that it is free");
      return [];
    }
    return [{ ...terms, price_type: priceTypeOf(components), service_tier: "standard", components }];
  });
}

/** A provider that sells another one's models names it, and the other's prices are its own where it has none. */
function lendersOf(provider: Provider, providers: readonly Provider[]): readonly Provider[] {
  return (provider.fallback_model_providers ?? []).flatMap(
    (id) => providers.find((lender) => lender.id === id) ?? [],
  );
}

/**
 * Reads a catalogue of genai-prices. Every exact name of a model gets prices of its own; matchers that look at a part
 * of a name are not followed, because they take one model for another. Where a provider takes over the models of
 * another one (Azure those of OpenAI), the other's prices are copied, and their source names it.
 *
 * @param providers the catalogue's data
 * @param source what the prices name as their source
 */
export function readCatalogue(providers: readonly Provider[], source: string): BundledCatalogue {
  const drafts: PriceDraft[] = [];
  const set_aside: SetAside[] = [];
  for (const provider of providers) {
    const setAside = (model: string, reason: string, detail: string): void => {
      set_aside.push({ name: `${provider.id}/${model}`, reason, detail });
    };
    const taken = new Map<string, string>();
    const offer = (
      model: ModelInfo,
      seller: Provider,
      unnamed: readonly UnnamedPrice[],
      draftSource: string,
    ): void => {
      const unproved = { source: draftSource, status: "provisional", verified: false } as const;
      for (const name of exactNames(model, seller)) {
        if (isAliasOf(model, name)) continue;
        const identity = identifyModel(provider.id, name);
        const place = placeOf(identity);
        const owner = taken.get(place);
        if (owner === undefined) {
          taken.set(place, model.id);
          drafts.push(...unnamed.map((price) => ({ ...price, ...identity, ...unproved })));
        } else if (owner !== model.id) {
          setAside(model.id, "name_taken", `${name} of ${draftSource} is a name of ${owner} already`);
        }
      }
    };
    for (const model of provider.models) {
      const report: Report = (reason, detail) => setAside(model.id, reason, detail);
      const fuzzy = fuzzyMatchers(model.match);
      if (fuzzy.length > 0) report("fuzzy_match", fuzzy.join(" "));
      const minimum = MINIMUM_SECONDS.get(`${provider.id}/${model.id}`);
      if (minimum !== undefined) report("minimum_not_priced", `${minimum} seconds for each request`);
      offer(model, provider, readModel(model, report), source);
    }
    const own = new Set(taken.keys());
    const isOwn = (name: string | undefined): boolean =>
      name !== undefined && own.has(placeOf(identifyModel(provider.id, name)));
    for (const lender of lendersOf(provider, providers)) {
      for (const model of lender.models) {
        const names = [...exactNames(model, lender)];
        const rival = names.find((name) => isOwn(name) || isOwn(familyOf(name)));
        if (rival === undefined) {
          // What is wrong with a borrowed model is said once, at the provider that it belongs to.
          offer(
            model,
            lender,
            readModel(model, () => undefined),
            `${source}/${lender.id}`,
          );
        } else {
          setAside(model.id, "name_taken", `${rival} of ${lender.id} has a price of its own here`);
        }
      }
    }
  }
  return { drafts, set_aside };
}

const UNKNOWN = { max_output_tokens: null, tools: null, vision: null, reasoning: null } as const;

/**
 * The catalogue as a source among others: what it says of its own models, and not what one provider takes over from
 * another. Names that move from model to model lead to the model that the catalogue has for them.
 */
export function readCatalogueAsSource(providers: readonly Provider[]): SourceReading {
  const observations: PriceObservation[] = [];
  const aliases: ModelAlias[] = [];
  const capabilities = new Map<string, ModelCapabilities>();
  const set_aside: SetAside[] = [];
  for (const provider of providers) {
    for (const model of provider.models) {
      const name = `${provider.id}/${model.id}`;
      const prices = readModel(model, (reason, detail) => set_aside.push({ name, reason, detail }));
      const raw = JSON.parse(JSON.stringify(model)) as JsonValue;
      for (const alias of exactNames(model, provider)) {
        const identity = identifyModel(provider.id, alias);
        if (isAliasOf(model, alias)) {
          const { model: target } = identifyModel(provider.id, model.id);
          aliases.push({ provider: identity.provider, alias: identity.model, model: target });
          continue;
        }
        observations.push(
          ...prices.map((price) => {
            // The catalogue does not say since when; a price of ours begins with the beginning of time.
            const effective_ms = price.effective_ms === 0 ? null : price.effective_ms;
            return { ...price, ...identity, effective_ms, name, raw };
          }),
        );
        const key = `${identity.provider}\n${identity.model}`;
        if (!capabilities.has(key)) {
          capabilities.set(key, {
            ...UNKNOWN,
            provider: identity.provider,
            model: identity.model,
            context_tokens: countOrNull(model.context_window),
          });
        }
      }
    }
  }
  const unique = oneOfEach(observations);
  return {
    observations: unique.observations,
    aliases,
    capabilities: [...capabilities.values()],
    set_aside: [...set_aside, ...unique.set_aside],
  };
}

/** Reads the catalogue that comes with the installed package `@pydantic/genai-prices`, without any network. */
export async function readBundledCatalogue(): Promise<BundledCatalogue> {
  const providers = await waitForUpdate();
  if (providers === null) throw new Error("genai-prices gives no data.");
  return readCatalogue(providers, BUNDLED_CATALOGUE_SOURCE);
}
