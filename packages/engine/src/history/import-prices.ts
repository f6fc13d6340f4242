import {
  STANDARD_TERMS,
  changeBy,
  createPriceBook,
  type Clock,
  type FemtoUsd,
  type IdSource,
  type ProviderPricing,
} from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  PriceRepository,
  TenantRepository,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import type { CommandContext } from "../engine.ts";

/** What an older system charged for a token of a model. */
export interface HistoricPrice {
  /** Lower case, trimmed; `model` too. */
  readonly provider: string;
  readonly model: string;
  readonly input_femto_usd: FemtoUsd;
  readonly output_femto_usd: FemtoUsd;
}

/** Since when it was charged, and the instant from which on it no longer is: now. */
export interface HistoricSpan {
  readonly from_ms: number;
  readonly until_ms: number;
}

export interface HistoricPriceImport {
  readonly price: HistoricPrice;
  /** `unchanged`: this source has a price of the model already, which stays, whatever it charges. */
  readonly result: "imported" | "unchanged";
  /** What Budget charges now, where that differs by more than a hundredth; null where it does not, or nothing is known. */
  readonly differs_from:
    (Pick<ProviderPricing, "pricing_id" | "source"> & Omit<HistoricPrice, "provider" | "model">) | null;
}

export interface HistoricPriceOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
}

const nameOf = ({ provider, model }: Pick<HistoricPrice, "provider" | "model">): string =>
  `${provider}\n${model}`;

const MOST_PRICES = 1_000_000;
/** Amounts are the same price up to a difference of one in so many. */
const TOLERANCE = 100n;

/**
 * Keeps what an older system charged as prices of the tenant's own for the span of its history. Nobody has verified them,
 * and nothing that is in force now is touched.
 * @param source what the prices are known by as theirs, such as `rhetor`
 * @param options.dry_run whether only the report is wanted
 */
export async function importHistoricPrices(
  { database, clock, ids }: HistoricPriceOptions,
  context: CommandContext,
  source: string,
  prices: readonly HistoricPrice[],
  span: HistoricSpan,
  { dry_run }: { readonly dry_run: boolean },
): Promise<readonly HistoricPriceImport[]> {
  const repository = new PriceRepository(database);
  const { tenant_id } = context;
  const all = await repository.getAll(tenant_id, MOST_PRICES, 0);
  const book = createPriceBook(all.filter((price) => price.source !== source));
  const known = new Set(all.filter((price) => price.source === source).map(nameOf));
  const imports = prices.map((price): HistoricPriceImport => ({
    price,
    result: known.has(nameOf(price)) ? "unchanged" : "imported",
    differs_from: otherPrice(price, book.find({ ...price, ...STANDARD_TERMS }, clock.now())?.price),
  }));
  const added = imports.filter(({ result }) => result === "imported").map(({ price }) => price);
  if (!dry_run && added.length > 0 && span.from_ms < span.until_ms) {
    const stored = added.map((price) => pricingOf(price, tenant_id, source, span, ids, clock.now()));
    await new Ledger(database).transaction(tenant_id, "exclusive", (session) =>
      store(session, database, context, source, stored),
    );
  }
  return imports;
}

async function store(
  { transaction, tenant_id }: LedgerSession,
  database: Database,
  context: CommandContext,
  source: string,
  prices: readonly ProviderPricing[],
): Promise<void> {
  const catalog_version = await new TenantRepository(database).bumpCatalogVersion(transaction, tenant_id);
  await new PriceRepository(database).insertMany(transaction, prices, catalog_version);
  const change = {
    action: "prices.imported",
    subject_id: tenant_id,
    before: null,
    after: { source, prices: prices.length },
    at_ms: prices[0]?.created_at_ms ?? 0,
  };
  await new AuditRepository(database).append(transaction, tenant_id, [changeBy(context, change)]);
}

function pricingOf(
  { provider, model, input_femto_usd, output_femto_usd }: HistoricPrice,
  tenant_id: string,
  source: string,
  { from_ms, until_ms }: HistoricSpan,
  ids: IdSource,
  now_ms: number,
): ProviderPricing {
  return {
    tenant_id,
    pricing_id: ids.next(now_ms),
    provider,
    model,
    scope: "",
    price_type: "token",
    service_tier: "standard",
    time_of_day: null,
    components: [
      { unit: "input_tokens", amount_femto_usd: input_femto_usd, above_input_tokens: 0 },
      { unit: "output_tokens", amount_femto_usd: output_femto_usd, above_input_tokens: 0 },
    ],
    markup_ppm: 0,
    effective_ms: from_ms,
    end_ms: until_ms,
    source,
    status: "provisional",
    verified: false,
    evidence: [],
    created_at_ms: now_ms,
  };
}

function otherPrice(
  price: HistoricPrice,
  charged: ProviderPricing | undefined,
): HistoricPriceImport["differs_from"] {
  if (charged === undefined) return null;
  const amountOf = (unit: string): FemtoUsd | undefined =>
    charged.components.find((one) => one.unit === unit && one.above_input_tokens === 0)?.amount_femto_usd;
  const input_femto_usd = amountOf("input_tokens");
  const output_femto_usd = amountOf("output_tokens");
  if (input_femto_usd === undefined || output_femto_usd === undefined) return null;
  const isSame =
    isNear(price.input_femto_usd, input_femto_usd) && isNear(price.output_femto_usd, output_femto_usd);
  const { pricing_id, source } = charged;
  return isSame ? null : { pricing_id, source, input_femto_usd, output_femto_usd };
}

function isNear(a: FemtoUsd, b: FemtoUsd): boolean {
  const [less, more] = a < b ? [a, b] : [b, a];
  return (more - less) * TOLERANCE <= more;
}
