import type { Price } from "@budget/client-js";
import { TIERS, tierOf, type Tier } from "@budget/domain";

/** A model that can be recommended. */
export interface Candidate {
  readonly provider: string;
  readonly model: string;
  readonly tier: Tier;
  readonly price: Price;
  /** USD for a token on the dearer side, for the order alone. */
  readonly dearest: number;
}

export interface Ranking {
  /** The preferred providers in lower case, the first before the second; empty where the price alone decides. */
  readonly preferences: readonly string[];
  readonly preferred_tier: Tier;
  /** Whether lighter tiers are to come before the preferred one. */
  readonly spare: boolean;
  /** Of the task, in lower case. */
  readonly task_type: string;
}

const EMBEDDING = "embedding";
/** Enough of a tier that the next tier has its turn where a limit keeps all of this one out. */
const MOST_OF_A_TIER = 5;

/**
 * The models that do such a task, the best first: the preferred tier, then the lighter ones from heavy to light, then the
 * heavier ones; within a tier the preferred provider, then the cheapest.
 * @param prices of the providers that models may be of; past ones may be among them
 */
export function rankModels(prices: readonly Price[], ranking: Ranking): readonly Candidate[] {
  const { preferences } = ranking;
  const ranked = prices
    .flatMap((price) => candidateOf(price, ranking))
    .sort(
      (a, b) =>
        preferences.indexOf(a.provider) - preferences.indexOf(b.provider) ||
        a.dearest - b.dearest ||
        a.model.length - b.model.length,
    );
  // Names that cost the same at one provider are mostly dated names of one model: the shortest stands for all.
  const alike = Map.groupBy(ranked, ({ provider, tier, price }) =>
    JSON.stringify([provider, tier, price.input_cost_per_token, price.output_cost_per_token]),
  );
  const distinct = [...alike.values()].flatMap((models) => models.slice(0, 1));
  return tierOrder(ranking).flatMap((tier) =>
    distinct.filter((one) => one.tier === tier).slice(0, MOST_OF_A_TIER),
  );
}

function candidateOf(price: Price, { task_type }: Ranking): readonly Candidate[] {
  const { provider, model, input_cost_per_token: input, output_cost_per_token: output } = price;
  const isGeneral = price.scope === "" && price.service_tier === "standard" && price.time_of_day === null;
  if (!isGeneral || price.end_date !== null || input === null) return [];
  const tier = tierOf({ model, component: null, provider });
  // Most prices of 0 are a subscription's; a local model costs nothing indeed.
  if (input === 0 && tier === "remote_heavyweight") return [];
  const writes = (output ?? 0) > 0 || input === 0;
  if (writes === (task_type === EMBEDDING)) return [];
  return [{ provider, model, tier, price, dearest: Math.max(input, output ?? 0) }];
}

function tierOrder({ preferred_tier, spare }: Ranking): readonly Tier[] {
  const at = TIERS.indexOf(preferred_tier);
  const lighter = TIERS.slice(0, at).reverse();
  const heavier = TIERS.slice(at + 1);
  return spare ? [...lighter, preferred_tier, ...heavier] : [preferred_tier, ...lighter, ...heavier];
}
