import {
  decodeObservedComponents,
  encodePriceComponents,
  type JsonValue,
  type ModelCapabilities,
  type PriceReview,
  type PriceRun,
  type PriceRunReport,
  type PriceSourceState,
  type PriceType,
  type PricedThing,
  type ReviewCandidate,
  type ServiceTier,
  type StoredObservation,
  type TimeOfDay,
} from "@budget/domain";
import type { Row } from "./dialect.ts";

/** Rows of price monitoring to entities and back, as `rows.ts` does it for the rest. */

const text = (value: unknown): string => value as string;
const textOrNull = (value: unknown): string | null => (value ?? null) as string | null;
const integer = (value: unknown): number => Number(value);
const integerOrNull = (value: unknown): number | null => (value === null ? null : Number(value));
const flagOrNull = (value: unknown): boolean | null => (value === null ? null : Boolean(value));
const json = (value: unknown): unknown => JSON.parse(value as string);

export const pricedThingFromRow = (row: Row): PricedThing => ({
  provider: text(row.provider),
  model: text(row.model),
  scope: text(row.scope),
  service_tier: text(row.service_tier) as ServiceTier,
  time_of_day: row.time_of_day === null ? null : (json(row.time_of_day) as TimeOfDay),
});

const timeOfDayToRow = (time_of_day: TimeOfDay | null): string | null =>
  time_of_day === null ? null : JSON.stringify(time_of_day);

/** An observation without its source's own row, which is long and only read where somebody asks for the evidence. */
export type KeptObservation = Omit<StoredObservation, "raw">;

export const keptObservationFromRow = (row: Row): KeptObservation => ({
  ...pricedThingFromRow(row),
  observation_id: text(row.observation_id),
  source: text(row.source),
  effective_ms: integerOrNull(row.effective_ms),
  end_ms: integerOrNull(row.end_ms),
  price_type: text(row.price_type) as PriceType,
  components: decodeObservedComponents(text(row.components)),
  name: text(row.name),
  address: text(row.address),
  content_hash: text(row.content_hash),
  observed_at_ms: integer(row.observed_at_ms),
  withdrawn_at_ms: integerOrNull(row.withdrawn_at_ms),
});

export const observationFromRow = (row: Row): StoredObservation => ({
  ...keptObservationFromRow(row),
  raw: json(row.raw) as JsonValue,
});

export const observationToRow = (observation: StoredObservation): Row => ({
  ...observation,
  time_of_day: timeOfDayToRow(observation.time_of_day),
  components: encodePriceComponents(observation.components),
  raw: JSON.stringify(observation.raw),
});

export const sourceStateFromRow = (row: Row): PriceSourceState => ({
  source: text(row.source),
  trust_ppm: integer(row.trust_ppm),
  agreed: integer(row.agreed),
  differed: integer(row.differed),
  failures: integer(row.failures),
  attempted_at_ms: integerOrNull(row.attempted_at_ms),
  read_at_ms: integerOrNull(row.read_at_ms),
  due_at_ms: integerOrNull(row.due_at_ms),
  fault: textOrNull(row.fault) as PriceSourceState["fault"],
  detail: textOrNull(row.detail),
  etag: textOrNull(row.etag),
  last_modified: textOrNull(row.last_modified),
  content_hash: textOrNull(row.content_hash),
});

export const runFromRow = (row: Row): PriceRun => ({
  run_id: text(row.run_id),
  trigger: text(row.trigger) as PriceRun["trigger"],
  started_at_ms: integer(row.started_at_ms),
  ended_at_ms: integerOrNull(row.ended_at_ms),
  report: row.report === null ? null : (json(row.report) as PriceRunReport),
});

export const runToRow = (run: PriceRun): Row => ({
  ...run,
  report: run.report === null ? null : JSON.stringify(run.report),
});

type EncodedCandidate = Omit<ReviewCandidate, "components"> & { readonly components: string };

const candidateFromJson = ({ components, ...candidate }: EncodedCandidate): ReviewCandidate => ({
  ...candidate,
  components: decodeObservedComponents(components),
});

export const reviewFromRow = (row: Row): PriceReview => ({
  ...pricedThingFromRow(row),
  review_id: text(row.review_id),
  kind: text(row.kind) as PriceReview["kind"],
  status: text(row.status) as PriceReview["status"],
  candidates: (json(row.candidates) as readonly EncodedCandidate[]).map(candidateFromJson),
  fingerprint: text(row.fingerprint),
  opened_at_ms: integer(row.opened_at_ms),
  closed_at_ms: integerOrNull(row.closed_at_ms),
  decided_by: textOrNull(row.decided_by),
  why: textOrNull(row.why),
});

export const reviewToRow = (review: PriceReview): Row => ({
  ...review,
  time_of_day: timeOfDayToRow(review.time_of_day),
  candidates: JSON.stringify(
    review.candidates.map(({ components, ...candidate }) => ({
      ...candidate,
      components: encodePriceComponents(components),
    })),
  ),
});

export const capabilitiesFromRow = (row: Row): ModelCapabilities => ({
  provider: text(row.provider),
  model: text(row.model),
  context_tokens: integerOrNull(row.context_tokens),
  max_output_tokens: integerOrNull(row.max_output_tokens),
  tools: flagOrNull(row.tools),
  vision: flagOrNull(row.vision),
  reasoning: flagOrNull(row.reasoning),
});
