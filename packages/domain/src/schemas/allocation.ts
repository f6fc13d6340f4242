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
  PriceScope,
  Priority,
  ServiceTierWord,
  TierWord,
  Time,
  TokenSum,
  Tokens,
  TokensOrRange,
  Usd,
  Uuid,
  closed,
  nullable,
} from "./common.ts";

/** Shares of calls whose output tokens can be asked for instead of a number. */
export const QUANTILES = ["p50", "p75", "p90", "p95", "p99"] as const;
export type Quantile = (typeof QUANTILES)[number];

export const LearnedOutputSchema = Type.Object({
  quantile: Type.Enum([...QUANTILES]),
  output_tokens: TokenSum("Output tokens that this share of calls stayed within"),
  samples: Type.Integer({ minimum: 0, description: "How many calls it was learned from" }),
});

const allocationFields = {
  allocation_id: Uuid("Id of the allocation"),
  budget_id: Uuid("The budget that is charged"),
  context_id: ContextId,
  component: Type.String({ description: "The component that asked" }),
  input_tokens: nullable(
    TokenSum("The input among the tokens, where the request named it; the others are for the output"),
  ),
  tokens_allocated: TokenSum("Tokens held when nothing is used yet"),
  tokens_used: Type.Integer({ minimum: 0, description: "Tokens that usage has booked against it" }),
  remaining_tokens: TokenSum("Tokens that it still holds"),
  estimated_cost: Usd("Cost held when nothing is used yet"),
  cost_used: Usd("Cost that usage has booked against it"),
  tier: TierWord,
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  task_type: Type.String(),
  service_tier: ServiceTierWord,
  price_scope: PriceScope,
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
  learned: nullable(LearnedOutputSchema),
  warnings: Type.Array(PolicyWarningSchema),
  alternatives: Type.Array(AlternativeSchema),
});
export type GrantWire = Static<typeof GrantSchema>;

/** What a refusal says beside the members that every problem has. */
export const refusalFields = {
  refusal_id: nullable(
    Uuid("Under which GET /api/allocations/{id}/decision explains the refusal; null for a mere check"),
  ),
  violations: Type.Array(ViolationSchema, { description: "Every policy that does not fit" }),
  tokens_that_fit: TokenSum("The largest number of tokens that would be granted now"),
  resets_at: nullable(
    Time("When the same request would fit, if nothing else is used; null where waiting does not help"),
  ),
};

const DecidedPolicySchema = Type.Object({
  policy_id: Uuid("The policy"),
  budget_id: Uuid("Its budget"),
  type: PolicyTypeWord,
  period: PeriodWord,
  time_zone: Type.String(),
  enabled: Type.Boolean({
    description: "Whether it was enabled and not at its end; else it refuses nothing",
  }),
  window_start: Time("When the window of the decision began"),
  resets_at: nullable(Time("When that window ends; null where it has no end")),
  token_limit: nullable(TokenSum("Tokens of the limit")),
  tokens_used: TokenSum("Tokens used in the window before the decision"),
  tokens_held: TokenSum("Tokens held by live allocations before the decision"),
  cost_limit: nullable(Usd("Cost of the limit")),
  cost_used: Usd("Cost used in the window before the decision"),
  cost_held: Usd("Cost held by live allocations before the decision"),
  codes: Type.Array(Type.String(), {
    description: "Why it refused, or what it warned of; empty where all fits",
  }),
});

/** What a decision looked at, and what came of it. */
export const DecisionSchema = Type.Object({
  decision_id: Uuid("Id of the allocation, or of the refusal"),
  allocation_id: nullable(
    Uuid("The allocation that was granted, or was to be extended; null where a new one was refused"),
  ),
  budget_id: Uuid("The budget that was asked"),
  context_id: ContextId,
  component: Type.String(),
  tier: TierWord,
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  task_type: Type.String(),
  priority: Priority,
  granted: Type.Boolean(),
  tokens_wanted: TokenSum("Tokens asked for"),
  min_tokens: TokenSum("The fewest that were of use; the same where no range was given"),
  tokens_that_fit: TokenSum("The most that fit, up to what was asked for"),
  tokens_held: TokenSum("Tokens that the grant held, or that the fewest would have held"),
  estimated_cost: nullable(Usd("Cost of these; null where no price was known")),
  learned: nullable(LearnedOutputSchema),
  decided_at: Time("When it was decided"),
  policies: Type.Array(DecidedPolicySchema, {
    description: "Every policy of the budget and of those above it that counts the request, in id order",
  }),
});
export type DecisionWire = Static<typeof DecisionSchema>;

export const AllocationCreateSchema = Type.Object(
  {
    context_id: ContextId,
    component: Dimension("The component that asks"),
    tokens_allocated: Type.Optional(TokensOrRange(1, "Tokens to hold, input and output together")),
    input_tokens: Type.Optional(
      Tokens("Input tokens of the call; with max_output_tokens or estimate, instead of tokens_allocated"),
    ),
    max_output_tokens: Type.Optional(TokensOrRange(0, "The most output tokens that the call can make")),
    estimate: Type.Optional(
      Type.Enum([...QUANTILES], {
        transform: ["trim", "toEnumCase"],
        description:
          "Hold, for the output, what this share of the calls of the same provider, model, component and task type " +
          "stayed within, at most max_output_tokens; with input_tokens. Where too few calls were seen yet, " +
          "max_output_tokens is held, or the default for the task type",
      }),
    ),
    budget_id: Type.Optional(Uuid("The budget to charge; the default budget if left out")),
    tier: Type.Optional(TierWord),
    provider: Type.Optional(Dimension("Provider of the model")),
    model: Type.Optional(Dimension("Model to be called")),
    task_type: Type.Optional(Dimension("Kind of work; `default` if left out")),
    service_tier: Type.Optional(ServiceTierWord),
    price_scope: Type.Optional(PriceScope),
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
  tokens_requested: TokenSum("Tokens that the request asks for"),
  tokens_granted: TokenSum("Tokens of them that it would hold; 0 where it would be refused"),
  estimated_cost: nullable(
    Usd("Cost of what would be held, or else of what is asked for; null where no price is known"),
  ),
  learned: nullable(LearnedOutputSchema),
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
