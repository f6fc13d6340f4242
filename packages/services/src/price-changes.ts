import {
  SHARED_TENANT_ID,
  chargesTheSame,
  componentsFingerprint,
  withMarkup,
  withoutMarkup,
  type Alert,
  type OutboxEvent,
  type PriceComponent,
  type PriceReview,
  type PriceStatus,
  type PriceVerdict,
  type ProviderPricing,
  type ReviewCandidate,
} from "@budget/domain";
import { isMarkedAnew, type Question } from "./votes.ts";

/** What a vote changes. Nothing at all where the sources still say what they said. */
export interface PriceChanges {
  readonly question: Question;
  /** As they were read. */
  readonly reviews: ReviewsOfThing;
  /** Prices whose end, status or evidence changes. */
  readonly updated: readonly ProviderPricing[];
  readonly added: ProviderPricing | null;
  /** The price that the added one takes the place of, where it charges something else. */
  readonly replaced: ProviderPricing | null;
  readonly review: {
    readonly kind: "opened" | "updated" | "settled";
    readonly review: PriceReview;
  } | null;
}

/** Reviews of one thing: the one that is open, and the one that was decided last. */
export interface ReviewsOfThing {
  readonly open: PriceReview | null;
  readonly decided: PriceReview | null;
}

export const NO_REVIEWS: ReviewsOfThing = { open: null, decided: null };

export interface ChangeContext {
  readonly now_ms: number;
  readonly nextId: () => string;
}

/** Whether a price of this status is one that people can rely on. */
export const isReliable = (status: PriceStatus): boolean =>
  status === "verified" || status === "verified_with_dissent" || status === "manual";

const plain = ({ unit, amount_femto_usd, above_input_tokens }: PriceComponent): PriceComponent => ({
  unit,
  amount_femto_usd,
  above_input_tokens,
});

/** What the sources say, as text that changes when one of them says something else. */
export function fingerprintOf({ said }: Question): string {
  return said
    .map(({ source, components }) => `${source}: ${componentsFingerprint(components)}`)
    .sort()
    .join("\n");
}

function candidatesOf({ said }: Question, { testimonies }: PriceVerdict): readonly ReviewCandidate[] {
  const kinds = new Map(testimonies.map(({ observation_id, kind }) => [observation_id, kind]));
  return said.map(({ source, observation_id, address, observed_at_ms, components }) => ({
    source,
    observation_id,
    testimony: kinds.get(observation_id) ?? "dissents",
    address,
    observed_at_ms,
    components,
  }));
}

function evidenceOf({ testimonies }: PriceVerdict): readonly string[] {
  return testimonies.filter(({ kind }) => kind === "agrees").map(({ observation_id }) => observation_id);
}

const isSameEvidence = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((id) => b.includes(id));

/** When a price that follows from a vote ends: what the operator says does when they say. */
function endOf({ decision, inForce, isEnded }: Question): number | null {
  if (decision !== null) return decision.end_ms;
  return isEnded ? null : (inForce?.end_ms ?? null);
}

/** A price as it is charged already, with what is known about it now; undefined where that is what was known. */
function restated(
  price: ProviderPricing,
  question: Question,
  verdict: PriceVerdict,
): ProviderPricing | undefined {
  // What a person decided stays theirs until the sources themselves prove it.
  const isKept = price.status === "manual" && !question.isEnded && !isReliable(verdict.status);
  const status = isKept ? price.status : verdict.status;
  const evidence = evidenceOf(verdict);
  const end_ms = endOf(question);
  const isSame =
    status === price.status && end_ms === price.end_ms && isSameEvidence(price.evidence, evidence);
  return isSame ? undefined : { ...price, end_ms, status, verified: isReliable(status), evidence };
}

/**
 * When a price that follows from a vote begins: now, but what the operator dates back then, as far as nothing else was
 * charged since; and the first price of a model is taken for the one that it always had, so that usage from before can
 * be priced by it.
 */
function beginOf({ decision, inForce, isKnown, free_since_ms }: Question, now_ms: number): number {
  if (inForce !== null) return now_ms;
  const dated_ms = decision?.effective_ms ?? (isKnown ? now_ms : 0);
  return Math.max(dated_ms, free_since_ms);
}

