import type { PriceComponent } from "@budget/client-js";
import { femtoToUsdText, parseDecimal } from "@budget/domain";
import { UsageError } from "../exit-codes.ts";
import { usd } from "../output.ts";

const MILLION = 1_000_000;

/** Prices of tokens are told by the million, as everybody does. */
export const perMillion = (cost: number | null): string =>
  cost === null ? "-" : usd(Number((cost * MILLION).toPrecision(12)));

export const amountOf = (components: readonly PriceComponent[], unit: string): number | null =>
  components.find((one) => one.unit === unit && one.above_input_tokens === 0)?.cost_per_unit ?? null;

/** A price by the million as decimal text for one unit. */
export function perUnit(option: string, usd_per_million: string): string {
  if (!/^\d{1,6}(\.\d{1,9})?$/.test(usd_per_million))
    throw new UsageError(
      `${option} must be USD for a million tokens, such as 2.50; it was ${usd_per_million}.`,
    );
  return femtoToUsdText(parseDecimal(usd_per_million, 9));
}

/** `cache_read_tokens=0.30`: a unit, and dollars for a million of it. */
export function unitPrice(text: string): { unit: string; cost_per_unit: string } {
  const [unit = "", amount] = text.split("=");
  if (amount === undefined)
    throw new UsageError(`--unit must be such as cache_read_tokens=0.30; it was ${text}.`);
  return { unit, cost_per_unit: perUnit("--unit", amount) };
}
