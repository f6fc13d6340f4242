import { Type, type Static } from "typebox";
import {
  ContextId,
  Dimension,
  Label,
  MAX_TOKENS,
  MetadataSchema,
  PageQuery,
  PeriodWord,
  PriceScope,
  ServiceTierWord,
  TierWord,
  Time,
  TokenSum,
  Tokens,
  UsageDimensionWord,
  Usd,
  Uuid,
  closed,
  nullable,
} from "./common.ts";

export const quantities = Type.Record(Type.String(), Type.Number({ minimum: 0, maximum: MAX_TOKENS }), {
  description: "Quantities by unit, such as `cache_read_tokens`, `output_reasoning_tokens` or `requests`",
});

export const CostComponentSchema = Type.Object({
  unit: Type.String({ description: "What was charged" }),
  quantity: Type.Number({ description: "How many units, those priced apart taken out" }),
  cost_per_unit: Usd("Price of one unit"),
  cost: Usd("Cost of this part"),
  estimated: Type.Boolean({ description: "Whether another unit's price stood in for this one's" }),
});

export const UsageRecordSchema = Type.Object({
  record_id: Uuid("Id of the record"),
  allocation_id: nullable(Uuid("The allocation that it was booked against")),
  budget_id: Uuid("The budget that was charged"),
  context_id: ContextId,
  component: Type.String(),
  tier: TierWord,
  provider: Type.String(),
  model: Type.String(),
  task_type: Type.String(),
  service_tier: ServiceTierWord,
  price_scope: PriceScope,
  input_tokens: Tokens("All input, cache reads and writes and audio included"),
  output_tokens: Tokens("All output, reasoning included"),
  total_tokens: TokenSum("Input and output; more where an older system kept a sum without its parts"),
  usage: quantities,
  input_cost: Usd("Cost of the input"),
  output_cost: Usd("Cost of the output"),
  other_cost: Usd("Fees that are neither"),
  total_cost: Usd("The three together"),
  cost_components: Type.Array(CostComponentSchema),
  pricing_id: nullable(Uuid("The price that made the cost; null where none was known")),
  overage_tokens: TokenSum("Tokens that no allocation held"),
  overage_cost: Usd("Cost that no allocation held"),
  adjusts_record_id: nullable(
    Uuid("The record whose cost this one sets right by the differences; null for the usage of a call"),
  ),
  timestamp: Time("When it was booked"),
  operation_id: nullable(Type.String()),
  request_id: nullable(Type.String()),
  user_id: nullable(Type.String()),
  metadata: MetadataSchema,
});
export type UsageRecordWire = Static<typeof UsageRecordSchema>;

/**
 * A call's usage. What the allocation knows (component, context, provider, model, task type, budget) may be left out
 * when `allocation_id` is given. The quantities come as `input_tokens` and `output_tokens`, as `usage` by unit, or are
 * read from the provider's own `response`.
 */
export const UsageCreateSchema = Type.Object(
  {
    allocation_id: Type.Optional(Uuid("The allocation that held it")),
    budget_id: Type.Optional(Uuid("The budget to charge, where there is no allocation")),
    context_id: Type.Optional(ContextId),
    component: Type.Optional(Dimension("The component that called")),
    tier: Type.Optional(TierWord),
    provider: Type.Optional(Dimension("Provider of the model")),
    model: Type.Optional(Dimension("Model that answered")),
    task_type: Type.Optional(Dimension("Kind of work")),
    service_tier: Type.Optional(ServiceTierWord),
    price_scope: Type.Optional(PriceScope),
    input_tokens: Type.Optional(Tokens("All input tokens, cached ones included")),
    output_tokens: Type.Optional(Tokens("All output tokens, reasoning included")),
    usage: Type.Optional(quantities),
    response: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: "The provider's raw response; its usage block is counted, nothing of it is stored",
      }),
    ),
    final: Type.Optional(
      Type.Boolean({
        default: false,
        description: "Whether this settles the allocation and frees what it still holds",
      }),
    ),
    operation_id: Type.Optional(Label("Id of the operation at the caller")),
    request_id: Type.Optional(Label("Id of the request at the provider")),
    user_id: Type.Optional(Label("The user on whose behalf")),
    metadata: Type.Optional(MetadataSchema),
  },
  closed,
);
export type UsageCreate = Static<typeof UsageCreateSchema>;

