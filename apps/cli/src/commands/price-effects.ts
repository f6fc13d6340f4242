import { NotFoundError, type BudgetClient, type Price, type PriceEvidence } from "@budget/client-js";
import { familyOf, modelKey } from "@budget/domain";
import type { EnteredComponent } from "./price-amounts.ts";

/** What a price that a person says does besides, so that nobody is surprised by it later. */

/** What a price is for. */
export type PricePlace = Pick<Price, "provider" | "model" | "scope" | "service_tier" | "time_of_day">;

/** What is known of a model; null where nothing is. */
export async function evidenceIfAny(
  client: BudgetClient,
  provider: string,
  model: string,
): Promise<PriceEvidence | null> {
  try {
    return await client.prices.why(provider, model);
  } catch (error) {
    if (error instanceof NotFoundError) return null;
    throw error;
  }
}

/** What is charged at a place, out of what is known of its model. */
export const chargedAt = (evidence: PriceEvidence | null, place: Omit<PricePlace, "provider" | "model">) =>
  evidence?.prices.find(
    ({ scope, service_tier, time_of_day }) =>
      scope === place.scope &&
      service_tier === place.service_tier &&
      time_of_day?.start === place.time_of_day?.start,
  );

/** Says which units cost something before and have no price any more. */
export function noLongerPriced(
  before: Price | undefined,
  entered: readonly EnteredComponent[],
): readonly string[] {
  const lost = new Set(before?.components.map(({ unit }) => unit));
  for (const { unit } of entered) lost.delete(unit);
  return lost.size === 0 ? [] : [`no longer priced: ${[...lost].join(", ")}`];
}

const PAGE_LIMIT = 1000;

async function pricesOf(client: BudgetClient, provider: string): Promise<readonly Price[]> {
  const found: Price[] = [];
  for (let page = 1; ; page += 1) {
    const list = await client.prices.list({ provider, page, limit: PAGE_LIMIT });
    found.push(...list.items);
    if (list.items.length < PAGE_LIMIT) return found;
  }
}

/** Says which dated snapshots of a model have prices of their own, since a price of the undated name is not theirs. */
export async function snapshotsApart(
  client: BudgetClient,
  { provider, model }: Pick<PricePlace, "provider" | "model">,
): Promise<readonly string[]> {
  const own = modelKey({ provider, model });
  const prices = (await pricesOf(client, provider)).filter(({ end_date, model: other }) => {
    const family = familyOf(other);
    return end_date === null && family !== undefined && modelKey({ provider, model: family }) === own;
  });
  const names = [...new Set(prices.map((price) => price.model))];
  const [first] = names;
  if (first === undefined) return [];
  return names.length === 1
    ? [`${first} has a price of its own, which this does not change`]
    : [`${names.join(", ")} have prices of their own, which this does not change`];
}
