import {
  AllocationQuerySchema,
  AllocationSchema,
  BudgetCreateSchema,
  BudgetQuerySchema,
  BudgetSchema,
  BudgetSummaryQuerySchema,
  BudgetSummarySchema,
  BudgetUpdateSchema,
  MessageSchema,
  PolicyQuerySchema,
  PolicySchema,
  listOf,
  toAllocationWire,
  toBudgetWire,
  toPolicyWire,
} from "@budget/domain";
import { Type } from "typebox";
import { budgetExample } from "./examples.ts";
import { answerTo, listAnswer, route, sliceAnswer, versioned } from "./route.ts";

const params = Type.Object({ budget_id: BudgetSchema.properties.budget_id });
const withoutBudget = { additionalProperties: false } as const;

export const budgetRoutes = [
  route({
    method: "get",
    path: "/api/budgets",
    operation_id: "listBudgets",
    tag: "budgets",
    summary: "List budgets",
    query: BudgetQuerySchema,
    success: { status: 200, description: "Budgets, oldest first", schema: listOf(BudgetSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.budgets.list(context, query), query, toBudgetWire);
    },
  }),
  route({
    method: "post",
    path: "/api/budgets",
    operation_id: "createBudget",
    tag: "budgets",
    summary: "Make a budget",
    description: "A budget with a parent counts in the limits of the parent and of everything above it.",
    body: BudgetCreateSchema,
    body_example: { name: "research", owner: "team-a" },
    idempotent_by_key: true,
    success: {
      status: 201,
      description: "The budget",
      schema: BudgetSchema,
      example: budgetExample,
      etag: true,
    },
    problems: ["invalid_value", "budget_not_found", "tenant_limit_reached", "idempotency_conflict"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.budgets.create(context, body);
      return answerTo(outcome, services, (budget) => versioned(201, toBudgetWire(budget), budget.version));
    },
  }),
  route({
    method: "get",
    path: "/api/budgets/default",
    operation_id: "getDefaultBudget",
    tag: "budgets",
    summary: "Read the budget that requests are charged to which name none",
    success: {
      status: 200,
      description: "The budget",
      schema: BudgetSchema,
      example: budgetExample,
      etag: true,
    },
    problems: ["invalid_value"],
    async handle({ context }, { engine }) {
      const budget = await engine.budgets.getDefault(context);
      return versioned(200, toBudgetWire(budget), budget.version);
    },
  }),
  route({
    method: "get",
    path: "/api/budgets/{budget_id}",
    operation_id: "getBudget",
    tag: "budgets",
    summary: "Read a budget",
    params,
    success: {
      status: 200,
      description: "The budget",
      schema: BudgetSchema,
      example: budgetExample,
      etag: true,
    },
    problems: ["invalid_value", "budget_not_found"],
    async handle({ context, params: { budget_id } }, services) {
      const outcome = await services.engine.budgets.get(context, budget_id);
      return answerTo(outcome, services, (budget) => versioned(200, toBudgetWire(budget), budget.version));
    },
  }),
  route({
    method: "put",
    path: "/api/budgets/{budget_id}",
    operation_id: "updateBudget",
    tag: "budgets",
    summary: "Change a budget",
    description:
      "Fields that are left out stay as they are. With another parent, what it counts moves with it.",
    params,
    body: BudgetUpdateSchema,
    body_example: { description: "Experiments of the spring" },
    conditional: true,
    success: {
      status: 200,
      description: "The budget",
      schema: BudgetSchema,
      example: budgetExample,
      etag: true,
    },
    problems: ["invalid_value", "budget_not_found", "version_conflict"],
    async handle({ context, params: { budget_id }, body, expected_version }, services) {
      const outcome = await services.engine.budgets.update(context, budget_id, body, expected_version);
      return answerTo(outcome, services, (budget) => versioned(200, toBudgetWire(budget), budget.version));
    },
  }),
  route({
    method: "delete",
    path: "/api/budgets/{budget_id}",
    operation_id: "deleteBudget",
    tag: "budgets",
    summary: "Delete a budget and its policies",
    description: "Its usage stays, and what its allocations hold can still be settled.",
    params,
    conditional: true,
    success: { status: 200, description: "It is gone", schema: MessageSchema },
    problems: ["invalid_value", "budget_not_found", "budget_has_children", "version_conflict"],
    async handle({ context, params: { budget_id }, expected_version }, services) {
      const outcome = await services.engine.budgets.delete(context, budget_id, expected_version);
      return answerTo(outcome, services, () => ({
        status: 200,
        body: { message: `Budget ${budget_id} is deleted.` },
      }));
    },
  }),
  route({
    method: "get",
    path: "/api/budgets/{budget_id}/policies",
    operation_id: "listBudgetPolicies",
    tag: "budgets",
    summary: "List the policies of a budget",
    params,
    query: Type.Omit(PolicyQuerySchema, ["budget_id"], withoutBudget),
    success: { status: 200, description: "Policies, oldest first", schema: listOf(PolicySchema) },
    problems: ["invalid_value", "budget_not_found"],
    async handle({ context, params: { budget_id }, query }, services) {
      const { engine } = services;
      const budget = await engine.budgets.get(context, budget_id);
      if (!budget.ok) return answerTo(budget, services, () => ({ status: 200, body: null }));
      return listAnswer(await engine.policies.list(context, { ...query, budget_id }), query, toPolicyWire);
    },
  }),
  route({
    method: "get",
    path: "/api/budgets/{budget_id}/allocations",
    operation_id: "listBudgetAllocations",
    tag: "budgets",
    summary: "List the allocations of a budget",
    params,
    query: Type.Omit(AllocationQuerySchema, ["budget_id"], withoutBudget),
    success: { status: 200, description: "Allocations, newest first", schema: listOf(AllocationSchema) },
    problems: ["invalid_value", "budget_not_found"],
    async handle({ context, params: { budget_id }, query }, services) {
      const { engine } = services;
      const budget = await engine.budgets.get(context, budget_id);
      if (!budget.ok) return answerTo(budget, services, () => ({ status: 200, body: null }));
      return listAnswer(
        await engine.allocations.list(context, { ...query, budget_id }),
        query,
        toAllocationWire,
      );
    },
  }),
  route({
    method: "get",
    path: "/api/budgets/{budget_id}/summary",
    operation_id: "summariseBudget",
    tag: "budgets",
    summary: "See what the policies of a budget count now",
    params,
    query: BudgetSummaryQuerySchema,
    success: {
      status: 200,
      description: "One row for each policy, and for each context of policies that count contexts apart",
      schema: listOf(BudgetSummarySchema),
    },
    problems: ["invalid_value", "budget_not_found"],
    async handle({ context, params: { budget_id }, query }, services) {
      const outcome = await services.engine.budgets.summary(context, budget_id, query.period ?? null);
      return answerTo(outcome, services, (rows) => sliceAnswer(rows, query));
    },
  }),
];
