import type { UsageUnit } from "@budget/domain";

/** What a column, a row of a transposed table or a line of a card is about. */
export type Role =
  | { readonly kind: "provider" | "model" | "input_and_output" }
  | { readonly kind: "price"; readonly unit: UsageUnit }
  /** Something about the model that makes no price. */
  | { readonly kind: "ignored" };

const IGNORED: Role = { kind: "ignored" };
const priceOf = (unit: UsageUnit): Role => ({ kind: "price", unit });

/** The most specific first: cached input is input as well, and so is what is stored or trained on. */
const ROLES: readonly (readonly [words: RegExp, role: Role])[] = [
  [/storage|train|fine.?tun|context|window|knowledge|release|batch|rate limit|max\b/, IGNORED],
  [/^models?\b|^name$|^model name$/, { kind: "model" }],
  [/provider|company|vendor|maker|developer/, { kind: "provider" }],
  [/cache miss/, priceOf("input_tokens")],
  [
    /(?:\b1 ?h(?:our)?\b|60 ?min).*(?:cach|writ)|(?:cach|writ).*(?:\b1 ?h(?:our)?\b|60 ?min)/,
    priceOf("cache_write_1h_tokens"),
  ],
  [/cach.*(?:writ|creat)|(?:writ|creat).*cach/, priceOf("cache_write_tokens")],
  [/cach/, priceOf("cache_read_tokens")],
  [/(?:input|prompt).*(?:output|completion)/, { kind: "input_and_output" }],
  [/input|prompt/, priceOf("input_tokens")],
  [/output|completion/, priceOf("output_tokens")],
];

/** What a header or label says, by the words that price pages use; undefined where it says nothing known. */
export function roleOf(label: string): Role | undefined {
  const words = label.toLowerCase();
  return ROLES.find(([pattern]) => pattern.test(words))?.[1];
}
