import {
  STANDARD_TERMS,
  costOfTokens,
  costOfTokensAtDearest,
  type NanoUsd,
  type PriceMatch,
  type PriceTerms,
  type ProviderPricing,
  type RequestDimensions,
  type UsageCost,
} from "@budget/domain";
import type { Catalog } from "./catalog.ts";

type Priced = Pick<RequestDimensions, "provider" | "model"> & PriceTerms;

/** What a request says of how its call is served; what it leaves out is the standard. */
export const termsOf = ({ service_tier, price_scope }: Partial<PriceTerms>): PriceTerms => ({
  service_tier: service_tier ?? STANDARD_TERMS.service_tier,
  price_scope: price_scope ?? STANDARD_TERMS.price_scope,
});

/** The price that usage is booked at; undefined where nobody knows one. */
export function priceOfUsage(
  catalog: Catalog,
  { provider, model, service_tier, price_scope }: Priced,
  now_ms: number,
): PriceMatch | undefined {
  if (provider === null || model === null) return undefined;
  return catalog.prices.find({ provider, model, service_tier, price_scope }, now_ms);
}

/**
 * Whether a price is too low to hold for: that of the standard tier stands in for `batch` and `flex`, which cost less,
 * but not for `priority` and `fast`, which cost more.
 */
export const isTooLow = ({ stands_in }: PriceMatch, { service_tier }: PriceTerms): boolean =>
  stands_in.includes("service_tier") && (service_tier === "priority" || service_tier === "fast");

/** A cost at a price that is for other terms than those asked for is an estimate in all its parts. */
export function estimatedBy({ stands_in }: PriceMatch, cost: UsageCost): UsageCost {
  if (stands_in.length === 0) return cost;
  return { ...cost, components: cost.components.map((component) => ({ ...component, estimated: true })) };
}

/** The price that a request is held at; undefined where it names no model, or nobody knows one that is high enough. */
export function priceOf(catalog: Catalog, request: Priced, now_ms: number): ProviderPricing | undefined {
  const match = priceOfUsage(catalog, request, now_ms);
  return match === undefined || isTooLow(match, request) ? undefined : match.price;
}

/**
 * What holding tokens costs: exact where the input is known, the rest being output; else every token at the dearest
 * token price of the model.
 */
export function estimateCost(
  price: ProviderPricing | undefined,
  tokens: number,
  input_tokens: number | undefined,
): NanoUsd | null {
  if (price === undefined) return null;
  if (input_tokens === undefined) return costOfTokensAtDearest(price, tokens);
  const input = Math.min(tokens, input_tokens);
  return costOfTokens(price, input, tokens - input);
}
