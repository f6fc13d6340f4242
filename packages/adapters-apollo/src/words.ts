import { TIERS, type Period, type PolicyType, type Tier } from "@budget/domain";

/** The periods that Apollo knows; Budget knows `total` besides, which is no period of Apollo's. */
export const APOLLO_PERIODS = ["hourly", "daily", "weekly", "monthly", "per_session", "per_task"] as const;
export type ApolloPeriod = (typeof APOLLO_PERIODS)[number];

/** What Apollo calls policies that log, warn and enforce. It reads `soft_limit` as well, which Budget takes for `warn`. */
export type ApolloPolicyType = "ignore" | "warn" | "hard_limit";

/** Tiers as Apollo's export and its older callers write them. */
export type ApolloExportTier = "lightweight" | "midweight" | "heavyweight";

const EXPORT_TIERS: Readonly<Record<Tier, ApolloExportTier>> = {
  local_lightweight: "lightweight",
  local_midweight: "midweight",
  remote_heavyweight: "heavyweight",
};

const POLICY_TYPES: Readonly<Record<PolicyType, ApolloPolicyType>> = {
  log: "ignore",
  warn: "warn",
  enforce: "hard_limit",
};

/**
 * Reads a tier as Apollo writes it: `local_lightweight` or `lightweight`, in any case.
 * @returns undefined for a word that is no tier
 */
export function readTier(word: string): Tier | undefined {
  const folded = word.trim().toLowerCase();
  return TIERS.find((tier) => tier === folded || EXPORT_TIERS[tier] === folded);
}

/** A tier as Apollo's export writes it. */
export const toExportTier = (tier: Tier): ApolloExportTier => EXPORT_TIERS[tier];

/**
 * Reads a period in any case.
 * @returns undefined for a word that is no period of Apollo's
 */
export function readPeriod(word: string): ApolloPeriod | undefined {
  const folded = word.trim().toLowerCase();
  return APOLLO_PERIODS.find((period) => period === folded);
}

/** A period in Apollo's words; undefined for `total`, which Apollo has no word for. */
export const toApolloPeriod = (period: Period): ApolloPeriod | undefined => readPeriod(period);

/** A policy type in Apollo's words. They are read by `readPolicyType` of the domain. */
export const toApolloPolicyType = (type: PolicyType): ApolloPolicyType => POLICY_TYPES[type];
