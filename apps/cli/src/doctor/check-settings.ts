import type { ConfigurationReading } from "@budget/configuration";
import { ok, toDo, type Found } from "./finding.ts";

/** Says where the settings come from. */
export function describeSettings({ settings }: ConfigurationReading): Found {
  const said = settings.filter(({ origin }) => origin !== "default").length;
  return ok(`${said} of ${settings.length} settings are not the default; see budget config show`);
}

/** Debug lines are for looking into something, and cost time on every request. */
export function checkLog({ configuration }: ConfigurationReading): Found {
  const { environment, log_level, log_levels } = configuration;
  const components = [...log_levels].filter(([, level]) => level === "DEBUG");
  const debug = [...(log_level === "DEBUG" ? ["all"] : []), ...components.map(([component]) => component)];
  if (environment === "development" || debug.length === 0) return ok(log_level);
  return toDo(
    `DEBUG (${debug.join(", ")}) in production; set log.level and log.levels to INFO when you are done`,
  );
}
