import { randomFillSync } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** Where a request belongs among the calls that led to it, see https://www.w3.org/TR/trace-context/. */
export interface TraceContext {
  /** 32 hexadecimal digits that all calls of one trace share. */
  readonly trace_id: string;
  /** What the caller calls its own part of the trace; null where the trace begins here. */
  readonly parent_id: string | null;
  /** What this server calls its part: 16 hexadecimal digits. */
  readonly span_id: string;
  /** Whether this part is reported to a collector. */
  readonly isSampled: boolean;
}

interface Traced extends IncomingMessage {
  budget_trace?: TraceContext;
}

const TRACE_PARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const SAMPLED = 1;
const ZEROS = /^0+$/;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;
/** Drawn for many requests at once: each draw is a call of the system. */
const pool = Buffer.alloc((TRACE_ID_BYTES + SPAN_ID_BYTES) * 256);
let next = pool.length;

function randomHex(bytes: number): string {
  if (next + bytes > pool.length) {
    randomFillSync(pool);
    next = 0;
  }
  next += bytes;
  return pool.toString("hex", next - bytes, next);
}

type Parent = Pick<TraceContext, "trace_id" | "isSampled"> & { readonly parent_id: string };

/** Reads a `traceparent` header; null where it is absent or is not as the standard has it. */
export function parseTraceParent(header: string | readonly string[] | undefined): Parent | null {
  if (typeof header !== "string") return null;
  const [, version, trace_id = "", parent_id = "", flags = "", rest] = TRACE_PARENT.exec(header) ?? [];
  // A later version may have more parts; the first one may not, and ff is none.
  if (version === undefined || version === "ff" || (version === "00" && rest !== undefined)) return null;
  if (ZEROS.test(trace_id) || ZEROS.test(parent_id)) return null;
  return { trace_id, parent_id, isSampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

/**
 * The trace that a request belongs to: its caller's, or a new one.
 * @param isReported whether there is a collector to report to; looked at the first time that a request is asked for
 */
export function traceOf(request: Traced, isReported = false): TraceContext {
  return (request.budget_trace ??= newTrace(parseTraceParent(request.headers.traceparent), isReported));
}

function newTrace(parent: Parent | null, isReported: boolean): TraceContext {
  return {
    trace_id: parent?.trace_id ?? randomHex(TRACE_ID_BYTES),
    parent_id: parent?.parent_id ?? null,
    span_id: randomHex(SPAN_ID_BYTES),
    isSampled: isReported && (parent?.isSampled ?? true),
  };
}

/** The header that tells a caller which part of which trace its request was. */
export const traceResponse = ({ trace_id, span_id, isSampled }: TraceContext): string =>
  `00-${trace_id}-${span_id}-0${isSampled ? SAMPLED : 0}`;
