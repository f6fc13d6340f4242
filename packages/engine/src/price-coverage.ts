import {
  STANDARD_TERMS,
  nanoToUsdJson,
  type CoverageWire,
  type NanoUsd,
  type PriceBook,
  type PriceMatch,
} from "@budget/domain";
import { UsageRollupRepository, type Database } from "@budget/repositories";

const DAY_MS = 86_400_000;
const DEFAULT_DAYS = 30;

interface Used {
  readonly provider: string;
  readonly model: string;
  readonly request_count: number;
  readonly total_tokens: number;
  readonly cost_nano_usd: NanoUsd;
}

const isRelied = (match: PriceMatch | undefined): boolean => match?.price.verified === true;

/** Which models in use have a price that can be relied on. */
export async function coverageOf(
  database: Database,
  tenant_id: string,
  prices: PriceBook,
  now_ms: number,
  days: number = DEFAULT_DAYS,
): Promise<CoverageWire> {
  const span = { start_ms: now_ms - days * DAY_MS, end_ms: null };
  const used = new Map<string, Used>();
  for (const day of await new UsageRollupRepository(database).daily(tenant_id, {}, span)) {
    const { provider, model } = day;
    const key = `${provider}\n${model}`;
    const before = used.get(key) ?? { provider, model, request_count: 0, total_tokens: 0, cost_nano_usd: 0n };
    used.set(key, {
      ...before,
      request_count: before.request_count + day.request_count,
      total_tokens: before.total_tokens + day.total_tokens,
      cost_nano_usd: before.cost_nano_usd + day.total_cost_nano_usd,
    });
  }
  const found = [...used.values()].map((one) => ({
    one,
    match: prices.find({ ...STANDARD_TERMS, provider: one.provider, model: one.model }, now_ms),
  }));
  const relied = found.filter(({ match }) => isRelied(match));
  const sum = (of: typeof found): number =>
    nanoToUsdJson(of.reduce((all, { one }) => all + one.cost_nano_usd, 0n));
  const items = found
    .sort(
      (a, b) =>
        Number(isRelied(a.match)) - Number(isRelied(b.match)) ||
        (a.one.cost_nano_usd < b.one.cost_nano_usd ? 1 : a.one.cost_nano_usd > b.one.cost_nano_usd ? -1 : 0),
    )
    .map(({ one, match }) => ({
      provider: one.provider,
      model: one.model,
      request_count: one.request_count,
      total_tokens: one.total_tokens,
      total_cost: nanoToUsdJson(one.cost_nano_usd),
      price_status: match?.price.status ?? null,
      matched_by: match?.matched_by ?? null,
      verified: isRelied(match),
    }));
  return {
    days,
    models: found.length,
    models_verified: relied.length,
    total_cost: sum(found),
    verified_cost: sum(relied),
    items,
  };
}
