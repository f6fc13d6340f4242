import type { IncomingMessage, ServerResponse } from "node:http";
import type { ApiKey, Logger } from "@budget/domain";
import { DEFAULT_TENANT_ID, type CommandContext } from "@budget/engine";
import { isUnavailable } from "@budget/repositories";
import { Type } from "typebox";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import { holdToKey, type BoundInput } from "./bound-keys.ts";
import { commandContext, expectedVersion, isProblem } from "./command-context.ts";
import { admittedAs, guard, type Doorkeeper } from "./guard.ts";
import { checkHost, type HostRules } from "./host-check.ts";
import { openApiDocument } from "./openapi.ts";
import { problem, type ProblemAnswer } from "./problems.ts";
import { MOST_LEVELS, isDeeperThan, queryProblem } from "./request-limits.ts";
import { ROUTES } from "./routes/index.ts";
import type { Route, RouteInput, Services } from "./routes/route.ts";
import { METRICS_HEADERS, requestId, send, sendText } from "./send.ts";
import { traceOf } from "./trace-context.ts";
import { compileValidator, type Validator } from "./validation.ts";

export interface AppOptions {
  readonly services: Services;
  readonly logger: Logger;
  readonly doorkeeper: Doorkeeper;
  readonly host_rules: HostRules;
  /** Addresses and networks of proxies whose X-Forwarded-For is believed. */
  readonly trusted_proxies: readonly string[];
  /** What /metrics answers. */
  readonly readMetrics: () => Promise<string>;
}

/** The paths that are no part of the JSON API, and which its document does not describe. */
const DOCUMENT_PATH = "/openapi.json";
const METRICS_PATH = "/metrics";

/** The size that a body may have where its route says nothing else. */
const BODY_LIMIT_BYTES = 1024 * 1024;

/** Builds the HTTP side of the server from the list of routes. */
export function createApp(options: AppOptions): Express {
  const { services, logger, doorkeeper, host_rules, trusted_proxies, readMetrics } = options;
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.set("query parser", "simple");
  trustProxies(app, trusted_proxies);
  app.use(checkHost(host_rules));

  const document = JSON.stringify(openApiDocument(services.version));
  app.get(DOCUMENT_PATH, (_request, response) => sendText(response, 200, document));
  app.get(METRICS_PATH, guard({ operation_id: "readMetrics" }, doorkeeper), async (_request, response) =>
    sendText(response, 200, await readMetrics(), {}, METRICS_HEADERS),
  );
  for (const route of ROUTES) {
    app[route.method](
      expressPath(route.path),
      // Nothing of a request is read before its key is known.
      guard(route, doorkeeper),
      ...bodyReader(route),
      handlerOf(route, services),
    );
  }
  app.use(noSuchRoute);
  app.use(failureHandler(logger));
  return app;
}

/** Believes the X-Forwarded-For of these from the next request on. */
export function trustProxies(app: Express, proxies: readonly string[]): void {
  app.set("trust proxy", proxies.length === 0 ? false : [...proxies]);
}

/** `/api/budgets/{budget_id}` as Express writes it. */
const expressPath = (path: string): string => path.replaceAll(/\{(\w+)\}/g, ":$1");

function bodyReader(route: Route) {
  if (route.body === undefined) return [];
  const limit = route.body_limit_bytes ?? BODY_LIMIT_BYTES;
  return [express.json({ limit, type: isJson, verify: checkBody })];
}

const EMPTY_BODY = "entity.empty";

const TOO_DEEP = "json.too.deep";

/** Refuses what must not come to be parsed. */
function checkBody(_request: unknown, _response: unknown, body: Buffer, charset: string): void {
  // Express would read nothing as {}, which some routes take.
  if (body.length === 0) throw refusedBody(EMPTY_BODY);
  // Express would read UTF-16 and UTF-32, which JSON between programs never is.
  if (charset !== "utf-8") throw refusedBody("charset.unsupported");
  if (isDeeperThan(MOST_LEVELS, body)) throw refusedBody(TOO_DEEP);
}

const refusedBody = (type: string): Error => Object.assign(new Error("It must be JSON in UTF-8"), { type });

const isJson = (request: { headers: { "content-type"?: string | undefined } }): boolean =>
  /^application\/([\w.-]+\+)?json\b/i.test(request.headers["content-type"] ?? "");

interface Validators {
  readonly params: Validator;
  readonly query: Validator;
  readonly body: Validator;
}

const anything: Validator = () => null;
const NO_QUERY = compileValidator(Type.Object({}, { additionalProperties: false }), "query");

/** A route that can refuse nothing (a probe) lets every query pass. */
function queryValidatorOf(route: Route): Validator {
  if (route.query !== undefined) return compileValidator(route.query, "query");
  return route.problems.includes("invalid_value") ? NO_QUERY : anything;
}

function validatorsOf(route: Route): Validators {
  const body = route.body_check ?? route.body;
  return {
    params: route.params === undefined ? anything : compileValidator(route.params, "params"),
    query: queryValidatorOf(route),
    body: body === undefined ? anything : compileValidator(body, "body"),
  };
}

