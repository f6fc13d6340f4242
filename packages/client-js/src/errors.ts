import type { Problem, Refusal, Violation } from "./types.ts";

export interface BudgetErrorOptions extends ErrorOptions {
  /** HTTP status of an answer that was no problem. */
  readonly status?: number;
  readonly request_id?: string | undefined;
}

/** Anything that goes wrong between a caller and a Budget server. No message ever holds an API key. */
export class BudgetError extends Error {
  /** Stable name of what went wrong, such as `budget_not_found`. */
  readonly code: string;
  /** HTTP status; undefined where there was no answer. */
  readonly status: number | undefined;
  /** What the server's log calls the request; undefined where there was no answer, or none of the server's. */
  readonly request_id: string | undefined;
  /** The body of the answer, where it was a problem. */
  readonly problem: Problem | undefined;

  constructor(message: string, code: string, problem?: Problem, options?: BudgetErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
    this.status = options?.status ?? problem?.status;
    this.request_id = options?.request_id;
    this.problem = problem;
  }
}

/** The request does not fit (402): nothing is held. */
export class InsufficientBudgetError extends BudgetError {
  readonly violations: readonly Violation[];
  /** The largest number of tokens that would have been granted. */
  /** For `allocations.explain`. */
  readonly refusal_id: string | null;
  readonly tokens_that_fit: number;
  /** When the same request would fit, if nothing else is used; null where waiting does not help. */
  readonly resets_at: string | null;
  /** Whole seconds until then. */
  readonly retry_after_s: number | null;

  constructor(refusal: Refusal, retry_after_s: number | null, options?: BudgetErrorOptions) {
    super(refusal.detail, refusal.code, refusal, options);
    this.violations = refusal.violations;
    this.refusal_id = refusal.refusal_id;
    this.tokens_that_fit = refusal.tokens_that_fit;
    this.resets_at = refusal.resets_at;
    this.retry_after_s = retry_after_s;
  }
}

/** No key was given, it opens nothing, or its role may not do this (401, 403). */
export class AccessError extends BudgetError {}
/** There is nothing of that id or name (404). */
export class NotFoundError extends BudgetError {}
/** The request itself is wrong (400, 405, 413, 415, 422): sending it again does not help. */
export class InvalidRequestError extends BudgetError {}
/** The thing is in another state than the request needs, or was changed meanwhile (409, 412). */
export class ConflictError extends BudgetError {}
/** The server failed, or is too busy (5xx, 429). */
export class ServerError extends BudgetError {}
/** No answer came: nobody listens there, or the connection broke. */
export class ConnectionError extends BudgetError {}
/** No answer came in time. */
export class TimeoutError extends BudgetError {}

/** The error that an answer which is no success stands for. */
export function errorOf(
  problem: Problem,
  retry_after_s: number | null,
  request_id: string | undefined,
): BudgetError {
  const { status, detail, code } = problem;
  const options = { request_id };
  if (isRefusal(problem)) return new InsufficientBudgetError(problem, retry_after_s, options);
  if (status === 401 || status === 403) return new AccessError(detail, code, problem, options);
  if (status === 404) return new NotFoundError(detail, code, problem, options);
  if (status === 409 || status === 412) return new ConflictError(detail, code, problem, options);
  if (status === 429 || status >= 500) return new ServerError(detail, code, problem, options);
  return new InvalidRequestError(detail, code, problem, options);
}

/** A 402 of something between here and the server says nothing about budgets. */
const isRefusal = (problem: Problem): problem is Refusal =>
  problem.status === 402 && problem.code === "insufficient_budget";
