import { once } from "node:events";
import { Agent, request as send } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { ADMIN_KEY } from "./server-process.ts";

/** What the normal clients saw in one phase. */
export interface Phase {
  readonly name: string;
  readonly seconds: number;
  /** How often each status was answered; 0 stands for a connection that broke. */
  readonly statuses: ReadonlyMap<number, number>;
  /** How long those took that were served. */
  readonly latencies_ms: readonly number[];
  /** How long those took that were sent away. */
  readonly refused_ms: readonly number[];
}

/** Normal clients: each asks, waits for the answer, and asks again a little later. */
export class Clients {
  readonly #port: number;
  readonly #body: string;
  readonly #agent: Agent;
  readonly #pause_ms: number;

  constructor(port: number, body: string, count: number, pause_ms: number) {
    this.#port = port;
    this.#body = body;
    this.#agent = new Agent({ keepAlive: true, maxSockets: count });
    this.#pause_ms = pause_ms;
  }

  async run(name: string, seconds: number): Promise<Phase> {
    const end_ms = performance.now() + seconds * 1000;
    const statuses = new Map<number, number>();
    const latencies_ms: number[] = [];
    const refused_ms: number[] = [];
    const client = async (): Promise<void> => {
      while (performance.now() < end_ms) {
        const before_ms = performance.now();
        const status = await this.#allocate().catch(() => 0);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        (status === 201 ? latencies_ms : refused_ms).push(performance.now() - before_ms);
        await pause(this.#pause_ms);
      }
    };
    await Promise.all(Array.from({ length: this.#agent.maxSockets }, client));
    return { name, seconds, statuses, latencies_ms, refused_ms };
  }

  close(): void {
    this.#agent.destroy();
  }

  async #allocate(): Promise<number> {
    const request = send({
      port: this.#port,
      host: "127.0.0.1",
      agent: this.#agent,
      method: "POST",
      path: "/api/allocations",
      headers: {
        "X-Normal": String(Date.now()),
        "Content-Type": "application/json",
        "X-API-Key": ADMIN_KEY,
        "Content-Length": Buffer.byteLength(this.#body),
      },
    });
    request.end(this.#body);
    const [response] = (await once(request, "response")) as [NodeJS.ReadableStream & { statusCode: number }];
    await once(response.resume(), "end");
    return response.statusCode;
  }
}
