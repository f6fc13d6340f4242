import {
  toRefusalWire,
  type ProblemWire,
  type Refusal,
  type RefusalWire,
  type Rejection,
  type RejectionCode,
} from "@budget/domain";

/** What can be wrong with a request before the engine sees it, or with the server. */
export type HttpProblemCode =
  | "unauthenticated"
  | "forbidden"
  | "rate_limited"
  | "host_not_allowed"
  | "origin_not_allowed"
  | "invalid_json"
  | "route_not_found"
  | "method_not_allowed"
  | "body_too_large"
  | "unsupported_media_type"
  | "not_ready"
  | "unavailable"
  | "internal_error";

export type ProblemCode = RejectionCode | HttpProblemCode;

/** The one place that knows which status each problem has. */
export const STATUS_OF: Readonly<Record<ProblemCode, number>> = {
  invalid_value: 400,
  dimension_required: 400,
  invalid_json: 400,
  unauthenticated: 401,
  insufficient_budget: 402,
  forbidden: 403,
  origin_not_allowed: 403,
  rate_limited: 429,
  host_not_allowed: 421,
  budget_not_found: 404,
  policy_not_found: 404,
  allocation_not_found: 404,
  decision_not_found: 404,
  usage_record_not_found: 404,
  alert_not_found: 404,
  key_not_found: 404,
  tenant_not_found: 404,
  price_not_found: 404,
  price_unit_unknown: 422,
  price_source_not_found: 404,
  source_credential_not_found: 404,
  secret_keys_missing: 409,
  price_observation_not_found: 404,
  price_review_not_found: 404,
  price_review_closed: 409,
  price_run_active: 409,
  route_not_found: 404,
  method_not_allowed: 405,
  tenant_limit_reached: 409,
  budget_inactive: 409,
  budget_has_children: 409,
  allocation_not_active: 409,
  version_conflict: 412,
  body_too_large: 413,
  unsupported_media_type: 415,
  idempotency_conflict: 422,
  internal_error: 500,
  not_ready: 503,
  unavailable: 503,
  overloaded: 503,
};

const TITLES: Readonly<Record<number, string>> = {
  400: "Bad request",
  401: "Key needed",
  402: "Insufficient budget",
  403: "Not allowed",
  404: "Not found",
  405: "Method not allowed",
  409: "Conflict",
  412: "Changed meanwhile",
  413: "Body too large",
  415: "Unsupported media type",
  421: "Not this host",
  422: "Idempotency key used before",
  429: "Too many requests",
  500: "Internal error",
  503: "Try again later",
};

/** How long a client should wait that found the server too busy, or not ready. */
const BUSY_RETRY_AFTER_S = 1;

export interface ProblemDetails {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly field?: string;
  readonly errors?: readonly { readonly field: string; readonly detail: string }[];
}

/** A problem as an answer: RFC 9457 problem details, with their status and headers. */
export interface ProblemAnswer {
  readonly status: number;
  readonly body: ProblemWire | RefusalWire;
  readonly headers: Readonly<Record<string, string>>;
}

export function problem({ code, detail, field, errors }: ProblemDetails): ProblemAnswer {
  const status = STATUS_OF[code];
  return {
    status,
    body: {
      type: "about:blank",
      title: TITLES[status] ?? "Error",
      status,
      detail,
      code,
      ...(field === undefined ? {} : { field }),
      ...(errors === undefined ? {} : { errors: [...errors] }),
    },
    headers: status === 503 ? { "Retry-After": String(BUSY_RETRY_AFTER_S) } : {},
  };
}

/** The answer to a rejection of the engine. A refusal says how long to wait, where waiting helps. */
export function rejectionProblem(rejection: Rejection | Refusal, now_ms: number): ProblemAnswer {
  const answer = problem(rejection);
  if (rejection.code !== "insufficient_budget") return answer;
  const { resets_at_ms } = rejection;
  const body: RefusalWire = { ...answer.body, code: "insufficient_budget", ...toRefusalWire(rejection) };
  const wait_s = resets_at_ms === null ? null : Math.max(1, Math.ceil((resets_at_ms - now_ms) / 1000));
  return { status: answer.status, body, headers: wait_s === null ? {} : { "Retry-After": String(wait_s) } };
}
