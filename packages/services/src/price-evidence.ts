import {
  accepted,
  modelKey,
  rejected,
  type Outcome,
  type PriceReview,
  type ProviderPricing,
  type StoredObservation,
} from "@budget/domain";
import {
  PriceObservationRepository,
  PriceRepository,
  PriceReviewRepository,
  type Database,
} from "@budget/repositories";

/** Why a model costs what it costs. */
export interface PriceEvidence {
  /** What is charged now, for each scope, service tier and hours of the day; the general price first. */
  readonly prices: readonly ProviderPricing[];
  /** What the prices rest on, and whatever else sources say about the model now, oldest first. */
  readonly observations: readonly StoredObservation[];
  /** What people are or were asked about it, newest first. */
  readonly reviews: readonly PriceReview[];
}

const byTerms = (a: ProviderPricing, b: ProviderPricing): number =>
  Number(a.service_tier !== "standard") - Number(b.service_tier !== "standard") ||
  a.scope.length - b.scope.length ||
  (a.pricing_id < b.pricing_id ? -1 : 1);

/**
 * Gathers the evidence of the shared prices of a model that are in force.
 * @returns `price_not_found` where nothing is charged or said about it
 */
export async function evidenceOf(
  database: Database,
  provider: string,
  model: string,
  now_ms: number,
): Promise<Outcome<PriceEvidence>> {
  const key = modelKey({ provider, model });
  const isOfModel = (thing: { readonly provider: string; readonly model: string }): boolean =>
    modelKey(thing) === key;
  const prices = (await new PriceRepository(database).sharedNow(now_ms)).filter(isOfModel).sort(byTerms);
  const evidence = new Set(prices.flatMap((price) => price.evidence));
  const repository = new PriceObservationRepository(database);
  const said = await repository.ofModels((await repository.models()).filter(isOfModel));
  const observations = said.filter(
    ({ observation_id, withdrawn_at_ms }) => withdrawn_at_ms === null || evidence.has(observation_id),
  );
  if (prices.length + observations.length === 0) {
    const detail = `No price is known for the model ${model} of ${provider}.`;
    return rejected({ code: "price_not_found", detail });
  }
  const reviews = (await new PriceReviewRepository(database).getAll()).filter(isOfModel).reverse();
  return accepted({ prices, observations, reviews });
}
