import {
  CurrentPriceRequestSchema,
  PriceByHandRequestSchema,
  PriceByHandSchema,
  PriceEvidenceSchema,
  PriceRunSchema,
  Uuid,
  WithdrawalSchema,
  accepted,
  isoTime,
  toProviderPricingWire,
  type Outcome,
  type PriceByHandRequest,
  type PriceObservationWire,
  type StoredObservation,
  type TimeOfDay,
} from "@budget/domain";
import type { PriceByHand } from "@budget/services";
import { Type } from "typebox";
import { componentsOf, saidComponents, wrong } from "./price-components.ts";
import { timeOrNull, toReviewWire, toRunWire } from "./price-monitoring.ts";
import { answerTo, route } from "./route.ts";

const toObservationWire = (observation: StoredObservation): PriceObservationWire => ({
  observation_id: observation.observation_id,
  source: observation.source,
  name: observation.name,
  scope: observation.scope,
  service_tier: observation.service_tier,
  time_of_day: observation.time_of_day,
  components: saidComponents(observation.components),
  effective_date: timeOrNull(observation.effective_ms),
  end_date: timeOrNull(observation.end_ms),
  address: observation.address,
  content_hash: observation.content_hash,
  observed_at: isoTime(observation.observed_at_ms),
  withdrawn_at: timeOrNull(observation.withdrawn_at_ms),
  raw: observation.raw,
});

/** Hours as prices keep them, with seconds. */
const withSeconds = ({ start, end }: TimeOfDay): TimeOfDay => ({
  start: start.padEnd("HH:MM:SS".length, ":00"),
  end: end.padEnd("HH:MM:SS".length, ":00"),
});

function priceByHand(body: PriceByHandRequest): Outcome<PriceByHand> {
  const { provider, model, price_scope, service_tier, effective_date, end_date, set_by, why } = body;
  const components = componentsOf(body.components);
  if (!components.ok) return components;
  const effective_ms = effective_date === undefined ? null : Date.parse(effective_date);
  const end_ms = end_date === undefined ? null : Date.parse(end_date);
  const hours = body.time_of_day && withSeconds(body.time_of_day);
  if (hours !== undefined && hours.start === hours.end)
    return wrong("time_of_day", "It has no hours: start and end are the same.");
  if (end_ms !== null && end_ms <= (effective_ms ?? 0))
    return wrong("end_date", "It must be later than effective_date.");
  return accepted({
    provider,
    model,
    components: components.value,
    effective_ms,
    end_ms,
    set_by,
    why,
    time_of_day: hours ?? null,
    ...(price_scope === undefined ? {} : { scope: price_scope }),
    ...(service_tier === undefined ? {} : { service_tier }),
  });
}

export const priceEvidenceRoutes = [
  route({
    method: "get",
    path: "/api/prices/evidence/{provider}/{model}",
    operation_id: "getPriceEvidence",
    tag: "prices",
    summary: "Read why a model costs what it costs: what is charged, and what each source says",
    description: "Slashes in the name of a model are written %2F.",
    params: Type.Object({
      provider: CurrentPriceRequestSchema.properties.provider,
      model: CurrentPriceRequestSchema.properties.model,
    }),
    success: { status: 200, description: "Prices, observations and reviews", schema: PriceEvidenceSchema },
    problems: ["invalid_value", "price_not_found"],
    async handle({ params: { provider, model } }, services) {
      const outcome = await services.monitor.evidence(provider, model);
      return answerTo(outcome, services, ({ prices, observations, reviews }) => ({
        status: 200,
        body: {
          prices: prices.map(toProviderPricingWire),
          observations: observations.map(toObservationWire),
          reviews: reviews.map(toReviewWire),
        },
      }));
    },
  }),
  route({
    method: "post",
    path: "/api/prices/by-hand",
    operation_id: "setPriceByHand",
    tag: "prices",
    summary: "Set a price that is charged without a vote, such as one of a contract",
    description:
      "It takes the place of what was set by hand for the same thing before, until it is taken back.",
    body: PriceByHandRequestSchema,
    body_example: {
      provider: "openai",
      model: "gpt-4o",
      components: [
        { unit: "input_tokens", cost_per_unit: "0.000002" },
        { unit: "output_tokens", cost_per_unit: "0.000008" },
      ],
      set_by: "ada",
      why: "Contract of 2026.",
    },
    success: { status: 201, description: "The price", schema: PriceByHandSchema },
    problems: ["invalid_value", "price_run_active"],
    async handle({ context, body }, services) {
      const price = priceByHand(body);
      const outcome = price.ok ? await services.monitor.setByHand(price.value, context) : price;
      return answerTo(outcome, services, ({ observation_id, price: set }) => ({
        status: 201,
        body: { observation_id, price: set && toProviderPricingWire(set) },
      }));
    },
  }),
  route({
    method: "post",
    path: "/api/prices/by-hand/{observation_id}/withdrawal",
    operation_id: "withdrawPriceByHand",
    tag: "prices",
    summary: "Take back a price that was set by hand, so that what the sources say is charged",
    params: Type.Object({ observation_id: Uuid("What was answered when it was set") }),
    body: WithdrawalSchema,
    body_example: { withdrawn_by: "ada", why: "The contract ended." },
    success: { status: 200, description: "The vote that followed", schema: PriceRunSchema },
    problems: ["invalid_value", "price_observation_not_found", "price_run_active"],
    async handle({ context, params, body }, services) {
      const outcome = await services.monitor.withdrawByHand(params.observation_id, body, context);
      return answerTo(outcome, services, (run) => ({ status: 200, body: toRunWire(run) }));
    },
  }),
];
