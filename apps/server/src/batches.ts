import { MAX_BATCH_ITEMS } from "@budget/domain";
import type { CommandContext } from "@budget/engine";
import { Type, type TSchema } from "typebox";
import type { Answer } from "./routes/route.ts";
import { compileValidator, type Validator } from "./validation.ts";

export const BATCH_BODY_LIMIT_BYTES = 8 * 1024 * 1024;

/** A batch as a whole: its items are judged one by one. */
export const BatchOfAnything = Type.Object(
  { items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: MAX_BATCH_ITEMS }) },
  { additionalProperties: false },
);

/** Says of one item what is wrong with it, or null. */
export const itemValidator = (schema: TSchema): Validator => compileValidator(schema, "body");

/**
 * Answers the items of a batch, each as if it had come alone. All that are valid are handed on at once, so that they are
 * committed together.
 */
export async function answerBatch<T>(
  items: readonly unknown[],
  context: CommandContext,
  validate: Validator,
  answerItem: (item: { readonly context: CommandContext; readonly body: T }) => Promise<Answer>,
): Promise<Answer> {
  const { idempotency_key } = context;
  const answers = await Promise.all(
    items.map((body, index) => {
      const wrong = validate(body);
      if (wrong !== null) return wrong;
      const itemContext =
        idempotency_key === undefined
          ? context
          : { ...context, idempotency_key: `${idempotency_key}:${index}` };
      return answerItem({ context: itemContext, body: body as T });
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
