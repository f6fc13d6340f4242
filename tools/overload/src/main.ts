import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostgres } from "@budget/repositories/testing";
import Table from "cli-table3";
import { Command, InvalidArgumentError, Option } from "commander";
import { Clients, type Phase } from "./clients.ts";
import { ADMIN_KEY, startServer, type ServerProcess } from "./server-process.ts";

const MEMORY_INTERVAL_MS = 1000;
const CLIENTS = 32;
const PAUSE_MS = 20;
/** So short that all is over before the server closes idle connections for being idle. */
const SHORT_S = 5;

interface Options {
  readonly database: "sqlite" | "postgres";
  readonly seconds: number;
  readonly idle: number;
  readonly slow: number;
  readonly connections: number;
  readonly depth: number;
}

function count(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new InvalidArgumentError("It must be a whole number above 0.");
  return value;
}

const options = new Command("overload")
  .description("Crowds and floods a built server, and shows whom it serves and what memory it takes.")
  .addOption(
    new Option("--database <name>", "what the server keeps its books in")
      .choices(["sqlite", "postgres"])
      .default("sqlite"),
  )
  .option("--seconds <n>", "how long the flood lasts", count, 30)
  .option("--idle <n>", "idle connections; `ulimit -n` must be above them", count, 10_000)
  .option("--slow <n>", "connections that send a byte of a request now and then", count, 500)
  .option("--connections <n>", "connections of the flood", count, 4000)
  .option("--depth <n>", "requests on their way on each connection of the flood", count, 4)
  .parse()
  .opts<Options>();

const pathOf = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const start = (name: string, args: readonly (string | number)[]): ChildProcess =>
  fork(
    pathOf(name),
    args.map((one) => String(one)),
    { execArgv: ["--conditions=budget-source"] },
  );

/** What a process of ours answers when it is asked. */
async function ask<T>(child: ChildProcess, question?: string): Promise<T> {
  const answer = once(child, "message");
  if (question !== undefined) child.send(question);
  return ((await answer) as [T])[0];
}

async function openDatabase(): Promise<{ readonly url: string; close(): Promise<void> }> {
  if (options.database === "postgres") {
    const server = await startPostgres({ durable: true });
    return { url: server.url, close: () => server.stop() };
  }
  const folder = mkdtempSync(join(tmpdir(), "budget-overload-"));
  return {
    url: `sqlite:${join(folder, "budget.db")}`,
    async close() {
      rmSync(folder, { recursive: true });
    },
  };
}

async function newBudget(port: number): Promise<string> {
  const post = async (path: string, body: unknown): Promise<{ budget_id: string }> => {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-API-Key": ADMIN_KEY },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
    return (await answer.json()) as { budget_id: string };
  };
  const { budget_id } = await post("/api/budgets", { name: "overload" });
  const limits = [
    { period: "daily", token_limit: 1_000_000_000_000 },
    { period: "monthly", cost_limit: 1_000_000 },
  ];
  for (const limit of limits) await post("/api/policies", { budget_id, type: "enforce", ...limit });
  return budget_id;
}

const bodyOf = (budget_id: string): string =>
  JSON.stringify({
    budget_id,
    context_id: "overload",
    component: "overload",
    provider: "openai",
    model: "gpt-4o",
    tokens_allocated: 10,
  });

const requestOf = (body: string): string =>
  "POST /api/allocations HTTP/1.1\r\nHost: budget\r\nContent-Type: application/json\r\n" +
  `Content-Length: ${body.length}\r\n\r\n${body}`;

function quantile(values: readonly number[], share: number): string {
  const sorted = values.toSorted((left, right) => left - right);
  const value = sorted[Math.ceil(sorted.length * share) - 1];
  return value === undefined ? "-" : value.toFixed(1);
}

function toTable(phases: readonly Phase[]): string {
  const table = new Table({
    head: ["normal clients", "served/s", "p50 ms", "p99 ms", "503", "p99 of 503 ms", "failed"],
    style: { head: [], border: [] },
  });
  for (const { name, seconds, statuses, latencies_ms, refused_ms } of phases) {
    const of = (status: number): number => statuses.get(status) ?? 0;
    const others = [...statuses].filter(([status]) => status !== 201 && status !== 503);
    table.push([
      name,
      (of(201) / seconds).toFixed(0),
      quantile(latencies_ms, 0.5),
      quantile(latencies_ms, 0.99),
      of(503),
      quantile(refused_ms, 0.99),
      others.map(([status, many]) => `${many} × ${status}`).join(", ") || 0,
    ]);
  }
  return table.toString();
}

/** Looks at the server's memory again and again. */
class MemoryLog {
  readonly samples: number[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(server: ServerProcess) {
    this.#timer = setInterval(() => this.samples.push(server.memoryMib()), MEMORY_INTERVAL_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  between(first: number, end?: number): string {
    return this.samples
      .slice(first, end)
      .map((mib) => mib.toFixed(0))
      .join(" ");
  }
}

interface Crowd {
  readonly idle: number;
  readonly idle_lost: number;
  readonly slow: number;
  readonly slow_sent_away: number;
}

async function run(server: ServerProcess): Promise<void> {
  const { port } = server;
  const body = bodyOf(await newBudget(port));
  const clients = new Clients(port, body, CLIENTS, PAUSE_MS);
  await clients.run("warming up", 2);
  const memory = new MemoryLog(server);
  const phases = [await clients.run("before", SHORT_S)];
  const alone = memory.samples.length;

  const crowd = start("crowd.ts", [port, options.idle, options.slow]);
  console.error(`crowd: ${JSON.stringify(await ask<Crowd>(crowd))}`);
  phases.push(await clients.run("with the crowd", SHORT_S));
  const crowded = memory.samples.length;

  const flood = start("flood.ts", [port, options.connections, options.depth, requestOf(body)]);
  phases.push(await clients.run("with crowd and flood", options.seconds));
  const totals = await ask<Record<string, number>>(flood, "stop");
  const flooded = memory.samples.length;

  phases.push(await clients.run("after the flood", SHORT_S));
  const last = await ask<Crowd>(crowd, "how many");
  crowd.kill();
  clients.close();
  memory.stop();

  const perSecond = Object.entries(totals).map(
    ([status, many]) => `${(many / options.seconds).toFixed(0)} × ${status}`,
  );
  console.log(
    [
      `${options.database}: ${CLIENTS} normal clients with a pause of ${PAUSE_MS} ms; ${options.idle} idle and ` +
        `${options.slow} slow connections; a flood of ${options.connections} × ${options.depth} requests at a time.`,
      toTable(phases),
      `The flood was answered, per second: ${perSecond.join(", ")}.`,
      `Idle connections kept: ${last.idle} of ${options.idle}. Slow ones sent away: ${last.slow_sent_away}.`,
      `Memory of the server in MiB, each second:`,
      `  before: ${memory.between(0, alone)}`,
      `  crowd:  ${memory.between(alone, crowded)}`,
      `  flood:  ${memory.between(crowded, flooded)}`,
      `  after:  ${memory.between(flooded)}`,
    ].join("\n"),
  );
}

const database = await openDatabase();
try {
  const server = await startServer(database.url);
  try {
    await run(server);
  } finally {
    await server.stop();
  }
} finally {
  await database.close();
}
