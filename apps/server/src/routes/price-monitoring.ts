import {
  PageQuerySchema,
  PriceReviewQuerySchema,
  PriceReviewSchema,
  PriceRunSchema,
  PriceUpdateRequestSchema,
  ReviewDecisionSchema,
  Uuid,
  accepted,
  isoTime,
  listOf,
  rejected,
  type Outcome,
  type PriceReview,
  type PriceReviewWire,
  type PriceRun,
  type PriceRunWire,
  type ReviewDecisionRequest,
} from "@budget/domain";
import type { SourceOff } from "@budget/price-sources";
import type { ReviewDecision } from "@budget/services";
import { Type } from "typebox";
import { componentsOf, saidComponents, wrong } from "./price-components.ts";
import { answerTo, listAnswer, route } from "./route.ts";

export const timeOrNull = (at_ms: number | null): string | null => (at_ms === null ? null : isoTime(at_ms));

export const toRunWire = ({
  run_id,
  trigger,
  started_at_ms,
  ended_at_ms,
  report,
}: PriceRun): PriceRunWire => ({
  run_id,
  trigger,
  started_at: isoTime(started_at_ms),
  ended_at: timeOrNull(ended_at_ms),
  report: report && { sources: [...report.sources], verification: report.verification },
});

/** A source that is off is not read, however it is asked for. */
function refuseOff(off: readonly SourceOff[], names: readonly string[] = []): Outcome<null> {
  const found = off.find(({ name }) => names.includes(name));
  if (found === undefined) return accepted(null);
  return rejected({
    code: "price_source_not_found",
    detail: `The price source ${found.name} is off. ${found.why}`,
  });
}

export const toReviewWire = (review: PriceReview): PriceReviewWire => ({
  review_id: review.review_id,
  provider: review.provider,
  model: review.model,
  scope: review.scope,
  service_tier: review.service_tier,
  time_of_day: review.time_of_day,
  kind: review.kind,
  status: review.status,
  candidates: review.candidates.map((candidate) => ({
    source: candidate.source,
    observation_id: candidate.observation_id,
    testimony: candidate.testimony,
    address: candidate.address,
    observed_at: isoTime(candidate.observed_at_ms),
    components: saidComponents(candidate.components),
  })),
  opened_at: isoTime(review.opened_at_ms),
  closed_at: timeOrNull(review.closed_at_ms),
  decided_by: review.decided_by,
  why: review.why,
});

/** Reads a decision; each kind needs its own fields. */
function decisionOf({ decision, source, components }: ReviewDecisionRequest): Outcome<ReviewDecision> {
  if (decision === "reject") return accepted({ kind: "reject" });
  if (decision === "accept")
    return source === undefined
      ? wrong("source", "Name the source to accept.")
      : accepted({ kind: "accept", source });
  if (components === undefined) return wrong("components", "Give the price to enter.");
  const entered = componentsOf(components);
  return entered.ok ? accepted({ kind: "enter", components: entered.value }) : entered;
}

export const priceMonitoringRoutes = [
  route({
    method: "post",
    path: "/api/prices/update",
    operation_id: "updatePrices",
    tag: "prices",
    summary: "Read sources of prices, vote on what they say, and apply what follows",
    description:
      "Answers when the run has ended, with its report. Happens by itself as well, see PRICE_UPDATE_INTERVAL.",
    body: PriceUpdateRequestSchema,
    body_example: { sources: ["genai_prices"] },
    success: { status: 200, description: "The run, with what became of each source", schema: PriceRunSchema },
    problems: ["invalid_value", "price_source_not_found", "price_run_active"],
    async handle({ context, body }, services) {
      const off = refuseOff(services.sources_off, body.sources);
      const outcome = off.ok ? await services.monitor.run("request", body.sources, context) : off;
      return answerTo(outcome, services, (run) => ({ status: 200, body: toRunWire(run) }));
    },
  }),
  route({
    method: "get",
    path: "/api/prices/runs",
    operation_id: "listPriceRuns",
    tag: "prices",
    summary: "List runs over the sources of prices",
    query: PageQuerySchema,
    success: { status: 200, description: "Runs, newest first", schema: listOf(PriceRunSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { monitor }) {
      return listAnswer(await monitor.runs(query), query, toRunWire);
    },
  }),
  route({
    method: "get",
    path: "/api/prices/reviews",
    operation_id: "listPriceReviews",
    tag: "prices",
    summary: "List prices that people are or were asked about, with what each source says",
    query: PriceReviewQuerySchema,
    success: { status: 200, description: "Reviews, newest first", schema: listOf(PriceReviewSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { monitor }) {
      return listAnswer(await monitor.reviews(query), query, toReviewWire);
    },
  }),
  route({
    method: "post",
    path: "/api/prices/reviews/{review_id}/decision",
    operation_id: "decidePriceReview",
    tag: "prices",
    summary: "Decide on a price that sources do not agree on",
    description: "The decision holds as long as the sources say what they say now.",
    params: Type.Object({ review_id: Uuid("The review") }),
    body: ReviewDecisionSchema,
    body_example: {
      decision: "accept",
      source: "litellm",
      decided_by: "ada",
      why: "The maker's page says so.",
    },
    success: { status: 200, description: "The closed review", schema: PriceReviewSchema },
    problems: ["invalid_value", "price_review_not_found", "price_review_closed"],
    async handle({ context, params, body }, services) {
      const decision = decisionOf(body);
      const outcome = decision.ok
        ? await services.monitor.decide(params.review_id, decision.value, body.decided_by, body.why, context)
        : decision;
      return answerTo(outcome, services, (review) => ({ status: 200, body: toReviewWire(review) }));
    },
  }),
];
