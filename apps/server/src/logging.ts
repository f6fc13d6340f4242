import { isWritten, type LogLevel, type LogLevels } from "@budget/configuration";
import type { LogComponent, Logger } from "@budget/domain";
import { pino, stdSerializers, type DestinationStream } from "pino";
import { prettyFactory } from "pino-pretty";
import { redact } from "./redaction.ts";

const OUR_LEVELS = { error: "ERROR", warn: "WARNING", info: "INFO", debug: "DEBUG" } as const;
type PinoLevel = keyof typeof OUR_LEVELS;

/** The levels as pino-pretty takes them. */
const READABLE_LEVELS = Object.entries(OUR_LEVELS)
  .map(([pinoLevel, level]) => `${level}:${pino.levels.values[pinoLevel]}`)
  .join(",");

export interface LogOptions {
  /** The least grave lines that are written. */
  readonly level: LogLevel;
  /** The same of single components. */
  readonly levels: LogLevels;
  /** Lines for people, not JSON. */
  readonly readable: boolean;
  /** Where the lines go; standard output where it is left out. */
  readonly destination?: DestinationStream;
}

/** A log of lines that carry their level and component, and no secret. */
export function createLogger({ level, levels, readable, destination }: LogOptions): Logger {
  const log = pino(
    {
      // Which lines are written is decided below, for each component.
      level: "debug",
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { error: stdSerializers.err },
      hooks: { streamWrite: readable ? readably() : redact },
      ...(readable
        ? {}
        : { formatters: { level: (label: string) => ({ level: OUR_LEVELS[label as PinoLevel] }) } }),
    },
    // Lines for people are few, and should not come after what a process says when it ends.
    destination ?? pino.destination({ fd: 1, sync: readable }),
  );
  const write =
    (pinoLevel: PinoLevel) =>
    (component: LogComponent, message: string, fields?: Readonly<Record<string, unknown>>) => {
      if (!isWritten(OUR_LEVELS[pinoLevel], levels.get(component) ?? level)) return;
      log[pinoLevel]({ component, ...fields }, message);
    };
  return { error: write("error"), warning: write("warn"), info: write("info"), debug: write("debug") };
}

function readably(): (line: string) => string {
  const prettify = prettyFactory({ colorize: process.stdout.isTTY, customLevels: READABLE_LEVELS });
  return (line) => prettify(redact(line));
}
