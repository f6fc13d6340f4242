import type { Logger } from "@budget/domain";
import { DatabaseError } from "@budget/repositories";
import { ConfigurationError, readConfiguration, type Configuration } from "./configuration.ts";
import { createLogger } from "./logging.ts";
import { startServer } from "./server.ts";

const EXIT_FAILURE = 1;
const EXIT_WRONG_CONFIGURATION = 2;

async function main(): Promise<void> {
  const configuration = readConfiguration(process.env);
  const logger = createLogger(configuration.log_level, configuration.environment === "development");
  const server = await startServer(configuration, logger);
  // Whoever reads that it listens may end it at once.
  stopOnSignal(() => server.stop(), logger);
  logger.info("api", `Budget is listening on http://${configuration.host}:${server.port}`);
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

/** What a failed start means to whoever started it. */
function explain(error: unknown, environment: Partial<Configuration>): string {
  if (error instanceof ConfigurationError || error instanceof DatabaseError) return error.message;
  const { code } = error as { code?: string };
  const { port, host } = environment;
  if (code === "EADDRINUSE") {
    return `Port ${port} on ${host} is in use. Stop what listens there, or set BUDGET_PORT to another port.`;
  }
  if (code === "EACCES")
    return `Port ${port} may not be used by this user. Set BUDGET_PORT to one above 1023.`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

try {
  await main();
} catch (error) {
  const isConfiguration = error instanceof ConfigurationError;
  process.stderr.write(`${explain(error, isConfiguration ? {} : readConfiguration(process.env))}\n`);
  process.exit(isConfiguration ? EXIT_WRONG_CONFIGURATION : EXIT_FAILURE);
}
