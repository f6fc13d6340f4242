import { Type, type Static } from "typebox";
import { MetadataSchema, PageQuery, SeverityWord, Time, Uuid, closed, nullable } from "./common.ts";

export const ALERT_KINDS = [
  "warning_threshold",
  "action_threshold",
  "limit_exceeded",
  "overage",
  "price_unknown",
  "priority_override",
] as const;

export const AlertSchema = Type.Object({
  alert_id: Uuid("Id of the alert"),
  budget_id: Uuid("The budget"),
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
