/**
 * Exact money. Costs are whole nano-USD and prices whole femto-USD per unit, both `bigint`; text and JSON hold the same
 * amounts as decimal USD. No amount ever becomes a float that is calculated with.
 */

/** 10^-9 USD; what costs and limits are counted in. */
export type NanoUsd = bigint;

/** 10^-15 USD; what the price of one unit is counted in. The same number is nano-USD for a million units. */
export type FemtoUsd = bigint;

/** An amount of money that cannot be read, or cannot be held exactly. */
export class MoneyError extends Error {
  override readonly name = "MoneyError";
}

/** What becomes of decimals beyond the scale. */
export type ExcessDecimals = "reject" | "half-even";

const NANO_SCALE = 9;
const FEMTO_SCALE = 15;
const FEMTO_PER_NANO = 1_000_000n;
const LARGEST_STORED = 2n ** 63n - 1n;

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;
// Every JavaScript number fits these bounds; beyond them a short text could ask for gigabytes of digits.
const LONGEST_TEXT = 64;
const LARGEST_EXPONENT = 400;

const powerOfTen = (exponent: number): bigint => 10n ** BigInt(exponent);
const magnitude = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

/**
 * Reads decimal text such as `0.25`, `-3` or `1e-7` as a whole number of 10^-scale.
 *
 * @param value at most 64 characters, without blanks or a plus sign; a number is read by its shortest decimal text
 * @param scale decimals of the result, 0 or more
 * @param excess whether digits other than 0 beyond the scale are an error (the default) or rounded half-even
 * @returns value × 10^scale
 * @throws {MoneyError} where the value is not decimal text, not finite, or has too many decimals
 */
export function parseDecimal(
  value: string | number,
  scale: number,
  excess: ExcessDecimals = "reject",
): bigint {
  const text = String(value);
  if (text.length > LONGEST_TEXT) {
    throw new MoneyError(`a decimal number has at most ${LONGEST_TEXT} characters, got ${text.length}`);
  }
  const [, sign, whole = "", fraction = "", exponentText = "0"] = DECIMAL.exec(text) ?? [];
  if (sign === undefined) {
    throw new MoneyError(`not a decimal number: ${JSON.stringify(text)}; write it like 0.25 or 1e-7`);
  }
  const exponent = Number(exponentText);
  if (Math.abs(exponent) > LARGEST_EXPONENT) {
    throw new MoneyError(`the exponent of ${text} is out of range: at most ${LARGEST_EXPONENT} either way`);
  }
  const digits = BigInt(sign + whole + fraction);
  const shift = exponent - fraction.length + scale;
  if (shift >= 0) return digits * powerOfTen(shift);
  const divisor = powerOfTen(-shift);
  if (excess === "reject" && digits % divisor !== 0n) {
    throw new MoneyError(`${text} has more than ${scale} decimals`);
  }
  return divideHalfEven(digits, divisor);
}

/** Both kinds of amount are stored in 64 bits, so a larger one is refused where it enters. */
function fitting(amount: bigint, value: string | number, scale: number): bigint {
  if (magnitude(amount) > LARGEST_STORED) {
    throw new MoneyError(`${value} is too large: at most ${toDecimalText(LARGEST_STORED, scale)} USD`);
  }
  return amount;
}

/**
 * Reads a cost or a limit.
 *
 * @param value USD, from 0 to 9223372036.854775807, with at most 9 decimals
 * @throws {MoneyError} where it is malformed, negative, too large or finer than a nano-USD
 */
export function parseUsdToNano(value: string | number): NanoUsd {
  const nano = fitting(parseDecimal(value, NANO_SCALE), value, NANO_SCALE);
  if (nano < 0n) throw new MoneyError(`${value} is negative: an amount of USD is 0 or more`);
  return nano;
}

/**
 * Reads the price of one unit, rounded half-even to 15 decimals: price lists carry float noise beyond them. A negative
 * price is read as such, so that the checks of prices can name it.
 *
 * @param value USD per unit, within ±9223.372036854775807
 * @throws {MoneyError} where it is malformed or too large
 */
export function parseUsdToFemto(value: string | number): FemtoUsd {
  return fitting(parseDecimal(value, FEMTO_SCALE, "half-even"), value, FEMTO_SCALE);
}

/**
 * Divides and rounds to the nearest whole number, a tie to the even one, the same on both sides of 0.
 *
 * @throws {RangeError} where the denominator is 0
 */
export function divideHalfEven(numerator: bigint, denominator: bigint): bigint {
  const towardsZero = numerator / denominator;
  const twiceRest = 2n * magnitude(numerator % denominator);
  const whole = magnitude(denominator);
  const isNearest = twiceRest < whole || (twiceRest === whole && towardsZero % 2n === 0n);
  if (isNearest) return towardsZero;
  return numerator < 0n === denominator < 0n ? towardsZero + 1n : towardsZero - 1n;
}

/** The total of one cost component (units × femto-USD per unit) as a cost, rounded half-even once. */
export function femtoToNanoHalfEven(femto: FemtoUsd): NanoUsd {
  return divideHalfEven(femto, FEMTO_PER_NANO);
}

function toDecimalText(amount: bigint, scale: number): string {
  const digits = magnitude(amount)
    .toString()
    .padStart(scale + 1, "0");
  const whole = digits.slice(0, -scale);
  const fraction = digits.slice(-scale).replace(/0+$/, "");
  return (amount < 0n ? "-" : "") + whole + (fraction && `.${fraction}`);
}

/** Exact decimal USD without trailing zeros, such as `0.000125`, `1` or `-0.5`. */
export function nanoToUsdText(nano: NanoUsd): string {
  return toDecimalText(nano, NANO_SCALE);
}

/** Exact decimal USD per unit without trailing zeros, such as `0.0000025`. */
export function femtoToUsdText(femto: FemtoUsd): string {
  return toDecimalText(femto, FEMTO_SCALE);
}

// Newer than TypeScript's library; in Node since 21.
const { rawJSON } = JSON as typeof JSON & { readonly rawJSON: (text: string) => unknown };

/** A double keeps every decimal number of up to 15 significant digits, and prints it as it was. */
const EXACT_DIGITS = 15;

function toUsdJson(amount: bigint, scale: number): number {
  const text = toDecimalText(amount, scale);
  const significant = magnitude(amount).toString().replace(/0+$/, "");
  if (significant.length <= EXACT_DIGITS) return Number(text);
  // Not a number, but JSON.stringify writes it as one, digit for digit. What it is called matters to the wire types
  // only: an answer is serialised, never calculated with.
  return rawJSON(text) as number;
}

/**
 * A cost for an answer: JSON.stringify writes it as a JSON number with exactly this value.
 *
 * @returns a number; above 15 significant digits an object that only JSON.stringify can read
 */
export function nanoToUsdJson(nano: NanoUsd): number {
  return toUsdJson(nano, NANO_SCALE);
}

/**
 * The price of one unit for an answer: JSON.stringify writes it as a JSON number with exactly this value.
 *
 * @returns a number; above 15 significant digits an object that only JSON.stringify can read
 */
export function femtoToUsdJson(femto: FemtoUsd): number {
  return toUsdJson(femto, FEMTO_SCALE);
}
