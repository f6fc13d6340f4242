import type { PolicyCreate } from "@budget/client-js";
import { TIERS, type Tier } from "@budget/domain";
import type { ApolloPeriod } from "./words.ts";

type LimitedPeriod = Extract<ApolloPeriod, "hourly" | "daily" | "per_session">;

/** Tokens that Apollo lets each tier use in a period unless it is told otherwise. */
const DEFAULT_LIMITS: Readonly<Record<Tier, Readonly<Record<LimitedPeriod, number>>>> = {
  local_lightweight: { hourly: 1_000_000, daily: 10_000_000, per_session: 8_000 },
  local_midweight: { hourly: 500_000, daily: 5_000_000, per_session: 16_000 },
  remote_heavyweight: { hourly: 100_000, daily: 1_000_000, per_session: 32_000 },
};
const LIMITED_PERIODS: readonly LimitedPeriod[] = ["hourly", "daily", "per_session"];

/** What a policy is like that Apollo makes by itself, or for a limit that somebody sets. */
export const DEFAULT_POLICY = { type: "warn", warning_threshold: 0.8, action_threshold: 0.95 } as const;

/**
 * The nine policies that Apollo starts with, three for each tier; all of them only warn.
 * @param budget_id the budget that they are for; the default budget if left out
 */
export function defaultPolicies(budget_id?: string): readonly PolicyCreate[] {
  return TIERS.flatMap((tier) =>
    LIMITED_PERIODS.map((period) => ({
      ...DEFAULT_POLICY,
      ...(budget_id === undefined ? {} : { budget_id }),
      period,
      tier,
      token_limit: DEFAULT_LIMITS[tier][period],
    })),
  );
}
