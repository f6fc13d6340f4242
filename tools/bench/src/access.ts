import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { FoundKey } from "@budget/domain";
import { DEFAULT_TENANT_ID } from "@budget/engine";
import { OwnCounter, RateLimiter, WrongKeys, createApp, type Doorkeeper } from "@budget/server";
import { Command } from "commander";
import { loadAllocations } from "./http.ts";
import { keepReport } from "./keep-report.ts";
import { machine } from "./report.ts";
import { clock, makeBudgets, openSetup, temporaryFolder, type Setup } from "./setup.ts";

/** What it costs to let a request in by its key: `pnpm bench:access`. */

const CONNECTIONS = 50;
const SECONDS = 3;

const options = new Command("bench:access")
  .description("Measures allocations over HTTP with keys, and with a doorkeeper that lets everybody in.")
  .option("--rounds <n>", "comparisons, of which the middle one counts", Number, 9)
  .option("--write", "keep the table in docs/performance.md", false)
  .parse()
  .opts<{ rounds: number; write: boolean }>();

const ANYBODY: FoundKey = {
  tenant_id: DEFAULT_TENANT_ID,
  key_id: DEFAULT_TENANT_ID,
  name: "anybody",
  owner: "",
  role: "admin",
  budget_ids: [],
  components: [],
  secret_sha256: "",
  previous_sha256: null,
  previous_until_ms: null,
  created_at_ms: 0,
  expires_at_ms: null,
  revoked_at_ms: null,
  last_used_at_ms: null,
  tenant_requests_per_second: null,
};

const now = (): number => clock.now();

async function serve({ engine }: Setup, authenticate: Doorkeeper["authenticate"], per_second: number) {
  const doorkeeper = {
    authenticate,
    deny: () => undefined,
    mayOpen: () => Promise.resolve(true),
    wrong_keys: new WrongKeys(() => performance.now()),
    limiter: new RateLimiter({ per_second, burst: per_second }, new OwnCounter(now)),
  };
  const complain = (_component: string, message: string, fields?: object) => console.error(message, fields);
  const app = createApp({
    // Only allocations are asked for.
    services: { engine, now, version: "", isReady: () => Promise.resolve(true) } as never,
    logger: { error: complain, warning: complain, info: () => undefined, debug: () => undefined },
    doorkeeper,
    host_rules: { hosts: [], origins: [] },
    trusted_proxies: [],
    readMetrics: () => Promise.resolve(""),
  });
  const http = createServer(app);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  return http;
}

const urlOf = (http: Server): string => `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const folder = temporaryFolder();
const setup = await openSetup(`sqlite:${join(folder.path, "access.db")}`);
try {
  const budget_ids = await makeBudgets(setup.engine, 1);
  const made = await setup.engine.access.create(
    { tenant_id: DEFAULT_TENANT_ID },
    { name: "bench", role: "agent" },
  );
  if (!made.ok) throw new Error(made.rejection.detail);
  const { text } = made.value;
  // More than anybody asks for: every request is counted, and none refused.
  const guarded = await serve(setup, (key) => setup.engine.access.authenticate(key), 1_000_000);
  const open = await serve(setup, () => Promise.resolve(ANYBODY), 0);
  const load = (http: Server) => loadAllocations(urlOf(http), CONNECTIONS, SECONDS, budget_ids, text);
  await load(guarded);
  await load(open);
  const rounds: { with_keys: number; without: number }[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const without = (await load(open)).per_second;
    rounds.push({ with_keys: (await load(guarded)).per_second, without });
  }
  const ratio = median(rounds.map(({ with_keys, without }) => with_keys / without));
  const whole = (count: number) => Math.round(count).toLocaleString("en-US");
  const report = [
    `On ${machine()}. SQLite, ${CONNECTIONS} connections, one hot budget; the middle one of ${options.rounds} comparisons of ${SECONDS} s, in turns.`,
    "",
    "| allocations a second, everybody let in | with keys, roles and a rate limit | share that is left |",
    "| ---: | ---: | ---: |",
    `| ${whole(median(rounds.map(({ without }) => without)))} | ${whole(median(rounds.map(({ with_keys }) => with_keys)))} | ${ratio.toFixed(3)} |`,
  ].join("\n");
  console.log(report);
  if (options.write) await keepReport("bench:access", report);
  guarded.close();
  open.close();
} finally {
  await setup.close();
  folder.remove();
}
