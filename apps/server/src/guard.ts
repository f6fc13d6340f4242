import type { Actor, ApiKey, AuditDraft, FoundKey } from "@budget/domain";
import { DEFAULT_TENANT_ID, type AccessManager } from "@budget/engine";
import type { NextFunction, Request, Response } from "express";
import { OF_THE_INSTALLATION, accessTo } from "./access.ts";
import { problem, type ProblemAnswer } from "./problems.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { Route } from "./routes/route.ts";
import { requestId, send, tellOfLimits } from "./send.ts";
import { WRONG_KEY_RATE, type WrongKeys } from "./wrong-keys.ts";

/** The one check that every door uses. */
export interface Doorkeeper extends Pick<AccessManager, "authenticate" | "mayOpen" | "deny"> {
  readonly limiter: Pick<RateLimiter, "count">;
  readonly wrong_keys: Pick<WrongKeys, "waitOf" | "count">;
}

interface Admitted {
  readonly key: FoundKey;
  readonly actor: Actor;
}

const BEARER = /^Bearer ([\x21-\x7e]{1,200})$/i;

/** The text of a key, from the one header or the other; undefined where there is none. */
function presented({ headers }: Request): string | undefined {
  const key = headers["x-api-key"];
  if (typeof key === "string" && key !== "") return key;
  return BEARER.exec(headers.authorization ?? "")?.[1];
}

const NO_KEY =
  "A key is needed, as X-API-Key or as Authorization: Bearer. The first one is in the file admin.key beside the " +
  "database, or in BUDGET_ADMIN_KEY.";
const WRONG_KEY = "This key opens nothing: it is unknown, expired or revoked.";

const unauthenticated = (detail: string): ProblemAnswer => {
  const answer = problem({ code: "unauthenticated", detail });
  return { ...answer, headers: { ...answer.headers, "WWW-Authenticate": 'Bearer realm="budget"' } };
};

const tooManyWrong = (wait_ms: number): ProblemAnswer => {
  const { per_second, burst } = WRONG_KEY_RATE;
  const detail =
    `Too many requests without a right key came from this address: ${burst} are answered at once after a rest, and ` +
    `${per_second} a second. A right key is let in all the same.`;
  const answer = problem({ code: "rate_limited", detail });
  return { ...answer, headers: { ...answer.headers, "Retry-After": String(Math.ceil(wait_ms / 1000)) } };
};

const originOf = (request: Request): string => request.ip ?? "";

/** What the record says of somebody who was not let do something. */
export const denialOf = (operation_id: string, actor: Actor): Omit<AuditDraft, "at_ms"> => ({
  kind: "denial",
  actor,
  action: operation_id,
  subject_id: "",
  before: null,
  after: null,
});

/** Why a key may not do what an operation does; null where it may. */
export function whyForbidden(key: ApiKey, operation_id: string): ProblemAnswer | null {
  const access = accessTo(operation_id);
  if (access !== "everybody" && !access.includes(key.role)) {
    const detail = `A key of the role ${key.role} may not do this; ${access.join(", ")} may.`;
    return problem({ code: "forbidden", detail });
  }
  if (!OF_THE_INSTALLATION.has(operation_id) || key.tenant_id === DEFAULT_TENANT_ID) return null;
  return problem({
    code: "forbidden",
    detail: "This concerns all tenants, and only keys of the installation's own tenant may do it.",
  });
}

/** Lets a request through to its route where its key may call that, and answers it where not. */
export function guard(route: Pick<Route, "operation_id">, doorkeeper: Doorkeeper) {
  const access = accessTo(route.operation_id);

  /** The key that a request came with, or the answer to one that came with none. */
  async function identify(
    request: Request,
    from: Pick<Actor, "origin" | "request_id">,
  ): Promise<FoundKey | ProblemAnswer> {
    const text = presented(request);
    const spent_ms = doorkeeper.wrong_keys.waitOf(from.origin);
    // Whoever guesses too often is told so before the database is asked; a right key beside such guesses is let in.
    if (spent_ms > 0 && (text === undefined || !(await doorkeeper.mayOpen(text))))
      return tooManyWrong(spent_ms);
    const key =
      text === undefined ? null : await doorkeeper.authenticate(text, route.operation_id === "readMetrics");
    if (key !== null) return key;
    const wait_ms = doorkeeper.wrong_keys.count(from.origin);
    if (wait_ms > 0) return tooManyWrong(wait_ms);
    const nobody = { key_id: null, name: text === undefined ? "no key" : "unknown key" };
    doorkeeper.deny(DEFAULT_TENANT_ID, denialOf(route.operation_id, { ...nobody, ...from }));
    return unauthenticated(text === undefined ? NO_KEY : WRONG_KEY);
  }

  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    if (access === "everybody") {
      next();
      return;
    }
    const from = { origin: originOf(request), request_id: requestId(request) };
    const key = await identify(request, from);
    if ("status" in key) {
      send(response, key);
      return;
    }
    const counted = doorkeeper.limiter.count(key);
    const { headers, refused } = counted instanceof Promise ? await counted : counted;
    tellOfLimits(response, headers);
    if (refused !== null) {
      send(response, refused);
      return;
    }
    const actor = { key_id: key.key_id, name: key.name, ...from };
    const forbidden = whyForbidden(key, route.operation_id);
    if (forbidden !== null) {
      doorkeeper.deny(key.tenant_id, denialOf(route.operation_id, actor));
      send(response, forbidden);
      return;
    }
    Object.assign(response.locals, { key, actor });
    next();
  };
}

/** Whom a request was let in as; undefined where everybody is. */
export const admittedAs = (response: Response): Admitted | undefined =>
  "key" in response.locals ? (response.locals as Admitted) : undefined;
