import { Type, type Static } from "typebox";
import {
  Dimension,
  Label,
  PageQuery,
  PeriodWord,
  PolicyTypeInput,
  PolicyTypeWord,
  Share,
  TierWord,
  Time,
  Tokens,
  Usd,
  UsdInput,
  Uuid,
  closed,
  nullable,
} from "./common.ts";

const timeZone = Label("IANA time zone whose calendar the period follows", 64);
const warningThreshold = Share("Share of the limit from which a grant carries a warning");
const actionThreshold = Share("Share of the limit from which a grant carries cheaper alternatives");
const priorityOverride = Type.Boolean({
  description: "Whether priority 10 may pass this limit, with an alert",
});
const endDate = Time("From this instant on it refuses and warns of nothing, and only counts");
const allowUnpriced = Type.Boolean({
  description: "Whether a model without a known price may pass the cost limit uncounted",
});

export const PolicySchema = Type.Object({
  policy_id: Uuid("Id of the policy"),
  budget_id: Uuid("The budget that it limits"),
  type: PolicyTypeWord,
  period: PeriodWord,
  time_zone: timeZone,
  tier: nullable(TierWord),
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  component: nullable(Type.String()),
  task_type: nullable(Type.String()),
  token_limit: nullable(Tokens("Limit of tokens in a period")),
  cost_limit: nullable(Usd("Limit of cost in a period")),
  warning_threshold: warningThreshold,
  action_threshold: actionThreshold,
  enabled: Type.Boolean(),
  end_date: nullable(endDate),
  priority_override: priorityOverride,
  allow_unpriced: allowUnpriced,
  created_at: Time("When it was made"),
  updated_at: Time("When it was last changed"),
});
export type PolicyWire = Static<typeof PolicySchema>;

const dimension = (text: string) => Type.Optional(nullable(Dimension(`${text}; empty matches all`)));
const policyFields = {
  time_zone: Type.Optional(timeZone),
  tier: Type.Optional(nullable(TierWord)),
  provider: dimension("Only calls to this provider"),
  model: dimension("Only calls to this model"),
  component: dimension("Only calls of this component"),
  task_type: dimension("Only calls of this task type"),
  token_limit: Type.Optional(nullable(Tokens("Limit of tokens in a period"))),
  cost_limit: Type.Optional(nullable(UsdInput("Limit of cost in a period"))),
  warning_threshold: Type.Optional(warningThreshold),
  action_threshold: Type.Optional(actionThreshold),
  enabled: Type.Optional(Type.Boolean()),
  end_date: Type.Optional(nullable(endDate)),
  priority_override: Type.Optional(priorityOverride),
  allow_unpriced: Type.Optional(allowUnpriced),
};

/** Without `budget_id` the policy is made on the tenant's default budget. */
export const PolicyCreateSchema = Type.Object(
  {
    budget_id: Type.Optional(Uuid("The budget that it limits; the default budget if left out")),
    type: PolicyTypeInput,
    period: PeriodWord,
    ...policyFields,
  },
  closed,
);
export type PolicyCreate = Static<typeof PolicyCreateSchema>;

export const PolicyUpdateSchema = Type.Object(
  { type: Type.Optional(PolicyTypeInput), period: Type.Optional(PeriodWord), ...policyFields },
  closed,
);
export type PolicyUpdate = Static<typeof PolicyUpdateSchema>;

export const PolicyQuerySchema = Type.Object(
  {
    ...PageQuery,
    budget_id: Type.Optional(Uuid("Policies of this budget")),
    period: Type.Optional(PeriodWord),
    tier: Type.Optional(TierWord),
    provider: Type.Optional(Dimension("Provider of the policy")),
    component: Type.Optional(Dimension("Component of the policy")),
    task_type: Type.Optional(Dimension("Task type of the policy")),
    enabled: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type PolicyQuery = Static<typeof PolicyQuerySchema>;
