import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Opens the servers that are started here, and nothing else. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const SERVER = fileURLToPath(new URL("../../../apps/server/dist/main.js", import.meta.url));
const LISTENING = /Budget is listening on http:\/\/127\.0\.0\.1:(\d+)/;

/** The built server, as `pnpm start` runs it, in a process of its own. */
export interface ServerProcess {
  readonly port: number;
  /** What its process has in memory now, in MiB. */
  memoryMib(): number;
  stop(): Promise<void>;
}

export async function startServer(database_url: string): Promise<ServerProcess> {
  const child = spawn(process.execPath, [SERVER], {
    env: {
      PATH: process.env.PATH,
      BUDGET_HOST: "127.0.0.1",
      BUDGET_PORT: "0",
      BUDGET_ENV: "production",
      PRICE_UPDATE_INTERVAL: "0",
      BUDGET_ADMIN_KEY: ADMIN_KEY,
      BUDGET_RATE_LIMIT: "0",
      BUDGET_DATABASE_URL: database_url,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const port = await portOf(child);
  child.stdout.resume();
  return {
    port,
    memoryMib() {
      const kib = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1];
      return Number(kib) / 1024;
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function portOf(child: ChildProcess): Promise<number> {
  let output = "";
  for (;;) {
    const [piece] = (await Promise.race([
      once(child.stdout!, "data"),
      once(child, "exit").then(() => {
        throw new Error(`The server did not start: ${output}`);
      }),
    ])) as [Buffer];
    output += piece.toString();
    const port = LISTENING.exec(output)?.[1];
    if (port !== undefined) return Number(port);
  }
}
