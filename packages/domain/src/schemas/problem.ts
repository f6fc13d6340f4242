import { Type, type Static } from "typebox";
import { refusalFields } from "./allocation.ts";

const problemFields = {
  type: Type.String({ description: "Always `about:blank`: `code` says which problem it is" }),
  title: Type.String({ description: "The status in words" }),
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  detail: Type.String({ description: "What is wrong and what would be right" }),
  code: Type.String({ description: "Stable name of the problem" }),
  field: Type.Optional(Type.String({ description: "The field that is wrong, as a JSON pointer" })),
  errors: Type.Optional(
    Type.Array(Type.Object({ field: Type.String(), detail: Type.String() }), {
      description: "Every wrong field, where there are several",
    }),
  ),
};

/** RFC 9457 problem details: the body of every error. */
export const ProblemSchema = Type.Object(problemFields);
export type ProblemWire = Static<typeof ProblemSchema>;

/** The body of 402: which policies do not fit, what remains, when they reset and what would fit. */
export const RefusalSchema = Type.Object({
  ...problemFields,
  code: Type.Literal("insufficient_budget"),
  ...refusalFields,
});
export type RefusalWire = Static<typeof RefusalSchema>;
