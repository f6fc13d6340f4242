import type { PriceSourceState, PriceVerdict } from "@budget/domain";

/** How a source came out of the votes of one run. */
export interface TrackRecord {
  /** Votes in which it said what won. */
  agreed: number;
  /** Votes in which it did not, or said what no gate lets pass. */
  differed: number;
  /** Votes that nobody won. */
  in_conflict: number;
  /** Votes in which a gate stopped it. */
  rejected: number;
}

/** Track records by the names of sources. */
export type TrackRecords = Map<string, TrackRecord>;

const hasWinner = ({ status }: PriceVerdict): boolean =>
  status === "verified" || status === "verified_with_dissent";

/** Adds how the sources came out of one vote. */
export function addToRecords(records: TrackRecords, verdict: PriceVerdict): void {
  for (const { source, kind } of verdict.testimonies) {
    const record = records.get(source) ?? { agreed: 0, differed: 0, in_conflict: 0, rejected: 0 };
    records.set(source, record);
    if (kind === "gated") {
      record.rejected += 1;
      record.differed += 1;
    } else if (verdict.status === "conflict") {
      record.in_conflict += 1;
    } else if (hasWinner(verdict) && kind === "agrees") {
      record.agreed += 1;
    } else if (hasWinner(verdict) && kind === "dissents") {
      record.differed += 1;
    }
  }
}

/** Below so many votes a rate says more of chance than of the source. */
const FEWEST_VOTES = 20;
/** Trust goes a twentieth of the way to the rate at which a source was right: it takes weeks to gain, and to lose. */
const STEPS_TO_RATE = 20;
const LEAST_TRUST_PPM = 100_000;
const MOST_TRUST_PPM = 990_000;
const MILLION = 1_000_000;

/** What is known about a source after the votes of a run in which it said something new. */
export function withRecord(
  state: PriceSourceState,
  { agreed, differed }: Pick<TrackRecord, "agreed" | "differed">,
): PriceSourceState {
  const counted = { ...state, agreed: state.agreed + agreed, differed: state.differed + differed };
  if (agreed + differed < FEWEST_VOTES) return counted;
  const rate_ppm = Math.round((agreed * MILLION) / (agreed + differed));
  const moved = state.trust_ppm + Math.round((rate_ppm - state.trust_ppm) / STEPS_TO_RATE);
  return { ...counted, trust_ppm: Math.min(MOST_TRUST_PPM, Math.max(LEAST_TRUST_PPM, moved)) };
}
