import {
  UsageAnalyticsQuerySchema,
  UsageAnalyticsRowSchema,
  UsageBatchAnswerSchema,
  UsageBatchSchema,
  UsageCreateSchema,
  UsageGroupSchema,
  UsageListSchema,
  UsageQuerySchema,
  UsageRecordSchema,
  UsageSummaryListQuerySchema,
  UsageSummaryQuerySchema,
  UsageSummarySchema,
  listOf,
  toUsageRecordWire,
  type UsageCreate,
} from "@budget/domain";
import { Type } from "typebox";
import { BATCH_BODY_LIMIT_BYTES, BatchOfAnything, answerBatch, itemReader } from "../batches.ts";
import { isProblem } from "../command-context.ts";
import { countedUsage } from "../usage-from-response.ts";
import { usageRecordExample, usageRequestExample } from "./examples.ts";
import {
  answerTo,
  fingerprinted,
  listAnswer,
  route,
  sliceAnswer,
  type Answer,
  type RouteInput,
  type Services,
} from "./route.ts";

const params = Type.Object({ record_id: UsageRecordSchema.properties.record_id });

async function recordUsage(
  { context, body }: Pick<RouteInput<unknown, unknown, UsageCreate>, "context" | "body">,
  services: Services,
): Promise<Answer> {
  const usage = await countedUsage(body, context, services.engine);
  if (isProblem(usage)) return usage;
  const outcome = await services.engine.usage.record(context, usage);
  return answerTo(outcome, services, (record) => ({ status: 201, body: toUsageRecordWire(record) }));
}

const readItem = itemReader(UsageCreateSchema);

export const usageRoutes = [
  route({
    method: "post",
    path: "/api/usage/record",
    operation_id: "recordUsage",
    tag: "usage",
    summary: "Book what a call really used",
    description:
      "With `allocation_id` it is booked against the allocation, and `final` settles that. The quantities are given as " +
      "tokens, as `usage` by unit, or read from the provider's own `response`. Usage is booked in full whatever the " +
      "limits say; what no allocation held is overage.",
    body: UsageCreateSchema,
    body_example: usageRequestExample,
    body_limit_bytes: BATCH_BODY_LIMIT_BYTES,
    idempotent_by_key: true,
    success: {
      status: 201,
      description: "The usage record",
      schema: UsageRecordSchema,
      example: usageRecordExample,
    },
    problems: [
      "invalid_value",
      "allocation_not_found",
      "budget_not_found",
      "idempotency_conflict",
      "overloaded",
    ],
    handle: recordUsage,
  }),
  route({
    method: "post",
    path: "/api/usage/batch",
    operation_id: "recordUsageBatch",
    tag: "usage",
    summary: "Book up to 1,000 usages at once",
    description:
      "Each item is judged by itself, in order, and has an answer of its own. With an Idempotency-Key each item has " +
      "the key with its index behind a colon.",
    body: UsageBatchSchema,
    body_check: BatchOfAnything,
    body_limit_bytes: BATCH_BODY_LIMIT_BYTES,
    body_example: { items: [usageRequestExample] },
    idempotent_by_key: true,
    success: { status: 200, description: "An answer for each item", schema: UsageBatchAnswerSchema },
    problems: ["invalid_value"],
    handle: ({ context, body }, services) =>
      answerBatch(body.items, context, readItem, (item) => recordUsage(item, services)),
  }),
  route({
    method: "get",
    path: "/api/usage/records",
    operation_id: "listUsageRecords",
    tag: "usage",
    summary: "List usage records",
    description:
      "By page, or with `cursor` from the last record seen on to older ones, which nothing new can shift.",
    query: UsageQuerySchema,
    success: { status: 200, description: "Usage records, newest first", schema: UsageListSchema },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      const page = await engine.usage.list(context, query);
      const list = listAnswer(page, query, toUsageRecordWire);
      return { status: 200, body: { ...(list.body as object), next_cursor: page.next_cursor } };
    },
  }),
  route({
    method: "get",
    path: "/api/usage/records/{record_id}",
    operation_id: "getUsageRecord",
    tag: "usage",
    summary: "Read a usage record",
    params,
    success: {
      status: 200,
      description: "The usage record",
      schema: UsageRecordSchema,
      example: usageRecordExample,
      etag: true,
    },
    problems: ["invalid_value", "usage_record_not_found"],
    async handle({ context, params: { record_id } }, services) {
      const outcome = await services.engine.usage.get(context, record_id);
      return answerTo(outcome, services, (record) => fingerprinted(200, toUsageRecordWire(record)));
    },
  }),
  route({
    method: "post",
    path: "/api/usage/summary",
    operation_id: "summariseUsage",
    tag: "usage",
    summary: "Sum up usage",
    body: UsageSummaryQuerySchema,
    body_example: { period: "daily" },
    success: { status: 200, description: "The sums", schema: UsageSummarySchema },
    problems: ["invalid_value"],
    async handle({ context, body }, { engine }) {
      return { status: 200, body: await engine.usage.summary(context, body) };
    },
  }),
  route({
    method: "get",
    path: "/api/usage/summary",
    operation_id: "listUsageSummaries",
    tag: "usage",
    summary: "Sum up usage by provider, model, component or task type",
    description: "Without `group_by` the list has one item, with the sums of everything.",
    query: UsageSummaryListQuerySchema,
    success: { status: 200, description: "The sums of each group", schema: listOf(UsageGroupSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return sliceAnswer(await engine.usage.groups(context, query), query);
    },
  }),
  route({
    method: "get",
    path: "/api/usage/analytics",
    operation_id: "analyseUsage",
    tag: "usage",
    summary: "Usage by day, provider, model and component",
    query: UsageAnalyticsQuerySchema,
    success: { status: 200, description: "A row for each", schema: listOf(UsageAnalyticsRowSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return sliceAnswer(await engine.usage.analytics(context, query), query);
    },
  }),
];
