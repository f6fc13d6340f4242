import type { LogLevel } from "@budget/configuration";
import type { LogComponent, Logger } from "@budget/domain";
import { pino } from "pino";
import pinoPretty from "pino-pretty";

const PINO_LEVELS = { ERROR: "error", WARNING: "warn", INFO: "info", DEBUG: "debug" } as const;
const OUR_LEVELS: Readonly<Record<string, LogLevel>> = {
  error: "ERROR",
  warn: "WARNING",
  info: "INFO",
  debug: "DEBUG",
};

/** A log of JSON lines on standard output, or of readable ones; each line carries its level and component. */
export function createLogger(level: LogLevel, readable: boolean): Logger {
  const destination = readable
    ? pinoPretty({ colorize: process.stdout.isTTY, ignore: "pid,hostname", sync: true })
    : pino.destination({ fd: 1, sync: false });
  const log = pino(
    {
      level: PINO_LEVELS[level],
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      ...(readable
        ? {}
        : { formatters: { level: (label: string) => ({ level: OUR_LEVELS[label] ?? label }) } }),
    },
    destination,
  );
  const write =
    (pinoLevel: "error" | "warn" | "info" | "debug") =>
    (component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>) => {
      log[pinoLevel]({ component, ...fields }, message);
    };
  return { error: write("error"), warning: write("warn"), info: write("info"), debug: write("debug") };
}
