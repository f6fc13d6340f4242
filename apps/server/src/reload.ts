import { ConfigurationError, type ConfigurationReading } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import type { LogFilter } from "./log-filter.ts";

export interface ReloadOptions {
  /** What the server started with. */
  readonly started: ConfigurationReading;
  readonly read: () => Promise<ConfigurationReading>;
  readonly filter: LogFilter;
  /** Gives the running server what can change in it. */
  readonly apply: (configuration: ConfigurationReading["configuration"]) => Promise<void>;
  /** Writes whatever the level: whoever asks for a reload waits for the answer. */
  readonly logger: Logger;
}

/**
 * Makes the work of a reload: the configuration is read anew, what can change in a running server changes, and the log
 * says what did and what waits for a restart. A wrong configuration changes nothing, nor does one that cannot be taken:
 * the next reload tries again.
 */
export function createReload({ started, read, filter, apply, logger }: ReloadOptions): () => Promise<void> {
  let current = started;

  async function reload(): Promise<void> {
    const next = await read();
    const changed = differences(current, next).filter(({ reloads }) => reloads);
    // What waits for a restart is compared with what runs, however often it was read.
    const waiting = differences(started, next).filter(({ reloads }) => !reloads);
    await apply(next.configuration);
    filter.set(next.configuration);
    current = next;
    if (changed.length === 0 && waiting.length === 0) logger.info("api", "The configuration is as it was");
    if (changed.length > 0)
      logger.info("api", "The configuration was changed", { changed: changed.map(inWords) });
    if (waiting.length > 0) {
      const needs_restart = waiting.map(inWords);
      logger.warning("api", "A part of the configuration needs a restart", { needs_restart });
    }
  }

  let last: Promise<void> = Promise.resolve();
  return () => {
    // One after the other, so that the file that was read last is the one that counts.
    last = last.then(reload).catch((error: unknown) => {
      if (error instanceof ConfigurationError)
        logger.error("api", "The configuration is wrong; the one before stays", { mistakes: error.mistakes });
      else
        logger.error("api", "The configuration could not be taken; the one before stays", {
          error: String(error),
        });
    });
    return last;
  };
}

const NOT_SET = "not set";

interface Difference {
  readonly path: string;
  readonly reloads: boolean;
  readonly from: string;
  readonly to: string;
}

function differences(before: ConfigurationReading, after: ConfigurationReading): readonly Difference[] {
  const was = new Map(before.settings.map((setting) => [setting.path, setting]));
  return after.settings.flatMap((setting) => {
    const { path, reloads, value, shown } = setting;
    const other = was.get(path);
    return other?.value === value ? [] : [{ path, reloads, from: other?.shown ?? "", to: shown }];
  });
}

/** A setting and its values; values that look alike, because their secrets are masked, are not told. */
const inWords = ({ path, from, to }: Difference): string =>
  from === to ? path : `${path}: ${from || NOT_SET} -> ${to || NOT_SET}`;
