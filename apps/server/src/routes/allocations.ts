import {
  AllocationBatchAnswerSchema,
  AllocationBatchSchema,
  AllocationCheckSchema,
  AllocationCreateSchema,
  AllocationExtendSchema,
  AllocationQuerySchema,
  AllocationSchema,
  DecisionSchema,
  GrantSchema,
  listOf,
  toAllocationCheckWire,
  toAllocationWire,
  toDecisionWire,
  toGrantWire,
  type AllocationCreate,
} from "@budget/domain";
import { Type } from "typebox";
import { BATCH_BODY_LIMIT_BYTES, BatchOfAnything, answerBatch, itemReader } from "../batches.ts";
import { allocationRequestExample, grantExample } from "./examples.ts";
import { answerTo, fingerprinted, listAnswer, route, type RouteInput, type Services } from "./route.ts";

const params = Type.Object({ allocation_id: AllocationSchema.properties.allocation_id });
const contextParams = Type.Object({ context_id: AllocationSchema.properties.context_id });

async function allocate(
  { context, body }: Pick<RouteInput<unknown, unknown, AllocationCreate>, "context" | "body">,
  services: Services,
) {
  const outcome = await services.engine.allocations.allocate(context, body);
  return answerTo(outcome, services, (grant) => ({ status: 201, body: toGrantWire(grant) }));
}

const readItem = itemReader(AllocationCreateSchema);

export const allocationRoutes = [
  route({
    method: "post",
    path: "/api/allocations",
    operation_id: "allocate",
    tag: "allocations",
    summary: "Ask for tokens before a model is called",
    description:
      "Every policy of the budget and of the budgets above it is looked at. What fits is held until it is used, " +
      "released or expired; what does not fit is refused with 402, which says why and what would fit.",
    body: AllocationCreateSchema,
    body_example: allocationRequestExample,
    idempotent_by_key: true,
    success: { status: 201, description: "The tokens are held", schema: GrantSchema, example: grantExample },
    problems: [
      "invalid_value",
      "dimension_required",
      "insufficient_budget",
      "budget_not_found",
      "budget_inactive",
      "idempotency_conflict",
      "overloaded",
    ],
    handle: allocate,
  }),
  route({
    method: "get",
    path: "/api/allocations",
    operation_id: "listAllocations",
    tag: "allocations",
    summary: "List allocations",
    query: AllocationQuerySchema,
    success: { status: 200, description: "Allocations, newest first", schema: listOf(AllocationSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.allocations.list(context, query), query, toAllocationWire);
    },
  }),
  route({
    method: "post",
    path: "/api/allocations/check",
    operation_id: "checkAllocation",
    tag: "allocations",
    summary: "See what a request for tokens would get, and hold nothing",
    body: AllocationCreateSchema,
    body_example: allocationRequestExample,
    success: { status: 200, description: "Whether it would be granted", schema: AllocationCheckSchema },
    problems: ["invalid_value", "dimension_required", "budget_not_found", "budget_inactive", "overloaded"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.allocations.check(context, body);
      return answerTo(outcome, services, (check) => ({ status: 200, body: toAllocationCheckWire(check) }));
    },
  }),
  route({
    method: "post",
    path: "/api/allocations/batch",
    operation_id: "allocateBatch",
    tag: "allocations",
    summary: "Ask for tokens up to 1,000 times at once",
    description:
      "Each item is judged by itself, in order, and has an answer of its own. With an Idempotency-Key each item has " +
      "the key with its index behind a colon.",
    body: AllocationBatchSchema,
    body_check: BatchOfAnything,
    body_limit_bytes: BATCH_BODY_LIMIT_BYTES,
    body_example: { items: [allocationRequestExample] },
    idempotent_by_key: true,
    success: { status: 200, description: "An answer for each item", schema: AllocationBatchAnswerSchema },
    problems: ["invalid_value"],
    handle: ({ context, body }, services) =>
      answerBatch(body.items, context, readItem, (item) => allocate(item, services)),
  }),
  route({
    method: "get",
    path: "/api/allocations/{allocation_id}",
    operation_id: "getAllocation",
    tag: "allocations",
    summary: "Read an allocation",
    params,
    success: { status: 200, description: "The allocation", schema: AllocationSchema, etag: true },
    problems: ["invalid_value", "allocation_not_found"],
    async handle({ context, params: { allocation_id } }, services) {
      const outcome = await services.engine.allocations.get(context, allocation_id);
      return answerTo(outcome, services, (allocation) => fingerprinted(200, toAllocationWire(allocation)));
    },
  }),
  route({
    method: "get",
    path: "/api/allocations/{allocation_id}/decision",
    operation_id: "explainAllocation",
    tag: "allocations",
    summary: "See why an allocation was granted or refused",
    description:
      "Every policy that counted the request, with what it had used and held at the decision. Takes the id of an " +
      "allocation, or the refusal_id of a refusal, which is kept for 30 days.",
    params,
    success: { status: 200, description: "The decision", schema: DecisionSchema },
    problems: ["invalid_value", "decision_not_found"],
    async handle({ context, params: { allocation_id } }, services) {
      const outcome = await services.engine.allocations.explain(context, allocation_id);
      return answerTo(outcome, services, (decision) => ({ status: 200, body: toDecisionWire(decision) }));
    },
  }),
  route({
    method: "get",
    path: "/api/allocations/context/{context_id}",
    operation_id: "listContextAllocations",
    tag: "allocations",
    summary: "List the allocations of a context",
    params: contextParams,
    query: Type.Omit(AllocationQuerySchema, ["context_id"], { additionalProperties: false }),
    success: { status: 200, description: "Allocations, newest first", schema: listOf(AllocationSchema) },
    problems: ["invalid_value"],
    async handle({ context, params: { context_id }, query }, { engine }) {
      return listAnswer(
        await engine.allocations.list(context, { ...query, context_id }),
        query,
        toAllocationWire,
      );
    },
  }),
  route({
    method: "post",
    path: "/api/allocations/{allocation_id}/extend",
    operation_id: "extendAllocation",
    tag: "allocations",
    summary: "Hold more tokens for a live allocation, or hold them longer",
    params,
    body: AllocationExtendSchema,
    body_example: { additional_tokens: 1000 },
    idempotent_by_key: true,
    success: { status: 200, description: "The allocation", schema: GrantSchema },
    problems: [
      "invalid_value",
      "insufficient_budget",
      "allocation_not_found",
      "budget_not_found",
      "allocation_not_active",
      "budget_inactive",
      "idempotency_conflict",
      "overloaded",
    ],
    async handle({ context, params: { allocation_id }, body }, services) {
      const outcome = await services.engine.allocations.extend(context, allocation_id, body);
      return answerTo(outcome, services, (grant) => ({ status: 200, body: toGrantWire(grant) }));
    },
  }),
  route({
    method: "post",
    path: "/api/allocations/{allocation_id}/release",
    operation_id: "releaseAllocation",
    tag: "allocations",
    summary: "Free what an allocation still holds",
    params,
    idempotent_by_key: true,
    success: { status: 200, description: "The allocation", schema: AllocationSchema },
    problems: [
      "invalid_value",
      "allocation_not_found",
      "allocation_not_active",
      "idempotency_conflict",
      "overloaded",
    ],
    async handle({ context, params: { allocation_id } }, services) {
      const outcome = await services.engine.allocations.release(context, allocation_id);
      return answerTo(outcome, services, (allocation) => ({
        status: 200,
        body: toAllocationWire(allocation),
      }));
    },
  }),
];
