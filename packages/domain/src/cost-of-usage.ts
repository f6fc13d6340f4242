import { divideHalfEven, femtoToNanoHalfEven, type FemtoUsd, type NanoUsd } from "./money.ts";
import type { PriceComponent, ProviderPricing } from "./price.ts";
import {
  dimensionsOf,
  isPartOf,
  isUsageUnit,
  MILLIONTHS,
  quantityOf,
  wholesOf,
  type Millionths,
  type UsageQuantities,
  type UsageUnit,
} from "./usage.ts";

/** What one unit of a usage cost. */
export interface CostComponent {
  readonly unit: UsageUnit;
  /** How many were charged: those of the usage less those charged as parts of it. */
  readonly quantity: number;
  /** For one unit. */
  readonly amount_femto_usd: FemtoUsd;
  readonly cost_nano_usd: NanoUsd;
  /** Whether a price stood in for a more specific one that is not known. */
  readonly estimated: boolean;
}

/** What a usage cost. The components add up to the total exactly, and so do the three costs. */
export interface UsageCost {
  readonly ok: true;
  readonly input_cost_nano_usd: NanoUsd;
  readonly output_cost_nano_usd: NanoUsd;
  /** Fees that are neither, such as those for a request or a search. */
  readonly other_cost_nano_usd: NanoUsd;
  readonly total_cost_nano_usd: NanoUsd;
  readonly components: readonly CostComponent[];
}

/** A usage with quantities that the price does not know: counting them as free would be wrong. */
export interface UnpricedUsage {
  readonly ok: false;
  readonly code: "price_unit_unknown";
  readonly units: readonly string[];
}

export type CostOutcome = UsageCost | UnpricedUsage;

/** All of a price that matters to a cost. */
export type PricedComponents = Pick<ProviderPricing, "components">;

const NANO_PER_MILLIONTH_FEMTO = MILLIONTHS * 1_000_000n;

type Rates = ReadonlyMap<UsageUnit, FemtoUsd>;

/** The amount of each unit at the tier that a request of that many input tokens is in; the whole request is in it. */
function ratesFor(price: PricedComponents, input: Millionths): Rates {
  const chosen = new Map<UsageUnit, PriceComponent>();
  for (const component of price.components) {
    const bound = component.above_input_tokens;
    const applies = bound === 0 || input > BigInt(bound) * MILLIONTHS;
    if (applies && bound >= (chosen.get(component.unit)?.above_input_tokens ?? 0)) {
      chosen.set(component.unit, component);
    }
  }
  return new Map([...chosen].map(([unit, component]) => [unit, component.amount_femto_usd]));
}

/** The priced units that a unit is part of, without those that are wholes of another one among them. */
function nearestPriced(unit: UsageUnit, rates: Rates): readonly UsageUnit[] {
  const priced = wholesOf(unit).filter((whole) => rates.has(whole));
  return priced.filter((whole) => !priced.some((other) => isPartOf(other, whole)));
}

/** Whether the price of the whole is meant for the part: base prices are those of text, of 5 minutes, of any direction. */
function isMeantFor(part: UsageUnit, whole: UsageUnit): boolean {
  const { modality, kind, variant } = dimensionsOf(part);
  const of = dimensionsOf(whole);
  return (
    kind === of.kind &&
    (modality === of.modality || modality === "text") &&
    (variant === of.variant || variant === "5m")
  );
}

const dearest = (amounts: readonly FemtoUsd[]): FemtoUsd =>
  amounts.reduce((most, amount) => (amount > most ? amount : most), 0n);

/** What is charged for, at which amount (none where it is unknown), and whether that is an estimate. */
interface Plan {
  readonly rates: ReadonlyMap<UsageUnit, FemtoUsd | undefined>;
  readonly estimated: Set<UsageUnit>;
}

function planOf(usage: UsageQuantities, rates: Rates): Plan {
  const plan = new Map<UsageUnit, FemtoUsd | undefined>(rates);
  const estimated = new Set<UsageUnit>();
  for (const [unit, quantity] of Object.entries(usage)) {
    // Every call is a request, whether its usage says so or not; a price without a fee for it asks none.
    if (quantity === 0 || unit === "requests" || !isUsageUnit(unit) || rates.has(unit)) continue;
    const [nearest, ...others] = nearestPriced(unit, rates);
    if (nearest === undefined) {
      plan.set(unit, undefined);
    } else if (others.length === 0) {
      if (!isMeantFor(unit, nearest)) estimated.add(nearest);
    } else {
      plan.set(unit, dearest([nearest, ...others].map((whole) => rates.get(whole) ?? 0n)));
      estimated.add(unit);
    }
  }
  return { rates: plan, estimated };
}

/** How many of each planned unit are no part of another planned one. */
function ownQuantities(usage: UsageQuantities, plan: Plan): ReadonlyMap<UsageUnit, Millionths> {
  const own = new Map<UsageUnit, Millionths>();
  // A part has more wholes than any whole of it, so parts come first.
  const partsFirst = [...plan.rates.keys()].sort((a, b) => wholesOf(b).length - wholesOf(a).length);
  for (const unit of partsFirst) {
    if (unit === "requests") {
      own.set(unit, usage[unit] === undefined ? MILLIONTHS : quantityOf(usage, unit));
      continue;
    }
    const parts = [...own.keys()].filter((other) => isPartOf(other, unit));
    let rest = quantityOf(usage, unit);
    for (const part of parts) rest -= own.get(part) ?? 0n;
    if (rest < 0n) {
      // The parts overlap, and nothing says how far: each is charged in full, which is too much rather than too little.
      for (const part of parts) plan.estimated.add(part);
      rest = 0n;
    }
    own.set(unit, rest);
  }
  return own;
}

