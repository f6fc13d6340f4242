import { PortError } from "@budget/adapter-port";
import type { PolicyType } from "@budget/client-js";

/** Rhetor's word for what happens at a limit. */
export type Enforcement = "ignore" | "warn" | "enforce";
/** Rhetor's periods; a week begins on Monday. */
export type RhetorPeriod = (typeof RHETOR_PERIODS)[number];
/** What usage can be summed up by. */
export type GroupBy = (typeof GROUPS)[number];

export const RHETOR_PERIODS = ["daily", "weekly", "monthly"] as const;
const GROUPS = ["provider", "model", "component", "task_type"] as const;

/** Rhetor's word for every provider together. */
export const ALL_PROVIDERS = "all";

/** What Rhetor does at a limit where nobody said. */
export const DEFAULT_ENFORCEMENT: Enforcement = "warn";

const TYPES: Readonly<Record<Enforcement, PolicyType>> = { ignore: "log", warn: "warn", enforce: "enforce" };
const ENFORCEMENTS: Readonly<Record<PolicyType, Enforcement>> = {
  log: "ignore",
  warn: "warn",
  enforce: "enforce",
};

/** Finds a word in any case. */
function readWord<Word extends string>(words: readonly Word[], given: string, field: string): Word {
  const word = words.find((one) => one === given.trim().toLowerCase());
  if (word !== undefined) return word;
  const detail = `${field} must be one of ${words.join(", ")}; it was ${JSON.stringify(given)}.`;
  throw new PortError("invalid_value", detail, `/${field}`);
}

/** @throws PortError `invalid_value` for a word that Rhetor does not know */
export const readEnforcement = (word: string, field: string): PolicyType =>
  TYPES[readWord(Object.keys(TYPES) as Enforcement[], word, field)];

export const enforcementOf = (type: PolicyType): Enforcement => ENFORCEMENTS[type];

/** @throws PortError `invalid_value` for a period that Rhetor does not know */
export const readPeriod = (word: string): RhetorPeriod => readWord(RHETOR_PERIODS, word, "period");

/** @throws PortError `invalid_value` for something that usage is not summed up by */
export const readGroupBy = (word: string): GroupBy => readWord(GROUPS, word, "group_by");

/** A provider as policies name it: in lower case, and null for `all`. */
export function readProvider(word: string): string | null {
  const provider = word.trim().toLowerCase();
  return provider === ALL_PROVIDERS ? null : provider;
}

/** `Daily`, as Rhetor's sentences begin. */
export const capitalised = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);
