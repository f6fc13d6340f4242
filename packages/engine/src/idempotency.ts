import { rejected, type Outcome } from "@budget/domain";
import type { IdempotencyRecord, LedgerSession } from "@budget/repositories";
import type { CommandContext } from "./engine.ts";

/** The key that a caller gave, and the request that it stands for. */
export interface IdempotentRequest {
  readonly key: string;
  readonly operation: string;
  readonly request: unknown;
}

/** @returns what the caller's key stands for, or null where it gave none */
export const idempotentRequest = (
  { idempotency_key, asked }: CommandContext,
  operation: string,
  request: unknown,
): IdempotentRequest | null =>
  idempotency_key === undefined ? null : { key: idempotency_key, operation, request: asked ?? request };

/** What is kept of a request's answer, to give it again. */
export function remember<T>(
  request: IdempotentRequest,
  outcome: Outcome<T>,
  now_ms: number,
): IdempotencyRecord {
  return {
    idempotency_key: request.key,
    operation: request.operation,
    request: JSON.stringify(request.request),
    outcome: encodeOutcome(outcome),
    created_at_ms: now_ms,
  };
}

/** Answers that were given before. */
const replays = new WeakSet<Outcome<unknown>>();

/** Whether an answer is the one of an earlier time, and nothing was done for it now. */
export const isReplay = (outcome: Outcome<unknown>): boolean => replays.has(outcome);

/** The answer of the first time, or a rejection that names what differs from the first request. */
export function replay<T>(record: IdempotencyRecord, request: IdempotentRequest): Outcome<T> {
  const field =
    record.operation === request.operation
      ? firstDifference(JSON.parse(record.request), JSON.parse(JSON.stringify(request.request)), "")
      : "";
  if (field === null) {
    const outcome = decodeOutcome<T>(record.outcome);
    replays.add(outcome);
    return outcome;
  }
  return rejected({
    code: "idempotency_conflict",
    field,
    detail:
      `The idempotency key ${request.key} was used before with another ` +
      `${field === "" ? "operation or body" : `value of ${field}`}. Use a new key for a new request.`,
  });
}

/** Runs `work` once for each idempotency key, inside a ledger transaction. */
export async function once<T>(
  session: LedgerSession,
  request: IdempotentRequest | null,
  now_ms: number,
  work: () => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  if (request === null) return work();
  const [before] = await session.findIdempotencyRecords([request.key]);
  if (before !== undefined) return replay<T>(before, request);
  const outcome = await work();
  if (outcome.ok) await session.writeIdempotencyRecord(remember(request, outcome, now_ms));
  return outcome;
}

/** JSON pointer of the first place where two JSON values differ; null where they are the same. */
function firstDifference(left: unknown, right: unknown, pointer: string): string | null {
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return left === right ? null : pointer;
  }
  if (Array.isArray(left) !== Array.isArray(right)) return pointer;
  const one = left as Record<string, unknown>;
  const other = right as Record<string, unknown>;
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    const at = `${pointer}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const different = firstDifference(one[name], other[name], at);
    if (different !== null) return different;
  }
  return null;
}

/**
 * Outcomes hold bigint, which JSON has no word for: they are kept as `["$bigint", "…"]`. Free data of callers, which
 * could hold anything, is kept as one string, so that nothing in it is taken for a number of ours.
 */
export function encodeOutcome(outcome: unknown): string {
  return JSON.stringify(outcome, (name, value: unknown) => {
    if (typeof value === "bigint") return ["$bigint", String(value)];
    return name === "metadata" ? JSON.stringify(value) : value;
  });
}

export function decodeOutcome<T>(text: string): Outcome<T> {
  return JSON.parse(text, (name, value: unknown) => {
    if (Array.isArray(value) && value.length === 2 && value[0] === "$bigint")
      return BigInt(value[1] as string);
    return name === "metadata" ? (JSON.parse(value as string) as unknown) : value;
  }) as Outcome<T>;
}
