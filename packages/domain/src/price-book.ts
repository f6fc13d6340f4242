import { costOfTokens } from "./cost-of-usage.ts";
import { familyOf } from "./model-names.ts";
import type { NanoUsd } from "./money.ts";
import type { Alternative } from "./outcome.ts";
import { normaliseName, SHARED_TENANT_ID, type ProviderPricing, type TimeOfDay } from "./price.ts";
import { dimensionsOf } from "./usage.ts";

/** A price, and how the name that was asked for led to it. */
export interface PriceMatch {
  readonly price: ProviderPricing;
  /** `family`: the model is a dated one without prices of its own, and this is the price of its undated name. */
  readonly matched_by: "exact" | "family";
}

/** The prices of one tenant and the shared ones. It never changes; a new one is made where prices do. */
export interface PriceBook {
  /**
   * The price in force. A tenant's own price goes before a shared one, one for hours of the day before an all-day one,
   * then the later one. Names are compared trimmed and without regard to case. Only the service tier `standard` is
   * looked at.
   */
  find(provider: string, model: string, at_ms: number): PriceMatch | undefined;
  /** Every price of exactly this model, of any service tier, oldest first. */
  history(provider: string, model: string): readonly ProviderPricing[];
  /** Every price, by provider, model and time. */
  list(): readonly ProviderPricing[];
  /**
   * Up to 3 models of the same provider that cost less for the same tokens, the cheapest first: of those that cost the
   * same one, and none that is free, has no price for what the model prices, or puts out what the model does not.
   */
  cheaperAlternatives(
    provider: string,
    model: string,
    tokens: TokenCounts,
    at_ms: number,
  ): readonly Alternative[];
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
const STANDARD = "standard";

const keyOf = (provider: string, model: string): string =>
  `${normaliseName(provider)}\n${normaliseName(model)}`;

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

const isInForce = (price: ProviderPricing, at_ms: number): boolean =>
  price.effective_ms <= at_ms &&
  (price.end_ms === null || at_ms < price.end_ms) &&
  (price.time_of_day === null || isWithinHours(price.time_of_day, at_ms));

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Which of two prices in force is applied: a negative number for the first. */
function precedence(a: ProviderPricing, b: ProviderPricing): number {
  return (
    Number(a.tenant_id === SHARED_TENANT_ID) - Number(b.tenant_id === SHARED_TENANT_ID) ||
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

/** The prices of one model, and the last answer with the span of time that it stays right in. */
interface Shelf {
  readonly prices: ProviderPricing[];
  readonly applicable: ProviderPricing[];
  answer: ProviderPricing | undefined;
  from_ms: number;
  until_ms: number;
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

function priceAt(shelf: Shelf, at_ms: number): ProviderPricing | undefined {
  if (at_ms < shelf.from_ms || at_ms >= shelf.until_ms) {
    [shelf.from_ms, shelf.until_ms] = spanAround(shelf.applicable, at_ms);
    shelf.answer = shelf.applicable.find((price) => isInForce(price, at_ms));
  }
  return shelf.answer;
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
function mayStandInFor(candidate: ProviderPricing, model: ProviderPricing): boolean {
  const outputs = otherOutputs(model);
  return (
    ["input_tokens", "output_tokens"].every((unit) => hasUnit(candidate, unit) || !hasUnit(model, unit)) &&
    [...otherOutputs(candidate)].every((output) => outputs.has(output))
  );
}

/**
 * Indexes prices by provider and model.
 * @param prices those of one tenant and the shared ones, in any order; `rejected` ones are listed, and never applied
 */
export function createPriceBook(prices: readonly ProviderPricing[]): PriceBook {
  const shelves = new Map<string, Shelf>();
  const shelvesOfProvider = new Map<string, Shelf[]>();
  for (const price of prices) {
    const key = keyOf(price.provider, price.model);
    let shelf = shelves.get(key);
    if (!shelf) {
      shelf = { prices: [], applicable: [], answer: undefined, from_ms: Infinity, until_ms: -Infinity };
      shelves.set(key, shelf);
      const provider = normaliseName(price.provider);
      const others = shelvesOfProvider.get(provider);
      if (others) others.push(shelf);
      else shelvesOfProvider.set(provider, [shelf]);
    }
    shelf.prices.push(price);
    if (price.service_tier === STANDARD && price.status !== "rejected") shelf.applicable.push(price);
  }
  for (const shelf of shelves.values()) {
    shelf.prices.sort(byTime);
    shelf.applicable.sort(precedence);
  }
  const listed = [...shelves.entries()]
    .sort(([a], [b]) => compareText(a, b))
    .flatMap(([, shelf]) => shelf.prices);

  function find(provider: string, model: string, at_ms: number): PriceMatch | undefined {
    const shelf = shelves.get(keyOf(provider, model));
    if (shelf) {
      const price = priceAt(shelf, at_ms);
      return price && { price, matched_by: "exact" };
    }
    const family = familyOf(normaliseName(model));
    const familyShelf = family === undefined ? undefined : shelves.get(keyOf(provider, family));
    const price = familyShelf && priceAt(familyShelf, at_ms);
    return price && { price, matched_by: "family" };
  }

  const rankings = new Map<string, Ranking>();

  /** The models of a provider that may stand in for one, cheapest first for a call of middling size. */
  function standInsFor(current: ProviderPricing, at_ms: number): readonly ProviderPricing[] {
    const known = rankings.get(current.pricing_id);
    if (known !== undefined && at_ms >= known.from_ms && at_ms < known.until_ms) return known.prices;
    const cost = costIfKnown(current, MIDDLING_CALL);
    const cheapestOfCost = new Map<bigint, ProviderPricing>();
    for (const shelf of shelvesOfProvider.get(normaliseName(current.provider)) ?? []) {
      const price = priceAt(shelf, at_ms);
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
    history: (provider, model) => shelves.get(keyOf(provider, model))?.prices.slice() ?? [],
    list: () => listed,
    cheaperAlternatives(provider, model, tokens, at_ms) {
      const current = find(provider, model, at_ms)?.price;
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
  };
}

/** The cost of some tokens, and 0 where the price does not say it. */
function costIfKnown(price: ProviderPricing, { input_tokens, output_tokens }: TokenCounts): NanoUsd {
  return costOfTokens(price, input_tokens, output_tokens) ?? 0n;
}

const byNameLength = (a: ProviderPricing, b: ProviderPricing): number =>
  a.model.length - b.model.length || compareText(a.model, b.model);