function newPrice(
  question: Question,
  verdict: PriceVerdict,
  components: readonly PriceComponent[],
  source: string,
  { now_ms, nextId }: ChangeContext,
): ProviderPricing {
  const { provider, model, scope, service_tier, time_of_day, inForce, markup_ppm } = question;
  const said = question.said.find((observation) => observation.source === source) ?? question.said[0];
  return {
    tenant_id: SHARED_TENANT_ID,
    pricing_id: nextId(),
    provider: inForce?.provider ?? provider,
    model,
    scope,
    service_tier,
    time_of_day,
    price_type: said?.price_type ?? "token",
    components,
    markup_ppm,
    effective_ms: beginOf(question, now_ms),
    end_ms: endOf(question),
    source,
    status: verdict.status,
    verified: isReliable(verdict.status),
    evidence: evidenceOf(verdict),
    created_at_ms: now_ms,
  };
}

const ended = (price: ProviderPricing, now_ms: number): ProviderPricing => ({ ...price, end_ms: now_ms });

function reviewChange(
  question: Question,
  verdict: PriceVerdict,
  { open, decided }: ReviewsOfThing,
  { now_ms, nextId }: ChangeContext,
): PriceChanges["review"] {
  const { objection } = verdict;
  if (objection === null) {
    return open && { kind: "settled", review: { ...open, status: "settled", closed_at_ms: now_ms } };
  }
  const fingerprint = fingerprintOf(question);
  const candidates = candidatesOf(question, verdict);
  if (open !== null) {
    if (open.fingerprint === fingerprint && open.kind === objection) return null;
    return { kind: "updated", review: { ...open, kind: objection, fingerprint, candidates } };
  }
  // What was decided is no longer charged where the operator said something else since.
  if (decided?.fingerprint === fingerprint && !question.isEnded) return null;
  const { provider, model, scope, service_tier, time_of_day } = question;
  return {
    kind: "opened",
    review: {
      review_id: nextId(),
      provider,
      model,
      scope,
      service_tier,
      time_of_day,
      kind: objection,
      status: "open",
      candidates,
      fingerprint,
      opened_at_ms: now_ms,
      closed_at_ms: null,
      decided_by: null,
      why: null,
    },
  };
}

/**
 * What a vote changes about prices and reviews; undefined where nothing. A price is never changed in what it charges: it
 * is closed, and one that begins now takes its place. What a person decided holds as long as the sources say what they
 * said then.
 */
export function changesOf(
  question: Question,
  verdict: PriceVerdict,
  reviews: ReviewsOfThing,
  context: ChangeContext,
): PriceChanges | undefined {
  const { inForce, duplicates, isEnded } = question;
  const closedDuplicates = duplicates.map((price) => ended(price, context.now_ms));
  const isDecided =
    inForce?.status === "manual" && !isEnded && reviews.decided?.fingerprint === fingerprintOf(question);
  const nothing: PriceChanges = {
    question,
    reviews,
    updated: closedDuplicates,
    added: null,
    replaced: null,
    review: null,
  };
  const changes = isDecided ? nothing : decidedByVote(question, verdict, reviews, context, nothing);
  const isEmpty = changes.updated.length === 0 && changes.added === null && changes.review === null;
  return isEmpty ? undefined : changes;
}

/** The price in force, which stays as it is but for its markup. */
function remarked(
  question: Question,
  reviews: ReviewsOfThing,
  { now_ms, nextId }: ChangeContext,
  review: PriceChanges["review"],
): PriceChanges {
  const { inForce, duplicates, markup_ppm } = question;
  if (inForce === null) throw new Error("There is no price to mark anew.");
  const added: ProviderPricing = {
    ...inForce,
    pricing_id: nextId(),
    components: withMarkup(withoutMarkup(inForce), markup_ppm),
    markup_ppm,
    effective_ms: now_ms,
    created_at_ms: now_ms,
  };
  const updated = [inForce, ...duplicates].map((price) => ended(price, now_ms));
  return { question, reviews, updated, added, replaced: inForce, review };
}

