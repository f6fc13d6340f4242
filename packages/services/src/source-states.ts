import type { PriceSourceState } from "@budget/domain";
import type { PriceSource } from "@budget/price-sources";
import { PriceSourceRepository, type Database } from "@budget/repositories";

/** What is known of a source before it is ever read. */
export const unread = ({ name, trust_ppm }: PriceSource): PriceSourceState => ({
  source: name,
  trust_ppm,
  agreed: 0,
  differed: 0,
  failures: 0,
  attempted_at_ms: null,
  read_at_ms: null,
  due_at_ms: null,
  fault: null,
  detail: null,
  etag: null,
  last_modified: null,
  content_hash: null,
});

/** What is known of each source that was ever read. */
export async function sourceStates(database: Database): Promise<ReadonlyMap<string, PriceSourceState>> {
  const states = await new PriceSourceRepository(database).getAll();
  return new Map(states.map((state) => [state.source, state]));
}
