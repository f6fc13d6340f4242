import {
  accepted,
  canonicalProvider,
  costOf,
  isCapable,
  isMovingAlias,
  isSplit,
  isoTime,
  mayStandInFor,
  mergeCapabilities,
  nanoToUsdJson,
  nanoToUsdText,
  type KnownCapabilities,
  type NanoUsd,
  type NeededCapabilities,
  type Outcome,
  type PriceMatch,
  type ProviderPricing,
  type RecommendationRequest,
  type RecommendationWire,
  type RecommendationsWire,
  type UsageQuantities,
} from "@budget/domain";
import { ModelRepository, UsageRecordRepository, type Database } from "@budget/repositories";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;
const DEFAULT_LIMIT = 5;
const MOST_CALLS = 1000;
/** What the calls would have cost is worked out for so many of the models that are cheaper for the average call. */
const MOST_RANKED = 50;
const TYPICAL_CALL: UsageQuantities = { input_tokens: 1000, output_tokens: 1000 };

/** What the calls cost in all; null where the price does not know something that they used. */
function costOfAll(calls: readonly UsageQuantities[], price: ProviderPricing): NanoUsd | null {
  let sum = 0n;
  for (const usage of calls) {
    const cost = costOf(usage, price);
    if (!cost.ok) return null;
    sum += cost.total_cost_nano_usd;
  }
  return sum;
}

function averageOf(calls: readonly UsageQuantities[]): UsageQuantities {
  const sums = new Map<string, number>();
  for (const usage of calls)
    for (const [unit, quantity] of Object.entries(usage)) sums.set(unit, (sums.get(unit) ?? 0) + quantity);
  return Object.fromEntries([...sums].map(([unit, sum]) => [unit, Math.floor(sum / calls.length)]));
}

interface Candidate {
  readonly price: ProviderPricing;
  readonly capabilities: KnownCapabilities;
  readonly cost_nano_usd: NanoUsd;
}

const byCost = (a: Candidate, b: Candidate): number =>
  a.cost_nano_usd < b.cost_nano_usd
    ? -1
    : a.cost_nano_usd > b.cost_nano_usd
      ? 1
      : a.price.model.length - b.price.model.length;

/** The models that cost less for some calls, cheapest first; of names that cost the same at one provider, the shortest. */
function cheaperFor(
  calls: readonly UsageQuantities[],
  candidates: readonly Omit<Candidate, "cost_nano_usd">[],
  current_nano_usd: NanoUsd,
): readonly Candidate[] {
  const cheaper = candidates.flatMap((candidate): Candidate[] => {
    const cost_nano_usd = costOfAll(calls, candidate.price);
    const isCheaper = cost_nano_usd !== null && cost_nano_usd > 0n && cost_nano_usd < current_nano_usd;
    return isCheaper ? [{ ...candidate, cost_nano_usd }] : [];
  });
  const seen = new Set<string>();
  return cheaper.sort(byCost).filter(({ price, cost_nano_usd }) => {
    const key = `${price.provider} ${cost_nano_usd}`;
    const isFirst = !seen.has(key);
    seen.add(key);
    return isFirst;
  });
}

const percentOf = (part: NanoUsd, whole: NanoUsd): number =>
  whole === 0n ? 0 : Number((part * 10_000n) / whole) / 100;

/**
 * Looks for cheaper models for what a caller really used lately: every one of the latest calls is priced by each of
 * them, caches and context tiers included, but for calls that used something without a price at the model in use. Free ones are left out, because most prices of 0 are a subscription's.
 */
