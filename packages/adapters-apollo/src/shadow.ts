import { PRIORITY } from "@budget/domain";
import type { ApolloCalls, PolicyReason, TokenAllocation, TokenRefusal, TokenRequest } from "./calls.ts";
import { given } from "./read-calls.ts";
import { ShadowMemory, ShadowedAllocation } from "./shadow-memory.ts";

/** What one of the two said to a request for tokens. */
export interface ShadowDecision {
  readonly granted: boolean;
  readonly reasons: readonly string[];
}

/** What was compared so far. */
export interface ShadowCounts {
  /** Requests for tokens that both decided alike. */
  readonly agreed: number;
  readonly disagreed: number;
  /** Calls that Budget failed at. */
  readonly failed: number;
  /** Calls that Budget was not asked, because too many waited or the allocation is not known. */
  readonly left_out: number;
}

/** A request that the two decided differently, or a call that Budget failed at. */
export type Disagreement =
  | {
      readonly kind: "decision";
      readonly request: TokenRequest;
      readonly old: ShadowDecision;
      readonly budget: ShadowDecision;
      readonly counts: ShadowCounts;
    }
  | {
      readonly kind: "failure";
      readonly call: keyof ApolloCalls;
      readonly error: unknown;
      readonly counts: ShadowCounts;
    };

export interface ApolloShadowOptions {
  /** The system in force: what it says is answered. */
  readonly old: ApolloCalls;
  /** Budget, whose migrated policies log for the time being. */
  readonly budget: ApolloCalls;
  /** Told of every disagreement; what it throws is left alone. */
  readonly onDisagreement: (disagreement: Disagreement) => void;
}

export interface ApolloShadow extends ApolloCalls {
  counts(): ShadowCounts;
  /** Resolves when Budget has answered all that it was asked. */
  settled(): Promise<void>;
}

/** So many calls wait for Budget at most; a Budget that hangs costs no more memory than that. */
const MOST_WAITING = 1000;

/**
 * Answers what the old system says, and asks Budget the same afterwards, without letting the caller wait: what changes is
 * done there too, and the decisions are compared. The old system's failures are the caller's, Budget's are reported.
 *
 * Budget refuses where it says so, and where it grants but warns that a request passes a policy that only logs: such a
 * policy would refuse if it were in force. Tokens of priority 10 pass all limits of Apollo, migrated ones too, and count as
 * granted.
 */
export function createApolloShadow({ old, budget, onDisagreement }: ApolloShadowOptions): ApolloShadow {
  const counts = { agreed: 0, disagreed: 0, failed: 0, left_out: 0 };
  const memory = new ShadowMemory();
  const waiting = new Set<Promise<void>>();

  function report(disagreement: Disagreement): void {
    try {
      onDisagreement(disagreement);
    } catch {
      // Whoever listens must not harm the calls that are listened to.
    }
  }

  /** Lets Budget do something when the caller has its answer. */
  function ask(call: keyof ApolloCalls, work: () => Promise<void>): void {
    if (waiting.size >= MOST_WAITING) {
      counts.left_out += 1;
      return;
    }
    const done = work()
      .catch((error: unknown) => {
        counts.failed += 1;
        report({ kind: "failure", call, error, counts: { ...counts } });
      })
      .finally(() => waiting.delete(done));
    waiting.add(done);
  }

  async function compare(
    request: TokenRequest,
    said: TokenAllocation | TokenRefusal,
  ): Promise<string | null> {
    const ours = await budget.allocateTokens(request);
    const oldDecision = said.success
      ? { granted: true, reasons: said.warnings.map(({ message }) => message) }
      : { granted: false, reasons: [said.error] };
    const decision = decisionOf(request, ours);
    if (decision.granted === oldDecision.granted) {
      counts.agreed += 1;
    } else {
      counts.disagreed += 1;
      report({ kind: "decision", request, old: oldDecision, budget: decision, counts: { ...counts } });
    }
    if (!ours.success) return null;
    if (said.success) return ours.allocation_id;
    // Nobody will use what the caller was not granted.
    await budget.releaseAllocation(ours.allocation_id);
    return null;
  }

  return {
    async allocateTokens(request) {
      const said = await old.allocateTokens(request);
      ask("allocateTokens", () => {
        const ours = compare(request, said);
        if (said.success) memory.keep(said.allocation_id, new ShadowedAllocation(request, ours));
        return ours.then(() => undefined);
      });
      return said;
    },
    async releaseAllocation(allocation_id) {
      const said = await old.releaseAllocation(allocation_id);
      const known = memory.take(allocation_id);
      if (known === undefined) {
        counts.left_out += 1;
        return said;
      }
      ask("releaseAllocation", () =>
        known.inTurn(async (ours) => {
          if (ours !== null) await budget.releaseAllocation(ours);
        }),
      );
      return said;
    },
    async recordTokenUsage(usage) {
      const said = await old.recordTokenUsage(usage);
      const { allocation_id: old_id } = given(usage);
      if (old_id === undefined) {
        ask("recordTokenUsage", async () => {
          await budget.recordTokenUsage(usage);
        });
        return said;
      }
      const known = memory.find(old_id);
      if (known === undefined) {
        counts.left_out += 1;
        return said;
      }
      ask("recordTokenUsage", () =>
        known.inTurn(async (allocation_id) => {
          // Where Budget held nothing, the usage is booked all the same, as what the request said it would be.
          const subject = { ...subjectOf(known.request), ...given(usage) };
          await budget.recordTokenUsage({ ...subject, tokens: usage.tokens, allocation_id });
        }),
      );
      return said;
    },
    async setBudgetLimit(limit) {
      const said = await old.setBudgetLimit(limit);
      ask("setBudgetLimit", async () => {
        await budget.setBudgetLimit(limit);
      });
      return said;
    },
    getBudgetStatus: (query) => old.getBudgetStatus(query),
    getAllocationStatus: (allocation_id) => old.getAllocationStatus(allocation_id),
    provideModelGuidance: (request) => old.provideModelGuidance(request),
    getTokenUsageAnalytics: (query) => old.getTokenUsageAnalytics(query),
    counts: () => ({ ...counts }),
    async settled() {
      while (waiting.size > 0) await Promise.all(waiting);
    },
  };
}

/** What a request for tokens was about. */
function subjectOf(request: TokenRequest) {
  const { context_id, component, provider, model, task_type } = request;
  return { context_id, component, provider, model, task_type };
}

function decisionOf(request: TokenRequest, said: TokenAllocation | TokenRefusal): ShadowDecision {
  if (!said.success) return { granted: false, reasons: said.reasons.map(({ message }) => message) };
  const passed = said.warnings.filter((warning) => wouldRefuse(warning, request.priority ?? PRIORITY.normal));
  const reasons = passed.length === 0 ? said.warnings : passed;
  return { granted: passed.length === 0, reasons: reasons.map(({ message }) => message) };
}

/** Whether what is a warning for the time being would be a refusal if its policy were in force. */
const wouldRefuse = ({ code, type, measure }: PolicyReason, priority: number): boolean =>
  code === "limit_passed" && type === "ignore" && !(measure === "tokens" && priority >= PRIORITY.critical);
