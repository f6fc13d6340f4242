import { componentsFingerprint, pricedThingKey, type PriceObservation } from "@budget/domain";
import type { KeptObservation } from "@budget/repositories";

/** What a reading changes about what its source is known to say. */
export interface ReadingChanges {
  readonly said: readonly PriceObservation[];
  /** Of those said, how many are about what the source said nothing of before. */
  readonly new: number;
  /** Of those said, how many take the place of something else. */
  readonly changed: number;
  readonly withdrawn: readonly KeptObservation[];
}

/** A source has one observation of a thing for each instant that it begins at. */
const placeOf = (observation: PriceObservation | KeptObservation): string =>
  `${pricedThingKey(observation)}\n${observation.effective_ms ?? ""}`;

const contentOf = ({ end_ms, components, model }: PriceObservation | KeptObservation): string =>
  `${end_ms ?? ""} ${model} ${componentsFingerprint(components)}`;

/**
 * Compares what a source says with what it said before.
 * @param before its observations that are not withdrawn, oldest first
 */
export function readingChanges(
  before: readonly KeptObservation[],
  now: readonly PriceObservation[],
): ReadingChanges {
  const known = new Map<string, KeptObservation>();
  const said: PriceObservation[] = [];
  const withdrawn: KeptObservation[] = [];
  for (const observation of before) {
    const place = placeOf(observation);
    // A run that was interrupted leaves what was said before beside what is said since.
    const older = known.get(place);
    if (older !== undefined) withdrawn.push(older);
    known.set(place, observation);
  }
  let changed = 0;
  for (const observation of now) {
    const place = placeOf(observation);
    const old = known.get(place);
    known.delete(place);
    if (old !== undefined && contentOf(old) === contentOf(observation)) continue;
    said.push(observation);
    if (old === undefined) continue;
    withdrawn.push(old);
    changed += 1;
  }
  return { said, changed, new: said.length - changed, withdrawn: [...withdrawn, ...known.values()] };
}

/** A source that lost more than a fifth of its rows at once has been read wrongly, or is broken. */
const MOST_LOST_PERCENT = 20;

/** Of how many things a source says something, each instant that one begins at by itself. */
export const countPlaces = (observations: readonly (PriceObservation | KeptObservation)[]): number =>
  new Set(observations.map(placeOf)).size;

/** Of how many of those things it still says something. */
export function countKept(before: readonly KeptObservation[], now: readonly PriceObservation[]): number {
  const places = new Set(now.map(placeOf));
  return [...new Set(before.map(placeOf))].filter((place) => places.has(place)).length;
}

/** Whether a source says something of so few of the things of before that none of it is believed. */
export const isTooFew = (before: number, kept: number): boolean =>
  (before - kept) * 100 > before * MOST_LOST_PERCENT;
