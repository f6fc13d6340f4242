import { Type, type Static, type TSchema } from "typebox";
import { AllocationCreateSchema, GrantSchema } from "./allocation.ts";
import { closed } from "./common.ts";
import { ProblemSchema, RefusalSchema } from "./problem.ts";
import { UsageCreateSchema, UsageRecordSchema } from "./usage.ts";

/** As many items as one request may carry. */
export const MAX_BATCH_ITEMS = 1000;

const batchOf = <T extends TSchema>(item: T) =>
  Type.Object({ items: Type.Array(item, { minItems: 1, maxItems: MAX_BATCH_ITEMS }) }, closed);

/** Each item is judged by itself, in order; a bad one does not spoil its neighbours. */
const answersOf = <T extends TSchema>(result: T) =>
  Type.Object({
    items: Type.Array(
      Type.Object({
        status: Type.Integer({ description: "The HTTP status that this item alone would have had" }),
        result: Type.Optional(result),
        problem: Type.Optional(Type.Union([RefusalSchema, ProblemSchema])),
      }),
      { description: "One answer for each item, in the same order" },
    ),
  });

export const AllocationBatchSchema = batchOf(AllocationCreateSchema);
export type AllocationBatch = Static<typeof AllocationBatchSchema>;
export const AllocationBatchAnswerSchema = answersOf(GrantSchema);
export type AllocationBatchAnswer = Static<typeof AllocationBatchAnswerSchema>;

export const UsageBatchSchema = batchOf(UsageCreateSchema);
export type UsageBatch = Static<typeof UsageBatchSchema>;
export const UsageBatchAnswerSchema = answersOf(UsageRecordSchema);
export type UsageBatchAnswer = Static<typeof UsageBatchAnswerSchema>;
