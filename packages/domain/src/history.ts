export const OLD_SYSTEMS = ["apollo", "rhetor"] as const;
/** A system that kept budgets before, and whose history moves in. */
export type OldSystem = (typeof OLD_SYSTEMS)[number];

/** Where imported rows come from. Ids are unique within one source. */
export interface ImportSource {
  readonly system: OldSystem;
  /** Tells two of a kind apart; 1 to 200 characters. */
  readonly name: string;
}

/** The imported usage of one source, as our tables have it: of one day, provider, model and component. */
export interface ImportedTotals {
  /** Midnight in UTC. */
  readonly day_start_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
  readonly records: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** At least input and output together. */
  readonly total_tokens: number;
  readonly cost_nano_usd: bigint;
}
