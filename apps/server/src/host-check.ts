import type { NextFunction, Request, Response } from "express";
import { problem } from "./problems.ts";
import { send } from "./send.ts";

/** Asked at every request: the lists are others after a reload. */
export interface HostRules {
  /** Names that the server may be called by, without a port; those of this machine are always among them. */
  readonly hosts: readonly string[];
  /** Origins of pages that may call it from a browser, such as `https://budget.example.com`. */
  readonly origins: readonly string[];
}

const THIS_MACHINE = ["localhost", "127.0.0.1", "[::1]"];

/** A Host header without its port. */
const nameOf = (host: string): string => host.toLowerCase().replace(/:\d+$/, "");

const lookUpIn = ({ hosts, origins }: HostRules) => ({
  hosts,
  origins,
  names: new Set([...THIS_MACHINE, ...hosts.map((host) => host.toLowerCase())]),
  pages: new Set(origins.map((origin) => origin.toLowerCase())),
});

/**
 * Answers only requests that were meant for this server: a page elsewhere that has its name lead here (DNS rebinding), or
 * that simply calls it, gets nothing, whatever it knows.
 */
export function checkHost(rules: HostRules) {
  let known = lookUpIn(rules);
  const isOwnPage = (origin: string, host: string): boolean =>
    URL.canParse(origin) && new URL(origin).host.toLowerCase() === host.toLowerCase();

  return (request: Request, response: Response, next: NextFunction): void => {
    if (rules.hosts !== known.hosts || rules.origins !== known.origins) known = lookUpIn(rules);
    const { names, pages } = known;
    const { host = "", origin } = request.headers;
    if (!names.has(nameOf(host))) {
      const detail = "The server is not called so. Its names are in BUDGET_ALLOWED_HOSTS.";
      send(response, problem({ code: "host_not_allowed", detail }));
      return;
    }
    const isAllowed = origin !== undefined && pages.has(origin.toLowerCase());
    if (origin !== undefined && !isAllowed && !isOwnPage(origin, host)) {
      const detail =
        "Pages of this origin may not call the server. Those that may are in BUDGET_CORS_ORIGINS.";
      send(response, problem({ code: "origin_not_allowed", detail }));
      return;
    }
    if (isAllowed) {
      allow(response, origin);
      if (request.method === "OPTIONS") {
        response.writeHead(204).end();
        return;
      }
    }
    next();
  };
}

/** What a browser asks for before it lets a page of another origin call, and read what is answered. */
function allow(response: Response, origin: string): void {
  response.setHeader("Access-Control-Allow-Origin", origin);
  response.setHeader("Vary", "Origin");
  response.setHeader("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE");
  response.setHeader(
    "Access-Control-Allow-Headers",
    "Authorization, Content-Type, Idempotency-Key, If-Match, X-API-Key, X-Request-Id",
  );
  response.setHeader(
    "Access-Control-Expose-Headers",
    "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
  );
  response.setHeader("Access-Control-Max-Age", "600");
}
