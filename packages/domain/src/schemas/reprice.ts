import { Type, type Static } from "typebox";
import { Dimension, Label, Time, Usd, Uuid, closed } from "./common.ts";

/** Which usage is priced anew, and by which prices. */
export const RepriceRequestSchema = Type.Object(
  {
    start_time: Time("Usage from then on"),
    end_time: Time("Usage before then"),
    provider: Type.Optional(Dimension("Only of this provider")),
    model: Type.Optional(Dimension("Only of this model")),
    at: Type.Optional(Time("At the prices in force then; now if left out")),
    dry_run: Type.Optional(Type.Boolean({ description: "Books nothing, and says what would be booked" })),
    repriced_by: Label("Who asks for it"),
    why: Label("The reason, for the record", 1000),
  },
  closed,
);
export type RepriceRequest = Static<typeof RepriceRequestSchema>;

const count = (description: string) => Type.Integer({ minimum: 0, description });
const sums = {
  records: count("Records whose cost was wrong"),
  booked_cost: Usd("What was booked for them"),
  repriced_cost: Usd("What they cost"),
  difference: Usd("The second less the first"),
};

export const RepriceReportSchema = Type.Object({
  dry_run: Type.Boolean(),
  records_checked: count("Records of calls in the span"),
  records_adjusted: count("Those whose cost was, or would be, set right"),
  records_unpriced: count("Those whose price nobody knows, or not for all that they used; their cost stays"),
  difference: Usd("What was, or would be, booked in all; negative where too much had been booked"),
  budgets: Type.Array(Type.Object({ budget_id: Uuid("The budget"), ...sums }), {
    description: "By budget, the largest difference first",
  }),
  models: Type.Array(Type.Object({ model: Type.String({ description: "Provider and model" }), ...sums }), {
    description: "By model, the largest difference first",
  }),
});
export type RepriceReportWire = Static<typeof RepriceReportSchema>;
