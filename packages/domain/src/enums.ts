/**
 * The closed sets of words that Budget speaks. Every reader takes either case, because Tekton's components send both;
 * answers are always lower case.
 */

export const POLICY_TYPES = ["log", "warn", "enforce"] as const;
/** What a policy does when its limit is reached: only `enforce` refuses. */
export type PolicyType = (typeof POLICY_TYPES)[number];

export const PERIODS = ["hourly", "daily", "weekly", "monthly", "total", "per_session", "per_task"] as const;
/** The span that a limit counts over: a calendar window, one context (session or task), or the budget's whole life. */
export type Period = (typeof PERIODS)[number];

export const TIERS = ["local_lightweight", "local_midweight", "remote_heavyweight"] as const;
/** The weight class of a model. */
export type Tier = (typeof TIERS)[number];

export const USAGE_DIMENSIONS = ["provider", "model", "component", "task_type"] as const;
/** What usage is summed up by. */
export type UsageDimension = (typeof USAGE_DIMENSIONS)[number];

export const PRICE_TYPES = ["token", "character", "image", "time", "fixed"] as const;
/** The unit that a price is chiefly quoted in. */
export type PriceType = (typeof PRICE_TYPES)[number];

export const SERVICE_TIERS = ["standard", "batch", "flex", "priority", "fast"] as const;
/** How a provider serves a call: `batch` and `flex` are cheaper and slower, `priority` and `fast` dearer and faster. */
export type ServiceTier = (typeof SERVICE_TIERS)[number];

export const PRICE_RUN_TRIGGERS = ["schedule", "request"] as const;
/** Who wanted a run over the sources of prices: the clock, or somebody who asked for it. */
export type PriceRunTrigger = (typeof PRICE_RUN_TRIGGERS)[number];

export const REVIEW_STATUSES = ["open", "accepted", "entered", "rejected", "settled"] as const;
/**
 * What became of a price that people were asked about. `accepted`: a source's price was taken; `entered`: another price
 * was; `rejected`: the price in force stays; `settled`: the sources came to agree before anybody decided.
 */
export type ReviewStatus = (typeof REVIEW_STATUSES)[number];

export const ALLOCATION_STATUSES = ["active", "settled", "released", "expired"] as const;
/** Only an `active` allocation holds tokens; the other three say how it stopped. */
export type AllocationStatus = (typeof ALLOCATION_STATUSES)[number];

export const ALERT_SEVERITIES = ["info", "warning", "error"] as const;
export type AlertSeverity = (typeof ALERT_SEVERITIES)[number];

/** The words that older components use for policy types, beside our own. */
const POLICY_TYPE_SYNONYMS: Readonly<Record<string, PolicyType>> = {
  log: "log",
  ignore: "log",
  warn: "warn",
  soft_limit: "warn",
  enforce: "enforce",
  hard_limit: "enforce",
};

/** Every word that {@link readPolicyType} understands, in lower case. */
export const POLICY_TYPE_WORDS = Object.keys(POLICY_TYPE_SYNONYMS) as readonly string[];

/**
 * Reads a policy type in any case, Apollo's and Rhetor's words included.
 * @returns the policy type, or undefined for a word that nobody uses
 */
export function readPolicyType(word: string): PolicyType | undefined {
  const key = word.toLowerCase();
  return Object.hasOwn(POLICY_TYPE_SYNONYMS, key) ? POLICY_TYPE_SYNONYMS[key] : undefined;
}

/** Whether a period counts each context (session or task) by itself. */
export function isPerContext(period: Period): boolean {
  return period === "per_session" || period === "per_task";
}
