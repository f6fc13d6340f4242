import type { Socket } from "node:net";

/** How long a turn of the event loop should take; longer ones keep commits and answers waiting. */
const TURN_MS = 10;
const MAX_CONNECTIONS_A_TURN = 256;
/** How long a connection is not read at most: as long as a 503 asks its caller to wait. */
const MAX_REST_MS = 1000;

/**
 * Connections that were just answered 503. Each is read again in its turn, a few in a turn of the event loop: whoever
 * asks again at once, and without end, would otherwise keep the server so busy with turning away that nobody is served.
 * Where few are turned away, that is at once, so that a proxy which sends many callers' requests over one connection is
 * not kept from it.
 */
export class TurnedAway {
  readonly #now: () => number;
  /** Since when each is not read, the longest first. */
  readonly #resting = new Map<Socket, number>();
  #connections_a_turn = 1;
  #turned_at_ms: number | null = null;

  /** @param now a clock in milliseconds that is never set */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** Stops reading a connection until its turn comes. */
  add(socket: Socket): void {
    const now_ms = this.#now();
    socket.pause();
    this.#resting.set(socket, now_ms);
    if (this.#turned_at_ms !== null) return;
    this.#turned_at_ms = now_ms;
    setImmediate(this.#turn);
  }

  readonly #turn = (): void => {
    const now_ms = this.#now();
    const isFast = now_ms - (this.#turned_at_ms ?? now_ms) < TURN_MS;
    this.#connections_a_turn = isFast
      ? Math.min(MAX_CONNECTIONS_A_TURN, this.#connections_a_turn * 2)
      : Math.max(1, this.#connections_a_turn >> 1);
    let left = this.#connections_a_turn;
    for (const [socket, since_ms] of this.#resting) {
      if (left <= 0 && now_ms - since_ms < MAX_REST_MS) break;
      left -= 1;
      this.#resting.delete(socket);
      socket.resume();
    }
    this.#turned_at_ms = this.#resting.size > 0 ? now_ms : null;
    if (this.#turned_at_ms !== null) setImmediate(this.#turn);
  };
}
