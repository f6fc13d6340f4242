import { Countdown, TcpProxy, reset } from "./tcp-proxy.ts";

/** Stands between clients and a server, and cuts connections when an answer comes back, so that nobody reads it. */
export class AnswerCutter {
  readonly #countdown = new Countdown();
  #proxy: TcpProxy | null = null;

  /** @returns the port to connect to */
  async start(host: string, port: number): Promise<number> {
    this.#proxy = await TcpProxy.start({ host, port }, (pair) => ({
      fromClient: (chunk) => pair.server.write(chunk),
      fromServer: (chunk) => {
        if (this.#countdown.take()) reset(pair);
        else pair.client.write(chunk);
      },
    }));
    return this.#proxy.port;
  }

  /**
   * Cuts the next answers.
   * @param patience_ms how long it waits for them
   * @returns how many were cut
   */
  cut(answers: number, patience_ms: number): Promise<number> {
    return this.#countdown.run(answers, patience_ms);
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
  }
}
