import { LOG_COMPONENTS, type LogComponent } from "@budget/domain";

/** The gravest first. */
export const LOG_LEVELS = ["ERROR", "WARNING", "INFO", "DEBUG"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Components whose lines are written from another level on than those of all others. */
export type LogLevels = ReadonlyMap<LogComponent, LogLevel>;

const isOneOf = <T extends string>(values: readonly T[], value: string): value is T =>
  (values as readonly string[]).includes(value);

/** Reads `allocation=DEBUG,api=WARNING`; null where it is not written so, or names a component twice. */
export function parseLogLevels(text: string): LogLevels | null {
  const levels = new Map<LogComponent, LogLevel>();
  if (text.trim() === "") return levels;
  for (const part of text.split(",")) {
    const [component = "", level = "", ...rest] = part.split("=").map((word) => word.trim());
    const upper = level.toUpperCase();
    if (rest.length > 0 || !isOneOf(LOG_COMPONENTS, component) || !isOneOf(LOG_LEVELS, upper)) return null;
    if (levels.has(component)) return null;
    levels.set(component, upper);
  }
  return levels;
}

/** Whether a line of `level` is written where lines are from `threshold` on. */
export const isWritten = (level: LogLevel, threshold: LogLevel): boolean =>
  LOG_LEVELS.indexOf(level) <= LOG_LEVELS.indexOf(threshold);
