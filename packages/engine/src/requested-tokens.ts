import {
  accepted,
  defaultTokens,
  type AllocationCreate,
  type LearnedOutput,
  type Outcome,
} from "@budget/domain";
import { DEFAULT_PRIORITY, invalid } from "./requests.ts";

/** How many tokens a request asks for. */
export interface RequestedTokens {
  readonly tokens: number;
  /** The fewest that are of use; the same as `tokens` where the request names no range. */
  readonly min_tokens: number;
  /** The input among them; undefined where only a sum is known, any token of which may be output. */
  readonly input_tokens: number | undefined;
  /** What was learned of the output, where that decided the number. */
  readonly learned: LearnedOutput | null;
}

type Amount = NonNullable<AllocationCreate["tokens_allocated"]>;

interface Range {
  readonly min: number;
  readonly max: number;
}

const rangeOf = (amount: Amount): Range =>
  typeof amount === "number" ? { min: amount, max: amount } : amount;

/**
 * Reads the tokens of a request: `tokens_allocated`; or `input_tokens` with `max_output_tokens`, `estimate` or both; or
 * neither, and then the default for its task type and priority.
 * @param learned what `estimate` stands for; null where nothing was asked or too little is known
 */
export function readRequestedTokens(
  input: AllocationCreate,
  learned: LearnedOutput | null,
): Outcome<RequestedTokens> {
  const wrong = whyUnreadable(input);
  if (wrong !== null) return wrong;
  const input_tokens = input.input_tokens;
  if (input_tokens === undefined) {
    const { min, max } = rangeOf(input.tokens_allocated ?? defaultOf(input));
    return accepted({ tokens: max, min_tokens: min, input_tokens, learned: null });
  }
  const output =
    learned === null ? rangeOf(input.max_output_tokens ?? defaultOf(input)) : within(input, learned);
  const tokens = input_tokens + output.max;
  if (tokens === 0) return invalid("/input_tokens", "At least one token must be asked for.");
  return accepted({ tokens, min_tokens: Math.max(1, input_tokens + output.min), input_tokens, learned });
}

const defaultOf = (input: AllocationCreate): number =>
  defaultTokens(input.task_type ?? null, input.priority ?? DEFAULT_PRIORITY);

/** The output that was learned, kept within what the request says that the call can make. */
function within({ max_output_tokens }: AllocationCreate, { output_tokens }: LearnedOutput): Range {
  if (max_output_tokens === undefined) return { min: output_tokens, max: output_tokens };
  if (typeof max_output_tokens === "number") {
    const output = Math.min(output_tokens, max_output_tokens);
    return { min: output, max: output };
  }
  const { min, max } = max_output_tokens;
  return { min, max: Math.max(min, Math.min(max, output_tokens)) };
}

/** What is wrong with how a request names its tokens, or null. */
function whyUnreadable(input: AllocationCreate): Outcome<never> | null {
  const { tokens_allocated, input_tokens, max_output_tokens, estimate } = input;
  for (const [name, amount] of Object.entries({ tokens_allocated, max_output_tokens })) {
    if (typeof amount === "object" && amount.min > amount.max) {
      return invalid(`/${name}/min`, `${name}.min must not be above ${name}.max.`);
    }
  }
  const ofOutput = max_output_tokens === undefined ? "estimate" : "max_output_tokens";
  const namesOutput = max_output_tokens !== undefined || estimate !== undefined;
  if (tokens_allocated !== undefined && (input_tokens !== undefined || namesOutput)) {
    return invalid(
      "/tokens_allocated",
      "Give tokens_allocated, or input_tokens with max_output_tokens or estimate, not both.",
    );
  }
  if (input_tokens === undefined && namesOutput) {
    return invalid("/input_tokens", `input_tokens is needed with ${ofOutput}.`);
  }
  if (input_tokens !== undefined && !namesOutput) {
    return invalid("/max_output_tokens", "max_output_tokens or estimate is needed with input_tokens.");
  }
  return null;
}
