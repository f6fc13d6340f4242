import type { PriceRunTrigger, ReviewStatus, ServiceTier } from "./enums.ts";
import type { PriceObservation } from "./price-observation.ts";
import { modelKey } from "./price-names.ts";
import type { PriceComponent, ProviderPricing, TimeOfDay } from "./price.ts";
import type { SourceFault } from "./price-observation.ts";
import type { Objection, Testimony } from "./verify-price.ts";

/** What there is one price of at any instant. */
export interface PricedThing {
  readonly provider: string;
  readonly model: string;
  readonly scope: string;
  readonly service_tier: ServiceTier;
  readonly time_of_day: TimeOfDay | null;
}

/** Two things with the same text are the same one, whatever their models are called by. */
export function pricedThingKey(thing: PricedThing): string {
  const { scope, service_tier, time_of_day } = thing;
  const hours = time_of_day === null ? "" : `${time_of_day.start}-${time_of_day.end}`;
  return [modelKey(thing), scope, service_tier, hours].join("\n");
}

/** An observation as it is kept: never changed, but withdrawn when its source says something else. */
export interface StoredObservation extends PriceObservation {
  readonly observation_id: string;
  readonly source: string;
  /** Where it was read; the name of the package for what came with the product. */
  readonly address: string;
  /** SHA-256 of all that the source sent, in hexadecimal. */
  readonly content_hash: string;
  readonly observed_at_ms: number;
  /** Since when the source no longer says it; null while it does. */
  readonly withdrawn_at_ms: number | null;
}

/** What is known about a source. */
export interface PriceSourceState {
  readonly source: string;
  /** Millionths; moved slowly by how often the source was right. */
  readonly trust_ppm: number;
  /** Votes in which it agreed with what won, and those in which it did not, since it was first read or reset. */
  readonly agreed: number;
  readonly differed: number;
  /** Attempts in a row that gave no prices. */
  readonly failures: number;
  readonly attempted_at_ms: number | null;
  /** When it was last read without a fault, changed or not. */
  readonly read_at_ms: number | null;
  /** When it is to be read next. */
  readonly due_at_ms: number | null;
  /** Why the last attempt gave no prices; null where it did. */
  readonly fault: SourceFault | null;
  readonly detail: string | null;
  readonly etag: string | null;
  readonly last_modified: string | null;
  readonly content_hash: string | null;
}

/** What a source is asked with so that it answers: a header of HTTP. */
export interface SourceCredential {
  readonly header: string;
  /** Secret: it stands in no log, no error, no answer and no record of changes. */
  readonly value: string;
}

/** What may be known of a credential. */
export interface KnownCredential {
  readonly source: string;
  readonly header: string;
  /** Of the key that its value is encrypted with. */
  readonly key_id: string;
  readonly set_at_ms: number;
}

/** What one source says in a review. */
export interface ReviewCandidate {
  readonly source: string;
  readonly observation_id: string;
  readonly testimony: Testimony["kind"];
  readonly address: string;
  readonly observed_at_ms: number;
  readonly components: readonly PriceComponent[];
}

/** A price that people are asked about. There is at most one open review of one thing. */
export interface PriceReview extends PricedThing {
  readonly review_id: string;
  readonly kind: Objection;
  readonly status: ReviewStatus;
  readonly candidates: readonly ReviewCandidate[];
  /** What the sources said, as text: a decision holds as long as they say the same. */
  readonly fingerprint: string;
  readonly opened_at_ms: number;
  readonly closed_at_ms: number | null;
  readonly decided_by: string | null;
  readonly why: string | null;
}

/** What became of one source in a run. */
export interface SourceReport {
  readonly source: string;
  readonly outcome: "read" | "not_modified" | "failed";
  readonly fault: SourceFault | null;
  readonly detail: string | null;
  readonly observations: number;
  readonly set_aside: number;
  readonly new: number;
  readonly changed: number;
  readonly withdrawn: number;
  /** Votes that it took part in, by how it came out. */
  readonly agreed: number;
  readonly in_conflict: number;
  readonly rejected: number;
  readonly duration_ms: number;
}

/** How many prices have which status after a run, and what the run did to them. */
export interface VerificationReport {
  readonly things: number;
  readonly verified: number;
  readonly verified_with_dissent: number;
  readonly provisional: number;
  readonly conflict: number;
  readonly rejected: number;
  readonly prices_added: number;
  readonly prices_changed: number;
  readonly prices_held_back: number;
  readonly reviews_opened: number;
  readonly reviews_settled: number;
  readonly duration_ms: number;
}

export interface PriceRunReport {
  readonly sources: readonly SourceReport[];
  readonly verification: VerificationReport;
}

export interface PriceRun {
  readonly run_id: string;
  readonly trigger: PriceRunTrigger;
  readonly started_at_ms: number;
  /** Null while it goes on, and where its server died over it. */
  readonly ended_at_ms: number | null;
  /** Null where it has not ended, or was interrupted: the next one does what it left. */
  readonly report: PriceRunReport | null;
}

const byPlace = (a: PriceComponent, b: PriceComponent): number =>
  a.unit < b.unit ? -1 : a.unit > b.unit ? 1 : a.above_input_tokens - b.above_input_tokens;

/** Components as text that is the same for the same prices, in whatever order they stand. */
export function componentsFingerprint(components: readonly PriceComponent[]): string {
  return [...components]
    .sort(byPlace)
    .map(
      ({ unit, above_input_tokens, amount_femto_usd }) => `${unit}@${above_input_tokens}=${amount_femto_usd}`,
    )
    .join(" ");
}

/** Whether two prices charge the same for everything. */
export const chargesTheSame = (
  a: Pick<ProviderPricing, "components">,
  b: Pick<ProviderPricing, "components">,
): boolean => componentsFingerprint(a.components) === componentsFingerprint(b.components);
