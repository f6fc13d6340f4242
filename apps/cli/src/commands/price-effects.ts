import { NotFoundError, type BudgetClient, type Price } from "@budget/client-js";
import { familyOf, modelKey } from "@budget/domain";
import type { EnteredComponent } from "./price-amounts.ts";

/** What a price that a person says does besides, so that nobody is surprised by it later. */

/** What a price is for. */
export type PricePlace = Pick<Price, "provider" | "model" | "scope" | "service_tier" | "time_of_day">;

/** What is charged now for exactly this; undefined where nothing is. */
export async function chargedNow(
  client: BudgetClient,
  { provider, model, scope, service_tier, time_of_day }: PricePlace,
): Promise<Price | undefined> {
  try {
    const price = await client.prices.current({ provider, model, service_tier, price_scope: scope });
    const isOfIt =
      price.matched_by === "exact" &&
      price.stands_in.length === 0 &&
      price.time_of_day?.start === time_of_day?.start;
    return isOfIt ? price : undefined;
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}

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
