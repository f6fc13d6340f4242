import {
  costOfTokens,
  costOfTokensAtDearest,
  type NanoUsd,
  type ProviderPricing,
  type RequestDimensions,
} from "@budget/domain";
import type { Catalog } from "./catalog.ts";

/** The price in force for a request; undefined where it names no model, or nobody knows one. */
export function priceOf(
  catalog: Catalog,
  { provider, model }: Pick<RequestDimensions, "provider" | "model">,
  now_ms: number,
): ProviderPricing | undefined {
  if (provider === null || model === null) return undefined;
  return catalog.prices.find(provider, model, now_ms)?.price;
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