function handlerOf(route: Route, services: Services) {
  const validators = validatorsOf(route);
  return async (request: Request, response: Response): Promise<void> => {
    const admitted = admittedAs(response);
    const caller: CommandContext =
      admitted === undefined
        ? { tenant_id: DEFAULT_TENANT_ID }
        : { tenant_id: admitted.key.tenant_id, actor: admitted.actor };
    const input = readInput(route, validators, request, caller, admitted?.key);
    const foreign =
      admitted === undefined || isProblem(input)
        ? null
        : await holdToKey(admitted.key, input as BoundInput, services.engine);
    const refused = isProblem(input) ? input : foreign;
    send(response, refused ?? (await route.handle(input as RouteInput<never, never, never>, services)));
  };
}

/** The parts of a request as its route wants them, or the first problem with them. */
function readInput(
  route: Route,
  validators: Validators,
  request: Request,
  caller: CommandContext,
  key: ApiKey | undefined,
): RouteInput<unknown, unknown, unknown> | ProblemAnswer {
  // A route that can refuse nothing (a probe) looks at no query.
  const tooMuch = route.problems.includes("invalid_value") ? queryProblem(request.url) : null;
  if (tooMuch !== null) return tooMuch;
  // Express makes the query anew each time that it is asked for.
  const { params, query } = request;
  const body = request.body as unknown;
  if (route.body !== undefined && body === undefined) return missingBody(request);
  const wrong = validators.params(params) ?? validators.query(query) ?? validators.body(body);
  if (wrong !== null) return wrong;
  const context = route.idempotent_by_key === true ? commandContext(request, caller) : caller;
  if (isProblem(context)) return context;
  const expected_version = route.conditional === true ? expectedVersion(request) : null;
  if (isProblem(expected_version)) return expected_version;
  return { params, query, body, context, key, expected_version };
}

function missingBody(request: Request): ProblemAnswer {
  if (request.headers["content-type"] !== undefined && !isJson(request)) {
    return problem({ code: "unsupported_media_type", detail: "The body must be JSON, as application/json." });
  }
  return emptyBody();
}

const emptyBody = (): ProblemAnswer =>
  problem({ code: "invalid_value", field: "", detail: "A JSON body is needed, as application/json." });

/** Answers a request that came when the server had begun to stop. */
export function refuseStopping(_request: IncomingMessage, response: ServerResponse): void {
  send(response, problem({ code: "unavailable", detail: "The server is stopping." }));
}

/** Answers what no route has answered: another method of a known path, or an unknown path. */
function noSuchRoute(request: Request, response: Response): void {
  const allowed = ALL_METHODS.filter(({ path }) => pathPattern(path).test(request.path)).flatMap(
    // Express answers HEAD wherever it answers GET.
    ({ method }) => (method === "get" ? ["GET", "HEAD"] : [method.toUpperCase()]),
  );
  if (allowed.length === 0) {
    const detail = `There is nothing at ${request.path}. See ${DOCUMENT_PATH} for what there is.`;
    send(response, problem({ code: "route_not_found", detail }));
    return;
  }
  const allow = [...new Set(allowed)].join(", ");
  const answer = problem({
    code: "method_not_allowed",
    detail: `${request.method} is not for this path; ${allow} is.`,
  });
  send(response, { ...answer, headers: { Allow: allow } });
}

const ALL_METHODS: readonly Pick<Route, "path" | "method">[] = [
  ...ROUTES,
  { path: DOCUMENT_PATH, method: "get" },
  { path: METRICS_PATH, method: "get" },
];

const pathPattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}/?$`, "i");

/** Bodies that cannot be read are problems of their sender; everything else is a bug of ours, and fails one request. */
function failureHandler(logger: Logger) {
  return (error: unknown, request: Request, response: Response, next: NextFunction): void => {
    const answer = readingProblem(error);
    if (answer === null) {
      const { stack, message } = error instanceof Error ? error : new Error(String(error));
      const request_id = requestId(request);
      const { trace_id } = traceOf(request);
      const fields = { request_id, trace_id, error: message, stack };
      logger.error("api", `${request.method} ${request.path} failed`, fields);
    }
    if (response.headersSent) {
      next(error);
      return;
    }
    send(response, answer ?? ownProblem(error, request));
  };
}

/** What the caller is told of a failure that is not its own. */
function ownProblem(error: unknown, request: IncomingMessage): ProblemAnswer {
  if (isUnavailable(error)) {
    return problem({ code: "unavailable", detail: "The database does not answer; try again shortly." });
  }
  const detail = `Something went wrong here; it was logged as request ${requestId(request)}.`;
  return problem({ code: "internal_error", detail });
}

function readingProblem(error: unknown): ProblemAnswer | null {
  const { type, status, message } = error as { type?: string; status?: number; message?: string };
  switch (type) {
    case "entity.parse.failed":
      return problem({ code: "invalid_json", field: "", detail: `The body is not JSON: ${message ?? ""}.` });
    case EMPTY_BODY:
      return emptyBody();
    case TOO_DEEP:
      return problem({
        code: "invalid_json",
        field: "",
        detail: `The body must not be nested deeper than ${MOST_LEVELS} levels.`,
      });
    case "entity.too.large":
      return problem({ code: "body_too_large", detail: "The body is larger than this route takes." });
    case "charset.unsupported":
    case "encoding.unsupported":
      return problem({
        code: "unsupported_media_type",
        detail: `The body cannot be read: ${message ?? type}.`,
      });
    default:
      // Express marks what is wrong with a request, such as a malformed escape in its path, by a status below 500.
      return status !== undefined && status >= 400 && status < 500
        ? problem({
            code: "invalid_value",
            field: "",
            detail: `The request cannot be read: ${message ?? ""}.`,
          })
        : null;
  }
}
