import { setTimeout as pause } from "node:timers/promises";
import { Command } from "commander";
import { LONGEST_SHORT_HOLD_MS, runClient, type Stage } from "./clients.ts";
import { startDatabase } from "./database.ts";
import { fill } from "./fill.ts";
import { installHistory } from "./history.ts";
import { Http } from "./http.ts";
import { LedgerApi } from "./ledger-api.ts";
import { createRandom } from "./random.ts";
import { readFacts } from "./read-facts.ts";
import { replay } from "./replay.ts";
import { problemsOf, toReport } from "./report.ts";
import { makeHotBudget, makeTree, type Scenario } from "./scenarios.ts";
import { readSizes } from "./sizes.ts";
import { startServer, type ServerProcess } from "./servers.ts";
import { steer } from "./steering.ts";
import { Tally } from "./tally.ts";

const options = new Command("proof")
  .description(
    "Runs several servers on one PostgreSQL under load, and decides everything again from the database's own history.",
  )
  .option("--servers <n>", "servers on the one database", Number, 3)
  .option("--clients <n>", "clients, spread over the servers", Number, 96)
  .option("--seconds <n>", "seconds of load of each scenario", Number, 60)
  .option("--seed <n>", "what the clients' choices come from", Number, Date.now() % 1_000_000)
  .parse()
  .opts<{
    readonly servers: number;
    readonly clients: number;
    readonly seconds: number;
    readonly seed: number;
  }>();

const progress = (text: string): void => console.error(text);

/** Loads one scenario from all clients, then fills it to the brim. */
async function run(scenario: Scenario, https: readonly Http[], tally: Tally, seed: number): Promise<void> {
  progress(`${scenario.name}: ${options.clients} clients for ${options.seconds} s`);
  const stage: Stage = { phase: "churn", is_over: false };
  const apis = https.map((http, index) => new LedgerApi(http, tally, `filler-${index}`));
  const clients = Array.from({ length: options.clients }, (_, index) => {
    const http = https[index % https.length]!;
    const api = new LedgerApi(http, tally, `client-${index}`);
    return runClient(api, scenario.leaves, stage, createRandom(seed + 1 + index));
  });
  await steer(https[0]!, scenario, options.clients, options.seconds, stage, tally, createRandom(seed));
  stage.is_over = true;
  await Promise.all(clients);
  // Holds that were left to expire would make room behind the fill.
  await pause(LONGEST_SHORT_HOLD_MS);
  await fill(apis, scenario.leaves);
}

const { servers: server_count, clients: client_count, seed } = options;
const database = await startDatabase();
const servers: ServerProcess[] = [];
const https: Http[] = [];
try {
  progress(`seed ${seed}; starting ${server_count} servers on one PostgreSQL`);
  for (let index = 1; index <= server_count; index += 1) {
    servers.push(await startServer(`server ${index}`, database.url));
    // The first server has made the tables.
    if (index === 1) await database.with(installHistory);
  }
  // The changes of limits go over the first server as well, so it has a connection more.
  https.push(...servers.map(({ url }) => new Http(url, Math.ceil(client_count / server_count) + 1)));
  const [first] = https;
  if (first === undefined) throw new Error("There must be at least one server.");

  const tally = new Tally();
  const scenarios = [await makeHotBudget(first), await makeTree(first)];
  for (const scenario of scenarios) await run(scenario, https, tally, seed);
  for (const server of servers.splice(0)) await server.stop();

  progress("replaying the history");
  const facts = await database.with(readFacts);
  const verdict = replay(facts);
  const problems = problemsOf(verdict, scenarios, tally);
  console.log(toReport(verdict, scenarios, options, await database.with(readSizes), problems));
  process.exitCode = problems.length > 0 ? 1 : 0;
} finally {
  for (const http of https) http.close();
  for (const server of servers) await server.stop();
  await database.stop();
}
