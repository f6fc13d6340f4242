import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Opens the servers that are started here, and nothing else. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const SERVER = fileURLToPath(new URL("../../../apps/server/dist/main.js", import.meta.url));
const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** A built server in a process of its own. */
export interface ServerProcess {
  readonly name: string;
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Starts the built server, as `pnpm start` does, on a free port. Its connections carry its name as
 * `application_name`, by which the history tells the servers apart.
 */
export async function startServer(name: string, database_url: string): Promise<ServerProcess> {
  const port = await freePort();
  const named_url = new URL(database_url);
  named_url.searchParams.set("application_name", name);
  const env = {
    ...process.env,
    BUDGET_PORT: String(port),
    BUDGET_HOST: "127.0.0.1",
    BUDGET_DATABASE_URL: named_url.href,
    BUDGET_LOG_LEVEL: "WARNING",
    BUDGET_ENV: "production",
    PRICE_UPDATE_INTERVAL: "0",
    BUDGET_ADMIN_KEY: ADMIN_KEY,
    BUDGET_RATE_LIMIT: "0",
  };
  // What a server complains of goes where the progress goes; the report alone is on the standard output.
  const child = spawn(process.execPath, [SERVER], { env, stdio: ["ignore", process.stderr, "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  const deadline_ms = performance.now() + READY_TIMEOUT_MS;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() > deadline_ms) throw new Error(`${name} did not start.`);
    await pause(READY_POLL_MS);
  }
  return { name, url, stop: () => stop(child) };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/ready`)).ok;
  } catch {
    return false;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, "close");
  return port;
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  await exited;
}
