import { MAX_BATCH_ITEMS } from "@budget/domain";
import type { CommandContext } from "@budget/engine";
import { Type, type Static, type TSchema } from "typebox";
import { isProblem } from "./command-context.ts";
import type { ProblemAnswer } from "./problems.ts";
import type { Answer } from "./routes/route.ts";
import { compileValidator } from "./validation.ts";

export const BATCH_BODY_LIMIT_BYTES = 8 * 1024 * 1024;

/** A batch as a whole: its items are judged one by one. */
export const BatchOfAnything = Type.Object(
  { items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH_ITEMS }) },
  { additionalProperties: false },
);

/** Reads one item of a batch by its schema: the item, or what is wrong with it. */
export function itemReader<S extends TSchema>(schema: S): ItemReader<Static<S>> {
  const validate = compileValidator(schema, "body");
  return (value) => validate(value) ?? { body: value as Static<S> };
}

export type ItemReader<T> = (value: unknown) => { readonly body: T } | ProblemAnswer;

/**
 * Answers the items of a batch, each as if it had come alone. All that are valid are handed on at once, so that they are
 * committed together.
 */
export async function answerBatch<T>(
  items: readonly unknown[],
  context: CommandContext,
  readItem: ItemReader<T>,
  answerItem: (item: { readonly context: CommandContext; readonly body: T }) => Promise<Answer>,
): Promise<Answer> {
  const { idempotency_key } = context;
  const answers = await Promise.all(
    items.map(async (value, index) => {
      const item = readItem(value);
      if (isProblem(item)) return item;
      const itemContext =
        idempotency_key === undefined
          ? context
          : { ...context, idempotency_key: `${idempotency_key}:${index}` };
      return answerItem({ context: itemContext, body: item.body });
    }),
  );
  return {
    status: 200,
    body: {
      items: answers.map(({ status, body }) =>
        status < 400 ? { status, result: body } : { status, problem: body },
      ),
    },
  };
}
