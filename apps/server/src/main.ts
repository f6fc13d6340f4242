import type { Logger } from "@budget/domain";
import { DatabaseError } from "@budget/repositories";
import { AdminKeyError } from "./admin-key.ts";
import { ConfigurationError, readConfiguration, type Configuration } from "./configuration.ts";
import { createLogger } from "./logging.ts";
import { PriceFileError } from "./operator-prices.ts";
import { startServer } from "./server.ts";

const EXIT_FAILURE = 1;
const EXIT_WRONG_CONFIGURATION = 2;

async function main(configuration: Configuration): Promise<void> {
  const { log_level: level, log_levels: levels, environment } = configuration;
  const logger = createLogger({ level, levels, readable: environment === "development" });
  const server = await startServer(configuration, logger);
  // Whoever reads that it listens may end it at once.
  stopOnSignal(() => server.stop(), logger);
  logger.info("api", `Budget is listening on http://${urlHost(configuration.host)}:${server.port}`);
}

/** A host as a URL has it: an IPv6 address in brackets. */
const urlHost = (host: string): string => (host.includes(":") ? `[${host}]` : host);

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

const DATABASE_CODES =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|EEXIST|ENOENT|ENOTDIR|EACCES|SQLITE_\w+|ERR_TLS_\w+|\w*(?:CERT|ISSUER|SIGNATURE)\w*|28\w{3}|3D000)$/;

/** What a failed start means to whoever started it. */
function explain(error: unknown, configuration: Configuration): string {
  if (error instanceof DatabaseError) return error.message;
  const { code, syscall, message } = error as { code?: string; syscall?: string; message?: string };
  const { port, host } = configuration;
  if (code === "EADDRINUSE") {
    return `Port ${port} on ${host} is in use. Stop what listens there, or set BUDGET_PORT to another port.`;
  }
  if (code === "EACCES" && syscall === "listen") {
    return `Port ${port} may not be used by this user. Set BUDGET_PORT to one above 1023.`;
  }
  if (code === "EADDRNOTAVAIL" || (syscall === "getaddrinfo" && message?.endsWith(` ${host}`) === true)) {
    return `${host} is no address of this machine. Set BUDGET_HOST to one that is, such as localhost.`;
  }
  if (code !== undefined && DATABASE_CODES.test(code)) {
    return `The database of BUDGET_DATABASE_URL cannot be used: ${message || code}.`;
  }
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await main(readConfiguration(process.env));
} catch (error) {
  if (
    error instanceof ConfigurationError ||
    error instanceof PriceFileError ||
    error instanceof AdminKeyError
  )
    fail(error.message, EXIT_WRONG_CONFIGURATION);
  fail(explain(error, readConfiguration(process.env)), EXIT_FAILURE);
}

function fail(message: string, code: number): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
