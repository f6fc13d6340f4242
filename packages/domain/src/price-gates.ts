import type { PriceComponent } from "./price.ts";
import { dimensionsOf, type UsageMeasure, type UsageUnit } from "./usage.ts";

/** Why a source's price for a model is not believed whatever other sources say. */
export const GATES = ["negative", "range", "inverted", "cache_above_input"] as const;
export type Gate = (typeof GATES)[number];

/**
 * What one costs at most: dearer is what wrong units look like. Tokens $1,000 a million, which is more than any model
 * there is; of the rest, ten times the dearest that sources say of real models.
 */
const DEAREST_FEMTO_USD: Readonly<Record<UsageMeasure, bigint>> = {
  token: 1_000_000_000_000n,
  character: 1_800_000_000_000n,
  second: 7_500_000_000_000_000n,
  pixel: 2_500_000_000n,
  image: 6_000_000_000_000_000n,
  page: 100_000_000_000_000n,
  message: 40_000_000_000_000n,
  request: 600_000_000_000_000n,
  rerank: 600_000_000_000_000n,
  tool_call: 350_000_000_000_000n,
};

type Amounts = ReadonlyMap<UsageUnit, bigint>;

const isOutOfRange = ({ unit, amount_femto_usd }: PriceComponent): boolean =>
  amount_femto_usd > DEAREST_FEMTO_USD[dimensionsOf(unit).measure];

/** Free output says that a model puts out no tokens, as those that embed do. */
function isInverted(amounts: Amounts): boolean {
  const input = amounts.get("input_tokens");
  const output = amounts.get("output_tokens");
  return input !== undefined && output !== undefined && output > 0n && output * 2n < input;
}

function isCacheAboveInput(amounts: Amounts): boolean {
  const input = amounts.get("input_tokens");
  const cached = amounts.get("cache_read_tokens");
  return input !== undefined && cached !== undefined && cached > input;
}

/**
 * Looks for what no price list says on purpose: an amount below 0, one that is too dear for its unit (tokens above
 * $1,000 a million), output below half of input, or cached input above input. Each context tier is looked at by itself.
 * @returns the first gate that a price does not pass; undefined where it passes all
 */
export function failedGate(components: readonly PriceComponent[]): Gate | undefined {
  if (components.some(({ amount_femto_usd }) => amount_femto_usd < 0n)) return "negative";
  if (components.some(isOutOfRange)) return "range";
  const tiers = new Map<number, Map<UsageUnit, bigint>>();
  for (const { unit, amount_femto_usd, above_input_tokens } of components) {
    const tier = tiers.get(above_input_tokens) ?? new Map<UsageUnit, bigint>();
    tiers.set(above_input_tokens, tier.set(unit, amount_femto_usd));
  }
  const all = [...tiers.values()];
  if (all.some(isInverted)) return "inverted";
  return all.some(isCacheAboveInput) ? "cache_above_input" : undefined;
}
