import type { PriceComponent } from "./price.ts";

/** Where a component stands in a price: two prices are compared unit by unit and context tier by context tier. */
export type Place = string;

export const placeOf = ({ unit, above_input_tokens }: PriceComponent): Place =>
  `${unit} ${above_input_tokens}`;

export const amountsOf = (components: readonly PriceComponent[]): ReadonlyMap<Place, bigint> =>
  new Map(components.map((component) => [placeOf(component), component.amount_femto_usd]));

/** The components that a price is chiefly told by: input and output without a context tier, or all it has. */
export function principalOf<T extends PriceComponent>(components: readonly T[]): readonly T[] {
  const principal = components.filter(
    ({ unit, above_input_tokens }) =>
      above_input_tokens === 0 && (unit === "input_tokens" || unit === "output_tokens"),
  );
  return principal.length > 0 ? principal : components;
}

/** Of context tiers, how far bounds may lie apart; in percent of the larger one. */
const BOUND_TOLERANCE_PERCENT = 1;

const isSameBound = (a: number, b: number): boolean =>
  a > 0 && b > 0 && Math.abs(a - b) * 100 <= BOUND_TOLERANCE_PERCENT * Math.max(a, b);

/** Reads a bound as the one that stands for it. */
export type ReadBound = (above_input_tokens: number) => number;

/**
 * Finds the context tiers that are one: some say 272,000 and others 271,999 for the same one. The first bound that is
 * said stands for all others near it, but one in force stays as it is while anybody says it.
 *
 * @param said what each source says, most trusted first
 */
export function sharedBounds(
  said: readonly (readonly PriceComponent[])[],
  inForce: readonly PriceComponent[],
): ReadBound {
  const all = said.flat().map(({ above_input_tokens }) => above_input_tokens);
  const kept = inForce.map(({ above_input_tokens }) => above_input_tokens).filter((one) => all.includes(one));
  const bounds: number[] = [];
  for (const bound of [...kept, ...all])
    if (bound > 0 && !bounds.some((other) => isSameBound(other, bound))) bounds.push(bound);
  return (bound) => bounds.find((other) => isSameBound(other, bound)) ?? bound;
}

/** Components with the bounds that stand for theirs; of two that become one, the first. */
export function withBounds<T extends PriceComponent>(
  components: readonly T[],
  readBound: ReadBound,
): readonly T[] {
  const places = new Map<Place, T>();
  for (const component of components) {
    const read = { ...component, above_input_tokens: readBound(component.above_input_tokens) };
    if (!places.has(placeOf(read))) places.set(placeOf(read), read);
  }
  return [...places.values()];
}
