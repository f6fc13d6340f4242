import { femtoToUsdText, nanoToUsdText, parseDecimal, type FemtoUsd, type NanoUsd } from "@budget/domain";

/** Rhetor's amounts are plain numbers of USD. They are made from exact ones here, and never calculated with. */

const NANO_DECIMALS = 9;
const FEMTO_DECIMALS = 15;

/** An amount as Budget answers it; in process, one with more digits than a number keeps is text for JSON. */
const textOf = (amount: number): string => JSON.stringify(amount);

export const nanoOf = (amount: number): NanoUsd => parseDecimal(textOf(amount), NANO_DECIMALS);
export const femtoOf = (cost_per_unit: number): FemtoUsd =>
  parseDecimal(textOf(cost_per_unit), FEMTO_DECIMALS);

/** The number that is nearest to the amount. */
export const usdOf = (nano: NanoUsd): number => Number(nanoToUsdText(nano));
export const usdOfFemto = (femto: FemtoUsd): number => Number(femtoToUsdText(femto));

/** The same amount as a plain number. */
export const plain = (amount: number): number => usdOf(nanoOf(amount));
