import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { Agent, request, type IncomingMessage } from "node:http";
import { ADMIN_KEY } from "./servers.ts";

const TIMEOUT_MS = 60_000;

export interface Answer<T> {
  readonly status: number;
  readonly body: T;
}

/** One server, asked over connections that are kept: opening one for each request would cost more than the request. */
export class Http {
  readonly #url: string;
  readonly #agent: Agent;

  /** @param connections how many requests at once there are at most */
  constructor(url: string, connections: number) {
    this.#url = url;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Sends a request and reads the answer, whatever its status. A POST has an idempotency key, as clients send one. */
  async send<T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<Answer<T>> {
    const text = body === undefined ? "" : JSON.stringify(body);
    const headers = {
      "content-type": "application/json",
      "x-api-key": ADMIN_KEY,
      "content-length": Buffer.byteLength(text),
      ...(method === "POST" ? { "idempotency-key": randomUUID() } : {}),
    };
    const sent = request(`${this.#url}${path}`, { method, agent: this.#agent, headers, timeout: TIMEOUT_MS });
    sent.on("timeout", () => sent.destroy(new Error(`${method} ${path} was not answered.`)));
    sent.end(text);
    const [response] = (await once(sent, "response")) as [IncomingMessage];
    let answer = "";
    response.setEncoding("utf8");
    for await (const part of response) answer += part as string;
    return { status: response.statusCode ?? 0, body: JSON.parse(answer) as T };
  }

  close(): void {
    this.#agent.destroy();
  }
}
