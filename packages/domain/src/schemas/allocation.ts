import { Type, type Static } from "typebox";
import { ALLOCATION_STATUSES } from "../enums.ts";
import {
  ContextId,
  Dimension,
  MAX_TOKENS,
  MetadataSchema,
  PageQuery,
  PeriodWord,
  PolicyTypeWord,
  Priority,
  TierWord,
  Time,
  TokenSum,
  Tokens,
  Usd,
  Uuid,
  closed,
  nullable,
} from "./common.ts";

const allocationFields = {
  allocation_id: Uuid("Id of the allocation"),
  budget_id: Uuid("The budget that is charged"),
  context_id: ContextId,
  component: Type.String({ description: "The component that asked" }),
  tokens_allocated: TokenSum("Tokens held when nothing is used yet"),
  tokens_used: Type.Integer({ minimum: 0, description: "Tokens that usage has booked against it" }),
  remaining_tokens: TokenSum("Tokens that it still holds"),
  estimated_cost: Usd("Cost held when nothing is used yet"),
  cost_used: Usd("Cost that usage has booked against it"),
  tier: TierWord,
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  task_type: Type.String(),
  priority: Priority,
  is_active: Type.Boolean({ description: "Whether it holds anything" }),
  status: Type.Enum([...ALLOCATION_STATUSES]),
  creation_time: Time("When it was granted"),
  expiration_time: Time("When it stops holding by itself"),
  closed_at: nullable(Time("When it stopped holding")),
  metadata: MetadataSchema,
};

export const AllocationSchema = Type.Object(allocationFields);
export type AllocationWire = Static<typeof AllocationSchema>;

const measured = {
  policy_id: Uuid("The policy"),
  budget_id: Uuid("Its budget"),
  type: PolicyTypeWord,
  period: PeriodWord,
  measure: Type.Enum(["tokens", "cost"], { description: "Whether the numbers are tokens or USD" }),
  limit: Type.Number(),
  used: Type.Number({ description: "Used in the current window" }),
  held: Type.Number({ description: "Held by live allocations" }),
  requested: nullable(Type.Number({ description: "Asked for; null where the cost cannot be known" })),
  remaining: Type.Number({ description: "Limit less used and held, never below 0" }),
  resets_at: nullable(Time("When the window ends; null where it has no end")),
  message: Type.String({ description: "The same in words" }),
};

export const PolicyWarningSchema = Type.Object({
  code: Type.Enum([
    "warning_threshold",
    "action_threshold",
    "limit_passed",
    "priority_override",
    "price_unknown",
  ]),
  ...measured,
});
export type PolicyWarningWire = Static<typeof PolicyWarningSchema>;

export const ViolationSchema = Type.Object({
  code: Type.Enum(["token_limit", "cost_limit", "price_unknown"]),
  ...measured,
});
export type ViolationWire = Static<typeof ViolationSchema>;

export const AlternativeSchema = Type.Object({
  provider: Type.String(),
  model: Type.String(),
  estimated_cost: Usd("What the same tokens would cost there"),
});
export type AlternativeWire = Static<typeof AlternativeSchema>;

/** The answer to a granted request: the allocation, and what its caller should know. */
export const GrantSchema = Type.Object({
  ...allocationFields,
  warnings: Type.Array(PolicyWarningSchema),
  alternatives: Type.Array(AlternativeSchema),
});
export type GrantWire = Static<typeof GrantSchema>;

/** What a refusal says beside the members that every problem has. */
export const refusalFields = {
  violations: Type.Array(ViolationSchema, { description: "Every policy that does not fit" }),
  tokens_that_fit: TokenSum("The largest number of tokens that would be granted now"),
  resets_at: nullable(
    Time("When the same request would fit, if nothing else is used; null where waiting does not help"),
  ),
};

export const AllocationCreateSchema = Type.Object(
  {
    context_id: ContextId,
    component: Dimension("The component that asks"),
    tokens_allocated: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_TOKENS,
        description: "Tokens to hold, input and output together",
      }),
    ),
    input_tokens: Type.Optional(
      Tokens("Input tokens of the call; with max_output_tokens, instead of tokens_allocated"),
    ),
    max_output_tokens: Type.Optional(Tokens("The most output tokens that the call can make")),
    budget_id: Type.Optional(Uuid("The budget to charge; the default budget if left out")),
    tier: Type.Optional(TierWord),
    provider: Type.Optional(Dimension("Provider of the model")),
    model: Type.Optional(Dimension("Model to be called")),
    task_type: Type.Optional(Dimension("Kind of work; `default` if left out")),
    priority: Type.Optional(Priority),
    expiration_time: Type.Optional(Time("When the hold ends by itself; one hour from now if left out")),
    metadata: Type.Optional(MetadataSchema),
  },
  closed,
);
export type AllocationCreate = Static<typeof AllocationCreateSchema>;

/** What a request would get, without holding anything. */
export const AllocationCheckSchema = Type.Object({
  allowed: Type.Boolean(),
  tokens_requested: TokenSum("Tokens that the request would hold"),
  estimated_cost: nullable(Usd("Cost that it would hold; null where no price is known")),
  warnings: Type.Array(PolicyWarningSchema),
  alternatives: Type.Array(AlternativeSchema),
  ...refusalFields,
});
export type AllocationCheckWire = Static<typeof AllocationCheckSchema>;

export const AllocationExtendSchema = Type.Object(
  {
    additional_tokens: Type.Optional(
      Type.Integer({ minimum: 1, maximum: MAX_TOKENS, description: "Tokens to hold beyond those allocated" }),
    ),
    expiration_time: Type.Optional(Time("New end of the hold")),
  },
  { ...closed, minProperties: 1 },
);
export type AllocationExtend = Static<typeof AllocationExtendSchema>;

export const AllocationQuerySchema = Type.Object(
  {
    ...PageQuery,
    budget_id: Type.Optional(Uuid("Allocations of this budget")),
    context_id: Type.Optional(ContextId),
    component: Type.Optional(Dimension("Allocations of this component")),
    is_active: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type AllocationQuery = Static<typeof AllocationQuerySchema>;
