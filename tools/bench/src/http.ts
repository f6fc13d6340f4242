import { fork, spawn, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import autocannon from "autocannon";
import { requestFor } from "./in-process.ts";
import type { Measurement } from "./measure.ts";

/** Opens the servers that are started here, and nothing else. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const SERVER = fileURLToPath(new URL("../../../apps/server/dist/main.js", import.meta.url));
const EMPTY_SERVER = fileURLToPath(new URL("./empty-server.ts", import.meta.url));
const JSON_HEADERS = { "content-type": "application/json" };
const OUR_HEADERS = { ...JSON_HEADERS, "x-api-key": ADMIN_KEY };
const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** A server in a process of its own. */
export interface ServerProcess {
  readonly url: string;
  stop(): Promise<void>;
}

export async function startEmptyServer(): Promise<ServerProcess> {
  const child = fork(EMPTY_SERVER);
  const [message] = (await once(child, "message")) as [{ port: number }];
  return { url: `http://127.0.0.1:${message.port}`, stop: () => stop(child) };
}

/** Starts the built server, as `pnpm start` does, on a free port. */
export async function startServer(database_url: string): Promise<ServerProcess> {
  const port = await freePort();
  const env = {
    ...process.env,
    BUDGET_PORT: String(port),
    BUDGET_HOST: "127.0.0.1",
    BUDGET_DATABASE_URL: database_url,
    BUDGET_LOG_LEVEL: "WARNING",
    BUDGET_ENV: "production",
    PRICE_UPDATE_INTERVAL: "0",
    BUDGET_ADMIN_KEY: ADMIN_KEY,
    BUDGET_RATE_LIMIT: "0",
  };
  const child = spawn(process.execPath, [SERVER], { env, stdio: ["ignore", "ignore", "inherit"] });
  const url = `http://127.0.0.1:${port}`;
  const deadline_ms = performance.now() + READY_TIMEOUT_MS;
  while (!(await isReady(url))) {
    if (child.exitCode !== null || performance.now() > deadline_ms)
      throw new Error("The server did not start.");
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return { url, stop: () => stop(child) };
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

/** Asks a route of Express that does nothing, with the request of an allocation or with a bare GET. */
export function loadEmpty(
  url: string,
  connections: number,
  duration_s: number,
  method: "GET" | "POST",
): Promise<Measurement> {
  const request =
    method === "GET"
      ? { method }
      : { method, headers: JSON_HEADERS, body: JSON.stringify(requestFor(randomUUID())) };
  return load({ url: `${url}/empty`, connections, duration: duration_s, ...request });
}

/** Allocates over HTTP again and again, over the budgets in turn. */
export function loadAllocations(
  url: string,
  connections: number,
  duration_s: number,
  budget_ids: readonly string[],
  key = ADMIN_KEY,
): Promise<Measurement> {
  const requests = budget_ids.map((budget_id) => ({
    method: "POST" as const,
    path: "/api/allocations",
    headers: { ...OUR_HEADERS, "x-api-key": key },
    body: JSON.stringify(requestFor(budget_id)),
  }));
  return load({ url, connections, duration: duration_s, requests });
}

/** The same over several servers at once, with the connections shared out among them; the times are the worst server's. */
export async function loadAllocationsOnAll(
  urls: readonly string[],
  connections: number,
  duration_s: number,
  budget_ids: readonly string[],
): Promise<Measurement> {
  const share = Math.round(connections / urls.length);
  const loads = await Promise.all(urls.map((url) => loadAllocations(url, share, duration_s, budget_ids)));
  return {
    per_second: loads.reduce((sum, { per_second }) => sum + per_second, 0),
    p50_ms: Math.max(...loads.map(({ p50_ms }) => p50_ms)),
    p99_ms: Math.max(...loads.map(({ p99_ms }) => p99_ms)),
  };
}

async function load(options: autocannon.Options): Promise<Measurement> {
  // The load runs in a thread of its own, so that this process's own work does not slow it.
  const result = await autocannon({ ...options, workers: 1 });
  if (result.non2xx > 0 || result.errors > 0) {
    throw new Error(`${result.non2xx} answers were no success, ${result.errors} requests failed.`);
  }
  return { per_second: result.requests.average, p50_ms: result.latency.p50, p99_ms: result.latency.p99 };
}

/** Allocates and settles over HTTP, one pair after the other on each connection. */
export function settlingOver(url: string, budget_ids: readonly string[]): () => Promise<void> {
  let next = 0;
  const post = async (path: string, body: unknown): Promise<{ allocation_id: string }> => {
    const response = await fetch(`${url}${path}`, {
      method: "POST",
      headers: OUR_HEADERS,
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(await response.text());
    return (await response.json()) as { allocation_id: string };
  };
  return async () => {
    next = (next + 1) % budget_ids.length;
    const { allocation_id } = await post("/api/allocations", requestFor(budget_ids[next]!));
    await post("/api/usage/record", { allocation_id, input_tokens: 600, output_tokens: 200, final: true });
  };
}
