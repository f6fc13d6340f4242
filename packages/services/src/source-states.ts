import type { PriceSourceState } from "@budget/domain";
import type { PriceSource } from "@budget/price-sources";
import { PriceSourceRepository, type Database, type Transaction } from "@budget/repositories";

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
export async function sourceStates(
  database: Database,
  transaction?: Transaction,
): Promise<ReadonlyMap<string, PriceSourceState>> {
  const states = await new PriceSourceRepository(database).getAll(transaction);
  return new Map(states.map((state) => [state.source, state]));
}

/** Writes what became of reading a source; its trust stays as it is by now, which people may have reset meanwhile. */
export async function saveRead(
  database: Database,
  transaction: Transaction,
  state: PriceSourceState,
): Promise<void> {
  const known = (await sourceStates(database, transaction)).get(state.source) ?? state;
  const { trust_ppm, agreed, differed } = known;
  await new PriceSourceRepository(database).save(transaction, { ...state, trust_ppm, agreed, differed });
}
