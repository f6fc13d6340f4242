import { setTimeout as pause } from "node:timers/promises";
import { join } from "node:path";
import { DEFAULT_VERIFICATION_RULES, type PriceObservation, type PriceRun } from "@budget/domain";
import { startPostgres } from "@budget/repositories/testing";
import { observationOf, type PriceSource } from "@budget/price-sources";
import { createPriceMonitor, type PriceMonitor } from "@budget/services";
import { Command } from "commander";
import { allocating } from "./in-process.ts";
import { keepReport } from "./keep-report.ts";
import { measure } from "./measure.ts";
import { machine } from "./report.ts";
import { clock, ids, makeBudgets, openSetup, temporaryFolder, type Setup } from "./setup.ts";

/** How long a run over the prices takes, and what it does to allocations beside it: `pnpm bench:prices`. */

const CALLERS = 32;
/** Of each source, which of 8,000 models it has: about a sixth of them are in several. */
const SHARES: readonly (readonly [name: string, from: number, to: number])[] = [
  ["first", 0, 2400],
  ["second", 2000, 5000],
  ["third", 4600, 7000],
  ["fourth", 6600, 8000],
];
/** As the server rests, see its world. */
const REST_MS = 10;
/** A run takes parts of a second; a comparison needs more. */
const LOAD_MS = 2000;

const options = new Command("bench:prices")
  .description("Measures a run over the prices of 8,000 models, and allocations beside it.")
  .option("--rounds <n>", "comparisons, of which the middle one counts", Number, 9)
  .option("--write", "keep the table in docs/performance.md", false)
  .parse()
  .opts<{ rounds: number; write: boolean }>();

/** What a model costs: the same at every source, and another amount for one in twenty after each change. */
function said(model: number, version: number): PriceObservation {
  const changes = model % 20 === 0 ? version : 0;
  const input = BigInt(100_000_000 + model * 1_000_000 + changes * 100_000_000);
  const name = `model-${model}x`;
  return observationOf({
    provider: `provider-${model % 40}`,
    model: name,
    components: [
      { unit: "input_tokens", amount_femto_usd: input, above_input_tokens: 0 },
      { unit: "output_tokens", amount_femto_usd: input * 4n, above_input_tokens: 0 },
      { unit: "cache_read_tokens", amount_femto_usd: input / 10n, above_input_tokens: 0 },
    ],
    raw: { name, input: input.toString() },
  });
}

/** Sources that say what the benchmark wants next. */
class Sources {
  version = 0;

  get all(): readonly PriceSource[] {
    return SHARES.map(([name, from, to], index) => ({
      name,
      lineage: name,
      trust_ppm: 900_000 - index * 100_000,
      interval_ms: 3_600_000,
      address: `https://${name}.example/prices.json`,
      read: () =>
        Promise.resolve({
          status: "read",
          reading: {
            observations: Array.from({ length: to - from }, (_, at) => said(from + at, this.version)),
            aliases: [],
            capabilities: [],
            set_aside: [],
          },
          etag: null,
          last_modified: null,
          content_hash: String(this.version),
        }),
    }));
  }
}

const silent = () => undefined;

const monitorOn = ({ database }: Setup, sources: Sources): PriceMonitor =>
  createPriceMonitor({
    database,
    clock,
    ids,
    logger: { error: console.error, warning: silent, info: silent, debug: silent },
    random: Math.random,
    rest: () => pause(REST_MS),
    sources: sources.all,
    rules: DEFAULT_VERIFICATION_RULES,
    markups: [],
  });

async function run(monitor: PriceMonitor, names: readonly string[]): Promise<PriceRun> {
  const outcome = await monitor.run("request", names);
  if (!outcome.ok) throw new Error(outcome.rejection.detail);
  return outcome.value;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from_ms = performance.now();
  await work();
  return performance.now() - from_ms;
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Result {
  readonly database: string;
  readonly things: number;
  readonly first_ms: number;
  readonly same_ms: number;
  readonly changed_ms: number;
  readonly quiet_p99_ms: number;
  readonly beside_p99_ms: number;
  readonly ratio: number;
}

/** Allocations while runs follow each other, beside allocations alone, in turns. */
async function compare(
  setup: Setup,
  monitor: PriceMonitor,
): Promise<Pick<Result, "quiet_p99_ms" | "beside_p99_ms" | "ratio">> {
  const budget_ids = await makeBudgets(setup.engine, 1);
  const load = () => measure(CALLERS, LOAD_MS, allocating(setup.engine, budget_ids));
  await load();
  const pairs: { quiet: number; beside: number }[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    const quiet = (await load()).p99_ms;
    const stop = new AbortController();
    const runs = (async () => {
      while (!stop.signal.aborted) await run(monitor, []);
    })();
    const beside = (await load()).p99_ms;
    stop.abort();
    await runs;
    pairs.push({ quiet, beside });
  }
  return {
    quiet_p99_ms: median(pairs.map(({ quiet }) => quiet)),
    beside_p99_ms: median(pairs.map(({ beside }) => beside)),
    ratio: median(pairs.map(({ quiet, beside }) => beside / quiet)),
  };
}

async function benchOn(database: string, url: string): Promise<Result> {
  const setup = await openSetup(url);
  const sources = new Sources();
  const monitor = monitorOn(setup, sources);
  const names = SHARES.map(([name]) => name);
  try {
    const first_ms = await timed(() => run(monitor, names));
    const same: number[] = [];
    const changed: number[] = [];
    let things = 0;
    for (let round = 0; round < 5; round += 1) {
      same.push(
        await timed(async () => (things = (await run(monitor, names)).report?.verification.things ?? 0)),
      );
      sources.version += 1;
      changed.push(await timed(() => run(monitor, names)));
    }
    const compared = await compare(setup, monitor);
    return { database, things, first_ms, same_ms: median(same), changed_ms: median(changed), ...compared };
  } finally {
    await setup.close();
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);

function toReport(results: readonly Result[]): string {
  const rows = results.map(
    (one) =>
      `| ${one.database} | ${one.things.toLocaleString("en-US")} | ${seconds(one.first_ms)} | ${seconds(one.same_ms)} | ` +
      `${seconds(one.changed_ms)} | ${one.quiet_p99_ms.toFixed(1)} | ${one.beside_p99_ms.toFixed(1)} | ${one.ratio.toFixed(2)} |`,
  );
  return [
    `On ${machine()}. Medians of five runs and of ${options.rounds} comparisons in turns; ${CALLERS} callers allocate without a pause.`,
    "",
    "| database | prices | first run s | nothing new s | 5 % changed s | p99 alone ms | p99 beside runs ms | ratio |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

const folder = temporaryFolder();
const server = await startPostgres({ durable: true });
try {
  const results = [
    await benchOn("SQLite", `sqlite:${join(folder.path, "prices.db")}`),
    await benchOn("PostgreSQL", server.url),
  ];
  const report = toReport(results);
  console.log(report);
  if (options.write) await keepReport("bench:prices", report);
} finally {
  await server.stop();
  folder.remove();
}
