import type { ConfigurationReading, LogLevel } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { expect } from "chai";
import { LogFilter } from "../src/log-filter.ts";
import { createReload } from "../src/reload.ts";
import { CONFIGURATION } from "./support.ts";

/** A configuration that was read, with a level of the log. */
const reading = (log_level: LogLevel): ConfigurationReading => ({
  configuration: { ...CONFIGURATION, log_level },
  settings: [
    { path: "log.level", variable: null, reloads: true, value: log_level, shown: log_level, origin: "" },
  ],
});

describe("a reload", () => {
  it("that the server cannot take changes nothing, and is made good by the next one", async () => {
    const lines: string[] = [];
    const keep: Logger["info"] = (_component, message) => lines.push(message);
    const logger: Logger = { error: keep, warning: keep, info: keep, debug: keep };
    const started = reading("ERROR");
    const filter = new LogFilter(started.configuration);
    const log = filter.filter(logger);
    let isAway = true;
    const reload = createReload({
      ...{ started, filter, logger },
      read: () => Promise.resolve(reading("INFO")),
      apply: () => (isAway ? Promise.reject(new Error("The disk is full.")) : Promise.resolve()),
    });
    await reload();
    log.info("api", "written by the new level alone");
    expect(lines.splice(0)).to.deep.equal(["The configuration could not be taken; the one before stays"]);
    isAway = false;
    await reload();
    log.info("api", "written by the new level alone");
    expect(lines).to.deep.equal(["The configuration was changed", "written by the new level alone"]);
  });
});
