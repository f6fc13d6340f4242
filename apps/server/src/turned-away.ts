import type { Socket } from "node:net";

/** As many connections as are read again in one turn of the event loop. */
const CONNECTIONS_A_TURN = 64;

/**
 * Connections that were just answered 503. Each is read again in its turn, a few in a turn of the event loop: whoever
 * asks again at once, and without end, would otherwise keep the server so busy with turning away that nobody is served.
 * Where few are turned away, that is at once, so that a proxy which sends many callers' requests over one connection is
 * not kept from it.
 */
export class TurnedAway {
  #waiting: Socket[] = [];
  #isScheduled = false;

  /** Stops reading a connection until its turn comes. */
  add(socket: Socket): void {
    if (socket.isPaused()) return;
    socket.pause();
    this.#waiting.push(socket);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    for (const socket of this.#waiting.splice(0, CONNECTIONS_A_TURN)) socket.resume();
    this.#isScheduled = this.#waiting.length > 0;
    if (this.#isScheduled) setImmediate(this.#turn);
  };
}
