import type { Logger } from "@budget/domain";
import { SecretBox, openDatabase } from "@budget/repositories";
import { createPerformRun } from "@budget/services";
import type { PriceProcessMessage, PriceTask } from "./price-process.ts";
import { priceRunOptions } from "./price-settings.ts";
import { secretSource } from "./world.ts";

/** The process that performs runs over the prices, one at a time, see price-process.ts. */

const send = (message: PriceProcessMessage): void => {
  process.send?.(message);
};

const toServer =
  (level: keyof Logger): Logger["info"] =>
  (...line) =>
    send({ kind: "log", level, line });

const logger: Logger = {
  error: toServer("error"),
  warning: toServer("warning"),
  info: toServer("info"),
  debug: toServer("debug"),
};

async function perform({
  database_url,
  database_key,
  secret_keys,
  settings,
  run,
  source_names,
}: PriceTask): Promise<void> {
  const database = openDatabase({ url: database_url, key: database_key, must_exist: true });
  try {
    const secrets = SecretBox.of(secret_keys, secretSource);
    const performRun = createPerformRun(priceRunOptions(database, secrets, settings, logger));
    send({ kind: "done", run: await performRun(run, source_names) });
  } catch (error) {
    const { message, code } = error as { message: string; code?: unknown };
    send({ kind: "failed", message, ...(typeof code === "string" && { code }) });
  } finally {
    await database.close();
  }
}

// Ctrl-C is for the server, which ends this process. In a session of its own it would not hear of it, but there Linux
// weighs the whole session, and not its priority, against the server.
process.on("SIGINT", () => undefined);
// Nobody is left to do it for.
process.once("disconnect", () => process.exit());
process.on("message", (task: PriceTask) => void perform(task));
send({ kind: "ready" });
