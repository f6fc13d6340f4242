import type { BudgetPort } from "@budget/adapter-port";
import type { Price } from "@budget/client-js";
import { canonicalProvider, type Clock, type FemtoUsd } from "@budget/domain";
import { femtoOf, usdOfFemto } from "./amounts.ts";

/** A model, by its provider's name and its own. */
export interface Model {
  readonly provider: string;
  readonly model: string;
}

export interface TieredModel extends Model {
  /** USD for 1,000 tokens in and 1,000 out. */
  readonly cost_per_1k_tokens: number;
}

export type TierName = "free" | "low" | "medium" | "high";

/** Models by what they cost: `low` below $0.01 for 1,000 tokens in and 1,000 out, `medium` below $0.05. */
export type ModelTiers = Readonly<Record<TierName, readonly TieredModel[]>>;

export interface AlternativeRequest extends Model {
  readonly task_type?: string;
}

/** A model with a price for text, in and out, that is in force. */
interface PricedModel extends Model {
  /** Of one token in and one out. */
  readonly cost_femto_usd: FemtoUsd;
}

export interface Models {
  getModelTiers(): Promise<ModelTiers>;
  /** @returns null where the model is free, or none is cheaper */
  findCheaperAlternative(request: AlternativeRequest): Promise<Model | null>;
  /**
   * The cheapest model of each provider that Rhetor goes to for a kind of task, that costs less than this one; then a free
   * one of each provider whose free models cost nobody anything. None is known to cost less than one without a price, but
   * for the free ones.
   */
  alternatives(request: AlternativeRequest): Promise<readonly Alternative[]>;
}

export interface Alternative extends Model {
  readonly isFree: boolean;
}

const TOKENS_PRICED = 1000n;
const CENT_FEMTO_USD = 10n ** 13n;
const LOW_BELOW_FEMTO_USD = CENT_FEMTO_USD;
const MEDIUM_BELOW_FEMTO_USD = 5n * CENT_FEMTO_USD;

/** Where Rhetor looks for another model, by the kind of task; the provider in use comes last where it is none of them. */
const PREFERRED: ReadonlyMap<string, readonly string[]> = new Map([
  ["chat", ["openai", "anthropic", "ollama"]],
]);
const PREFERRED_FOR_OTHERS = ["anthropic", "openai", "ollama"];

/**
 * Providers on one's own machine. A price of 0 elsewhere is mostly that of a subscription, and of no use without a key
 * for it: of others only the provider in use is asked.
 */
const FREE_PROVIDERS = ["ollama", "simulated"];

function tierOf(cost_femto_usd: FemtoUsd): TierName {
  if (cost_femto_usd === 0n) return "free";
  if (cost_femto_usd < LOW_BELOW_FEMTO_USD) return "low";
  return cost_femto_usd < MEDIUM_BELOW_FEMTO_USD ? "medium" : "high";
}

export function createModels(port: BudgetPort, clock: Clock): Models {
  async function pricedModels(): Promise<readonly PricedModel[]> {
    const now_ms = clock.now();
    return (await port.prices.list({})).flatMap((price) => pricedModel(price, now_ms));
  }

  async function alternatives({ provider, model, task_type = "" }: AlternativeRequest) {
    const models = await pricedModels();
    const own = canonicalProvider(provider);
    const current = models.find((one) => one.provider === own && one.model === model.trim().toLowerCase());
    const limit = current?.cost_femto_usd ?? 0n;
    const cheapestAt = (sellers: readonly string[], isWanted: (cost: FemtoUsd) => boolean) =>
      [...new Set([...sellers, own])].flatMap((seller) =>
        cheapest(models.filter((one) => one.provider === seller && isWanted(one.cost_femto_usd))),
      );
    if (current !== undefined && limit === 0n) return [];
    const preferred = PREFERRED.get(task_type) ?? PREFERRED_FOR_OTHERS;
    const paid = cheapestAt(preferred, (cost) => cost > 0n && cost < limit);
    const free = cheapestAt(FREE_PROVIDERS, (cost) => cost === 0n);
    return [
      ...paid.map((one) => ({ ...one, isFree: false })),
      ...free.map((one) => ({ ...one, isFree: true })),
    ];
  }

  return {
    async getModelTiers() {
      const tiers: Record<TierName, TieredModel[]> = { free: [], low: [], medium: [], high: [] };
      for (const { provider, model, cost_femto_usd } of await pricedModels()) {
        const cost = cost_femto_usd * TOKENS_PRICED;
        tiers[tierOf(cost)].push({ provider, model, cost_per_1k_tokens: usdOfFemto(cost) });
      }
      return tiers;
    },

    async findCheaperAlternative(request) {
      const [first] = await alternatives(request);
      return first === undefined ? null : { provider: first.provider, model: first.model };
    },

    alternatives,
  };
}

/** The cheapest of the models; of those that cost the same, the first by name. */
function cheapest(models: readonly PricedModel[]): readonly Model[] {
  const [first] = models.toSorted((one, other) =>
    one.cost_femto_usd === other.cost_femto_usd
      ? one.model < other.model
        ? -1
        : 1
      : one.cost_femto_usd < other.cost_femto_usd
        ? -1
        : 1,
  );
  return first === undefined ? [] : [{ provider: first.provider, model: first.model }];
}

/**
 * The general price of a model, where it is in force and the model answers text: one that charges for what it reads and
 * nothing for what it writes, such as an embedding, writes nothing.
 */
function pricedModel(price: Price, now_ms: number): readonly PricedModel[] {
  const { provider, model, input_cost_per_token, output_cost_per_token } = price;
  const isGeneral = price.scope === "" && price.service_tier === "standard" && price.time_of_day === null;
  const isInForce =
    Date.parse(price.effective_date) <= now_ms &&
    (price.end_date === null || now_ms < Date.parse(price.end_date));
  if (!isGeneral || !isInForce || input_cost_per_token === null || output_cost_per_token === null) return [];
  if (output_cost_per_token === 0 && input_cost_per_token !== 0) return [];
  return [
    { provider, model, cost_femto_usd: femtoOf(input_cost_per_token) + femtoOf(output_cost_per_token) },
  ];
}
