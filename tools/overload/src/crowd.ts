import { once } from "node:events";
import { connect, type Socket } from "node:net";

/**
 * A process that crowds a server: connections that have asked once and then stay idle, and slow ones that send a byte of
 * their head now and then, and come again when they are sent away.
 */

const [port_text, idle_text, slow_text] = process.argv.slice(2);
const port = Number(port_text);
const DRIBBLE_INTERVAL_MS = 1000;
/** As many as are opened at once: the server's queue of new connections is short. */
const OPENING = 100;
/** A local address has some 28,000 ports for one server. */
const CONNECTIONS_PER_ADDRESS = 20_000;

const state = { idle: 0, idle_lost: 0, slow: 0, slow_sent_away: 0 };
let opened = 0;

async function open(): Promise<Socket> {
  const host = 1 + Math.floor((opened += 1) / CONNECTIONS_PER_ADDRESS);
  const socket = connect({ port, host: "127.0.0.1", localAddress: `127.0.0.${host}` });
  await once(socket, "connect");
  socket.on("error", () => undefined);
  return socket;
}

async function openIdle(): Promise<void> {
  const socket = await open();
  const answered = once(socket, "data");
  socket.write("GET /health HTTP/1.1\r\nHost: budget\r\n\r\n");
  await answered;
  state.idle += 1;
  socket.resume().once("close", () => {
    state.idle -= 1;
    state.idle_lost += 1;
  });
}

async function openSlow(): Promise<void> {
  const socket = await open();
  socket.write("POST /api/allocations HTTP/1.1\r\nHost: budget\r\nX-Slow: ");
  state.slow += 1;
  const timer = setInterval(() => socket.writable && socket.write("x"), DRIBBLE_INTERVAL_MS);
  socket.resume().once("close", () => {
    clearInterval(timer);
    state.slow -= 1;
    state.slow_sent_away += 1;
    void openSlow();
  });
}

async function openMany(count: number, openOne: () => Promise<void>): Promise<void> {
  for (let left = count; left > 0; left -= OPENING)
    await Promise.all(Array.from({ length: Math.min(left, OPENING) }, openOne));
}

await openMany(Number(idle_text), openIdle);
await openMany(Number(slow_text), openSlow);
process.send?.(state);
process.on("message", () => process.send?.(state));
