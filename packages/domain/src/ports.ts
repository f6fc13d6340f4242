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
