import type { PriceComponent } from "@budget/client-js";
import {
  dimensionsOf,
  femtoToUsdText,
  isUsageUnit,
  parseDecimal,
  unknownUnit,
  type UsageUnit,
} from "@budget/domain";
import { UsageError } from "../exit-codes.ts";
import { usd } from "../output.ts";

const MILLION = 1_000_000;

/** Prices of tokens are told by the million, as everybody does. */
export const perMillion = (cost: number | null): string =>
  cost === null ? "-" : usd(Number((cost * MILLION).toPrecision(12)));

export const amountOf = (components: readonly PriceComponent[], unit: string): number | null =>
  components.find((one) => one.unit === unit && one.above_input_tokens === 0)?.cost_per_unit ?? null;

/** The options that say a price. */
export interface AmountOptions {
  readonly input?: string;
  readonly output?: string;
  readonly unit?: readonly string[];
}

export const UNIT_HELP =
  "for a million of other tokens or of characters, such as cache_read_tokens=0.30; for one of anything else, such as " +
  "web_searches=0.01";

export interface EnteredComponent {
  readonly unit: string;
  /** USD for one unit, as decimal text. */
  readonly cost_per_unit: string;
}

/** Reads the options that say a price; none where none was given. */
export const enteredPrice = ({ input, output, unit = [] }: AmountOptions): EnteredComponent[] => [
  ...(input === undefined ? [] : [{ unit: "input_tokens", cost_per_unit: byMillion("--input", input) }]),
  ...(output === undefined ? [] : [{ unit: "output_tokens", cost_per_unit: byMillion("--output", output) }]),
  ...unit.map(unitPrice),
];

/** A price by the million as decimal text for one unit. */
function byMillion(option: string, amount: string): string {
  if (!/^\d{1,6}(\.\d{1,9})?$/.test(amount))
    throw new UsageError(`${option} must be USD for a million, such as 2.50; it was ${amount}.`);
  return femtoToUsdText(parseDecimal(amount, 9));
}

function byOne(option: string, amount: string): string {
  if (!/^\d{1,4}(\.\d{1,15})?$/.test(amount))
    throw new UsageError(`${option} must be USD for one, such as 0.01; it was ${amount}.`);
  return amount;
}

const isToldByMillion = (unit: UsageUnit): boolean =>
  ["token", "character"].includes(dimensionsOf(unit).measure);

/** `cache_read_tokens=0.30`: a unit, and dollars for a million or for one of it. */
function unitPrice(text: string): EnteredComponent {
  const [unit = "", amount] = text.split("=");
  if (amount === undefined)
    throw new UsageError(`--unit must be such as cache_read_tokens=0.30; it was ${text}.`);
  if (!isUsageUnit(unit)) throw new UsageError(`--unit ${text}: ${unknownUnit(unit)}`);
  const option = `--unit ${unit}`;
  return { unit, cost_per_unit: isToldByMillion(unit) ? byMillion(option, amount) : byOne(option, amount) };
}
