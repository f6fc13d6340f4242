import { once } from "node:events";
import { connect } from "node:net";
import { AnswerCounter } from "./answers.ts";

/**
 * A process that asks for allocations without end: on each connection so many requests are on their way at any time, and
 * each answer, also a refusal, is followed by another request at once. Whoever sends it a message is told how often each
 * status was answered, and then it ends.
 */

const [port, connections, depth, request] = process.argv.slice(2);
const counters: AnswerCounter[] = [];

async function flood(): Promise<void> {
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  const counter = new AnswerCounter();
  counters.push(counter);
  socket.setEncoding("latin1").on("error", () => undefined);
  socket.on("data", (piece: string) => socket.write(request!.repeat(counter.add(piece))));
  socket.write(request!.repeat(Number(depth)));
}

process.once("message", () => {
  const totals: Record<string, number> = {};
  for (const { counts } of counters)
    for (const [status, count] of counts) totals[status] = (totals[status] ?? 0) + count;
  process.send?.(totals, () => process.exit(0));
});
await Promise.all(Array.from({ length: Number(connections) }, flood));
