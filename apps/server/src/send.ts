import { randomBytes } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { boundReading } from "./http-limits.ts";
import type { Answer } from "./routes/route.ts";
import { securityHeaders } from "./security-headers.ts";
import { traceOf, traceResponse } from "./trace-context.ts";

const SECURITY_HEADERS = Object.entries(securityHeaders()).flatMap(([name, value]) => [name, String(value)]);
const headersFor = (type: string): readonly string[] => [...SECURITY_HEADERS, "Content-Type", type];
const SUCCESS_HEADERS = headersFor("application/json; charset=utf-8");
const PROBLEM_HEADERS = headersFor("application/problem+json; charset=utf-8");
/** The text format of Prometheus. */
export const METRICS_HEADERS = headersFor("text/plain; version=0.0.4; charset=utf-8");

const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

interface Identified extends IncomingMessage {
  budget_request_id?: string;
}

/** Tells this process from others, and from itself after a restart; what follows tells its requests apart. */
const PROCESS_ID = randomBytes(9).toString("base64url");
let requests_named = 0;

/** What a request is called in its answer and in the log: as its sender calls it, else by an id of ours. */
export function requestId(request: Identified): string {
  const given = request.headers["x-request-id"];
  if (typeof given === "string" && REQUEST_ID.test(given)) return given;
  return (request.budget_request_id ??= `${PROCESS_ID}-${(requests_named += 1).toString(36)}`);
}

interface Limited extends ServerResponse {
  budget_limits?: readonly string[];
}

/** Keeps what the answer will say of the limits of its key, whatever it is: names and values of headers, in turns. */
export function tellOfLimits(response: Limited, headers: readonly string[]): void {
  response.budget_limits = headers;
}

export function send(response: ServerResponse, answer: Answer): void {
  sendText(response, answer.status, JSON.stringify(answer.body), answer.headers);
}

/** Writes an answer in one go: the headers that all share are not set one by one. */
export function sendText(
  response: Limited,
  status: number,
  text: string,
  own: Answer["headers"] = {},
  shared: readonly string[] = status < 400 ? SUCCESS_HEADERS : PROBLEM_HEADERS,
): void {
  const headers = [
    ...shared,
    "Content-Length",
    String(Buffer.byteLength(text)),
    "X-Request-Id",
    requestId(response.req),
    "Traceresponse",
    traceResponse(traceOf(response.req)),
  ];
  if (response.budget_limits !== undefined) headers.push(...response.budget_limits);
  for (const name in own) headers.push(name, own[name] ?? "");
  response.writeHead(status, headers);
  response.end(text);
  boundReading(response);
}
