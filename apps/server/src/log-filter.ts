import { isWritten, type Configuration, type LogLevel } from "@budget/configuration";
import type { Logger } from "@budget/domain";

type Levels = Pick<Configuration, "log_level" | "log_levels">;

/** Which lines of the log are written. It can be changed while the server runs. */
export class LogFilter {
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
        const { log_level, log_levels } = this.#levels;
        if (isWritten(level, log_levels.get(component) ?? log_level))
          logger[name](component, message, fields);
      };
    return {
      error: pass("error", "ERROR"),
      warning: pass("warning", "WARNING"),
      info: pass("info", "INFO"),
      debug: pass("debug", "DEBUG"),
    };
  }
}
