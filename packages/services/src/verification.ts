import {
  SHARED_TENANT_ID,
  pricedThingKey,
  createMarkups,
  type Markup,
  type PriceReview,
  type ProviderPricing,
  type VerificationReport,
  type VerificationRules,
} from "@budget/domain";
import {
  Ledger,
  PriceObservationRepository,
  PriceRepository,
  PriceReviewRepository,
  TenantRepository,
  readCatalogVersions,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import { READ_AT_ONCE, stillSaidBy } from "./keep-reading.ts";
import {
  NO_REVIEWS,
  changesAlert,
  changesOf,
  priceChanged,
  reviewAlert,
  type ChangeContext,
  type PriceChanges,
  type ReviewsOfThing,
} from "./price-changes.ts";
import { addToRecords, type TrackRecords } from "./trust.ts";
import { OPERATORS } from "./prices-by-hand.ts";
import { Gathering, voteOn, type Question, type Voter } from "./votes.ts";

export interface VerificationOptions {
  readonly database: Database;
  readonly rules: VerificationRules;
  /** In the order that decides between sources of equal trust. */
  readonly voters: readonly Voter[];
  readonly markups: readonly Markup[];
  readonly now_ms: number;
  readonly nextId: () => string;
  /** Lets others have the database in between. */
  readonly rest: () => Promise<void>;
}

export interface VerificationOutcome {
  readonly report: Omit<VerificationReport, "duration_ms">;
  readonly records: TrackRecords;
}

/** Changes that one transaction writes: more would keep allocations on SQLite waiting. */
const CHANGES_AT_ONCE = 50;

type Counts = { -readonly [name in keyof VerificationOutcome["report"]]: number };

const noCounts = (): Counts => ({
  things: 0,
  verified: 0,
  verified_with_dissent: 0,
  provisional: 0,
  conflict: 0,
  rejected: 0,
  prices_added: 0,
  prices_changed: 0,
  prices_held_back: 0,
  reviews_opened: 0,
  reviews_settled: 0,
});

async function gather({ database, voters, rest }: VerificationOptions): Promise<Gathering> {
  const gathering = new Gathering();
  const prices = new PriceRepository(database);
  for (let after = ""; ;) {
    const part = await prices.shared(after, READ_AT_ONCE);
    for (const price of part) gathering.addPrice(price);
    if (part.length < READ_AT_ONCE) break;
    after = part.at(-1)?.pricing_id ?? "";
    await rest();
  }
  for (const { name } of voters)
    for (const observation of await stillSaidBy(name, { database, rest }))
      gathering.addObservation(observation);
  gathering.addOperators(await new PriceObservationRepository(database).idsSaidBy(OPERATORS));
  return gathering;
}

async function reviewsByThing(database: Database): Promise<ReadonlyMap<string, ReviewsOfThing>> {
  const things = new Map<string, ReviewsOfThing>();
  for (const review of await new PriceReviewRepository(database).getAll()) {
    const key = pricedThingKey(review);
    const known = things.get(key) ?? NO_REVIEWS;
    if (review.status === "open") things.set(key, { ...known, open: review });
    else if (review.status !== "settled") things.set(key, { ...known, decided: review });
  }
  return things;
}

/** The catalogue as a run has read it, and the things whose prices others changed since. */
interface CatalogRead {
  catalog_version: number;
  readonly touched: Set<string>;
}

async function startReading(database: Database): Promise<CatalogRead> {
  const versions = await database.transaction(SHARED_TENANT_ID, (transaction) =>
    readCatalogVersions(transaction, [SHARED_TENANT_ID]),
  );
  return { catalog_version: versions.get(SHARED_TENANT_ID) ?? 0, touched: new Set() };
}

/** Leaves out what somebody changed or decided since it was read: the next run sees what they did. */
async function stillRight(
  { transaction }: LedgerSession,
  database: Database,
  changes: readonly PriceChanges[],
  { catalog_version, touched }: CatalogRead,
): Promise<readonly PriceChanges[]> {
  const since = [{ tenant_id: SHARED_TENANT_ID, catalog_version }];
  for (const price of await new PriceRepository(database).changedSince(transaction, since))
    touched.add(pricedThingKey(price));
  const open = await new PriceReviewRepository(database).open(transaction);
  const asked = new Map(open.map((review) => [pricedThingKey(review), review.review_id]));
  return changes.filter(
    ({ question: { key }, reviews }) => !touched.has(key) && asked.get(key) === reviews.open?.review_id,
  );
}

async function write(
  session: LedgerSession,
  database: Database,
  changes: readonly PriceChanges[],
  read: CatalogRead,
  context: ChangeContext,
): Promise<readonly PriceChanges[]> {
  const { transaction } = session;
  const prices = new PriceRepository(database);
  const reviews = new PriceReviewRepository(database);
  const right = await stillRight(session, database, changes, read);
  const added = right.flatMap((change) => change.added ?? []);
  const updated = right.flatMap((change) => change.updated);
  if (added.length + updated.length > 0) {
    const version = await new TenantRepository(database).bumpCatalogVersion(transaction, SHARED_TENANT_ID);
    await prices.updateMany(transaction, updated, version);
    await prices.insertMany(transaction, added, version);
    read.catalog_version = version;
  }
  const reviewed = right.flatMap(({ review }) => review ?? []);
  const opened = reviewed.flatMap(({ kind, review }): PriceReview[] => (kind === "opened" ? [review] : []));
  const rewritten = reviewed.flatMap(({ kind, review }): PriceReview[] =>
    kind === "opened" ? [] : [review],
  );
  await reviews.insertMany(transaction, opened);
  await reviews.updateMany(transaction, rewritten);
  await session.writeEvents(
    right.flatMap(({ added: after, replaced }) => (after && replaced ? [priceChanged(replaced, after)] : [])),
  );
  await session.writeAlerts(opened.map((review) => reviewAlert(review, context)));
  return right;
}

/**
 * Votes on every price that a source says something about, and writes what follows from it, a few prices in each
 * transaction. Whoever is interrupted over it votes again the next time: a vote over the same data changes nothing.
 */
export async function verifyPrices(options: VerificationOptions): Promise<VerificationOutcome> {
  const { database, rules, voters, markups, now_ms, nextId, rest } = options;
  const context: ChangeContext = { now_ms, nextId };
  const ledger = new Ledger(database);
  const read = await startReading(database);
  const gathering = await gather(options);
  const reviews = await reviewsByThing(database);
  await rest();
  const counts = noCounts();
  const records: TrackRecords = new Map();
  const changed: ProviderPricing[] = [];

  const writePlanned = async (planned: readonly PriceChanges[]): Promise<void> => {
    if (planned.length === 0) return;
    const written = await ledger.transaction(SHARED_TENANT_ID, "exclusive", (session) =>
      write(session, database, planned, read, context),
    );
    for (const { added, replaced, review } of written) {
      if (added !== null && replaced === null) counts.prices_added += 1;
      if (added !== null && replaced !== null) {
        counts.prices_changed += 1;
        changed.push(added);
      }
      if (review?.kind === "opened") counts.reviews_opened += 1;
      if (review?.kind === "settled") counts.reviews_settled += 1;
    }
  };

  const vote = (question: Question): PriceChanges | undefined => {
    const verdict = voteOn(question, rules);
    counts.things += 1;
    if (verdict.status !== "manual") counts[verdict.status] += 1;
    if (verdict.objection !== null && verdict.components === null && question.inForce !== null)
      counts.prices_held_back += 1;
    addToRecords(records, verdict);
    return changesOf(question, verdict, reviews.get(question.key) ?? NO_REVIEWS, context);
  };

  let planned: PriceChanges[] = [];
  for (const question of gathering.questions(voters, now_ms, createMarkups(markups))) {
    const changes = vote(question);
    if (changes !== undefined) planned.push(changes);
    if (planned.length >= CHANGES_AT_ONCE) {
      await writePlanned(planned);
      planned = [];
      await rest();
    }
  }
  await writePlanned(planned);
  if (changed.length > 0) {
    await ledger.transaction(SHARED_TENANT_ID, "exclusive", (session) =>
      session.writeAlerts([changesAlert(changed, context)]),
    );
  }
  return { report: counts, records };
}
