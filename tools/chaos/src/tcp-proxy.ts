import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** One connection through a proxy: the side of who opened it, and the side of who serves it. */
export interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

/** What is done with the bytes of a new connection: it forwards them, or does not. */
export interface Relay {
  fromClient(chunk: Buffer): void;
  fromServer(chunk: Buffer): void;
}

/** Listens on a free port, and connects each connection on to a server. */
export class TcpProxy {
  readonly #listener: Server;
  readonly #pairs = new Set<Pair>();

  private constructor(
    target: { readonly host: string; readonly port: number },
    relayOf: (pair: Pair) => Relay,
  ) {
    this.#listener = createServer((client) => this.#join({ client, server: connect(target) }, relayOf));
  }

  /** @param relayOf is asked for each connection */
  static async start(
    target: { readonly host: string; readonly port: number },
    relayOf: (pair: Pair) => Relay,
  ): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, relayOf);
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get port(): number {
    return (this.#listener.address() as AddressInfo).port;
  }

  /** Breaks every connection but this one. */
  resetOthers(pair: Pair | null): void {
    for (const other of this.#pairs) if (other !== pair) reset(other);
  }

  async close(): Promise<void> {
    const closed = once(this.#listener, "close");
    this.#listener.close();
    this.resetOthers(null);
    await closed;
  }

  #join(pair: Pair, relayOf: (pair: Pair) => Relay): void {
    const { client, server } = pair;
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      // The other side hears of it by the close that follows.
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.#pairs.delete(pair);
        client.destroy();
        // What was written is still to arrive.
        server.destroySoon();
      });
    }
    const relay = relayOf(pair);
    client.on("data", (chunk) => relay.fromClient(chunk));
    server.on("data", (chunk) => relay.fromServer(chunk));
  }
}

/** Breaks both sides of a connection at once; what was on its way may be lost. */
export function reset({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.resetAndDestroy();
}

/** Breaks the client's side, and leaves the server's side to go on by itself; its answers go nowhere. */
export function detach({ client, server }: Pair): void {
  server.removeAllListeners("data").resume();
  client.removeAllListeners("close");
  client.resetAndDestroy();
}

/** Counts down what is to be cut, and tells when all of it is, or when it took too long. */
export class Countdown {
  #left = 0;
  #onDone: () => void = () => undefined;

  /** @returns how many of `count` were taken within `patience_ms` */
  async run(count: number, patience_ms: number): Promise<number> {
    this.#left = count;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, patience_ms);
      this.#onDone = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    const taken = count - this.#left;
    this.#left = 0;
    return taken;
  }

  /** Takes one, where one is left. */
  take(): boolean {
    if (this.#left === 0) return false;
    this.#left -= 1;
    if (this.#left === 0) this.#onDone();
    return true;
  }
}
