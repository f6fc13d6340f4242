import { join } from "node:path";
import { startPostgres } from "@budget/repositories/testing";
import { Command } from "commander";
import pg from "pg";
import {
  loadAllocations,
  loadAllocationsOnAll,
  loadEmpty,
  settlingOver,
  startEmptyServer,
  startServer,
  type ServerProcess,
} from "./http.ts";
import { allocating, allocatingAndSettling } from "./in-process.ts";
import { measure, medianOf, type Measurement } from "./measure.ts";
import { allocatingOneByOne } from "./one-by-one.ts";
import { keepReport } from "./keep-report.ts";
import { machine, toRatios, toTable, type Line, type Ratio } from "./report.ts";
import { CONTEXT, makeBudgets, openSetup, temporaryFolder, type Setup } from "./setup.ts";

const CALLERS = [1, 32, 256];
const HTTP_CONNECTIONS = 50;
const BUDGET_COUNTS = [1, 1000];
const SERVERS = 3;

interface Options {
  readonly seconds: number;
  readonly runs: number;
  readonly write: boolean;
}

type DatabaseName = "SQLite" | "PostgreSQL";

const options = new Command("bench")
  .description(
    "Measures allocations per second, beside one transaction per request and an empty Express route.",
  )
  .option("--seconds <n>", "seconds of each run", Number, 3)
  .option("--runs <n>", "runs of each scenario, of which the middle one counts", Number, 3)
  .option("--write", "keep the tables in docs/performance.md", false)
  .parse()
  .opts<Options>();

const lines: Line[] = [];

function note(line: Line): Measurement {
  lines.push(line);
  console.error(toTable([line]).split("\n").at(-1));
  return line.measurement;
}

/** A fresh database for each part, so that none is slowed by what another one left. */
async function withDatabases(
  work: (name: DatabaseName, newUrl: () => Promise<string>) => Promise<void>,
): Promise<void> {
  const folder = temporaryFolder();
  const server = await startPostgres({ durable: true });
  let made = 0;
  try {
    await work("SQLite", () => Promise.resolve(`sqlite:${join(folder.path, `bench-${(made += 1)}.db`)}`));
    await work("PostgreSQL", async () => {
      const name = `bench_${(made += 1)}`;
      const client = new pg.Client(server.url);
      await client.connect();
      await client.query(`CREATE DATABASE ${name}`);
      await client.end();
      const url = new URL(server.url);
      url.pathname = `/${name}`;
      return url.href;
    });
  } finally {
    await server.stop();
    folder.remove();
  }
}

const inProcess = (callers: number, work: () => Promise<void>): Promise<Measurement> =>
  medianOf(options.runs, () => measure(callers, options.seconds * 1000, work));

async function benchEngine(
  database: DatabaseName,
  { engine }: Setup,
  budget_ids: readonly string[],
): Promise<void> {
  for (const callers of CALLERS) {
    for (const [what, work] of [
      ["allocate", allocating(engine, budget_ids)],
      ["allocate + settle", allocatingAndSettling(engine, budget_ids)],
    ] as const) {
      note({
        database,
        what,
        budgets: budget_ids.length,
        callers,
        measurement: await inProcess(callers, work),
      });
    }
  }
}

async function benchBaseline(
  database: DatabaseName,
  setup: Setup,
  budget_ids: readonly string[],
): Promise<void> {
  const policies = (await setup.engine.policies.list(CONTEXT, { limit: 1000 })).items;
  const work = allocatingOneByOne(setup.database, policies, budget_ids);
  const measurement = await inProcess(32, work);
  note({
    database,
    what: "baseline: one transaction per request",
    budgets: budget_ids.length,
    callers: 32,
    measurement,
  });
}

const EMPTY_ROUTE = {
  POST: "empty Express route, same request",
  GET: "empty Express route, bare GET",
} as const;

async function benchEmptyRoute(beside: DatabaseName): Promise<void> {
  const empty = await startEmptyServer();
  try {
    for (const method of ["POST", "GET"] as const) {
      const run = () => loadEmpty(empty.url, HTTP_CONNECTIONS, options.seconds, method);
      const what = `${EMPTY_ROUTE[method]}, beside ${beside}`;
      const measurement = await medianOf(options.runs, run);
      note({ database: "none", what, budgets: null, callers: HTTP_CONNECTIONS, measurement });
    }
  } finally {
    await empty.stop();
  }
}

