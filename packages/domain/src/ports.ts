/** What Budget asks of the world around it. Applications pass real ones in, tests drive their own. */

/** The time, in milliseconds since the epoch. */
export interface Clock {
  now(): number;
}

/** Ids that sort by the time they were made at (UUIDv7). */
export interface IdSource {
  next(at_ms: number): string;
}

/** Bytes that nobody can guess. */
export interface SecretSource {
  bytes(count: number): Uint8Array;
}

/** Runs work again and again; the returned function stops it. Errors of the work are its own to handle. */
export interface Timers {
  every(interval_ms: number, work: () => void): () => void;
}

/** The parts of Budget that log lines are tagged with. */
export const LOG_COMPONENTS = [
  "budget_engine",
  "allocation",
  "policy",
  "tracking",
  "price_manager",
  "api",
  "rhetor_adapter",
  "apollo_adapter",
  "notification",
  "reporting",
  "mcp",
  "websocket",
] as const;
export type LogComponent = (typeof LOG_COMPONENTS)[number];

/** A structured log. Never given a key, a prompt or a response of a model. */
export interface Logger {
  error(component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>): void;
  warning(component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>): void;
  info(component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>): void;
  debug(component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** How a request to hold tokens, or to hold more of them, is answered; `replayed` is the answer of an earlier time. */
export const DECISION_OUTCOMES = ["granted", "refused", "replayed", "rejected"] as const;
export type DecisionOutcome = (typeof DECISION_OUTCOMES)[number];

/** Counts and measures what Budget does. It is called where every request passes, so it returns at once. */
export interface Meter {
  /** A request to hold tokens, or more of them, was answered. */
  decided(outcome: DecisionOutcome): void;
  /** A command was not carried out but answered `overloaded`. */
  turnedAway(): void;
  /**
   * Commands go into a transaction together.
   * @returns to be called when they are answered
   */
  batchBegan(commands: number): () => void;
  /** A transaction found the budgets, policies and prices in memory to be the newest, or read newer ones. */
  catalogueUsed(isNewest: boolean): void;
}

const nothing = (): void => undefined;

/** For whoever wants nothing counted. */
export const NO_METER: Meter = {
  decided: nothing,
  turnedAway: nothing,
  batchBegan: () => nothing,
  catalogueUsed: nothing,
};
