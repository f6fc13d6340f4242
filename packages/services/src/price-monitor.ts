import {
  accepted,
  changeBy,
  rejected,
  SHARED_TENANT_ID,
  type ChangedBy,
  type Outcome,
  type PriceReview,
  type PriceRun,
  type PriceSourceState,
  type ProviderPricing,
} from "@budget/domain";
import type { PriceSource } from "@budget/price-sources";
import {
  AuditRepository,
  Ledger,
  PriceObservationRepository,
  PriceRepository,
  PriceReviewRepository,
  PriceRunRepository,
  PriceSourceRepository,
  type Page,
  type ReviewFilters,
} from "@budget/repositories";
import { decideReview, type ReviewDecision } from "./decide-review.ts";
import { evidenceOf, type PriceEvidence } from "./price-evidence.ts";
import { createPerformRun, type PerformRun, type PriceRunOptions } from "./price-run.ts";
import { keepByHand, withdrawByHand, type ByHandOptions, type PriceByHand } from "./prices-by-hand.ts";
import { sourceStates, unread } from "./source-states.ts";

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
   * @param by whoever asked for it, for the record; left out where nobody did
   * @returns the run with its report; `price_run_active` while another one goes on
   */
  run(trigger: PriceRun["trigger"], names?: readonly string[], by?: ChangedBy): Promise<Outcome<PriceRun>>;
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
    by: ChangedBy,
  ): Promise<Outcome<PriceReview>>;
  /**
   * Charges what a person says, without a vote, for as long as they do not take it back.
   * @returns the id of what they said, and the price where it is in force already
   */
  setByHand(price: PriceByHand, by: ChangedBy): Promise<Outcome<SetByHand>>;
  /** Takes back a price that was set by hand, so that what the sources say is charged. */
  withdrawByHand(
    observation_id: string,
    reason: { readonly withdrawn_by: string; readonly why: string },
    by: ChangedBy,
  ): Promise<Outcome<PriceRun>>;
  /** Why a model costs what it costs. */
  evidence(provider: string, model: string): Promise<Outcome<PriceEvidence>>;
  /** Puts the trust of a source back to where it started. */
  resetTrust(source: string, by: ChangedBy): Promise<Outcome<PriceSourceStatus>>;
  /** Resolves when no run goes on that was begun here. */
  settled(): Promise<void>;
  /** Ends runs that an earlier server died over; only for a server that has its database alone. */
  endInterrupted(): Promise<void>;
}

/** A price that was set by hand. */
export interface SetByHand {
  readonly observation_id: string;
  /** Null where it begins later. */
  readonly price: ProviderPricing | null;
}

/** A run that has not ended after this was interrupted. */
export const LONGEST_RUN_MS = 10 * 60_000;

/**
 * Builds the monitor over an open database. It does nothing by itself.
 * @param perform does its runs, which read megabytes and vote on thousands of prices
 */
