import type { Actor, AuditDraft, FoundKey } from "@budget/domain";
import { DEFAULT_TENANT_ID, type AccessManager } from "@budget/engine";
import type { NextFunction, Request, Response } from "express";
import { OF_THE_INSTALLATION, accessTo } from "./access.ts";
import { problem, type ProblemAnswer } from "./problems.ts";
import type { RateLimiter } from "./rate-limiter.ts";
import type { Route } from "./routes/route.ts";
import { requestId, send, tellOfLimits } from "./send.ts";

/** The one check that every door uses. */
export interface Doorkeeper extends Pick<AccessManager, "authenticate" | "deny"> {
  readonly limiter: Pick<RateLimiter, "count">;
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

const originOf = (request: Request): string => request.ip ?? "";

const denialOf = (
  request: Request,
  route: Pick<Route, "operation_id">,
  actor: Omit<Actor, "origin" | "request_id">,
): Omit<AuditDraft, "at_ms"> => ({
  kind: "denial",
  actor: { ...actor, origin: originOf(request), request_id: requestId(request) },
  action: route.operation_id,
  subject_id: "",
  before: null,
  after: null,
});

/** Lets a request through to its route where its key may call that, and answers it where not. */
export function guard(route: Pick<Route, "operation_id">, doorkeeper: Doorkeeper) {
  const access = accessTo(route.operation_id);

  /** The key that a request came with, or the answer to one that came with none. */
  async function identify(request: Request): Promise<FoundKey | ProblemAnswer> {
    const text = presented(request);
    const key =
      text === undefined ? null : await doorkeeper.authenticate(text, route.operation_id === "readMetrics");
    if (key !== null) return key;
    const nobody = { key_id: null, name: text === undefined ? "no key" : "unknown key" };
    doorkeeper.deny(DEFAULT_TENANT_ID, denialOf(request, route, nobody));
    return unauthenticated(text === undefined ? NO_KEY : WRONG_KEY);
  }

  /** Why a key may not call the route; null where it may. */
  function forbids(key: FoundKey): string | null {
    if (access !== "everybody" && !access.includes(key.role))
      return `A key of the role ${key.role} may not do this; ${access.join(", ")} may.`;
    if (OF_THE_INSTALLATION.has(route.operation_id) && key.tenant_id !== DEFAULT_TENANT_ID)
      return "This concerns all tenants, and only keys of the installation's own tenant may do it.";
    return null;
  }

  return async (request: Request, response: Response, next: NextFunction): Promise<void> => {
    if (access === "everybody") {
      next();
      return;
    }
    const key = await identify(request);
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
    const { tenant_id, key_id, name } = key;
    const detail = forbids(key);
    if (detail !== null) {
      doorkeeper.deny(tenant_id, denialOf(request, route, { key_id, name }));
      send(response, problem({ code: "forbidden", detail }));
      return;
    }
    const actor = { key_id, name, origin: originOf(request), request_id: requestId(request) };
    Object.assign(response.locals, { key, actor });
    next();
  };
}

/** Whom a request was let in as; undefined where everybody is. */
export const admittedAs = (response: Response): Admitted | undefined =>
  "key" in response.locals ? (response.locals as Admitted) : undefined;
