import { Type, type Static } from "typebox";
import { PRICE_TYPES, SERVICE_TIERS } from "../enums.ts";
import {
  Dimension,
  PageQuery,
  PriceScope,
  ServiceTierWord,
  Time,
  Usd,
  Uuid,
  closed,
  nullable,
} from "./common.ts";
import { CostComponentSchema, quantities } from "./usage.ts";

const perUnit = (unit: string) => nullable(Usd(`Price of one ${unit}; null where it has none`));

/** A price as the specification shapes it, with every component beside the flat fields. */
export const PriceSchema = Type.Object({
  pricing_id: Uuid("Id of the price"),
  provider: Type.String(),
  model: Type.String(),
  scope: Type.String({ description: "The region or commitment that it is for; empty where it is general" }),
  price_type: Type.Enum([...PRICE_TYPES]),
  service_tier: Type.Enum([...SERVICE_TIERS]),
  time_of_day: nullable(
    Type.Object(
      { start: Type.String(), end: Type.String() },
      { description: "Hours in UTC that it is valid in" },
    ),
  ),
  input_cost_per_token: perUnit("input token"),
  output_cost_per_token: perUnit("output token"),
  input_cost_per_char: perUnit("input character"),
  output_cost_per_char: perUnit("output character"),
  cost_per_image: perUnit("image"),
  cost_per_second: perUnit("second"),
  fixed_cost_per_request: perUnit("request"),
  components: Type.Array(
    Type.Object({
      unit: Type.String({ description: "What is charged" }),
      cost_per_unit: Usd("Price of one unit"),
      above_input_tokens: Type.Integer({
        minimum: 0,
        description: "Only for requests with more input tokens than this",
      }),
    }),
  ),
  markup_percent: Type.Number({
    description: "What the operator adds to the provider's price; part of the amounts already",
  }),
  effective_date: Time("From when it is in force"),
  end_date: nullable(Time("Until when; null while open")),
  source: Type.String({ description: "Where it was read" }),
  status: Type.String(),
  verified: Type.Boolean(),
  evidence: Type.Array(Uuid("Id of an observation"), { description: "What it rests on" }),
  created_at: Time("When it was stored"),
});
export type PriceWire = Static<typeof PriceSchema>;

export const PriceQuerySchema = Type.Object(
  {
    ...PageQuery,
    provider: Type.Optional(Dimension("Prices of this provider")),
    model: Type.Optional(Dimension("Prices of this model")),
  },
  closed,
);
export type PriceQuery = Static<typeof PriceQuerySchema>;

export const CurrentPriceRequestSchema = Type.Object(
  {
    provider: Dimension("Provider of the model"),
    model: Dimension("The model"),
    service_tier: Type.Optional(ServiceTierWord),
    price_scope: Type.Optional(PriceScope),
  },
  closed,
);
export type CurrentPriceRequest = Static<typeof CurrentPriceRequestSchema>;

const foundBy = {
  matched_by: Type.Enum(["exact", "alias", "family"], {
    description:
      "`alias`: the name is moved from model to model, and this is what it means now; `family`: a dated name without a " +
      "price of its own has that of its undated name",
  }),
  stands_in: Type.Array(Type.Enum(["price_scope", "service_tier"]), {
    description: "In what the price is for something else than was asked for, so that costs are estimates",
  }),
};

/** The price in force, and how the name that was asked for led to it. */
export const CurrentPriceSchema = Type.Object({
  ...PriceSchema.properties,
  ...foundBy,
});
export type CurrentPriceWire = Static<typeof CurrentPriceSchema>;

export const CostRequestSchema = Type.Object(
  {
    ...CurrentPriceRequestSchema.properties,
    usage: quantities,
    at: Type.Optional(Time("At the price that is in force then; now if left out")),
  },
  closed,
);
export type CostRequest = Static<typeof CostRequestSchema>;

/** What a usage costs: its parts, which add up to the total exactly, and the price that makes them. */
export const CostSchema = Type.Object({
  input_cost: Usd("Cost of the input"),
  output_cost: Usd("Cost of the output"),
  other_cost: Usd("Fees that are neither"),
  total_cost: Usd("The three together"),
  cost_components: Type.Array(CostComponentSchema),
  price: CurrentPriceSchema,
});
export type CostWire = Static<typeof CostSchema>;
