import {
  SHARED_TENANT_ID,
  type Clock,
  type IdSource,
  type Logger,
  type Markup,
  type PriceRun,
  type PriceSourceState,
  type SourceReport,
  type VerificationRules,
} from "@budget/domain";
import type { PriceSource, SourceRead } from "@budget/price-sources";
import {
  Ledger,
  PriceRunRepository,
  PriceSourceRepository,
  isUnavailable,
  type Database,
  type SecretBox,
} from "@budget/repositories";
import { keepReading, stillSaidBy, type KeepReadingOptions } from "./keep-reading.ts";
import { sourceAlert } from "./price-changes.ts";
import { BY_HAND } from "./prices-by-hand.ts";
import { countKept, countPlaces, isTooFew } from "./reading-changes.ts";
import { openCredential } from "./source-credentials.ts";
import { saveRead, sourceStates, unread } from "./source-states.ts";
import { withRecord, type TrackRecords } from "./trust.ts";
import { verifyPrices } from "./verification.ts";

export interface PriceRunOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** A number from 0 up to 1, for the jitter of intervals. */
  readonly random: () => number;
  /** Lets others have the database; a run rests whenever it read or wrote for a few milliseconds. */
  readonly rest: () => Promise<void>;
  /** In the order that decides between sources of equal trust. */
  readonly sources: readonly PriceSource[];
  readonly rules: VerificationRules;
  /** What the operator adds to the prices that the sources say. */
  readonly markups: readonly Markup[];
  /** Decrypts what sources are asked with; null where there is no key. */
  readonly secrets: SecretBox | null;
}

/**
 * Does a run that has begun: reads the sources with these names, votes on what all of them say, applies what follows, and
 * writes that the run has ended.
 * @returns the run with its report
 */
export type PerformRun = (run: PriceRun, source_names: readonly string[]) => Promise<PriceRun>;

const MINUTE_MS = 60_000;
/** Failures in a row after which people are told of a source that does not answer. */
const UNHEALTHY_AFTER = 3;
/** The interval of a source is stretched by up to a tenth, so that servers and sources do not meet on the hour. */
const JITTER = 0.1;

const reportOf = (
  source: string,
  outcome: SourceReport["outcome"],
  counts: Partial<SourceReport>,
): SourceReport => ({
  source,
  outcome,
  fault: null,
  detail: null,
  observations: 0,
  set_aside: 0,
  new: 0,
  changed: 0,
  withdrawn: 0,
  agreed: 0,
  in_conflict: 0,
  rejected: 0,
  duration_ms: 0,
  ...counts,
});

/** What an error is, without what it is about: messages may hold addresses with keys in them. */
const kindOfError = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : "";
  return error instanceof Error ? `${error.name}${code}` : "something that is no error";
};

const withVotes = (report: SourceReport, records: TrackRecords): SourceReport => {
  const record = records.get(report.source);
  if (record === undefined) return report;
  const { agreed, in_conflict, rejected: gated } = record;
  return { ...report, agreed, in_conflict, rejected: gated };
};

