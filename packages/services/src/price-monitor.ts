import {
  accepted,
  rejected,
  SHARED_TENANT_ID,
  type Clock,
  type IdSource,
  type Logger,
  type Markup,
  type Outcome,
  type PriceReview,
  type PriceRun,
  type PriceSourceState,
  type ProviderPricing,
  type SourceReport,
  type VerificationRules,
} from "@budget/domain";
import {
  Ledger,
  PriceObservationRepository,
  PriceRepository,
  PriceReviewRepository,
  PriceRunRepository,
  PriceSourceRepository,
  type Database,
  type Page,
  type ReviewFilters,
} from "@budget/repositories";
import { decideReview, type ReviewDecision } from "./decide-review.ts";
import { keepReading, stillSaidBy, type KeepReadingOptions } from "./keep-reading.ts";
import { evidenceOf, type PriceEvidence } from "./price-evidence.ts";
import { BY_HAND, keepByHand, withdrawByHand, type PriceByHand } from "./prices-by-hand.ts";
import { sourceAlert } from "./price-changes.ts";
import type { PriceSource, SourceRead } from "@budget/price-sources";
import { countPlaces, isTooFew } from "./reading-changes.ts";
import { withRecord, type TrackRecords } from "./trust.ts";
import { verifyPrices } from "./verification.ts";

export interface PriceMonitorOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly logger: Logger;
  /** A number from 0 up to 1, for the jitter of intervals. */
  readonly random: () => number;
  /** Lets other work run; a run rests after every few milliseconds of its own work. */
  readonly rest: () => Promise<void>;
  /** In the order that decides between sources of equal trust. */
  readonly sources: readonly PriceSource[];
  readonly rules: VerificationRules;
  /** What the operator adds to the prices that the sources say. */
  readonly markups: readonly Markup[];
}

/** What is known about a source, and what is configured for it. */
export interface PriceSourceStatus extends PriceSourceState {
  readonly lineage: string;
  readonly address: string;
  readonly interval_ms: number;
}

/** Watches what sources say about prices. */
export interface PriceMonitor {
  /**
   * Reads sources, votes on what they say, and applies what follows.
   * @param names the sources to read, due or not; those that are due where it is left out
   * @returns the run with its report; `price_run_active` while another one goes on
   */
  run(trigger: PriceRun["trigger"], names?: readonly string[]): Promise<Outcome<PriceRun>>;
  /** Whether a source is due, or a dated price of one begins or ends since the last run. */
  isDue(): Promise<boolean>;
  runs(query: { readonly page?: number; readonly limit?: number }): Promise<Page<PriceRun>>;
  sources(): Promise<readonly PriceSourceStatus[]>;
  /** Prices that people are or were asked about, newest first. */
  reviews(filters: ReviewFilters): Promise<Page<PriceReview>>;
  /** Closes a review by what a person decided, and puts the decided price in force. */
  decide(
    review_id: string,
    decision: ReviewDecision,
    decided_by: string,
    why: string,
  ): Promise<Outcome<PriceReview>>;
  /**
   * Charges what a person says, without a vote, for as long as they do not take it back.
   * @returns the id of what they said, and the price where it is in force already
   */
  setByHand(price: PriceByHand): Promise<Outcome<SetByHand>>;
  /** Takes back a price that was set by hand, so that what the sources say is charged. */
  withdrawByHand(observation_id: string, withdrawn_by: string, why: string): Promise<Outcome<PriceRun>>;
  /** Why a model costs what it costs. */
  evidence(provider: string, model: string): Promise<Outcome<PriceEvidence>>;
  /** Puts the trust of a source back to where it started. */
  resetTrust(source: string): Promise<Outcome<PriceSourceStatus>>;
}

/** A price that was set by hand. */
export interface SetByHand {
  readonly observation_id: string;
  /** Null where it begins later. */
  readonly price: ProviderPricing | null;
}

const MINUTE_MS = 60_000;
/** A run that has not ended after this was interrupted. */
const LONGEST_RUN_MS = 10 * MINUTE_MS;
/** Failures in a row after which people are told of a source that does not answer. */
const UNHEALTHY_AFTER = 3;
/** The interval of a source is stretched by up to a tenth, so that servers and sources do not meet on the hour. */
const JITTER = 0.1;

