import {
  SHARED_TENANT_ID,
  accepted,
  chargesTheSame,
  failedGate,
  pricedThingKey,
  rejected,
  type Outcome,
  type PriceComponent,
  type PriceReview,
  type ProviderPricing,
} from "@budget/domain";
import {
  PriceRepository,
  PriceReviewRepository,
  TenantRepository,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import { priceChanged } from "./price-changes.ts";

/** What a person decides about a price that sources do not agree on. */
export type ReviewDecision =
  | { readonly kind: "accept"; readonly source: string }
  | { readonly kind: "enter"; readonly components: readonly PriceComponent[] }
  /** What is charged stays as it is. */
  | { readonly kind: "reject" };

export interface DecideOptions {
  readonly database: Database;
  readonly now_ms: number;
  readonly nextId: () => string;
}

/** The price that a decision puts in force, and what it rests on; null where what is charged stays. */
interface Decided {
  readonly components: readonly PriceComponent[];
  readonly source: string;
  readonly evidence: readonly string[];
}

const STATUS = { accept: "accepted", enter: "entered", reject: "rejected" } as const;
/** The source of prices that a person entered. */
const BY_HAND = "review";

function decidedPrice(review: PriceReview, decision: ReviewDecision): Outcome<Decided | null> {
  if (decision.kind === "reject") return accepted(null);
  if (decision.kind === "enter")
    return accepted({ components: decision.components, source: BY_HAND, evidence: [] });
  const candidate = review.candidates.find(({ source }) => source === decision.source);
  if (candidate === undefined) {
    const names = review.candidates.map(({ source }) => source).join(", ");
    return rejected({
      code: "invalid_value",
      field: "/source",
      detail: `${decision.source} says nothing in this review; ${names} do.`,
    });
  }
  const { components, source, observation_id } = candidate;
  if (failedGate(components) === "negative") {
    const detail = `${source} says a price below 0, which nobody can be charged.`;
    return rejected({ code: "invalid_value", field: "/source", detail });
  }
  return accepted({ components, source, evidence: [observation_id] });
}

/** What is charged for the thing of a review now; null where nothing is. */
async function priceInForce(
  session: LedgerSession,
  prices: PriceRepository,
  review: PriceReview,
  now_ms: number,
): Promise<ProviderPricing | null> {
  const key = pricedThingKey(review);
  const all = await prices.ofModel(session.transaction, review.provider, review.model);
  const now = all.filter(
    (price) =>
      pricedThingKey(price) === key &&
      price.status !== "rejected" &&
      price.effective_ms <= now_ms &&
      (price.end_ms === null || price.end_ms > now_ms),
  );
  return now.sort((a, b) => b.effective_ms - a.effective_ms)[0] ?? null;
}

async function putInForce(
  session: LedgerSession,
  review: PriceReview,
  { components, source, evidence }: Decided,
  { database, now_ms, nextId }: DecideOptions,
): Promise<void> {
  const prices = new PriceRepository(database);
  const inForce = await priceInForce(session, prices, review, now_ms);
  const version = await new TenantRepository(database).bumpCatalogVersion(
    session.transaction,
    SHARED_TENANT_ID,
  );
  const known = { status: "manual" as const, verified: true, evidence, markup_ppm: 0 };
  if (inForce !== null && chargesTheSame(inForce, { components })) {
    await prices.updateMany(session.transaction, [{ ...inForce, ...known }], version);
    return;
  }
  const { provider, model, scope, service_tier, time_of_day } = review;
  const price: ProviderPricing = {
    tenant_id: SHARED_TENANT_ID,
    pricing_id: nextId(),
    provider,
    model,
    scope,
    service_tier,
    time_of_day,
    price_type: inForce?.price_type ?? "token",
    components,
    effective_ms: inForce === null ? 0 : now_ms,
    end_ms: inForce?.end_ms ?? null,
    source,
    ...known,
    created_at_ms: now_ms,
  };
  if (inForce !== null)
    await prices.updateMany(session.transaction, [{ ...inForce, end_ms: now_ms }], version);
  await prices.insertMany(session.transaction, [price], version);
  if (inForce !== null) await session.writeEvents([priceChanged(inForce, price)]);
}

/**
 * Closes a review by what a person decided, and puts the decided price in force. It holds as long as the sources say
 * what they say now.
 *
 * @param session of the shared tenant, exclusive
 * @param decided_by who decided, and `why`, for the record
 */
export async function decideReview(
  session: LedgerSession,
  review_id: string,
  decision: ReviewDecision,
  decided_by: string,
  why: string,
  options: DecideOptions,
): Promise<Outcome<PriceReview>> {
  const reviews = new PriceReviewRepository(options.database);
  const review = await reviews.getById(review_id, session.transaction);
  if (review === null) {
    const detail = `There is no price review with the id ${review_id}.`;
    return rejected({ code: "price_review_not_found", detail });
  }
  if (review.status !== "open") {
    const detail = `The review is closed already: it was ${review.status}.`;
    return rejected({ code: "price_review_closed", detail });
  }
  const decided = decidedPrice(review, decision);
  if (!decided.ok) return decided;
  if (decided.value !== null) await putInForce(session, review, decided.value, options);
  const status = STATUS[decision.kind];
  const closed: PriceReview = { ...review, status, closed_at_ms: options.now_ms, decided_by, why };
  await reviews.updateMany(session.transaction, [closed]);
  return accepted(closed);
}