export function createPriceMonitor(
  options: PriceRunOptions,
  perform: PerformRun = createPerformRun(options),
): PriceMonitor {
  const { database, clock, ids, logger, rest, sources } = options;
  const ledger = new Ledger(database);
  const runRepository = new PriceRunRepository(database);
  const observations = new PriceObservationRepository(database);
  const reviewRepository = new PriceReviewRepository(database);
  const sourceRepository = new PriceSourceRepository(database);
  const audit = new AuditRepository(database);

  const keepOptions = (now_ms: number, by: ChangedBy): ByHandOptions => ({
    database,
    by,
    nextId: () => ids.next(now_ms),
    now_ms,
    rest,
  });

  /** Begins a run, unless one goes on. */
  function begin(trigger: PriceRun["trigger"], by: ChangedBy | undefined): Promise<PriceRun | null> {
    return ledger.transaction(
      SHARED_TENANT_ID,
      "exclusive",
      async ({ transaction }) => {
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
        if (by !== undefined) {
          const change = {
            action: "prices.updated",
            subject_id: run.run_id,
            before: null,
            after: null,
            at_ms: now_ms,
          };
          await audit.append(transaction, by.tenant_id, [changeBy(by, change)]);
        }
        return run;
      },
      by?.tenant_id,
    );
  }

  const running = new Set<Promise<unknown>>();

  /** Does `work` in a run of its own. One that fails is ended all the same, so that others may begin. */
  async function inRun<T>(
    trigger: PriceRun["trigger"],
    work: (run: PriceRun) => Promise<Outcome<T>>,
    by?: ChangedBy,
  ): Promise<Outcome<T>> {
    const run = await begin(trigger, by);
    if (run === null) return RUN_ACTIVE;
    const worked = endingFailed(run, work(run));
    running.add(worked);
    try {
      return await worked;
    } finally {
      running.delete(worked);
    }
  }

  async function endingFailed<T>(run: PriceRun, worked: Promise<T>): Promise<T> {
    try {
      return await worked;
    } catch (error) {
      const ended: PriceRun = { ...run, ended_at_ms: clock.now() };
      // A database that is away says the same thing twice.
      await database
        .transaction(SHARED_TENANT_ID, (transaction) => runRepository.update(transaction, ended))
        .catch(() => undefined);
      throw error;
    }
  }

  async function dueSources(): Promise<readonly PriceSource[]> {
    const known = await sourceStates(database);
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
    async run(trigger, names, by) {
      const unknown = names?.find((name) => !sources.some((source) => source.name === name));
      if (unknown !== undefined) return unknownSource(unknown, sources);
      const asked = names ?? (await dueSources()).map(({ name }) => name);
      return inRun(trigger, async (run) => accepted(await perform(run, asked)), by);
    },

    async isDue() {
      if ((await dueSources()).length > 0) return true;
      const last = await runRepository.lastFinished();
      return observations.hasTurn(last?.started_at_ms ?? 0, clock.now());
    },

    runs: (query) => runRepository.list(query),

    async sources() {
      const known = await sourceStates(database);
      return sources.map((source) => statusOf(source, known.get(source.name)));
    },

    reviews: (filters) => reviewRepository.list(filters),

    decide(review_id, decision, decided_by, why, by) {
      const now_ms = clock.now();
      const decideOptions = { database, now_ms, nextId: () => ids.next(now_ms) };
      return ledger.transaction(
        SHARED_TENANT_ID,
        "exclusive",
        async (session) => {
          const outcome = await decideReview(session, review_id, decision, decided_by, why, decideOptions);
          if (!outcome.ok) return outcome;
          const { status, provider, model } = outcome.value;
          const after = { status, provider, model, decided_by, why };
          const change = {
            action: "price_review.decided",
            subject_id: review_id,
            before: { status: "open" },
            after,
            at_ms: now_ms,
          };
          await audit.append(session.transaction, by.tenant_id, [changeBy(by, change)]);
          return outcome;
        },
        by.tenant_id,
      );
    },

    setByHand: (price, by) =>
      inRun("request", async (run) => {
        const observation_id = await keepByHand(price, keepOptions(clock.now(), by));
        await perform(run, []);
        const prices = await new PriceRepository(database).sharedNow(clock.now());
        const found = prices.find(({ evidence }) => evidence.includes(observation_id));
        return accepted({ observation_id, price: found ?? null });
      }),

    withdrawByHand: (observation_id, reason, by) =>
      inRun("request", async (run) => {
        const withdrawn = await withdrawByHand(observation_id, reason, keepOptions(clock.now(), by));
        const done = await perform(run, []);
        if (!withdrawn.ok) return withdrawn;
        const details = { observation_id, ...reason };
        logger.info("price_manager", "A price that was set by hand was taken back", details);
        return accepted(done);
      }),

    evidence: (provider, model) => evidenceOf(database, provider, model, clock.now()),

    async resetTrust(name, by) {
      const source = sources.find((one) => one.name === name);
      if (source === undefined) return unknownSource(name, sources);
      // Runs write what they know of a source under the same lock.
      return ledger.transaction(
        SHARED_TENANT_ID,
        "exclusive",
        async ({ transaction }) => {
          const known = await sourceRepository.getAll(transaction);
          const state = known.find((one) => one.source === name) ?? unread(source);
          const reset = { ...state, trust_ppm: source.trust_ppm, agreed: 0, differed: 0 };
          await sourceRepository.save(transaction, reset);
          const change = {
            action: "price_source.trust_reset",
            subject_id: name,
            before: { trust_ppm: state.trust_ppm },
            after: { trust_ppm: reset.trust_ppm },
            at_ms: clock.now(),
          };
          await audit.append(transaction, by.tenant_id, [changeBy(by, change)]);
          return accepted(statusOf(source, reset));
        },
        by.tenant_id,
      );
    },

    async settled() {
      await Promise.allSettled(running);
    },

    endInterrupted: () => runRepository.endGoing(clock.now()),
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
