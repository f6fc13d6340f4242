import { Type, type Static } from "typebox";
import {
  Label,
  MetadataSchema,
  PageQuery,
  PeriodWord,
  Prose,
  TierWord,
  Time,
  TokenSum,
  Tokens,
  Usd,
  Uuid,
  closed,
  nullable,
} from "./common.ts";

const name = Label("Name of the budget");
const description = Prose("What the budget is for", 2000);
const owner = Prose("Person or component that answers for it", 200);
const parent = nullable(Uuid("The budget that this one is part of; its limits bind here too"));
const isActive = Type.Boolean({ description: "An inactive budget grants nothing" });

export const BudgetSchema = Type.Object({
  budget_id: Uuid("Id of the budget"),
  parent_budget_id: parent,
  name,
  description,
  owner,
  is_active: isActive,
  creation_time: Time("When it was made"),
  updated_at: Time("When it was last changed"),
  metadata: MetadataSchema,
});
export type BudgetWire = Static<typeof BudgetSchema>;

const budgetFields = {
  description: Type.Optional(description),
  owner: Type.Optional(owner),
  parent_budget_id: Type.Optional(parent),
  is_active: Type.Optional(isActive),
  metadata: Type.Optional(MetadataSchema),
};

export const BudgetCreateSchema = Type.Object({ name, ...budgetFields }, closed);
export type BudgetCreate = Static<typeof BudgetCreateSchema>;

export const BudgetUpdateSchema = Type.Object({ name: Type.Optional(name), ...budgetFields }, closed);
export type BudgetUpdate = Static<typeof BudgetUpdateSchema>;

export const BudgetQuerySchema = Type.Object(
  {
    ...PageQuery,
    is_active: Type.Optional(Type.Boolean()),
    owner: Type.Optional(Prose("Exact owner", 200)),
    name: Type.Optional(Prose("Exact name", 200)),
  },
  closed,
);
export type BudgetQuery = Static<typeof BudgetQuerySchema>;

export const BudgetSummaryQuerySchema = Type.Object(
  { ...PageQuery, period: Type.Optional(PeriodWord) },
  closed,
);

/** One policy of a budget with what it counts now. */
export const BudgetSummarySchema = Type.Object({
  budget_id: Uuid("Budget of the policy"),
  policy_id: Uuid("The policy"),
  type: Type.String({ description: "`log`, `warn` or `enforce`" }),
  in_force: Type.Boolean({
    description: "Whether it refuses and warns; one that is disabled, or at its end, only counts",
  }),
  period: PeriodWord,
  tier: nullable(TierWord),
  provider: nullable(Type.String()),
  model: nullable(Type.String()),
  component: nullable(Type.String()),
  task_type: nullable(Type.String()),
  context_id: nullable(Type.String({ description: "The context, for policies that count each by itself" })),
  total_tokens_allocated: TokenSum("Tokens used in this window and tokens held"),
  total_tokens_used: TokenSum("Tokens used in this window"),
  tokens_held: TokenSum("Tokens held by live allocations"),
  token_limit: nullable(Tokens("Limit of tokens")),
  token_usage_percentage: nullable(
    Type.Number({ description: "Used share of the token limit, 0 to 1 (above 1: passed)" }),
  ),
  total_cost: Usd("Cost of the usage in this window"),
  cost_held: Usd("Estimated cost held by live allocations"),
  cost_limit: nullable(Usd("Limit of cost")),
  cost_usage_percentage: nullable(
    Type.Number({ description: "Used share of the cost limit, 0 to 1 (above 1: passed)" }),
  ),
  active_allocations: Type.Integer({ minimum: 0, description: "Live allocations that the policy counts" }),
  start_time: nullable(Time("Start of the window; null where it has none")),
  end_time: nullable(Time("End of the window; null where it has none")),
});
export type BudgetSummaryWire = Static<typeof BudgetSummarySchema>;

export const MessageSchema = Type.Object({ message: Type.String() });
export type MessageWire = Static<typeof MessageSchema>;