/**
 * What a usage costs at a price. The request as a whole is at the context tier whose bound its input tokens exceed. Each
 * priced unit is charged for its quantity less the quantities of its parts that are charged apart, and rounded half-even
 * to a nano-USD once.
 *
 * Where a part has no price of its own:
 *
 * | part | price that stands in | estimated |
 * | --- | --- | --- |
 * | text of anything; a cache write of 5 minutes; seconds in or out | the whole it is part of: its price means them | no |
 * | reasoning, citations | output of the same modality, else output | yes |
 * | cache reads and writes, tool input | input of the same modality, else input | yes |
 * | a cache write of an hour | cache writes, else input | yes |
 * | audio, image, video | the same kind (cached, reasoning) of any modality, else input or output | yes |
 * | a part of two priced units, such as cached audio | the dearer one | yes |
 * | parts that overlap without a word how far | each at its own price, the overlap counted in both | yes |
 * | a request | none: a price without a fee asks none | no |
 * | anything else, or no whole with a price | `price_unit_unknown` | |
 *
 * A fee for a request is charged once where the usage does not say how many there were. The rule is that of
 * genai-prices (decomposition, tiers by strictly more input tokens), with refusals where that counts 0.
 *
 * @param usage a usage without problems, see `validateUsage`
 * @param price its components are used only, whenever it is in force
 * @returns costs in nano-USD, or the units that the price does not know
 */
export function costOf(usage: UsageQuantities, price: PricedComponents): CostOutcome {
  const plan = planOf(usage, ratesFor(price, quantityOf(usage, "input_tokens")));
  const own = ownQuantities(usage, plan);

  const unknown: string[] = Object.keys(usage).filter((unit) => !isUsageUnit(unit) && usage[unit] !== 0);
  const components: CostComponent[] = [];
  const costs = { input: 0n, output: 0n, other: 0n };
  for (const [unit, amount_femto_usd] of plan.rates) {
    const millionths = own.get(unit) ?? 0n;
    if (millionths === 0n) continue;
    if (amount_femto_usd === undefined) {
      unknown.push(unit);
      continue;
    }
    const cost_nano_usd = divideHalfEven(millionths * amount_femto_usd, NANO_PER_MILLIONTH_FEMTO);
    costs[dimensionsOf(unit).direction ?? "other"] += cost_nano_usd;
    const quantity = Number(millionths) / Number(MILLIONTHS);
    components.push({ unit, quantity, amount_femto_usd, cost_nano_usd, estimated: plan.estimated.has(unit) });
  }
  if (unknown.length > 0) return { ok: false, code: "price_unit_unknown", units: unknown };
  return {
    ok: true,
    input_cost_nano_usd: costs.input,
    output_cost_nano_usd: costs.output,
    other_cost_nano_usd: costs.other,
    total_cost_nano_usd: costs.input + costs.output + costs.other,
    components,
  };
}

/**
 * What a call of that many input and at most that many output tokens costs, with the fee for a request: input at the
 * base rate of the tier that it reaches, for which part of it a cache will serve or keep is not known beforehand.
 *
 * @returns nano-USD; null where the price does not know one of the two
 */
export function costOfTokens(
  price: PricedComponents,
  input_tokens: number,
  max_output_tokens: number,
): NanoUsd | null {
  const cost = costOf({ input_tokens, output_tokens: max_output_tokens }, price);
  return cost.ok ? cost.total_cost_nano_usd : null;
}

/**
 * The highest price of one token of a call, of any kind and at any context tier that the call can reach.
 * @param tokens how many the call has at most, input and output together; 0 or more, whole
 * @returns femto-USD for one token; null where the model has no price by the token
 */
export function dearestTokenPrice(price: PricedComponents, tokens: number): FemtoUsd | null {
  const amounts = price.components
    .filter(
      ({ unit, above_input_tokens }) =>
        dimensionsOf(unit).measure === "token" && (above_input_tokens === 0 || above_input_tokens < tokens),
    )
    .map((component) => component.amount_femto_usd);
  return amounts.length === 0 ? null : dearest(amounts);
}

/**
 * The most that a call of that many tokens costs where nothing tells input from output: all of them at the dearest price
 * of a token, and the fee for a request. It never falls as tokens rise.
 *
 * @param tokens 0 or more, whole
 * @returns nano-USD; null where the model has no price by the token
 */
export function costOfTokensAtDearest(price: PricedComponents, tokens: number): NanoUsd | null {
  const amount = dearestTokenPrice(price, tokens);
  if (amount === null) return null;
  const fee = price.components.find(({ unit }) => unit === "requests")?.amount_femto_usd ?? 0n;
  return femtoToNanoHalfEven(BigInt(tokens) * amount) + femtoToNanoHalfEven(fee);
}
