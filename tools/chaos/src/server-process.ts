import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** Opens the servers that are started here, and nothing else. */
export const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"A".repeat(43)}`;

const SERVER = fileURLToPath(new URL("../../../apps/server/dist/main.js", import.meta.url));
const READY_POLL_MS = 25;
const READY_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 15_000;
const LOG_TAIL_LINES = 12;
const LOG_LINE_CHARACTERS = 400;

/** Servers that run. None outlives this process, also where that ends in the middle of a start. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** A built server in a process of its own, which can be killed and started again on the same port. */
export class ServerProcess {
  readonly url: string;
  readonly #port: number;
  readonly #database_url: string;
  readonly #log: string;
  #child: ChildProcess | null = null;

  private constructor(port: number, database_url: string, log: string) {
    this.url = `http://127.0.0.1:${port}`;
    this.#port = port;
    this.#database_url = database_url;
    this.#log = log;
  }

  /**
   * Starts the built server, as `pnpm start` does, on a free port.
   * @param log the file that its output goes to
   */
  static async start(database_url: string, log: string): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(), database_url, log);
    await server.start();
    return server;
  }

  /** Whether the process runs; false after it ended, by whatever. */
  get isAlive(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  /** The end of what it wrote, to explain a death. */
  get logTail(): string {
    const lines = readFileSync(this.#log, "utf8").trimEnd().split("\n").slice(-LOG_TAIL_LINES);
    return lines.map((line) => line.slice(0, LOG_LINE_CHARACTERS)).join("\n");
  }

  /** @throws Error where it is not ready in time */
  async start(): Promise<void> {
    const output = openSync(this.#log, "a");
    const child = spawn(process.execPath, [SERVER], {
      env: {
        ...process.env,
        BUDGET_PORT: String(this.#port),
        BUDGET_HOST: "127.0.0.1",
        BUDGET_DATABASE_URL: this.#database_url,
        BUDGET_LOG_LEVEL: "WARNING",
        BUDGET_ENV: "production",
        PRICE_UPDATE_INTERVAL: "0",
        BUDGET_ADMIN_KEY: ADMIN_KEY,
        BUDGET_RATE_LIMIT: "0",
      },
      stdio: ["ignore", output, output],
    });
    closeSync(output);
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    const deadline_ms = performance.now() + READY_TIMEOUT_MS;
    while (!(await this.#isReady())) {
      if (!this.isAlive || performance.now() > deadline_ms) {
        throw new Error(`The server did not start.\n${this.logTail}`);
      }
      await pause(READY_POLL_MS);
    }
  }

  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it as an operator does; where that takes too long, by force. */
  async stop(): Promise<void> {
    const child = this.#child;
    const timer = setTimeout(() => child?.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await this.#end("SIGTERM");
    clearTimeout(timer);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isAlive) return;
    const exited = once(this.#child!, "exit");
    this.#child!.kill(signal);
    await exited;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/ready`)).ok;
    } catch {
      return false;
    }
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
