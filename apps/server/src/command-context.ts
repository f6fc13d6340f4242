import type { CommandContext } from "@budget/engine";
import type { Request } from "express";
import { problem, type ProblemAnswer } from "./problems.ts";

const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;
const ETAG = /^(?:W\/)?"(\d{1,15})"$/;

/** On whose behalf and under which key for repeated requests one runs; or the problem with its headers. */
export function commandContext(request: Request, caller: CommandContext): CommandContext | ProblemAnswer {
  const idempotency_key = request.headers["idempotency-key"];
  if (idempotency_key === undefined) return caller;
  if (typeof idempotency_key === "string" && IDEMPOTENCY_KEY.test(idempotency_key)) {
    return { ...caller, idempotency_key };
  }
  return problem({
    code: "invalid_value",
    field: "Idempotency-Key",
    detail: "Idempotency-Key must be 1 to 200 visible ASCII characters.",
  });
}

/** The version that If-Match names, null where there is none, or the problem with it. */
export function expectedVersion(request: Request): number | null | ProblemAnswer {
  const header = request.headers["if-match"];
  if (header === undefined || header === "*") return null;
  const version = ETAG.exec(header)?.[1];
  if (version !== undefined) return Number(version);
  return problem({
    code: "invalid_value",
    field: "If-Match",
    detail: 'If-Match must be the ETag of the resource, such as "3".',
  });
}

export const isProblem = (value: unknown): value is ProblemAnswer =>
  typeof value === "object" && value !== null && "status" in value && "headers" in value;
