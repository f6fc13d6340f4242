import { Type, type Static } from "typebox";
import { Dimension, Usd, Uuid, closed, nullable } from "./common.ts";

const days = Type.Integer({
  minimum: 1,
  maximum: 365,
  description: "Usage of so many days up to now; 30 if left out",
});
const count = (description: string) => Type.Integer({ minimum: 0, description });

/** For which model a cheaper one is looked for, on whose usage, and what it must be able to do. */
export const RecommendationRequestSchema = Type.Object(
  {
    provider: Dimension("Provider of the model in use"),
    model: Dimension("The model in use"),
    budget_id: Type.Optional(Uuid("On the usage of this budget only")),
    component: Type.Optional(Dimension("On the usage of this component only")),
    task_type: Type.Optional(Dimension("On the usage of this task type only")),
    days: Type.Optional(days),
    context_size: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: "Tokens that a call may have: leaves out models that are known to take fewer",
      }),
    ),
    any_provider: Type.Optional(
      Type.Boolean({ description: "Whether models of other providers are looked at, too; no if left out" }),
    ),
    context_tokens: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1_000_000_000,
        description: "Tokens that it must be known to take",
      }),
    ),
    tools: Type.Optional(Type.Boolean({ description: "Whether it must be known to use tools" })),
    vision: Type.Optional(Type.Boolean({ description: "Whether it must be known to read images" })),
    reasoning: Type.Optional(Type.Boolean({ description: "Whether it must be known to reason" })),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 50, description: "At most so many; 5 if left out" }),
    ),
  },
  closed,
);
export type RecommendationRequest = Static<typeof RecommendationRequestSchema>;

const known = (what: string) =>
  nullable(Type.Boolean({ description: `Whether it ${what}; null where nobody says` }));

const RecommendationSchema = Type.Object({
  provider: Type.String(),
  model: Type.String(),
  estimated_cost: Usd("What the calls would have cost"),
  cost_reduction: Usd("How much less that is"),
  cost_reduction_percentage: Type.Number({
    minimum: 0,
    maximum: 100,
    description: "The same as a share of what they cost, from 0 to 100",
  }),
  confidence: Type.Number({
    minimum: 0,
    maximum: 1,
    description:
      "The share of the calls found that the costs are worked out for; 0 where they are those of a typical call. It says " +
      "nothing of how well the model does the task",
  }),
  quality_impact: Type.Null({ description: "Null: no source says how well a model does a task" }),
  speed_impact: Type.Null({ description: "Null: no source says how fast a model is" }),
  description: Type.String({ description: "What is known of it, in a sentence" }),
  price_status: Type.String({ description: "Whether its price is verified" }),
  context_tokens: nullable(count("Tokens that it takes; null where nobody says")),
  tools: known("uses tools"),
  vision: known("reads images"),
  reasoning: known("reasons"),
});

export type RecommendationWire = Static<typeof RecommendationSchema>;

export const RecommendationsSchema = Type.Object({
  items: Type.Array(RecommendationSchema, { description: "The cheapest first" }),
  current_provider: Type.String(),
  current_model: Type.String(),
  current_cost: Usd("What the calls cost with the model in use, at its price of now"),
  calls: count("Calls that costs are worked out for, the latest ones; at most 1,000"),
  calls_left_out: count(
    "Calls that are not among them, because the model in use has no price for all that they used",
  ),
  typical: Type.Boolean({
    description: "Whether there were none, so that costs are those of one call of 1,000 tokens in and out",
  }),
});
export type RecommendationsWire = Static<typeof RecommendationsSchema>;

export const CoverageQuerySchema = Type.Object({ days: Type.Optional(days) }, closed);
export type CoverageQuery = Static<typeof CoverageQuerySchema>;

const CoveredModelSchema = Type.Object({
  provider: Type.String(),
  model: Type.String(),
  request_count: count("Calls"),
  total_tokens: count("Tokens"),
  total_cost: Usd("What was booked for them"),
  price_status: nullable(Type.String({ description: "Of the price in force; null where nobody knows one" })),
  matched_by: nullable(
    Type.Enum(["exact", "alias", "family"], { description: "How its name led to the price" }),
  ),
  verified: Type.Boolean({ description: "Whether the price can be relied on" }),
});

/** Which models in use have a price that can be relied on. */
export const CoverageSchema = Type.Object({
  days: Type.Integer(),
  models: count("Models in use"),
  models_verified: count("Those whose price can be relied on"),
  total_cost: Usd("What was booked for all"),
  verified_cost: Usd("What was booked for those whose price can be relied on"),
  items: Type.Array(CoveredModelSchema, {
    description: "Those that cannot be relied on first, the dearest first",
  }),
});
export type CoverageWire = Static<typeof CoverageSchema>;
