import { readFile } from "node:fs/promises";
import { readConfiguration } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { startServer, type RunningServer } from "@budget/server";
import { run } from "../src/program.ts";
import type { Terminal } from "../src/session.ts";

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const noFile = (path: string): Promise<never> =>
  Promise.reject(Object.assign(new Error(`There is no file ${path}.`), { code: "ENOENT" }));

/** A real server on a free port, with a database in memory unless one is named. */
export async function startTestServer(
  database_url = "sqlite::memory:",
  database_key = "",
  prices: { readonly price_update_interval_min?: number; readonly prices_file?: string } = {},
): Promise<RunningServer> {
  const { price_update_interval_min = 0, prices_file = "" } = prices;
  const environment = {
    BUDGET_PORT: "0",
    BUDGET_HOST: "127.0.0.1",
    BUDGET_ENV: "production",
    BUDGET_DATABASE_URL: database_url,
    BUDGET_DATABASE_KEY: database_key,
    BUDGET_ADMIN_KEY: ADMIN_KEY,
    BUDGET_SECRET_KEYS: `test:${"A".repeat(43)}=`,
    BUDGET_RATE_LIMIT: "0",
    PRICE_UPDATE_INTERVAL: String(price_update_interval_min),
    BUDGET_PRICES_FILE: prices_file,
  };
  const read = (path: string) => (path === prices_file ? readFile(path, "utf8") : noFile(path));
  const { configuration } = await readConfiguration({ environment, readFile: read });
  return startServer(configuration, logger);
}

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Types a command and reads what it printed. */
export async function type(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
  terminal: Terminal | null = null,
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await run(words, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    environment: { BUDGET_API_KEY: ADMIN_KEY, ...environment },
    terminal,
    readFile: (path) => {
      const content = files[path];
      return content === undefined ? noFile(path) : Promise.resolve(content);
    },
  });
  return { code, stdout, stderr };
}

/** Output with ids and times made the same for every run. */
export const normal = (text: string): string =>
  text
    .replaceAll(
      /[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g,
      "00000000-0000-7000-0000-000000000000",
    )
    .replaceAll(/\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z/g, "2026-11-23T09:30:00.000Z");
