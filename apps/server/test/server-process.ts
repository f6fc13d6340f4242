import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { ADMIN_KEY } from "./support.ts";

const MAIN = fileURLToPath(new URL("../src/main.ts", import.meta.url));
const LISTENING = /Budget is listening on (http:\/\/[\w.:]+:\d+)/;

/** How a process ended, and all that it said. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly output: string;
}

/** A server in a process of its own. */
export class ServerProcess {
  readonly child: ChildProcessWithoutNullStreams;
  output = "";
  readonly ended: Promise<Ended>;

  constructor(environment: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ["--conditions=budget-source", MAIN], {
      env: {
        PATH: process.env.PATH ?? "",
        BUDGET_HOST: "127.0.0.1",
        BUDGET_PORT: "0",
        BUDGET_ENV: "production",
        BUDGET_ADMIN_KEY: ADMIN_KEY,
        BUDGET_RATE_LIMIT: "0",
        ...environment,
      },
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
    this.ended = once(this.child, "close").then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      output: this.output,
    }));
  }

  /** The URL that it listens on; fails where the process ends before. */
  listening(): Promise<string> {
    return this.saying(LISTENING);
  }

  /** What it says, once it does, in the first group of the pattern. */
  async saying(pattern: RegExp): Promise<string> {
    for (;;) {
      const said = pattern.exec(this.output)?.[1];
      if (said !== undefined) return said;
      const next = await Promise.race([once(this.child.stdout, "data"), this.ended]);
      if ("code" in next) throw new Error(`The server ended with ${next.code}: ${next.output}`);
    }
  }

  stop(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal);
    return this.ended;
  }
}

/** A connection to a server, on which something has been sent. */
export async function connected(url: string, sent: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => undefined);
  if (sent !== "") await new Promise<void>((resolve) => socket.write(sent, () => resolve()));
  return socket;
}