async function benchHttp(database: DatabaseName, url: string, budget_ids: readonly string[]): Promise<void> {
  const budgets = budget_ids.length;
  if (budgets === 1) await benchEmptyRoute(database);
  const server = await startServer(url);
  try {
    for (const callers of [1, HTTP_CONNECTIONS, 256]) {
      const run = () => loadAllocations(server.url, callers, options.seconds, budget_ids);
      const measurement = await medianOf(options.runs, run);
      note({ database, what: "HTTP: allocate", budgets, callers, measurement });
    }
    const settling = await inProcess(HTTP_CONNECTIONS, settlingOver(server.url, budget_ids));
    const what = "HTTP: allocate + settle (fetch)";
    note({ database, what, budgets, callers: HTTP_CONNECTIONS, measurement: settling });
  } finally {
    await server.stop();
  }
}

/** Several servers on one database share the work of one budget, and each other's locks. */
async function benchServers(url: string, budget_ids: readonly string[]): Promise<void> {
  const servers: ServerProcess[] = [];
  try {
    while (servers.length < SERVERS) servers.push(await startServer(url));
    const urls = servers.map((server) => server.url);
    const run = () => loadAllocationsOnAll(urls, HTTP_CONNECTIONS, options.seconds, budget_ids);
    const measurement = await medianOf(options.runs, run);
    const what = `HTTP: allocate, ${SERVERS} servers`;
    const budgets = budget_ids.length;
    note({ database: "PostgreSQL", what, budgets, callers: HTTP_CONNECTIONS, measurement });
  } finally {
    for (const server of servers) await server.stop();
  }
}

function perSecond(
  database: Line["database"],
  what: string,
  budgets: number | null,
  callers: number,
): number {
  const line = lines.find(
    (one) =>
      one.database === database && one.what === what && one.budgets === budgets && one.callers === callers,
  );
  return line?.measurement.per_second ?? Number.NaN;
}

function ratios(): readonly Ratio[] {
  const gathered = perSecond("PostgreSQL", "allocate", 1, 32);
  const overHttp = (database: DatabaseName, method: "GET" | "POST"): number =>
    perSecond(database, "HTTP: allocate", 1, HTTP_CONNECTIONS) /
    perSecond("none", `${EMPTY_ROUTE[method]}, beside ${database}`, null, HTTP_CONNECTIONS);
  const http = (database: DatabaseName, method: "GET" | "POST", wanted: number): Ratio => ({
    what: `HTTP, 50 connections, one hot budget: allocate on ${database} / ${EMPTY_ROUTE[method]}`,
    value: overHttp(database, method),
    wanted,
  });
  return [
    {
      what: "PostgreSQL, one hot budget, 32 callers: gathered commits / one transaction per request",
      value: gathered / perSecond("PostgreSQL", "baseline: one transaction per request", 1, 32),
      wanted: 15,
    },
    http("PostgreSQL", "POST", 1 / 4),
    http("PostgreSQL", "GET", 1 / 4),
    http("SQLite", "POST", 1 / 3),
    http("SQLite", "GET", 1 / 3),
  ];
}

await withDatabases(async (database, newUrl) => {
  for (const count of BUDGET_COUNTS) {
    const url = await newUrl();
    const setup = await openSetup(url);
    const budget_ids = await makeBudgets(setup.engine, count);
    await benchEngine(database, setup, budget_ids);
    if (count === 1) await benchBaseline(database, setup, budget_ids);
    await setup.close();
    await benchHttp(database, url, budget_ids);
    if (database === "PostgreSQL") await benchServers(url, budget_ids);
  }
});

const report = [
  `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine()}. Each line is the middle one of ${options.runs} runs of ` +
    `${options.seconds} s. Commits are durable on both databases; the load runs on the same machine.`,
  toRatios(ratios()),
  toTable(lines),
].join("\n\n");
console.log(report);
if (options.write) await keepReport("bench", report);
