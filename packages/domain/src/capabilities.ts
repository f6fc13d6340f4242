import { modelKey } from "./price-names.ts";
import type { ModelCapabilities } from "./price-observation.ts";

/** What a model can do, by all that sources say. */
export type KnownCapabilities = Omit<ModelCapabilities, "provider" | "model">;

/** What a model must be able to do; what is left out does not matter. */
export interface NeededCapabilities {
  readonly context_tokens?: number | undefined;
  readonly tools?: boolean | undefined;
  readonly vision?: boolean | undefined;
  readonly reasoning?: boolean | undefined;
}

export const NOTHING_KNOWN: KnownCapabilities = {
  context_tokens: null,
  max_output_tokens: null,
  tools: null,
  vision: null,
  reasoning: null,
};

const fewer = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? (a ?? b) : Math.min(a, b);

/** Sources that do not agree whether a model can do something are not relied on. */
const both = (a: boolean | null, b: boolean | null): boolean | null =>
  a === null || b === null ? (a ?? b) : a && b;

/** Puts together what sources say: the least that any of them promises. */
export function mergeCapabilities(
  said: readonly ModelCapabilities[],
): (model: { readonly provider: string; readonly model: string }) => KnownCapabilities {
  const known = new Map<string, KnownCapabilities>();
  for (const one of said) {
    const key = modelKey(one);
    const before = known.get(key) ?? NOTHING_KNOWN;
    known.set(key, {
      context_tokens: fewer(before.context_tokens, one.context_tokens),
      max_output_tokens: fewer(before.max_output_tokens, one.max_output_tokens),
      tools: both(before.tools, one.tools),
      vision: both(before.vision, one.vision),
      reasoning: both(before.reasoning, one.reasoning),
    });
  }
  return (model) => known.get(modelKey(model)) ?? NOTHING_KNOWN;
}

/** Whether a model is known to be able to do what is needed. */
export const isCapable = (known: KnownCapabilities, needed: NeededCapabilities): boolean =>
  (needed.context_tokens === undefined || (known.context_tokens ?? 0) >= needed.context_tokens) &&
  (needed.tools !== true || known.tools === true) &&
  (needed.vision !== true || known.vision === true) &&
  (needed.reasoning !== true || known.reasoning === true);
