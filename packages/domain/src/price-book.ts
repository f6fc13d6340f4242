import type { ServiceTier } from "./enums.ts";
import { costOfTokens } from "./cost-of-usage.ts";
import { familyOf } from "./model-names.ts";
import type { NanoUsd } from "./money.ts";
import type { Alternative } from "./outcome.ts";
import { identifyModel, modelKey, type ModelIdentity } from "./price-names.ts";
import type { ModelAlias } from "./price-observation.ts";
import { SHARED_TENANT_ID, type ProviderPricing, type TimeOfDay } from "./price.ts";
import { dimensionsOf } from "./usage.ts";

/** What a call is served by, as far as its price depends on it. */
export interface PriceTerms {
  /** The region or commitment, such as `us` or `us-east-1`; empty for the provider's general price. */
  readonly price_scope: string;
  readonly service_tier: ServiceTier;
}

export const STANDARD_TERMS: PriceTerms = { price_scope: "", service_tier: "standard" };

/** A price that is looked for. A scope in the model's name (`us.anthropic.claude…`) counts where none is named. */
export interface WantedPrice extends PriceTerms {
  readonly provider: string;
  readonly model: string;
}

/** A price, and how what was asked for led to it. */
export interface PriceMatch {
  readonly price: ProviderPricing;
  /**
   * `alias`: the name is moved from model to model, and this is the price of the one that it means now. `family`: the
   * model is a dated one without prices of its own, and this is the price of its undated name.
   */
  readonly matched_by: "exact" | "alias" | "family";
  /** In what the price is for something else than was asked for, because none is known for that: costs are estimates. */
  readonly stands_in: readonly (keyof PriceTerms)[];
}

/** The prices of one tenant and the shared ones. It never changes; a new one is made where prices do. */
export interface PriceBook {
  /**
   * The price in force. By the exact name, else by the model that an alias leads to, else by the name without its date.
   * Of a name's prices the one for the service tier asked for, else the standard one; of these the one for the scope,
   * else the one for all regions, else the general one. A tenant's own price goes before a shared one, then one that a
   * person decided before others, one for hours of the day before an all-day one, and the later one. Names are compared
   * by `modelKey`.
   * @param hours_ms an instant at the hour of the day that is meant; `at_ms` where it is left out
   */
  find(wanted: WantedPrice, at_ms: number, hours_ms?: number): PriceMatch | undefined;
  /** Every price of exactly this model, of any scope and service tier, oldest first. */
  history(provider: string, model: string): readonly ProviderPricing[];
  /**
   * Up to 3 models of the same provider that cost less for the same tokens on the same terms, the cheapest first: of
   * those that cost the same one, and none that is free, has no price for what the model prices, or puts out what the
   * model does not.
   */
  cheaperAlternatives(wanted: WantedPrice, tokens: TokenCounts, at_ms: number): readonly Alternative[];
  /** The general price of every model, at the standard tier. */
  generalPrices(at_ms: number): readonly ProviderPricing[];
  /**
   * A book with prices added or changed, told apart by their ids, and aliases added or led elsewhere. What did not change
   * is shared with this one, so it takes far less time than a new one.
   */
  withChanges(prices: readonly ProviderPricing[], aliases: readonly ModelAlias[]): PriceBook;
}

/** Tokens of a call, 0 or more, whole. */
export interface TokenCounts {
  readonly input_tokens: number;
  readonly output_tokens: number;
}

const MOST_ALTERNATIVES = 3;
/** Costs of a call are worked out for so many of the models that are cheaper for a middling one. */
const MOST_RANKED = 10;
const MIDDLING_CALL: TokenCounts = { input_tokens: 1000, output_tokens: 1000 };
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
/** As many names as a book remembers the way to; beyond them it forgets all and begins anew. */
const MOST_REMEMBERED = 10_000;
/** Scopes that a price for all regions is meant for. */
const REGION = /^(us|eu|apac|au|jp|ca|sa)$/;
const ANY_REGION = "regional";

function msOfDay(clock: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = clock.split(":").map(Number);
  return ((hours * 60 + minutes) * 60 + seconds) * 1000;
}

function isWithinHours({ start, end }: TimeOfDay, at_ms: number): boolean {
  const now = at_ms % DAY_MS;
  const from = msOfDay(start);
  const until = msOfDay(end);
  return until < from ? now >= from || now < until : now >= from && now < until;
}