const unread = ({ name, trust_ppm }: PriceSource): PriceSourceState => ({
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

const withVotes = (report: SourceReport, records: TrackRecords): SourceReport => {
  const record = records.get(report.source);
  if (record === undefined) return report;
  const { agreed, in_conflict, rejected: gated } = record;
  return { ...report, agreed, in_conflict, rejected: gated };
};

/** Builds the monitor over an open database. It does nothing by itself. */
export function createPriceMonitor(options: PriceMonitorOptions): PriceMonitor {
  const { database, clock, ids, logger, random, rest, sources, rules, markups } = options;
  const ledger = new Ledger(database);
  const runRepository = new PriceRunRepository(database);
  const observations = new PriceObservationRepository(database);
  const reviewRepository = new PriceReviewRepository(database);
  const sourceRepository = new PriceSourceRepository(database);

  async function states(): Promise<ReadonlyMap<string, PriceSourceState>> {
    return new Map((await sourceRepository.getAll()).map((state) => [state.source, state]));
  }

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
      await sourceRepository.save(session.transaction, next);
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
      await database.transaction((transaction) => sourceRepository.save(transaction, healthy));
      return reportOf(source.name, "not_modified", {});
    }
    const { reading, etag, last_modified, content_hash } = read;
    const before = await stillSaidBy(source.name, options);
    const [had, has] = [countPlaces(before), countPlaces(reading.observations)];
    // The operator may take out what they like.
    if (source.decides !== true && isTooFew(had, has)) {
      const detail = `It has ${has} prices, and had ${had} before.`;
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

  async function readSource(source: PriceSource, state: PriceSourceState): Promise<SourceReport> {
    const started_ms = clock.now();
    const read = await source.read(state);
    const report =
      read.status === "failed"
        ? await keepFailure(source, state, read)
        : await keepSuccess(source, state, read);
    return { ...report, duration_ms: clock.now() - started_ms };
  }

  /** Moves the trust of the sources that said something new: the same data twice is no second proof. */
  async function moveTrust(reports: readonly SourceReport[], records: TrackRecords): Promise<void> {
    const known = await states();
    await ledger.transaction(SHARED_TENANT_ID, "exclusive", async ({ transaction }) => {
      for (const { source, new: added, changed, withdrawn } of reports) {
        const state = known.get(source);
        const record = records.get(source);
        if (state === undefined || record === undefined || added + changed + withdrawn === 0) continue;
        await sourceRepository.save(transaction, withRecord(state, record));
      }
    });
  }

  async function perform(run: PriceRun, due: readonly PriceSource[]): Promise<PriceRun> {
    const reports: SourceReport[] = [];
    for (const source of due) {
      const state = (await states()).get(source.name) ?? unread(source);
      reports.push(await readSource(source, state));
    }
    const trusted = await states();
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
    await database.transaction((transaction) => runRepository.update(transaction, done));
    logger.info("price_manager", "Prices were verified", { run_id: run.run_id, ...verification });
    return done;
  }

  /** Begins a run, unless one goes on. */
  function begin(trigger: PriceRun["trigger"]): Promise<PriceRun | null> {
    return ledger.transaction(SHARED_TENANT_ID, "exclusive", async ({ transaction }) => {
      const now_ms = clock.now();
      if ((await runRepository.going(transaction, now_ms - LONGEST_RUN_MS)) !== null) return null;
      const run: PriceRun = {
        run_id: ids.next(now_ms),
        trigger,
        started_at_ms: now_ms,
        ended_at_ms: null,
        report: null,
      };
      await runRepository.create(transaction, run);
      return run;
    });
  }

  async function dueSources(): Promise<readonly PriceSource[]> {
    const known = await states();
    const now_ms = clock.now();
    return sources.filter(({ name, content_hash }) => {
      const state = known.get(name);
      const isOther = content_hash !== undefined && content_hash !== state?.content_hash;
      return isOther || (state?.due_at_ms ?? 0) <= now_ms;
    });
  }

  const statusOf = (source: PriceSource, state = unread(source)): PriceSourceStatus => ({
    ...state,
    lineage: source.lineage,
    address: source.address,
    interval_ms: source.interval_ms,
  });

  return {
    async run(trigger, names) {
      const unknown = names?.find((name) => !sources.some((source) => source.name === name));
      if (unknown !== undefined) return unknownSource(unknown, sources);
      const due =
        names === undefined ? await dueSources() : sources.filter(({ name }) => names.includes(name));
      const run = await begin(trigger);
      return run === null ? RUN_ACTIVE : accepted(await perform(run, due));
    },

    async isDue() {
      if ((await dueSources()).length > 0) return true;
      const last = await runRepository.lastEnded();
      return observations.hasTurn(last?.started_at_ms ?? 0, clock.now());
    },

    runs: (query) => runRepository.list(query),

    async sources() {
      const known = await states();
      return sources.map((source) => statusOf(source, known.get(source.name)));
    },

    reviews: (filters) => reviewRepository.list(filters),

    decide(review_id, decision, decided_by, why) {
      const now_ms = clock.now();
      const decideOptions = { database, now_ms, nextId: () => ids.next(now_ms) };
      return ledger.transaction(SHARED_TENANT_ID, "exclusive", (session) =>
        decideReview(session, review_id, decision, decided_by, why, decideOptions),
      );
    },

    async setByHand(price) {
      const run = await begin("request");
      if (run === null) return RUN_ACTIVE;
      const observation_id = await keepByHand(price, keepOptions(clock.now()));
      await perform(run, []);
      const prices = await new PriceRepository(database).sharedNow(clock.now());
      const found = prices.find(({ evidence }) => evidence.includes(observation_id));
      return accepted({ observation_id, price: found ?? null });
    },

    async withdrawByHand(observation_id, withdrawn_by, why) {
      const run = await begin("request");
      if (run === null) return RUN_ACTIVE;
      const withdrawn = await withdrawByHand(observation_id, keepOptions(clock.now()));
      const done = await perform(run, []);
      if (!withdrawn.ok) return withdrawn;
      const details = { observation_id, withdrawn_by, why };
      logger.info("price_manager", "A price that was set by hand was taken back", details);
      return accepted(done);
    },

    evidence: (provider, model) => evidenceOf(database, provider, model, clock.now()),

    async resetTrust(name) {
      const source = sources.find((one) => one.name === name);
      if (source === undefined) return unknownSource(name, sources);
      const state = (await states()).get(name) ?? unread(source);
      const reset = { ...state, trust_ppm: source.trust_ppm, agreed: 0, differed: 0 };
      await database.transaction((transaction) => sourceRepository.save(transaction, reset));
      return accepted(statusOf(source, reset));
    },
  };
}

const RUN_ACTIVE = rejected({
  code: "price_run_active",
  detail: "Prices are being updated already; ask for the list of runs to see how it ends.",
});

const unknownSource = (name: string, sources: readonly PriceSource[]): Outcome<never> =>
  rejected({
    code: "price_source_not_found",
    detail: `There is no price source ${name}; there are ${sources.map((source) => source.name).join(", ")}.`,
  });
