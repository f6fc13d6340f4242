import type { Cleanup } from "./cleanup.ts";
import type { Station } from "./station.ts";
import type { Habit } from "./worker.ts";

/** What a kind of fault is told from the command line. */
export interface KindOptions {
  /** How long the database is away, in `database-away`. */
  readonly away_ms: number;
}

/** Eight clients, of whom one only reports what was used. */
export const USUAL_CREW: readonly Habit[] = [
  ...Array.from({ length: 7 }, () => "agent" as const),
  "reporter",
];

/** One kind of fault, with the setup that it strikes. */
export interface Kind {
  readonly name: string;
  /** Setups that take turns, round by round. */
  readonly variants: readonly string[];
  /** Lanes that two cores carry. */
  readonly default_lanes: number;
  /** Rounds after which a station makes place for a new one, because its disk is small or its recount gets long. */
  readonly rounds_per_station: number;
  /** The clients of a server. */
  crew(variant: string): readonly Habit[];
  readonly request_timeout_ms: number;
  open(variant: string, cleanup: Cleanup, options: KindOptions): Promise<Station>;
}
