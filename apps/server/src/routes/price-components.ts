import {
  accepted,
  femtoToUsdJson,
  isUsageUnit,
  parseUsdToFemto,
  rejected,
  unknownUnit,
  type Outcome,
  type PriceComponent,
  type EnteredPrice,
} from "@budget/domain";

/** A field of the body that is wrong in a way that no schema says. */
export const wrong = (field: string, detail: string): Outcome<never> =>
  rejected({ code: "invalid_value", field: `/${field}`, detail });

/** Reads what a person writes as a price. */
export function componentsOf(components: EnteredPrice): Outcome<readonly PriceComponent[]> {
  const entered: PriceComponent[] = [];
  for (const [index, { unit, cost_per_unit, above_input_tokens = 0 }] of components.entries()) {
    if (!isUsageUnit(unit)) return wrong(`components/${index}/unit`, `${unknownUnit(unit)}.`);
    const isTwice = entered.some(
      (other) => other.unit === unit && other.above_input_tokens === above_input_tokens,
    );
    if (isTwice) return wrong(`components/${index}/unit`, `${unit} is given twice.`);
    entered.push({ unit, amount_femto_usd: parseUsdToFemto(cost_per_unit), above_input_tokens });
  }
  return accepted(entered);
}

/** Components as they go over the wire. */
export const saidComponents = (components: readonly PriceComponent[]) =>
  components.map(({ unit, amount_femto_usd, above_input_tokens }) => ({
    unit,
    cost_per_unit: femtoToUsdJson(amount_femto_usd),
    above_input_tokens,
  }));