const usageFilters = {
  budget_id: Type.Optional(Uuid("Usage of this budget alone, without those below it")),
  provider: Type.Optional(Dimension("Usage of this provider")),
  component: Type.Optional(Dimension("Usage of this component")),
  model: Type.Optional(Dimension("Usage of this model")),
  task_type: Type.Optional(Dimension("Usage of this task type")),
};
const startTime = Type.Optional(Time("From this instant on"));
const endTime = Type.Optional(Time("Up to, not including, this instant"));

export const UsageQuerySchema = Type.Object(
  {
    ...PageQuery,
    cursor: Type.Optional(
      Uuid("Id of the last record seen: answers the older ones, and page does not count"),
    ),
    ...usageFilters,
    context_id: Type.Optional(ContextId),
    allocation_id: Type.Optional(Uuid("Usage booked against this allocation")),
    start_time: startTime,
    end_time: endTime,
  },
  closed,
);
export type UsageQuery = Static<typeof UsageQuerySchema>;

/** A list of usage records also carries the cursor of the next, older ones; null at the end. */
export const UsageListSchema = Type.Object({
  items: Type.Array(UsageRecordSchema),
  total: Type.Integer({ minimum: 0 }),
  page: Type.Integer({ minimum: 1 }),
  limit: Type.Integer({ minimum: 1 }),
  next_cursor: nullable(Uuid("Cursor of the next, older records")),
});
export type UsageListWire = Static<typeof UsageListSchema>;

/**
 * Without `start_time` the current window of `period` (UTC) is summed; `total` is everything. Times are widened to
 * whole hours, because sums are kept by the hour.
 */
export const UsageSummaryQuerySchema = Type.Object(
  { period: Type.Optional(PeriodWord), ...usageFilters, start_time: startTime, end_time: endTime },
  closed,
);
export type UsageSummaryQuery = Static<typeof UsageSummaryQuerySchema>;

export const UsageSummarySchema = Type.Object({
  period: nullable(PeriodWord),
  start_time: nullable(Time("From")),
  end_time: nullable(Time("Up to")),
  total_input_tokens: Type.Integer({ minimum: 0 }),
  total_output_tokens: Type.Integer({ minimum: 0 }),
  total_tokens: TokenSum("Input and output, and what older systems did not split"),
  total_input_cost: Usd("Cost of the input"),
  total_output_cost: Usd("Cost of the output"),
  total_other_cost: Usd("Fees that are neither"),
  total_cost: Usd("The three together"),
  request_count: Type.Integer({ minimum: 0 }),
});
export type UsageSummaryWire = Static<typeof UsageSummarySchema>;

/** Without `group_by` everything is one group. */
export const UsageSummaryListQuerySchema = Type.Object(
  { ...PageQuery, ...UsageSummaryQuerySchema.properties, group_by: Type.Optional(UsageDimensionWord) },
  closed,
);
export type UsageSummaryListQuery = Static<typeof UsageSummaryListQuerySchema>;

export const UsageGroupSchema = Type.Object({
  group: nullable(
    Type.String({ description: "The value that they have in common; null without `group_by`" }),
  ),
  ...UsageSummarySchema.properties,
});
export type UsageGroupWire = Static<typeof UsageGroupSchema>;

export const UsageAnalyticsQuerySchema = Type.Object(
  {
    ...PageQuery,
    period: Type.Optional(PeriodWord),
    start_date: Type.Optional(Time("From this instant on")),
    end_date: Type.Optional(Time("Up to, not including, this instant")),
    budget_id: usageFilters.budget_id,
    provider: usageFilters.provider,
    model: usageFilters.model,
    component: usageFilters.component,
  },
  closed,
);
export type UsageAnalyticsQuery = Static<typeof UsageAnalyticsQuerySchema>;

export const UsageAnalyticsRowSchema = Type.Object({
  date: Type.String({ format: "date", description: "Day in UTC" }),
  provider: Type.String(),
  model: Type.String(),
  component: Type.String(),
  request_count: Type.Integer({ minimum: 0 }),
  input_tokens: Type.Integer({ minimum: 0 }),
  output_tokens: Type.Integer({ minimum: 0 }),
  total_tokens: TokenSum("Input and output, and what older systems did not split"),
  total_cost: Usd("Cost of the day"),
});
export type UsageAnalyticsRow = Static<typeof UsageAnalyticsRowSchema>;
