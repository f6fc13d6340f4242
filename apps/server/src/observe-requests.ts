import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import type { Logger } from "@budget/domain";
import { onBehalfOf } from "./request-context.ts";
import { requestId } from "./send.ts";
import { traceOf, type TraceContext } from "./trace-context.ts";

/** A request that has ended. */
export interface ObservedRequest {
  readonly method: string;
  /** As in the OpenAPI document, such as `/api/budgets/{budget_id}`; `NO_ROUTE` where no route took it. */
  readonly route: string;
  readonly status: number;
  readonly duration_ms: number;
  readonly request_id: string;
  readonly trace: TraceContext;
}

export interface RequestObserver {
  readonly logger: Logger;
  /** Whether spans are reported. */
  readonly isReported: boolean;
  readonly onEnd: (request: ObservedRequest) => void;
}

export const NO_ROUTE = "none";
/** Where the caller left before the answer had been sent; proxies log it so, too. */
const CALLER_LEFT = 499;

/** What Express and this file leave at a request. */
interface Routed extends IncomingMessage {
  readonly route?: { readonly path: string };
  budget_began_ms?: number;
}

/** The paths of Express as the OpenAPI document has them. */
const routes = new Map<string, string>();

function routeOf({ route }: Routed): string {
  if (route === undefined) return NO_ROUTE;
  let path = routes.get(route.path);
  if (path === undefined) {
    path = route.path.replaceAll(/:(\w+)/g, "{$1}");
    routes.set(route.path, path);
  }
  return path;
}

/** A listener that is given the response which it is called on. */
const closedWith = (work: (response: ServerResponse) => void) =>
  function (this: ServerResponse): void {
    work(this);
  };

/** Stands before a request listener, measures its requests, and logs them: failures of ours as warnings. */
export function observeRequests(serve: RequestListener, observer: RequestObserver): RequestListener {
  const { logger, isReported, onEnd } = observer;
  // The same function for every response: to make one for each costs.
  const ended = closedWith((response) => {
    const request = response.req as Routed;
    const method = request.method ?? "";
    const route = routeOf(request);
    const status = response.writableFinished ? response.statusCode : CALLER_LEFT;
    const duration_ms = performance.now() - (request.budget_began_ms ?? 0);
    const request_id = requestId(request);
    const trace = traceOf(request);
    onEnd({ method, route, status, duration_ms, request_id, trace });
    const rounded_ms = Math.round(duration_ms * 1000) / 1000;
    const fields = { method, route, status, duration_ms: rounded_ms, request_id, trace_id: trace.trace_id };
    if (status >= 500) logger.warning("api", "A request failed", fields);
    else logger.debug("api", "A request was answered", fields);
  });
  return (request: Routed, response) => {
    request.budget_began_ms = performance.now();
    traceOf(request, isReported);
    // It closes but once, and `once` would cost another function.
    response.on("close", ended);
    onBehalfOf(request, () => serve(request, response));
  };
}
