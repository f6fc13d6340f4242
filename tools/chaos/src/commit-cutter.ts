import { Countdown, TcpProxy, detach, reset, type Pair, type Relay } from "./tcp-proxy.ts";

/**
 * What happens to a connection whose COMMIT is on its way. In each case the server of Budget learns nothing of it:
 * - `answer lost`: the database gets the COMMIT and carries it out; its answer goes nowhere.
 * - `arrives late`: the same, but the COMMIT is still on its way when the server tries again.
 * - `both reset`: both sides are reset right behind the COMMIT, and the database may or may not have read it.
 * - `never sent`: the COMMIT goes no further, and the database rolls back.
 */
export const CUT_MANNERS = ["answer lost", "arrives late", "both reset", "never sent"] as const;
export type CutManner = (typeof CUT_MANNERS)[number];

/** How many of the next commits are cut, in which manner, and whether all other connections go with them. */
export interface Cut {
  readonly commits: number;
  readonly manner: () => CutManner;
  /** How late a COMMIT arrives. */
  readonly delay_ms: number;
  readonly takes_all: boolean;
}

/** How the text of a simple query stands in the protocol of PostgreSQL: ended by a zero byte. */
const COMMIT = Buffer.from("COMMIT\0");

/** Stands between a server and PostgreSQL, and cuts connections at their COMMIT when it is told to. */
export class CommitCutter {
  readonly #countdown = new Countdown();
  #cut: Cut | null = null;
  #proxy: TcpProxy | null = null;

  /** @returns the port to connect to */
  async start(host: string, port: number): Promise<number> {
    this.#proxy = await TcpProxy.start({ host, port }, (pair) => this.#relay(pair));
    return this.#proxy.port;
  }

  /**
   * Cuts the next commits.
   * @param patience_ms how long it waits for them
   * @returns how many were cut
   */
  async cut(cut: Cut, patience_ms: number): Promise<number> {
    this.#cut = cut;
    return this.#countdown.run(cut.commits, patience_ms);
  }

  async close(): Promise<void> {
    await this.#proxy?.close();
  }

  #relay(pair: Pair): Relay {
    // The end of the chunk before, where a COMMIT may begin.
    let tail = Buffer.alloc(0);
    return {
      fromClient: (chunk) => {
        const seen = Buffer.concat([tail, chunk]);
        tail = seen.subarray(Math.max(0, seen.length - COMMIT.length + 1));
        if (this.#cut !== null && seen.includes(COMMIT) && this.#countdown.take())
          this.#cutAt(pair, chunk, this.#cut);
        else pair.server.write(chunk);
      },
      fromServer: (chunk) => pair.client.write(chunk),
    };
  }

  #cutAt(pair: Pair, chunk: Buffer, cut: Cut): void {
    const { server: database } = pair;
    switch (cut.manner()) {
      case "answer lost":
        // The database reads everything up to the end of the stream before it looks for more.
        detach(pair);
        database.end(chunk);
        break;
      case "arrives late":
        detach(pair);
        setTimeout(() => database.end(chunk), cut.delay_ms);
        break;
      case "both reset":
        database.removeAllListeners("data").resume();
        database.write(chunk, () => reset(pair));
        break;
      case "never sent":
        reset(pair);
        break;
    }
    if (cut.takes_all) this.#proxy?.resetOthers(pair);
  }
}
