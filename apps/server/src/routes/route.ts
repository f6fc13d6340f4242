import { createHash } from "node:crypto";
import type { ApiKey, Outcome } from "@budget/domain";
import type { CommandContext, Engine } from "@budget/engine";
import type { SourceOff } from "@budget/price-sources";
import type { PriceMonitor, SourceCredentials } from "@budget/services";
import type { Static, TSchema } from "typebox";
import { rejectionProblem, type ProblemCode } from "../problems.ts";

/** What handlers work with. */
export interface Services {
  readonly engine: Engine;
  readonly monitor: PriceMonitor;
  /** The sources of prices that the monitor does not read. */
  readonly sources_off: readonly SourceOff[];
  /** What sources of prices are asked with. */
  readonly credentials: SourceCredentials;
  readonly now: () => number;
  readonly version: string;
  /** Whether requests that need the database can be served. */
  readonly isReady: () => Promise<boolean>;
}

/** A request whose parts were found valid. */
export interface RouteInput<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  readonly context: CommandContext;
  /** Whose request it is; undefined where everybody may ask. */
  readonly key: ApiKey | undefined;
  /** The version that If-Match names; null where the caller takes any. */
  readonly expected_version: number | null;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Tag =
  "budgets" | "policies" | "allocations" | "usage" | "prices" | "alerts" | "messages" | "access" | "health";

/** What the documentation says of an answer that is no problem. */
export interface Success {
  readonly status: 200 | 201;
  readonly description: string;
  readonly schema: TSchema;
  readonly example?: unknown;
  /** Whether the answer carries an ETag. */
  readonly etag?: boolean;
}

/** One route: all that Express, the validation and the documentation need of it. */
export interface Route {
  readonly method: "get" | "post" | "put" | "delete";
  /** With parameters in braces, as in OpenAPI. */
  readonly path: string;
  readonly operation_id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  readonly params?: TSchema;
  readonly query?: TSchema;
  readonly body?: TSchema;
  /** Checked in place of `body` where the handler judges the items of a batch one by one. */
  readonly body_check?: TSchema;
  readonly body_limit_bytes?: number;
  readonly body_example?: unknown;
  /** Whether a repeated request with the same Idempotency-Key has one effect. */
  readonly idempotent_by_key?: boolean;
  /** Whether If-Match is looked at. */
  readonly conditional?: boolean;
  readonly success: Success;
  readonly problems: readonly ProblemCode[];
  readonly handle: (input: RouteInput<never, never, never>, services: Services) => Answer | Promise<Answer>;
}

/** A route whose handler sees the types that its schemas say. */
export function route<P extends TSchema, Q extends TSchema, B extends TSchema>(
  definition: Omit<Route, "handle" | "params" | "query" | "body"> & {
    readonly params?: P;
    readonly query?: Q;
    readonly body?: B;
    readonly handle: (
      input: RouteInput<Static<P>, Static<Q>, Static<B>>,
      services: Services,
    ) => Answer | Promise<Answer>;
  },
): Route {
  return definition;
}

/** The answer to an outcome of the engine: what `toAnswer` makes of its value, or the problem that it is. */
export function answerTo<T>(outcome: Outcome<T>, services: Services, toAnswer: (value: T) => Answer): Answer {
  return outcome.ok ? toAnswer(outcome.value) : rejectionProblem(outcome.rejection, services.now());
}

/** One resource, with the version that it has as its ETag. */
export const versioned = (status: number, body: unknown, version: number): Answer => ({
  status,
  body,
  headers: { ETag: `"${version}"` },
});

/** One resource that counts no versions: its ETag says what it holds. */
export function fingerprinted(status: number, body: unknown): Answer {
  const fingerprint = createHash("sha256").update(JSON.stringify(body)).digest("base64url");
  return { status, body, headers: { ETag: `"${fingerprint}"` } };
}

const DEFAULT_LIMIT = 20;

/** One page of a list that is there as a whole. */
export function sliceAnswer(
  items: readonly unknown[],
  query: { readonly page?: number | undefined; readonly limit?: number | undefined },
): Answer {
  const { page = 1, limit = DEFAULT_LIMIT } = query;
  const shown = items.slice((page - 1) * limit, page * limit);
  return { status: 200, body: { items: shown, total: items.length, page, limit } };
}

/** A list as every list is answered. */
export function listAnswer<T>(
  page: { readonly items: readonly T[]; readonly total: number },
  query: { readonly page?: number | undefined; readonly limit?: number | undefined },
  toWire: (item: T) => unknown,
): Answer {
  return {
    status: 200,
    body: {
      items: page.items.map(toWire),
      total: page.total,
      page: query.page ?? 1,
      limit: query.limit ?? DEFAULT_LIMIT,
    },
  };
}
