import { PortError, type BudgetPort } from "@budget/adapter-port";
import type { Policy } from "@budget/client-js";
import type { Clock } from "@budget/domain";
import type { ApolloFailure } from "./calls.ts";

/** What an adapter works with: where Budget is, and which budget is Apollo's. */
export interface Scope {
  readonly port: BudgetPort;
  readonly clock: Clock;
  /** Undefined where calls are charged to the default budget, or to that of the key. */
  readonly budget_id: string | undefined;
  /** The budget's id for questions that must name one. */
  budgetId(): Promise<string>;
}

/** The policies that a query finds and that count now: they are enabled, and not at their end. */
export async function policiesInForce(
  { port, clock }: Pick<Scope, "port" | "clock">,
  query: Parameters<BudgetPort["policies"]["list"]>[0],
): Promise<readonly Policy[]> {
  const policies = await port.policies.list({ ...query, enabled: true });
  return policies.filter(({ end_date }) => end_date === null || Date.parse(end_date) > clock.now());
}

/** Who asks, where a caller does not say. */
export const APOLLO = "apollo";

/** An answer, or as an answer too the reason why there is none, where Apollo has one for it. */
export async function orWhyNot<T>(
  codes: readonly string[],
  call: () => Promise<T>,
): Promise<T | ApolloFailure> {
  try {
    return await call();
  } catch (error) {
    if (!(error instanceof PortError) || !codes.includes(error.code)) throw error;
    return { success: false, code: error.code, error: error.detail };
  }
}
