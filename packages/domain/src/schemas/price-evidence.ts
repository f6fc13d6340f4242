import { Type, type Static } from "typebox";
import { SERVICE_TIERS } from "../enums.ts";
import { Label, Time, Uuid, closed, nullable } from "./common.ts";
import { PriceInput, PriceReviewSchema, SaidComponents } from "./price-review.ts";
import { CurrentPriceRequestSchema, PriceSchema } from "./price.ts";

/** What a source says about a price, with the row that it was read from. */
export const PriceObservationSchema = Type.Object({
  observation_id: Uuid("Id of the observation"),
  source: Type.String({ description: "Who says it" }),
  name: Type.String({ description: "The provider and model by the source's own names" }),
  scope: Type.String({ description: "Region or commitment; empty where it is general" }),
  service_tier: Type.Enum([...SERVICE_TIERS]),
  time_of_day: nullable(Type.Object({ start: Type.String(), end: Type.String() })),
  components: SaidComponents,
  effective_date: nullable(Time("Since when it holds; null where the source does not say")),
  end_date: nullable(Time("Until when; null while open")),
  address: Type.String({ description: "Where it was read; who set it, where it was set by hand" }),
  content_hash: Type.String({
    description: "SHA-256 of all that the source sent; empty where it was set by hand",
  }),
  observed_at: Time("When it was read first"),
  withdrawn_at: nullable(Time("Since when the source no longer says it; null while it does")),
  raw: Type.Unknown({ description: "The source's own row" }),
});
export type PriceObservationWire = Static<typeof PriceObservationSchema>;

/** Why a model costs what it costs. */
export const PriceEvidenceSchema = Type.Object({
  prices: Type.Array(PriceSchema, { description: "What is charged now, the general price first" }),
  observations: Type.Array(PriceObservationSchema, {
    description: "What the prices rest on, and whatever else sources say about the model now, oldest first",
  }),
  reviews: Type.Array(PriceReviewSchema, { description: "What people are or were asked, newest first" }),
});
export type PriceEvidenceWire = Static<typeof PriceEvidenceSchema>;

const Clock = (description: string) =>
  Type.String({ pattern: "^([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?$", description, examples: ["16:30"] });

export const PriceByHandRequestSchema = Type.Object(
  {
    ...CurrentPriceRequestSchema.properties,
    components: PriceInput("What its units cost"),
    time_of_day: Type.Optional(
      Type.Object(
        {
          start: Clock("From then on"),
          end: Clock("Up to, not including, then; past midnight where it is earlier than the start"),
        },
        { ...closed, description: "Hours in UTC that it is charged in; all day if left out" },
      ),
    ),
    effective_date: Type.Optional(Time("From when it is charged; from now on if left out")),
    end_date: Type.Optional(Time("From when what the sources say is charged again")),
    set_by: Label("Who sets it"),
    why: Label("The reason, for the record", 1000),
  },
  closed,
);
export type PriceByHandRequest = Static<typeof PriceByHandRequestSchema>;

export const PriceByHandSchema = Type.Object({
  observation_id: Uuid("To take it back by"),
  price: nullable(PriceSchema),
});
export type PriceByHandWire = Static<typeof PriceByHandSchema>;

export const WithdrawalSchema = Type.Object(
  { withdrawn_by: Label("Who takes it back"), why: Label("The reason, for the record", 1000) },
  closed,
);
export type Withdrawal = Static<typeof WithdrawalSchema>;
