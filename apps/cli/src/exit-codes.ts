import {
  AccessError,
  BudgetError,
  ConnectionError,
  InsufficientBudgetError,
  NotFoundError,
  TimeoutError,
} from "@budget/client-js";
import { usd } from "./output.ts";

/** What scripts can tell from how a command ended. */
export const EXIT = {
  ok: 0,
  /** It failed, `verify` found differences, or `doctor` something to do. */
  failed: 1,
  /** The command was typed wrongly, or the configuration is wrong. */
  usage: 2,
  /** A budget refused the request. */
  refused: 3,
  not_found: 4,
  unreachable: 5,
  /** No key, a key that opens nothing, or one that may not do this. */
  not_allowed: 6,
} as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof InsufficientBudgetError) return EXIT.refused;
  if (error instanceof AccessError) return EXIT.not_allowed;
  if (error instanceof NotFoundError) return EXIT.not_found;
  if (error instanceof ConnectionError || error instanceof TimeoutError) return EXIT.unreachable;
  if (error instanceof UsageError) return EXIT.usage;
  return EXIT.failed;
}

/** A command that was typed wrongly in a way that its options alone do not show, or a wrong configuration. */
export class UsageError extends Error {}

/** What went wrong, in words that say what to do. */
export function messageOf(error: unknown, base_url: string): string {
  if (error instanceof ConnectionError) {
    return (
      `No Budget server answers at ${base_url}.\n` +
      "Start one with `npx -y pnpm@12 start`, or name another with --url or BUDGET_URL."
    );
  }
  if (error instanceof InsufficientBudgetError) return refusalText(error);
  if (error instanceof BudgetError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

function refusalText(error: InsufficientBudgetError): string {
  const lines = error.violations.map((violation) => {
    const inWords = (amount: number) => (violation.measure === "tokens" ? `${amount} tokens` : usd(amount));
    const resets = violation.resets_at === null ? "never resets" : `resets at ${violation.resets_at}`;
    return (
      `  policy ${violation.policy_id} (${violation.period})\n` +
      `    ${inWords(violation.used)} used, ${inWords(violation.held)} held of ${inWords(violation.limit)}: ` +
      `${inWords(violation.remaining)} left, ${resets}` +
      (violation.code === "price_unknown" ? "\n    no price is known for the model" : "")
    );
  });
  return [
    "Refused: it does not fit.",
    ...lines,
    `  ${error.tokens_that_fit} tokens would fit now`,
    ...(error.refusal_id === null ? [] : [`  see why: budget explain allocation ${error.refusal_id}`]),
    ...(error.resets_at === null ? [] : [`  the same request would fit from ${error.resets_at} on`]),
  ].join("\n");
}
