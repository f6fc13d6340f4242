import { divideHalfEven, normaliseName, type FemtoUsd, type NanoUsd } from "@budget/domain";

/** What Rhetor charged for a token of a model. */
export interface RhetorRate {
  readonly provider: string;
  readonly model: string;
  readonly input_femto_usd: FemtoUsd;
  readonly output_femto_usd: FemtoUsd;
}

const FEMTO_PER_NANO = 1_000_000n;

export interface SplitCost {
  readonly input_nano_usd: NanoUsd;
  readonly output_nano_usd: NanoUsd;
}

/** Splits booked costs by the rates that made them. */
export class RateTable {
  readonly #rates: ReadonlyMap<string, RhetorRate>;

  constructor(rates: readonly RhetorRate[]) {
    this.#rates = new Map(rates.map((rate) => [keyOf(rate.provider, rate.model), rate]));
  }

  /**
   * What of a booked cost was for input and what for output.
   * @returns null where there is no rate, or it gives another cost to the nano-dollar
   */
  split(
    { provider, model }: Pick<RhetorRate, "provider" | "model">,
    input_tokens: number,
    output_tokens: number,
    booked_nano_usd: NanoUsd,
  ): SplitCost | null {
    const rate = this.#rates.get(keyOf(provider, model));
    if (rate === undefined) return null;
    const input = BigInt(input_tokens) * rate.input_femto_usd;
    const output = BigInt(output_tokens) * rate.output_femto_usd;
    if (divideHalfEven(input + output, FEMTO_PER_NANO) !== booked_nano_usd) return null;
    const input_nano_usd = divideHalfEven(input, FEMTO_PER_NANO);
    return { input_nano_usd, output_nano_usd: booked_nano_usd - input_nano_usd };
  }
}

const keyOf = (provider: string, model: string): string =>
  `${normaliseName(provider)}\n${normaliseName(model)}`;
