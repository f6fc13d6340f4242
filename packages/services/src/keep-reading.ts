import { isDeepStrictEqual } from "node:util";
import {
  SHARED_TENANT_ID,
  modelKey,
  type ModelAlias,
  type ModelCapabilities,
  type PriceSourceState,
  type SourceReading,
  type StoredObservation,
} from "@budget/domain";
import {
  Ledger,
  ModelRepository,
  PriceObservationRepository,
  TenantRepository,
  type Database,
  type KeptObservation,
} from "@budget/repositories";
import { saveRead } from "./source-states.ts";
import { readingChanges, type ReadingChanges } from "./reading-changes.ts";

/** Rows that are read at once; more would keep the database from others for longer than an allocation takes. */
export const READ_AT_ONCE = 100;
/** Rows that one transaction writes; more would keep allocations waiting for longer than a batch of them takes. */
const WRITTEN_AT_ONCE = 200;

export interface KeepReadingOptions {
  readonly database: Database;
  readonly nextId: () => string;
  readonly now_ms: number;
  /** Lets others have the database in between. */
  readonly rest: () => Promise<void>;
}

/** A reading, and where it came from. */
export interface KeptReading {
  readonly reading: SourceReading;
  readonly address: string;
  readonly content_hash: string;
  /** What is known about the source from now on; it is only written when all that it said is. */
  readonly state: PriceSourceState;
}

/** What a source is known to say. */
export async function stillSaidBy(
  source: string,
  { database, rest }: Pick<KeepReadingOptions, "database" | "rest">,
): Promise<readonly KeptObservation[]> {
  const repository = new PriceObservationRepository(database);
  const found: KeptObservation[] = [];
  for (;;) {
    const part = await repository.stillSaid(source, found.at(-1)?.observation_id ?? "", READ_AT_ONCE);
    found.push(...part);
    if (part.length < READ_AT_ONCE) return found;
    await rest();
  }
}

function* parts<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += WRITTEN_AT_ONCE) yield items.slice(at, at + WRITTEN_AT_ONCE);
}

/**
 * Keeps what a source says now. It is written in parts, those withdrawn last: whoever is interrupted over it writes the
 * rest the next time, and until the last part nothing that was said is missing.
 */
export async function keepReading(
  before: readonly KeptObservation[],
  { reading, address, content_hash, state }: KeptReading,
  { database, nextId, now_ms, rest }: KeepReadingOptions,
): Promise<ReadingChanges> {
  const { source } = state;
  const observations = new PriceObservationRepository(database);
  const models = new ModelRepository(database);
  const ledger = new Ledger(database);
  const changes = readingChanges(before, reading.observations);
  const said = changes.said.map((observation): StoredObservation => ({
    ...observation,
    observation_id: nextId(),
    source,
    address,
    content_hash,
    observed_at_ms: now_ms,
    withdrawn_at_ms: null,
  }));
  for (const part of parts(said)) {
    await database.transaction(SHARED_TENANT_ID, (transaction) => observations.insertMany(transaction, part));
    await rest();
  }
  const capabilities = newCapabilities(await models.capabilities(source), reading.capabilities);
  for (const part of parts(capabilities)) {
    await database.transaction(SHARED_TENANT_ID, (transaction) =>
      models.saveCapabilities(transaction, source, part),
    );
    await rest();
  }
  const aliases = newAliases(await models.sharedAliases(), reading.aliases);
  const withdrawn = changes.withdrawn.map(({ observation_id }) => observation_id);
  await ledger.transaction(SHARED_TENANT_ID, "exclusive", async ({ transaction }) => {
    await observations.withdraw(transaction, withdrawn, now_ms);
    if (aliases.length > 0) {
      const version = await new TenantRepository(database).bumpCatalogVersion(transaction, SHARED_TENANT_ID);
      await models.saveSharedAliases(transaction, source, aliases, version);
    }
    await saveRead(database, transaction, state);
  });
  return changes;
}

/** What is said of models that is not known yet; of a model that is named twice, what is said last. */
function newCapabilities(
  known: readonly ModelCapabilities[],
  said: readonly ModelCapabilities[],
): readonly ModelCapabilities[] {
  const before = new Map(known.map((one) => [modelKey(one), one]));
  const last = new Map(said.map((one) => [modelKey(one), one]));
  return [...last].flatMap(([key, one]) => (isDeepStrictEqual(before.get(key), one) ? [] : [one]));
}

/** The aliases that are not known yet, or lead elsewhere now. */
function newAliases(known: readonly ModelAlias[], said: readonly ModelAlias[]): readonly ModelAlias[] {
  const models = new Map(known.map(({ provider, alias, model }) => [`${provider}\n${alias}`, model]));
  return said.filter(({ provider, alias, model }) => models.get(`${provider}\n${alias}`) !== model);
}