const isInForce = (price: ProviderPricing, at_ms: number, hours_ms: number): boolean =>
  price.effective_ms <= at_ms &&
  (price.end_ms === null || at_ms < price.end_ms) &&
  (price.time_of_day === null || isWithinHours(price.time_of_day, hours_ms));

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Which of two prices in force is applied: a negative number for the first. */
function precedence(a: ProviderPricing, b: ProviderPricing): number {
  return (
    Number(a.tenant_id === SHARED_TENANT_ID) - Number(b.tenant_id === SHARED_TENANT_ID) ||
    // What a person decided for all day is meant for the hours, too, that a source has a price of its own for.
    Number(a.status !== "manual") - Number(b.status !== "manual") ||
    Number(a.time_of_day === null) - Number(b.time_of_day === null) ||
    b.effective_ms - a.effective_ms ||
    b.created_at_ms - a.created_at_ms ||
    compareText(b.pricing_id, a.pricing_id)
  );
}

const byTime = (a: ProviderPricing, b: ProviderPricing): number =>
  a.effective_ms - b.effective_ms ||
  a.created_at_ms - b.created_at_ms ||
  compareText(a.pricing_id, b.pricing_id);

/** The prices of one model on one set of terms, and the last answer with the span of time that it stays right in. */
interface Section {
  readonly prices: readonly ProviderPricing[];
  answer: ProviderPricing | undefined;
  from_ms: number;
  until_ms: number;
}

/** The prices of one model. */
interface Shelf {
  readonly provider: string;
  /** Oldest first. */
  readonly prices: readonly ProviderPricing[];
  readonly sections: ReadonlyMap<string, Section>;
}

const sectionKey = ({ price_scope, service_tier }: PriceTerms): string => `${service_tier} ${price_scope}`;

/** A price from before names were read knows its scope by its model's name only. */
const scopeOf = (price: ProviderPricing): string =>
  price.scope === "" ? identifyModel(price.provider, price.model).scope : price.scope;

function shelfOf(prices: readonly ProviderPricing[]): Shelf {
  const sections = new Map<string, ProviderPricing[]>();
  for (const price of prices) {
    if (price.status === "rejected") continue;
    const key = sectionKey({ price_scope: scopeOf(price), service_tier: price.service_tier });
    const section = sections.get(key);
    if (section) section.push(price);
    else sections.set(key, [price]);
  }
  return {
    provider: identifyModel(prices[0]?.provider ?? "", "").provider,
    prices: [...prices].sort(byTime),
    sections: new Map(
      [...sections].map(([key, own]) => [
        key,
        { prices: own.sort(precedence), answer: undefined, from_ms: Infinity, until_ms: -Infinity },
      ]),
    ),
  };
}

/**
 * Models by their cost, and the hour that it was worked out for: a provider can have hundreds, and asking all of them
 * at every call near a limit would take milliseconds.
 */
interface Ranking {
  readonly prices: readonly ProviderPricing[];
  readonly from_ms: number;
  readonly until_ms: number;
}

/** The instants around one where a price may begin or cease to hold. */
function spanAround(prices: readonly ProviderPricing[], at_ms: number): readonly [number, number] {
  const midnight = at_ms - (at_ms % DAY_MS);
  let from = -Infinity;
  let until = Infinity;
  const turn = (instant: number): void => {
    if (instant <= at_ms) from = Math.max(from, instant);
    else until = Math.min(until, instant);
  };
  for (const { effective_ms, end_ms, time_of_day } of prices) {
    turn(effective_ms);
    if (end_ms !== null) turn(end_ms);
    if (time_of_day === null) continue;
    turn(midnight);
    turn(midnight + DAY_MS);
    turn(midnight + msOfDay(time_of_day.start));
    turn(midnight + msOfDay(time_of_day.end));
  }
  return [from, until];
}

function priceIn(
  shelf: Shelf,
  terms: PriceTerms,
  at_ms: number,
  hours_ms: number,
): ProviderPricing | undefined {
  const section = shelf.sections.get(sectionKey(terms));
  if (section === undefined) return undefined;
  if (hours_ms !== at_ms) return section.prices.find((price) => isInForce(price, at_ms, hours_ms));
  if (at_ms < section.from_ms || at_ms >= section.until_ms) {
    [section.from_ms, section.until_ms] = spanAround(section.prices, at_ms);
    section.answer = section.prices.find((price) => isInForce(price, at_ms, at_ms));
  }
  return section.answer;
}

