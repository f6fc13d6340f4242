import { Type, type Static } from "typebox";
import { MetadataSchema, PageQuery, SeverityWord, Time, Uuid, closed, nullable } from "./common.ts";

/** What alerts about a limit are raised for. */
export const LIMIT_ALERT_KINDS = [
  "warning_threshold",
  "action_threshold",
  "limit_exceeded",
  "overage",
  "price_unknown",
  "priority_override",
] as const;

/** What alerts about the prices that every tenant shares are raised for. */
export const PRICE_ALERT_KINDS = ["price_review", "price_changed", "price_source_unhealthy"] as const;

export const ALERT_KINDS = [...LIMIT_ALERT_KINDS, ...PRICE_ALERT_KINDS] as const;

export const AlertSchema = Type.Object({
  alert_id: Uuid("Id of the alert"),
  budget_id: nullable(Uuid("The budget; null where it is about prices, which belong to none")),
  policy_id: nullable(Uuid("The policy; null where it is about the budget as a whole")),
  kind: Type.Enum([...ALERT_KINDS]),
  severity: SeverityWord,
  message: Type.String(),
  details: MetadataSchema,
  acknowledged: Type.Boolean(),
  acknowledged_at: nullable(Time("When somebody acknowledged it")),
  created_at: Time("When it was raised"),
});
export type AlertWire = Static<typeof AlertSchema>;

export const AlertQuerySchema = Type.Object(
  {
    ...PageQuery,
    budget_id: Type.Optional(Uuid("Alerts of this budget")),
    severity: Type.Optional(SeverityWord),
    acknowledged: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type AlertQuery = Static<typeof AlertQuerySchema>;
