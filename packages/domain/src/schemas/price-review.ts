import { Type, type Static } from "typebox";
import { REVIEW_STATUSES, SERVICE_TIERS } from "../enums.ts";
import { OBJECTIONS } from "../verify-price.ts";
import { Dimension, Label, PageQuery, Time, Usd, Uuid, closed, nullable } from "./common.ts";

const componentFields = {
  unit: Type.String({ description: "What is charged" }),
  above_input_tokens: Type.Integer({
    minimum: 0,
    maximum: Number.MAX_SAFE_INTEGER,
    description: "Only for requests with more input tokens than this",
  }),
};

/** The price of one unit as read: prices of tokens have more decimals than a double keeps. */
const UnitPrice = Type.Union(
  [
    Type.Number({ minimum: 0, maximum: 1000 }),
    Type.String({ pattern: "^\\d{1,4}(\\.\\d{1,15})?$", examples: ["0.0000025"] }),
  ],
  { description: "Price of one unit, in USD: a number or decimal text with at most 15 decimals" },
);

/** What people write as a price. */
export const PriceInput = (description: string) =>
  Type.Array(
    Type.Object(
      {
        unit: componentFields.unit,
        cost_per_unit: UnitPrice,
        above_input_tokens: Type.Optional(componentFields.above_input_tokens),
      },
      closed,
    ),
    { minItems: 1, maxItems: 100, description },
  );
export type EnteredPrice = Static<ReturnType<typeof PriceInput>>;

/** What a source says that the units of a model cost. */
export const SaidComponents = Type.Array(
  Type.Object({ ...componentFields, cost_per_unit: Usd("Price of one unit") }),
);

const CandidateSchema = Type.Object({
  source: Type.String(),
  observation_id: Uuid("The observation that it rests on"),
  testimony: Type.String({
    description: "How it came out: agrees, dissents, gated, stale, ahead, or copy of a more trusted one",
  }),
  address: Type.String({ description: "Where it was read" }),
  observed_at: Time("When it was read first"),
  components: SaidComponents,
});

/** A price that people are or were asked about. */
export const PriceReviewSchema = Type.Object({
  review_id: Uuid("Id of the review"),
  provider: Type.String(),
  model: Type.String(),
  scope: Type.String({ description: "Region or commitment; empty where it is general" }),
  service_tier: Type.Enum([...SERVICE_TIERS]),
  time_of_day: nullable(Type.Object({ start: Type.String(), end: Type.String() })),
  kind: Type.Enum([...OBJECTIONS], { description: "Why the price in force was not changed" }),
  status: Type.Enum([...REVIEW_STATUSES]),
  candidates: Type.Array(CandidateSchema, { description: "What each source says" }),
  opened_at: Time("When it was opened"),
  closed_at: nullable(Time("When it was closed")),
  decided_by: nullable(Type.String({ description: "Who decided" })),
  why: nullable(Type.String({ description: "The reason given" })),
});
export type PriceReviewWire = Static<typeof PriceReviewSchema>;

export const PriceReviewQuerySchema = Type.Object(
  {
    ...PageQuery,
    status: Type.Optional(Type.Enum([...REVIEW_STATUSES])),
    provider: Type.Optional(Dimension("Reviews of this provider's prices")),
    model: Type.Optional(Dimension("Reviews of this model's prices")),
  },
  closed,
);
export type PriceReviewQuery = Static<typeof PriceReviewQuerySchema>;

export const ReviewDecisionSchema = Type.Object(
  {
    decision: Type.Enum(["accept", "enter", "reject"], {
      description: "Take a source's price, enter another one, or leave what is charged",
    }),
    source: Type.Optional(Label("The source whose price is taken; with accept")),
    components: Type.Optional(PriceInput("The price; with enter")),
    decided_by: Label("Who decides"),
    why: Label("The reason, for the record", 1000),
  },
  closed,
);
export type ReviewDecisionRequest = Static<typeof ReviewDecisionSchema>;