/** Terms whose price is charged, the ones asked for first. A tier changes a price by more than a region does. */
function termsFor({ price_scope, service_tier }: PriceTerms): readonly PriceTerms[] {
  const scopes = [price_scope, ...(REGION.test(price_scope) ? [ANY_REGION] : []), ""];
  const tiers: readonly ServiceTier[] = [service_tier, "standard"];
  const all = tiers.flatMap((tier) => scopes.map((scope) => ({ price_scope: scope, service_tier: tier })));
  return all.filter(
    (terms, index) => all.findIndex((other) => sectionKey(other) === sectionKey(terms)) === index,
  );
}

/** The price for a name on some terms, and which of the terms it is not for. */
function priceOn(
  shelf: Shelf,
  wanted: PriceTerms,
  at_ms: number,
  hours_ms: number,
): Pick<PriceMatch, "price" | "stands_in"> | undefined {
  for (const terms of termsFor(wanted)) {
    const price = priceIn(shelf, terms, at_ms, hours_ms);
    if (price === undefined) continue;
    // A price for all regions is meant for each of them.
    const isScopes = terms.price_scope === wanted.price_scope || terms.price_scope === ANY_REGION;
    const isTiers = terms.service_tier === wanted.service_tier;
    return {
      price,
      stands_in: [
        ...(isScopes ? [] : ["price_scope" as const]),
        ...(isTiers ? [] : ["service_tier" as const]),
      ],
    };
  }
  return undefined;
}

/** What a model puts out besides text. */
function otherOutputs(price: ProviderPricing): ReadonlySet<string> {
  return new Set(
    price.components.flatMap(({ unit }) => {
      const { direction, modality = "text" } = dimensionsOf(unit);
      return direction === "output" && modality !== "text" ? [modality] : [];
    }),
  );
}

const hasUnit = (price: ProviderPricing, unit: string): boolean =>
  price.components.some((component) => component.unit === unit);

/** Whether one model may do the work of another, as far as their prices tell. */
export function mayStandInFor(candidate: ProviderPricing, model: ProviderPricing): boolean {
  const outputs = otherOutputs(model);
  return (
    ["input_tokens", "output_tokens"].every((unit) => hasUnit(candidate, unit) || !hasUnit(model, unit)) &&
    [...otherOutputs(candidate)].every((output) => outputs.has(output))
  );
}

type Shelves = ReadonlyMap<string, Shelf>;
/** Models by the keys of their aliases. */
type Aliases = ReadonlyMap<string, ModelAlias>;

/** The way from a name to its prices. */
interface Way {
  readonly shelf: Shelf;
  readonly matched_by: PriceMatch["matched_by"];
  readonly scope: string;
}

function wayTo(identity: ModelIdentity, shelves: Shelves, aliases: Aliases): Way | undefined {
  const { provider, model, scope } = identity;
  const key = modelKey(identity);
  const exact = shelves.get(key);
  if (exact) return { shelf: exact, matched_by: "exact", scope };
  const alias = aliases.get(key);
  const meant = alias && shelves.get(modelKey(alias));
  if (meant) return { shelf: meant, matched_by: "alias", scope };
  const family = familyOf(model);
  const shelf = family === undefined ? undefined : shelves.get(modelKey({ provider, model: family }));
  return shelf && { shelf, matched_by: "family", scope };
}

const EMPTY_BOOK = bookOf(new Map(), new Map());

/**
 * Indexes prices by provider and model.
 * @param prices those of one tenant and the shared ones, in any order; `rejected` ones are listed, and never applied
 */
export function createPriceBook(
  prices: readonly ProviderPricing[],
  aliases: readonly ModelAlias[] = [],
): PriceBook {
  return EMPTY_BOOK.withChanges(prices, aliases);
}

function withPrices(shelves: Shelves, prices: readonly ProviderPricing[]): Shelves {
  const changed = new Map<string, Map<string, ProviderPricing>>();
  for (const price of prices) {
    const key = modelKey(price);
    let own = changed.get(key);
    if (own === undefined) {
      own = new Map(shelves.get(key)?.prices.map((known) => [known.pricing_id, known]));
      changed.set(key, own);
    }
    own.set(price.pricing_id, price);
  }
  const all = new Map(shelves);
  for (const [key, own] of changed) all.set(key, shelfOf([...own.values()]));
  return all;
}

