import { readFile } from "node:fs/promises";
import { isatty } from "node:tty";
import {
  ConfigurationError,
  readConfiguration,
  type Configuration,
  type ConfigurationReading,
} from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { AdminKeyError } from "./admin-key.ts";
import { LogFilter } from "./log-filter.ts";
import { createLogger } from "./logging.ts";
import { createReload } from "./reload.ts";
import { namingRequests } from "./request-context.ts";
import { startServer } from "./server.ts";
import { explainStartFailure } from "./start-failure.ts";

const EXIT_FAILURE = 1;
const EXIT_WRONG_CONFIGURATION = 2;

const read = (): Promise<ConfigurationReading> =>
  readConfiguration({ environment: process.env, readFile: (path) => readFile(path, "utf8") });

async function main(started: ConfigurationReading): Promise<void> {
  const { configuration } = started;
  const readable = configuration.environment === "development";
  const everything = createLogger({ level: "DEBUG", levels: new Map(), readable });
  const filter = new LogFilter(configuration);
  const logger = filter.filter(namingRequests(everything));
  const starting = startServer(configuration, logger);
  const apply = async (next: Configuration): Promise<void> => (await starting).reload(next);
  reloadOnHangUp(createReload({ started, read, filter, apply, logger: everything }));
  const server = await starting;
  // Whoever reads that it listens may end it at once.
  stopOnSignal(() => server.stop(), logger);
  logger.info("api", `Budget is listening on http://${urlHost(configuration.host)}:${server.port}`);
}

/** A host as a URL has it: an IPv6 address in brackets. */
const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

const STANDARD_INPUT = 0;

/** SIGHUP asks for a reload, or says that the terminal is gone, with which a server that was started there ends. */
function reloadOnHangUp(reload: () => Promise<void>): void {
  const hasTerminal = isatty(STANDARD_INPUT);
  process.on("SIGHUP", () => {
    if (hasTerminal && !isatty(STANDARD_INPUT)) process.kill(process.pid, "SIGTERM");
    else void reload();
  });
}

function stopOnSignal(stop: () => Promise<void>, logger: Logger): void {
  let isStopping = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (isStopping) return;
      isStopping = true;
      logger.info("api", `Stopping on ${signal}: running requests are answered first`);
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          logger.error("api", "Stopping failed", { error: String(error) });
          process.exit(EXIT_FAILURE);
        },
      );
    });
  }
}

let reading: ConfigurationReading;
try {
  reading = await read();
} catch (error) {
  if (!(error instanceof ConfigurationError)) throw error;
  fail(error.message, EXIT_WRONG_CONFIGURATION);
}
try {
  await main(reading);
} catch (error) {
  if (error instanceof AdminKeyError) fail(error.message, EXIT_WRONG_CONFIGURATION);
  fail(explainStartFailure(error, reading), EXIT_FAILURE);
}

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
