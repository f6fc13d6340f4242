import type { CheckRequest } from "./check-budget.ts";
import type { RhetorCalls } from "./rhetor-adapter.ts";

/** What the old system says of a call, as far as it is compared. */
export interface OldAnswer {
  readonly allowed: boolean;
  readonly info: { readonly reason?: string; readonly warnings?: readonly string[] };
}

/** The old system: Rhetor's calls, whatever else it says about a check. */
export interface OldRhetor extends Omit<RhetorCalls, "checkBudget"> {
  checkBudget(request: CheckRequest): Promise<OldAnswer>;
}

/** What one of the two says to a call. */
export interface Verdict {
  readonly allowed: boolean;
  /** Why not, or what it warned of; empty where there is nothing to say. */
  readonly reasons: readonly string[];
}

/** What the shadow has seen so far. */
export interface ShadowCounts {
  readonly compared: number;
  readonly disagreed: number;
  /** Calls that Budget did not answer. */
  readonly failed: number;
  /** Calls that Budget was not asked, because too many waited. */
  readonly left_out: number;
}

/** A call that the old system and Budget answer differently. The texts of the call are not part of it. */
export interface Disagreement {
  readonly call: "checkBudget" | "routeWithBudgetAwareness";
  readonly provider: string;
  readonly model: string;
  readonly component: string | null;
  readonly task_type: string | null;
  readonly old: Verdict;
  readonly budget: Verdict;
  readonly counts: ShadowCounts;
}

export interface ShadowOptions {
  /** What answers. */
  readonly old: OldRhetor;
  /** What is compared with it: Budget, with policies that only count. */
  readonly budget: RhetorCalls;
  /** Where it throws, that is a failure. */
  readonly onDisagreement: (disagreement: Disagreement) => void;
  /** Called where Budget fails, which callers never notice. What it throws is left alone. */
  readonly onFailure: (error: unknown) => void;
}

/** The old system, with Budget in its shadow. */
export interface RhetorShadow extends OldRhetor {
  counts(): ShadowCounts;
  /** Resolves when Budget has answered all that it was asked so far. */
  settled(): Promise<void>;
}

/** So many calls wait for Budget at most; a Budget that hangs costs no more memory than that. */
const MOST_RUNNING = 1000;

/**
 * Asks the old system and Budget alike, answers what the old one says as soon as it says so, and reports where the two
 * disagree. Completions are booked in both, and limits are set in both, in Budget as ones that only count; everything else
 * is the old system's alone. What goes wrong at Budget is counted, and harms nobody.
 */
export function createRhetorShadow({ old, budget, onDisagreement, onFailure }: ShadowOptions): RhetorShadow {
  const counts = { compared: 0, disagreed: 0, failed: 0, left_out: 0 };
  const running = new Set<Promise<void>>();

  function beside(work: () => Promise<unknown>): void {
    if (running.size >= MOST_RUNNING) {
      counts.left_out += 1;
      return;
    }
    const done = run(work).finally(() => running.delete(done));
    running.add(done);
  }

  async function run(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      counts.failed += 1;
      try {
        onFailure(error);
      } catch {
        // Nobody waits for it, so the process of the old system would end.
      }
    }
  }

  function compare(call: Disagreement["call"], request: CheckRequest, said: Verdict): void {
    beside(async () => {
      const verdict = verdictOf(await budget.checkBudget(request));
      counts.compared += 1;
      if (verdict.allowed === said.allowed) return;
      counts.disagreed += 1;
      const { provider, model, component = null, task_type = null } = request;
      const about = { call, provider, model, component, task_type };
      onDisagreement({ ...about, old: said, budget: verdict, counts: { ...counts } });
    });
  }

  return {
    estimateCost: (request) => old.estimateCost(request),
    calculateCost: (request) => old.calculateCost(request),
    getUsageSummary: (request) => old.getUsageSummary(request),
    getBudgetLimit: (setting) => old.getBudgetLimit(setting),
    getEnforcementPolicy: (setting) => old.getEnforcementPolicy(setting),
    setEnforcementPolicy: (change) => old.setEnforcementPolicy(change),
    getModelTiers: () => old.getModelTiers(),
    findCheaperAlternative: (request) => old.findCheaperAlternative(request),

    async checkBudget(request) {
      const answer = await old.checkBudget(request);
      compare("checkBudget", request, verdictOf(answer));
      return answer;
    },

    async routeWithBudgetAwareness(request) {
      const answer = await old.routeWithBudgetAwareness(request);
      const { default_provider: provider, default_model: model, ...rest } = request;
      // Both are asked whether the model that was wanted fits.
      const allowed = answer.provider === provider && answer.model === model;
      const reasons = answer.refusal === null ? answer.warnings : [answer.refusal];
      compare("routeWithBudgetAwareness", { ...rest, provider, model }, { allowed, reasons });
      return answer;
    },

    async recordCompletion(request) {
      const record = await old.recordCompletion(request);
      beside(() => budget.recordCompletion(request));
      return record;
    },

    async setBudgetLimit(change) {
      const done = await old.setBudgetLimit(change);
      beside(() => budget.setBudgetLimit({ ...change, enforcement: "ignore" }));
      return done;
    },

    counts: () => ({ ...counts }),

    async settled() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}

/** In a shadow a limit that only counts says what it would do if it refused. */
function verdictOf({
  allowed,
  info,
}: OldAnswer & { readonly info: { logged?: readonly string[] } }): Verdict {
  const { reason, warnings = [], logged = [] } = info;
  if (!allowed) return { allowed, reasons: reason === undefined ? [] : [reason] };
  return logged.length > 0 ? { allowed: false, reasons: logged } : { allowed, reasons: warnings };
}