function bookOf(shelves: Shelves, aliases: Aliases): PriceBook {
  const ways = new Map<string, Way | null>();

  function remembered({ provider, model }: WantedPrice): Way | null {
    const name = `${provider}\n${model}`;
    const known = ways.get(name);
    if (known !== undefined) return known;
    const way = wayTo(identifyModel(provider, model), shelves, aliases) ?? null;
    if (ways.size >= MOST_REMEMBERED) ways.clear();
    ways.set(name, way);
    return way;
  }

  function find(wanted: WantedPrice, at_ms: number, hours_ms = at_ms): PriceMatch | undefined {
    const way = remembered(wanted);
    if (way === null) return undefined;
    const price_scope = wanted.price_scope === "" ? way.scope : wanted.price_scope;
    const found = priceOn(way.shelf, { price_scope, service_tier: wanted.service_tier }, at_ms, hours_ms);
    return found && { ...found, matched_by: way.matched_by };
  }

  const shelvesOfProvider = new Map<string, Shelf[]>();
  /** Sorted on first use: most books are replaced before anybody nears a limit. */
  function shelvesOf(provider: string): readonly Shelf[] {
    if (shelvesOfProvider.size === 0) {
      for (const shelf of shelves.values()) {
        const others = shelvesOfProvider.get(shelf.provider);
        if (others) others.push(shelf);
        else shelvesOfProvider.set(shelf.provider, [shelf]);
      }
    }
    return shelvesOfProvider.get(provider) ?? [];
  }

  const rankings = new Map<string, Ranking>();

  /** The models of a provider that may stand in for one, cheapest first for a call of middling size. */
  function standInsFor(current: ProviderPricing, at_ms: number): readonly ProviderPricing[] {
    const known = rankings.get(current.pricing_id);
    if (known !== undefined && at_ms >= known.from_ms && at_ms < known.until_ms) return known.prices;
    const cost = costIfKnown(current, MIDDLING_CALL);
    const cheapestOfCost = new Map<bigint, ProviderPricing>();
    const terms = { price_scope: scopeOf(current), service_tier: current.service_tier };
    for (const shelf of shelvesOf(identifyModel(current.provider, "").provider)) {
      const price = priceIn(shelf, terms, at_ms, at_ms);
      if (!price || !mayStandInFor(price, current)) continue;
      const other = costIfKnown(price, MIDDLING_CALL);
      if (other <= 0n || other >= cost) continue;
      // Names of one cost are mostly names of one model; the shortest is the one people know.
      const namesake = cheapestOfCost.get(other);
      if (namesake === undefined || byNameLength(price, namesake) < 0) cheapestOfCost.set(other, price);
    }
    const prices = [...cheapestOfCost].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, price]) => price);
    const from_ms = at_ms - (at_ms % HOUR_MS);
    rankings.set(current.pricing_id, {
      prices: prices.slice(0, MOST_RANKED),
      from_ms,
      until_ms: from_ms + HOUR_MS,
    });
    return rankings.get(current.pricing_id)?.prices ?? [];
  }

  return {
    find,
    history: (provider, model) => shelves.get(modelKey({ provider, model }))?.prices.slice() ?? [],
    cheaperAlternatives(wanted, tokens, at_ms) {
      const current = find(wanted, at_ms)?.price;
      if (!current) return [];
      const cost = costIfKnown(current, tokens);
      return standInsFor(current, at_ms)
        .map((price) => ({
          provider: price.provider,
          model: price.model,
          cost_nano_usd: costIfKnown(price, tokens),
        }))
        .filter(({ cost_nano_usd }) => cost_nano_usd > 0n && cost_nano_usd < cost)
        .sort((a, b) => (a.cost_nano_usd < b.cost_nano_usd ? -1 : 1))
        .slice(0, MOST_ALTERNATIVES);
    },
    generalPrices: (at_ms) =>
      [...shelves.values()].flatMap((shelf) => priceIn(shelf, STANDARD_TERMS, at_ms, at_ms) ?? []),
    withChanges(changed, moved) {
      const led = new Map(aliases);
      for (const alias of moved) led.set(modelKey({ provider: alias.provider, model: alias.alias }), alias);
      return bookOf(withPrices(shelves, changed), led);
    },
  };
}

/** The cost of some tokens, and 0 where the price does not say it. */
function costIfKnown(price: ProviderPricing, { input_tokens, output_tokens }: TokenCounts): NanoUsd {
  return costOfTokens(price, input_tokens, output_tokens) ?? 0n;
}

const byNameLength = (a: ProviderPricing, b: ProviderPricing): number =>
  a.model.length - b.model.length || compareText(a.model, b.model);
