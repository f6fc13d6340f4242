import type { Logger } from "@budget/domain";
import { startServer, type RunningServer } from "@budget/server";
import { run } from "../src/program.ts";

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

/** A real server on a free port, with a database in memory unless one is named. */
export const startTestServer = (
  database_url = "sqlite::memory:",
  database_key = "",
  prices: { readonly price_update_interval_min?: number; readonly prices_file?: string } = {},
): Promise<RunningServer> =>
  startServer(
    {
      port: 0,
      host: "127.0.0.1",
      database_url,
      database_key,
      log_level: "ERROR",
      log_levels: new Map(),
      environment: "production",
      price_update_interval_min: 0,
      prices_file: "",
      admin_key: ADMIN_KEY,
      allowed_hosts: [],
      cors_origins: [],
      rate_limit: { per_second: 0, burst: 1 },
      trusted_proxies: [],
      retention: {
        refusals_ms: 30 * 86_400_000,
        idempotency_keys_ms: 7 * 86_400_000,
        events_ms: 30 * 86_400_000,
      },
      ...prices,
    },
    logger,
  );

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
): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const code = await run(words, {
    stdout: (text) => (stdout += text),
    stderr: (text) => (stderr += text),
    environment: { BUDGET_API_KEY: ADMIN_KEY, ...environment },
    localKey: () => undefined,
    readFile: (path) => {
      const content = files[path];
      return content === undefined
        ? Promise.reject(new Error(`There is no file ${path}.`))
        : Promise.resolve(content);
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
