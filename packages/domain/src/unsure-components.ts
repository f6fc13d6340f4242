import { failedGate } from "./price-gates.ts";
import { amountsOf, placeOf } from "./price-places.ts";
import type { PriceComponent } from "./price.ts";
import { dimensionsOf } from "./usage.ts";
import type { PriceInForce, VerifiedComponent } from "./verify-price.ts";

/** How many times the base amount of their direction tokens cost, cached ones, reasoning and upper tiers included. */
const MOST_TIMES_BASE = 10n;
/** Tokens of sound and pictures: of real models those that cost 67 times their text are the dearest. */
const MOST_TIMES_BASE_OF_MODALITIES = 100n;

/** What a vote leaves to be charged, and what only a person can put in force. */
export interface SureComponents {
  readonly charged: readonly VerifiedComponent[];
  readonly left_out: readonly VerifiedComponent[];
}

/** Whether tokens cost little enough beside the base amount of their direction; what has none is not compared. */
function isNearBase(component: PriceComponent, amounts: ReadonlyMap<string, bigint>): boolean {
  const { measure, direction, modality = "text" } = dimensionsOf(component.unit);
  if (measure !== "token" || direction === undefined) return true;
  const base = amounts.get(placeOf({ ...component, unit: `${direction}_tokens`, above_input_tokens: 0 }));
  const times = modality === "text" ? MOST_TIMES_BASE : MOST_TIMES_BASE_OF_MODALITIES;
  return base === undefined || component.amount_femto_usd <= times * base;
}

const isAgreed = ({ status }: Pick<PriceInForce, "status">): boolean =>
  status === "verified" || status === "verified_with_dissent" || status === "manual";

/**
 * Takes out the components that nothing stands behind but one source, or a conflict: a change of what is charged is
 * guarded by what was charged before, and of what is new there is no before. A price that people rely on gets none of
 * them; any other one those that fit the rest of it.
 */
export function withoutUnsure(
  components: readonly VerifiedComponent[],
  inForce: PriceInForce | null,
): SureComponents {
  const before = amountsOf(inForce?.components ?? []);
  const amounts = amountsOf(components);
  const isReliedOn = inForce !== null && isAgreed(inForce);
  const sure = new Set(components.filter((one) => isAgreed(one) || before.has(placeOf(one))));
  for (const component of components) {
    const isFit =
      !isReliedOn &&
      isNearBase(component, amounts) &&
      failedGate([...sure].filter((one) => one !== component).concat(component)) === undefined;
    if (isFit) sure.add(component);
  }
  return {
    charged: components.filter((component) => sure.has(component)),
    left_out: components.filter((component) => !sure.has(component)),
  };
}
