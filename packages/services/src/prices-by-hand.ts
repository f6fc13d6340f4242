import {
  accepted,
  changeBy,
  pricedThingKey,
  rejected,
  type ChangedBy,
  type Outcome,
  type StoredObservation,
} from "@budget/domain";
import {
  AuditRepository,
  PriceObservationRepository,
  type Database,
  type KeptObservation,
} from "@budget/repositories";
import { observationOf, type NamedPrice } from "@budget/price-sources";
import { stillSaidBy } from "./keep-reading.ts";
import type { Voter } from "./votes.ts";

/** Prices that people set one by one. They are charged without a vote, before those of the operator's file. */
export const BY_HAND: Voter = { name: "by_hand", lineage: "by_hand", trust_ppm: 1_000_000, decides: true };

/** The sources of prices that the operator says, whether they are read now or not. */
export const OPERATORS: readonly string[] = [BY_HAND.name, "price_file"];

/** A price that a person sets. */
export interface PriceByHand extends Omit<NamedPrice, "raw" | "listed_as"> {
  readonly set_by: string;
  readonly why: string;
}

export interface ByHandOptions {
  readonly database: Database;
  readonly by: ChangedBy;
  readonly now_ms: number;
  readonly nextId: () => string;
  readonly rest: () => Promise<void>;
}

/** Keeps a price that a person sets, in place of what was set by hand for the same thing and instant before. */
export async function keepByHand(
  { set_by, why, ...price }: PriceByHand,
  { database, by, now_ms, nextId, rest }: ByHandOptions,
): Promise<string> {
  const said: StoredObservation = {
    ...observationOf({ ...price, raw: { set_by, why } }),
    observation_id: nextId(),
    source: BY_HAND.name,
    address: set_by,
    content_hash: "",
    observed_at_ms: now_ms,
    withdrawn_at_ms: null,
  };
  const isReplaced = ({ effective_ms, ...thing }: KeptObservation): boolean =>
    effective_ms === said.effective_ms && pricedThingKey(thing) === pricedThingKey(said);
  const before = (await stillSaidBy(BY_HAND.name, { database, rest })).filter(isReplaced);
  const observations = new PriceObservationRepository(database);
  await database.transaction(by.tenant_id, async (transaction) => {
    await observations.withdraw(
      transaction,
      before.map(({ observation_id }) => observation_id),
      now_ms,
    );
    await observations.insertMany(transaction, [said]);
    const after = { ...price, components: shown(price.components), set_by, why };
    const change = {
      action: "price.set",
      subject_id: said.observation_id,
      before: null,
      after,
      at_ms: now_ms,
    };
    await new AuditRepository(database).append(transaction, by.tenant_id, [changeBy(by, change)]);
  });
  return said.observation_id;
}

/** Takes back a price that was set by hand. */
export async function withdrawByHand(
  observation_id: string,
  reason: { readonly withdrawn_by: string; readonly why: string },
  { database, by, now_ms, rest }: Omit<ByHandOptions, "nextId">,
): Promise<Outcome<null>> {
  const known = await stillSaidBy(BY_HAND.name, { database, rest });
  if (!known.some((observation) => observation.observation_id === observation_id)) {
    const detail = `No price with the id ${observation_id} is set by hand now.`;
    return rejected({ code: "price_observation_not_found", detail });
  }
  const observations = new PriceObservationRepository(database);
  await database.transaction(by.tenant_id, async (transaction) => {
    await observations.withdraw(transaction, [observation_id], now_ms);
    const change = {
      action: "price.unset",
      subject_id: observation_id,
      before: null,
      after: reason,
      at_ms: now_ms,
    };
    await new AuditRepository(database).append(transaction, by.tenant_id, [changeBy(by, change)]);
  });
  return accepted(null);
}

/** Amounts as text: the record is JSON, which knows no integers of this size. */
const shown = (components: PriceByHand["components"]) =>
  components.map((one) => ({ ...one, amount_femto_usd: one.amount_femto_usd.toString() }));
