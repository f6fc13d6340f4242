import type { PolicyBook } from "./books.ts";

export type FindingKind =
  "limit passed" | "phantom refusal" | "untrue refusal" | "overage" | "inconsistent history";

/** Something that must not be. */
export interface Finding {
  readonly kind: FindingKind;
  readonly sequence: number;
  readonly transaction_id: string;
  readonly detail: string;
}

/** What a replay counted. */
export interface Counts {
  transactions: number;
  granted: number;
  extended: number;
  refused: number;
  settled: number;
  released: number;
  expired: number;
  usage_records: number;
  policies_raised: number;
  policies_lowered: number;
  /** Changes of a limit that the very next decision under it was made by another server than the one that changed it. */
  policies_bound_elsewhere: number;
}

export interface Verdict {
  readonly counts: Readonly<Counts>;
  readonly findings: readonly Finding[];
  readonly policies: readonly PolicyBook[];
  /** For every budget that was refused something: the most tokens that would have fitted at the last refusal. */
  readonly room_at_last_refusal: ReadonlyMap<string, bigint>;
  /** Grants, extensions and refusals by the server that decided them. */
  readonly decisions_by_server: ReadonlyMap<string, number>;
  /** The time of the last event. */
  readonly ended_at_ms: number;
}
