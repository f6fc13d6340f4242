import { once } from "node:events";
import type { IncomingMessage, RequestListener, Server, ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { TurnedAway } from "./turned-away.ts";

/** How a server stops. */
export interface StopOptions {
  /** Answers a request that came after the stop; its connection closes by itself. */
  readonly refuse: (request: IncomingMessage, response: ServerResponse) => void;
  /** How long at least requests are refused, rather than their connections cut, while clients find out; 0 or more. */
  readonly linger_ms: number;
  /** How long running requests may take to end; 0 or more. */
  readonly grace_ms: number;
}

const TURNED_AWAY = 503;

/** A listener that is given the response which it is called on. */
const endedWith = (work: (response: ServerResponse) => void) =>
  function (this: ServerResponse): void {
    work(this);
  };

/**
 * Stands before a request listener, so that an HTTP server can stop without dropping work: what is running is answered,
 * what comes later is refused, and then every connection is closed, also one that has never sent anything.
 */
export class StopGate {
  readonly #serve: RequestListener;
  readonly #options: StopOptions;
  // A number and no set of responses: to keep each of them for a while cost a tenth of all requests per second.
  #running = 0;
  #isStopping = false;
  #onIdle: () => void = () => undefined;
  readonly #turnedAway = new TurnedAway(() => performance.now());

  constructor(serve: RequestListener, options: StopOptions) {
    this.#serve = serve;
    this.#options = options;
  }

  /** The listener to give to the server. */
  readonly listener: RequestListener = (request, response) => {
    if (this.#isStopping) {
      response.shouldKeepAlive = false;
      this.#options.refuse(request, response);
      return;
    }
    this.#running += 1;
    response.once("close", this.#ended);
    this.#serve(request, response);
  };

  /** The same function for every response: to make one for each costs. */
  readonly #ended = endedWith((response) => {
    this.#running -= 1;
    if (this.#running === 0) this.#onIdle();
    if (response.statusCode === TURNED_AWAY) this.#turnedAway.add(response.req.socket);
  });

  /** Answers what is running, refuses the rest, and resolves when no connection is left. */
  async stop(server: Server): Promise<void> {
    this.#isStopping = true;
    await Promise.all([delay(this.#options.linger_ms), this.#idleOrLate()]);
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  #idleOrLate(): Promise<void> {
    if (this.#running === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#options.grace_ms);
      this.#onIdle = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