/** Performs runs where it is called. */
export function createPerformRun(options: PriceRunOptions): PerformRun {
  const { database, clock, ids, logger, random, rest, sources, rules, markups, secrets } = options;
  const ledger = new Ledger(database);
  const runRepository = new PriceRunRepository(database);
  const sourceRepository = new PriceSourceRepository(database);

  const keepOptions = (now_ms: number): KeepReadingOptions => ({
    database,
    nextId: () => ids.next(now_ms),
    now_ms,
    rest,
  });

  const nextAfter = (now_ms: number, interval_ms: number): number =>
    Math.round(now_ms + interval_ms * (1 + JITTER * random()));

  /** Doubles the wait with every failure, up to the interval. */
  const retryAfter = (now_ms: number, { interval_ms }: PriceSource, failures: number): number =>
    nextAfter(now_ms, Math.min(interval_ms, MINUTE_MS * 2 ** Math.min(failures, 20)));

  async function keepFailure(
    source: PriceSource,
    state: PriceSourceState,
    failed: Extract<SourceRead, { status: "failed" }>,
  ): Promise<SourceReport> {
    const { fault, detail } = failed;
    const now_ms = clock.now();
    const failures = state.failures + 1;
    // A page that changed its form is told of at once; a network that fails may be back the next minute.
    const isNews = fault === "HTTP" ? failures === UNHEALTHY_AFTER : state.fault !== fault;
    await ledger.transaction(SHARED_TENANT_ID, "exclusive", async (session) => {
      const due_at_ms = retryAfter(now_ms, source, failures);
      const next = { ...state, failures, attempted_at_ms: now_ms, due_at_ms, fault, detail };
      await saveRead(database, session.transaction, next);
      const context = { now_ms, nextId: () => ids.next(now_ms) };
      if (isNews) await session.writeAlerts([sourceAlert(source.name, fault, detail, context)]);
    });
    logger.warning("price_manager", `The price source ${source.name} gave no prices`, { fault, detail });
    return reportOf(source.name, "failed", { fault, detail });
  }

  async function keepSuccess(
    source: PriceSource,
    state: PriceSourceState,
    read: Exclude<SourceRead, { status: "failed" }>,
    isAskedFor: boolean,
  ): Promise<SourceReport> {
    const now_ms = clock.now();
    const healthy: PriceSourceState = {
      ...state,
      failures: 0,
      attempted_at_ms: now_ms,
      read_at_ms: now_ms,
      due_at_ms: nextAfter(now_ms, source.interval_ms),
      fault: null,
      detail: null,
    };
    if (read.status === "not_modified") {
      await ledger.transaction(SHARED_TENANT_ID, "exclusive", ({ transaction }) =>
        saveRead(database, transaction, healthy),
      );
      return reportOf(source.name, "not_modified", {});
    }
    const { reading, etag, last_modified, content_hash } = read;
    const before = await stillSaidBy(source.name, { database, rest });
    const [had, kept] = [countPlaces(before), countKept(before, reading.observations)];
    const isAccepted = isAskedFor && state.fault === "LOW_ROWS" && state.failures >= UNHEALTHY_AFTER;
    // The operator may take out what they like.
    if (source.decides !== true && !isAccepted && isTooFew(had, kept)) {
      const detail =
        `It has ${kept} of the ${had} prices that it had. If that is right, ask for it by its name ` +
        `once it has failed ${UNHEALTHY_AFTER} times in a row.`;
      return keepFailure(source, state, { status: "failed", fault: "LOW_ROWS", detail });
    }
    const changes = await keepReading(
      before,
      {
        reading,
        address: source.address,
        content_hash,
        state: { ...healthy, etag, last_modified, content_hash },
      },
      keepOptions(now_ms),
    );
    return reportOf(source.name, "read", {
      observations: reading.observations.length,
      set_aside: reading.set_aside.length,
      new: changes.new,
      changed: changes.changed,
      withdrawn: changes.withdrawn.length,
    });
  }

  async function readAndKeep(
    source: PriceSource,
    state: PriceSourceState,
    isAskedFor: boolean,
  ): Promise<SourceReport> {
    try {
      const opened = await openCredential(database, secrets, source.name);
      const read = opened.ok
        ? await source.read(state, opened.credential)
        : ({ status: "failed", fault: "CREDENTIAL", detail: opened.detail } as const);
      return read.status === "failed"
        ? await keepFailure(source, state, read)
        : await keepSuccess(source, state, read, isAskedFor);
    } catch (error) {
      if (isUnavailable(error)) throw error;
      // One source must not keep the others from being read and voted on.
      const detail = `Reading it, or keeping what it says, failed with ${kindOfError(error)}.`;
      return keepFailure(source, state, { status: "failed", fault: "NOT_READABLE", detail });
    }
  }

  /** @param isAskedFor whether a person asked for it: only they can say that a source that shrank is right */
  async function readSource(
    source: PriceSource,
    state: PriceSourceState,
    isAskedFor: boolean,
  ): Promise<SourceReport> {
    const started_ms = clock.now();
    const report = await readAndKeep(source, state, isAskedFor);
    return { ...report, duration_ms: clock.now() - started_ms };
  }

  /** Moves the trust of the sources that said something new: the same data twice is no second proof. */
  async function moveTrust(reports: readonly SourceReport[], records: TrackRecords): Promise<void> {
    await ledger.transaction(SHARED_TENANT_ID, "exclusive", async ({ transaction }) => {
      const known = await sourceStates(database, transaction);
      for (const { source, new: added, changed, withdrawn } of reports) {
        const state = known.get(source);
        const record = records.get(source);
        if (state === undefined || record === undefined || added + changed + withdrawn === 0) continue;
        await sourceRepository.save(transaction, withRecord(state, record));
      }
    });
  }

  return async (run, names) => {
    const reports: SourceReport[] = [];
    for (const source of sources) {
      if (!names.includes(source.name)) continue;
      const state = (await sourceStates(database)).get(source.name) ?? unread(source);
      reports.push(await readSource(source, state, run.trigger === "request"));
    }
    const trusted = await sourceStates(database);
    const started_ms = clock.now();
    const { report, records } = await verifyPrices({
      database,
      rules,
      rest,
      markups,
      voters: [BY_HAND, ...sources].map(({ name, lineage, trust_ppm, decides = false }) => ({
        name,
        lineage,
        trust_ppm: trusted.get(name)?.trust_ppm ?? trust_ppm,
        decides,
      })),
      now_ms: started_ms,
      nextId: () => ids.next(started_ms),
    });
    await moveTrust(reports, records);
    const ended_at_ms = clock.now();
    const verification = { ...report, duration_ms: ended_at_ms - started_ms };
    const done: PriceRun = {
      ...run,
      ended_at_ms,
      report: { sources: reports.map((one) => withVotes(one, records)), verification },
    };
    await database.transaction(SHARED_TENANT_ID, (transaction) => runRepository.update(transaction, done));
    logger.info("price_manager", "Prices were verified", { run_id: run.run_id, ...verification });
    return done;
  };
}