function decidedByVote(
  question: Question,
  verdict: PriceVerdict,
  reviews: ReviewsOfThing,
  context: ChangeContext,
  nothing: PriceChanges,
): PriceChanges {
  const { inForce } = question;
  const { components } = verdict;
  const review = reviewChange(question, verdict, reviews, context);
  const updated = [...nothing.updated];
  if (components === null && question.isEnded && inForce !== null) {
    return { ...nothing, updated: [...updated, ended(inForce, context.now_ms)], review };
  }
  if (components === null) {
    // The price in force is doubted; one that was verified stays so until a person has looked.
    if (inForce?.status === "provisional" && verdict.objection === "conflict")
      updated.push({ ...inForce, status: "conflict" });
    return isMarkedAnew(question)
      ? remarked(question, reviews, context, review)
      : { ...nothing, updated, review };
  }
  const charged = withMarkup(components.map(plain), question.markup_ppm);
  if (inForce !== null && chargesTheSame(inForce, { components: charged })) {
    const known = restated(inForce, question, verdict);
    if (known !== undefined) updated.push(known);
    return { ...nothing, updated, review };
  }
  if (inForce !== null) updated.push(ended(inForce, context.now_ms));
  const [first] = components;
  const added = newPrice(question, verdict, charged, first?.source ?? "", context);
  return { question, reviews, updated, added, replaced: inForce, review };
}

/** What listeners are told of a price that took another one's place. */
export const priceChanged = (before: ProviderPricing, after: ProviderPricing): OutboxEvent => ({
  tenant_id: SHARED_TENANT_ID,
  event_type: "price.changed",
  budget_id: null,
  subject_id: after.pricing_id,
  payload: {
    provider: after.provider,
    model: after.model,
    replaces: before.pricing_id,
    status: after.status,
  },
  created_at_ms: after.created_at_ms,
});

const nameOf = ({ provider, model, scope, service_tier }: PriceReview | ProviderPricing): string =>
  `${provider}/${model}${scope === "" ? "" : ` in ${scope}`}${service_tier === "standard" ? "" : ` (${service_tier})`}`;

const REASONS: Readonly<Record<PriceReview["kind"], string>> = {
  conflict:
    "The sources do not agree; what is charged stays as it is, and where nothing was, the highest amount is.",
  guarded_change:
    "The sources say that it changed by so much that a person has to look; what is charged stays as it is.",
  unconfirmed_change:
    "One source alone says that it changed, or that it has a part which no other source names; that is not charged.",
  all_gated: "No source says a price that can be believed; what is charged stays as it is.",
};

const alert = (
  kind: Alert["kind"],
  severity: Alert["severity"],
  message: string,
  details: Alert["details"],
  { now_ms, nextId }: ChangeContext,
): Alert => ({
  tenant_id: SHARED_TENANT_ID,
  alert_id: nextId(),
  budget_id: null,
  policy_id: null,
  kind,
  severity,
  message,
  details,
  acknowledged: false,
  acknowledged_at_ms: null,
  created_at_ms: now_ms,
});

/** The one alert that a review is announced by. */
export function reviewAlert(review: PriceReview, context: ChangeContext): Alert {
  const message = `The price of ${nameOf(review)} needs a review. ${REASONS[review.kind]}`;
  return alert(
    "price_review",
    "warning",
    message,
    { review_id: review.review_id, kind: review.kind },
    context,
  );
}

/** The one alert about a source that gives no prices any more. */
export function sourceAlert(source: string, fault: string, detail: string, context: ChangeContext): Alert {
  const message = `The price source ${source} gives no prices (${fault}): ${detail} Its last good prices stay in use.`;
  return alert("price_source_unhealthy", "warning", message, { source, fault }, context);
}

/** The one alert about the prices that a run changed. */
export function changesAlert(changed: readonly ProviderPricing[], context: ChangeContext): Alert {
  const names = changed.slice(0, 10).map(nameOf).join(", ");
  const others = changed.length > 10 ? ` and ${changed.length - 10} others` : "";
  const what = changed.length === 1 ? "1 price has" : `${changed.length} prices have`;
  const details = { pricing_ids: changed.slice(0, 100).map(({ pricing_id }) => pricing_id) };
  return alert("price_changed", "info", `${what} changed: ${names}${others}.`, details, context);
}
