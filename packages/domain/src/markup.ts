import { divideHalfEven } from "./money.ts";
import { canonicalProvider, modelKey } from "./price-names.ts";
import type { PricedThing } from "./price-monitoring.ts";
import type { PriceComponent, ProviderPricing } from "./price.ts";

/** What the operator adds to the prices of a provider, or takes off. */
export interface Markup {
  readonly provider: string;
  /** Null for all models of the provider that have no markup of their own. */
  readonly model: string | null;
  /** Millionths, from -990,000 to 10,000,000; 125,000 makes prices 12.5 % dearer. */
  readonly markup_ppm: number;
}

const PPM = 1_000_000n;

/**
 * Prices with a markup, each rounded half-even to a femto-USD.
 *
 * @param markup_ppm millionths, above -1,000,000
 */
export function withMarkup(
  components: readonly PriceComponent[],
  markup_ppm: number,
): readonly PriceComponent[] {
  if (markup_ppm === 0) return components;
  const factor_ppm = PPM + BigInt(markup_ppm);
  return components.map((component) => ({
    ...component,
    amount_femto_usd: divideHalfEven(component.amount_femto_usd * factor_ppm, PPM),
  }));
}

/** What a provider asks for where the operator's markup is part of the price. */
export function withoutMarkup({
  components,
  markup_ppm,
}: Pick<ProviderPricing, "components" | "markup_ppm">): readonly PriceComponent[] {
  if (markup_ppm === 0) return components;
  const factor_ppm = PPM + BigInt(markup_ppm);
  return components.map((component) => ({
    ...component,
    amount_femto_usd: divideHalfEven(component.amount_femto_usd * PPM, factor_ppm),
  }));
}

/** Finds the markup of a thing in millionths: its model's own, else its provider's, else 0. */
export function createMarkups(markups: readonly Markup[]): (thing: PricedThing) => number {
  const ofModels = new Map<string, number>();
  const ofProviders = new Map<string, number>();
  for (const { provider, model, markup_ppm } of markups) {
    if (model === null) ofProviders.set(provider, markup_ppm);
    else ofModels.set(modelKey({ provider, model }), markup_ppm);
  }
  if (markups.length === 0) return () => 0;
  return (thing) => ofModels.get(modelKey(thing)) ?? ofProviders.get(canonicalProvider(thing.provider)) ?? 0;
}
