import type { Configuration, LogLevel } from "@budget/configuration";
import type { LogComponent, Logger } from "@budget/domain";

const VERBOSITY: Readonly<Record<LogLevel, number>> = { ERROR: 0, WARNING: 1, INFO: 2, DEBUG: 3 };

type Levels = Pick<Configuration, "log_level" | "log_levels">;

/** Which lines of the log are written. It can be changed while the server runs. */
export class LogLevels {
  #levels: Levels;

  constructor(levels: Levels) {
    this.#levels = levels;
  }

  set(levels: Levels): void {
    this.#levels = levels;
  }

  /** A log that writes to another one what its level lets through. */
  filter(logger: Logger): Logger {
    const pass =
      (name: keyof Logger, level: LogLevel): Logger["info"] =>
      (component, message, fields) => {
        if (this.#writes(component, level)) logger[name](component, message, fields);
      };
    return {
      error: pass("error", "ERROR"),
      warning: pass("warning", "WARNING"),
      info: pass("info", "INFO"),
      debug: pass("debug", "DEBUG"),
    };
  }

  #writes(component: LogComponent, level: LogLevel): boolean {
    const { log_level, log_levels } = this.#levels;
    return VERBOSITY[level] <= VERBOSITY[log_levels[component] ?? log_level];
  }
}