export async function recommend(
  database: Database,
  tenant_id: string,
  request: RecommendationRequest,
  match: PriceMatch,
  general: readonly ProviderPricing[],
  now_ms: number,
): Promise<Outcome<RecommendationsWire>> {
  const { provider, model, budget_id, component, task_type } = request;
  const { days = DEFAULT_DAYS, limit = DEFAULT_LIMIT, context_size = 0 } = request;
  const { items } = await new UsageRecordRepository(database).list(tenant_id, {
    provider,
    model,
    ...(budget_id === undefined ? {} : { budget_id }),
    ...(component === undefined ? {} : { component }),
    ...(task_type === undefined ? {} : { task_type }),
    start_time: isoTime(now_ms - days * DAY_MS),
    limit: MOST_CALLS,
  });
  const used = items
    .filter((record) => record.adjusts_record_id === null && isSplit(record))
    .map(({ usage }) => usage);
  const current = match.price;
  // Nobody can say whether a model is cheaper for a call whose cost is not known.
  const priced = used.filter((usage) => costOf(usage, current).ok);
  const calls = priced.length === 0 ? [TYPICAL_CALL] : priced;
  const current_nano_usd = costOfAll(calls, current) ?? 0n;
  const average = [averageOf(calls)];
  const longest = Math.max(
    ...used.map(({ input_tokens = 0, output_tokens = 0 }) => input_tokens + output_tokens),
    context_size,
  );
  const needed: NeededCapabilities = request;
  const capabilitiesOf = mergeCapabilities(await new ModelRepository(database).capabilities());
  const candidates = general
    .filter(
      (price) =>
        price.pricing_id !== current.pricing_id &&
        (request.any_provider === true ||
          canonicalProvider(price.provider) === canonicalProvider(current.provider)) &&
        !isMovingAlias(price.model) &&
        mayStandInFor(price, current),
    )
    .map((price) => ({ price, capabilities: capabilitiesOf(price) }))
    .filter(
      ({ capabilities }) =>
        isCapable(capabilities, needed) && (capabilities.context_tokens ?? longest) >= longest,
    );
  const ranked = cheaperFor(average, candidates, costOfAll(average, current) ?? 0n).slice(0, MOST_RANKED);
  const cheaper = cheaperFor(calls, ranked, current_nano_usd).slice(0, limit);
  const basis = { calls: priced.length, calls_left_out: used.length - priced.length };
  return accepted({
    items: cheaper.map((candidate) => toItem(candidate, current_nano_usd, basis)),
    current_provider: current.provider,
    current_model: current.model,
    current_cost: nanoToUsdJson(current_nano_usd),
    ...basis,
    typical: basis.calls === 0,
  });
}

/** How many calls costs are worked out for, and how many were found besides. */
interface Basis {
  readonly calls: number;
  readonly calls_left_out: number;
}

function toItem(candidate: Candidate, current_nano_usd: NanoUsd, basis: Basis): RecommendationWire {
  const { price, capabilities, cost_nano_usd } = candidate;
  const saved_nano_usd = current_nano_usd - cost_nano_usd;
  return {
    provider: price.provider,
    model: price.model,
    estimated_cost: nanoToUsdJson(cost_nano_usd),
    cost_reduction: nanoToUsdJson(saved_nano_usd),
    cost_reduction_percentage: percentOf(saved_nano_usd, current_nano_usd),
    confidence: basis.calls === 0 ? 0 : basis.calls / (basis.calls + basis.calls_left_out),
    // No source says how well a model does a task, or how fast.
    quality_impact: null,
    speed_impact: null,
    description: describe(candidate, current_nano_usd, basis),
    price_status: price.status,
    context_tokens: capabilities.context_tokens,
    tools: capabilities.tools,
    vision: capabilities.vision,
    reasoning: capabilities.reasoning,
  };
}

function describe(
  { price, capabilities, cost_nano_usd }: Candidate,
  current_nano_usd: NanoUsd,
  { calls }: Basis,
): string {
  const { context_tokens, tools, vision, reasoning } = capabilities;
  const what =
    calls === 0
      ? "a call of 1,000 tokens in and out"
      : calls === 1
        ? "the latest call"
        : `the latest ${calls} calls`;
  const costs = `$${nanoToUsdText(cost_nano_usd)} instead of $${nanoToUsdText(current_nano_usd)} for ${what}`;
  const known = [
    ...(context_tokens === null ? [] : [`takes ${context_tokens} tokens`]),
    ...(tools === true ? ["uses tools"] : []),
    ...(vision === true ? ["reads images"] : []),
    ...(reasoning === true ? ["reasons"] : []),
  ];
  return [costs, ...known, `its price is ${price.status.replaceAll("_", " ")}`].join("; ") + ".";
}
