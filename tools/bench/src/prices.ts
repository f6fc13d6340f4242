import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Logger, PriceRun } from "@budget/domain";
import { NO_PRICE_FILE } from "@budget/price-sources";
import { startPostgres } from "@budget/repositories/testing";
import { PriceProcess, priceRunOptions, systemTimers } from "@budget/server";
import { LONGEST_RUN_MS, createPriceMonitor, type PriceMonitor } from "@budget/services";
import { Command } from "commander";
import { allocating } from "./in-process.ts";
import { keepReport } from "./keep-report.ts";
import { measure, quantileOf, type DetailedMeasurement } from "./measure.ts";
import { machine } from "./report.ts";
import { makeBudgets, openSetup, temporaryFolder, type Setup } from "./setup.ts";

/** How long a run over the prices takes, and what it does to allocations beside it: `pnpm bench:prices`. */

const CALLERS = 32;
/** Allocations are counted for 3 s, the longest that a run may take, after a fifth that warms up. */
const LOAD_MS = 3750;
/** When the run begins that is made beside them. */
const RUN_AT_MS = 1000;
const RUNS = 5;
const PROVIDERS = ["openai", "anthropic", "google", "mistral", "deepseek", "xai", "cohere", "groq"];

const options = new Command("bench:prices")
  .description("Measures a run over the prices of 8,000 models, and allocations beside it.")
  .option("--rounds <n>", "comparisons, whose windows count together", Number, 15)
  .option("--write", "keep the table in docs/performance.md", false)
  .parse()
  .opts<{ rounds: number; write: boolean }>();

/** What a model costs, in dollars for a million tokens: the same at every source, and for one in twenty more with each version. */
function priceOf(model: number, version: number) {
  const input = 1 + model / 100 + (model % 20 === 0 ? version / 10 : 0);
  const provider = PROVIDERS[model % PROVIDERS.length] ?? "";
  return { provider, name: `model-${model}x`, input, output: input * 4, cache_read: input / 10 };
}

const modelsFrom = (first: number, count: number, version: number) =>
  Array.from({ length: count }, (_, at) => priceOf(first + at, version));

type Write = (version: number) => unknown;

const modelsDev: Write = (version) => {
  const providers = PROVIDERS.map((id): [string, { models: Record<string, unknown> }] => [
    id,
    { models: {} },
  ]);
  const all = Object.fromEntries(providers);
  for (const { provider, name, input, output, cache_read } of modelsFrom(0, 2500, version))
    all[provider]!.models[name] = { id: name, cost: { input, output, cache_read } };
  return all;
};

const liteLlm: Write = (version) =>
  Object.fromEntries(
    modelsFrom(2000, 3000, version).map(({ provider, name, input, output, cache_read }) => [
      name,
      {
        litellm_provider: provider,
        mode: "chat",
        input_cost_per_token: input / 1e6,
        output_cost_per_token: output / 1e6,
        cache_read_input_token_cost: cache_read / 1e6,
      },
    ]),
  );

const llmPrices: Write = (version) => ({
  prices: modelsFrom(4500, 1700, version).map(({ provider, name, input, output, cache_read }) => ({
    id: name,
    vendor: provider,
    name,
    input,
    output,
    input_cached: cache_read,
    from_date: null,
    to_date: null,
  })),
});

const SOURCES: Readonly<Record<string, Write>> = {
  models_dev: modelsDev,
  litellm: liteLlm,
  llm_prices: llmPrices,
};

/** Serves what sources say, in their own formats; together with the bundled catalogue about 8,000 prices. */
class Sources {
  readonly #http: Server;
  /** Written before they are asked for, because that takes longer than an allocation. */
  readonly #versions = [1, 2].map(
    (version) =>
      new Map(Object.entries(SOURCES).map(([name, write]) => [`/${name}`, JSON.stringify(write(version))])),
  );
  #changes = 0;

  private constructor(http: Server) {
    this.#http = http;
    http.on("request", ({ url = "" }, response) => {
      response.end(this.#versions[this.#changes % this.#versions.length]?.get(url));
    });
  }

  static async listen(): Promise<Sources> {
    const http = createServer();
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    return new Sources(http);
  }

  /** Says something else about one model in twenty. */
  change(): void {
    this.#changes += 1;
  }

  get settings() {
    const origin = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
    const others = { source: "openrouter", enabled: false };
    const allowed = { allow_http: true, allow_private_addresses: true };
    return [
      ...Object.keys(SOURCES).map((source) => ({ source, address: `${origin}/${source}`, ...allowed })),
      others,
    ];
  }

  close(): void {
    this.#http.closeAllConnections();
    this.#http.close();
  }
}

const silent = () => undefined;
const logger: Logger = { error: console.error, warning: console.error, info: silent, debug: silent };

/** As a server has it, with runs in a process of their own. */
function monitorOn({ database }: Setup, url: string, sources: Sources) {
  const settings = { update_interval_min: 60, file: { ...NO_PRICE_FILE, sources: sources.settings } };
  const priceProcess = new PriceProcess({
    database: { database_url: url, database_key: "", secret_keys: [] },
    settings,
    logger,
    timers: systemTimers,
    longest_run_ms: LONGEST_RUN_MS,
  });
  const monitor = createPriceMonitor(priceRunOptions(database, null, settings, logger), priceProcess.perform);
  return { monitor, priceProcess };
}

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

/** How much is allocated beside runs. */
interface Load {
  readonly name: string;
  readonly pause_ms: number;
}

const LOADS: readonly Load[] = [
  { name: "half of what fits", pause_ms: 10 },
  { name: "all that fits", pause_ms: 0 },
];

interface Durations {
  readonly things: number;
  readonly first_ms: number;
  readonly same_ms: number;
  readonly changed_ms: number;
}

interface Comparison {
  readonly load: Load;
  readonly per_second: number;
  readonly quiet_p99_ms: number;
  /** Of the 99th percentile beside a run to the one without. */
  readonly same_ratio: number;
  readonly changed_ratio: number;
}

interface Result extends Durations {
  readonly database: string;
  readonly comparisons: readonly Comparison[];
}

const NAMES = ["genai_prices", ...Object.keys(SOURCES)];

/** The 99th percentile of all windows together: one window of a noisy machine has few latencies in its tail. */
const p99Of = (windows: readonly DetailedMeasurement[]): number =>
  quantileOf(Float64Array.from(windows.flatMap(({ latencies_ms }) => latencies_ms)).sort(), 0.99);

/** Allocations alone, beside a run that finds nothing new, and beside one that finds changes, in turns. */
async function compare(
  load: Load,
  allocate: () => Promise<void>,
  monitor: PriceMonitor,
  sources: Sources,
): Promise<Comparison> {
  const measured = () => measure(CALLERS, LOAD_MS, allocate, load.pause_ms);
  const besideRun = async (): Promise<DetailedMeasurement> => {
    const running = pause(RUN_AT_MS).then(() => run(monitor, NAMES));
    const measurement = await measured();
    await running;
    return measurement;
  };
  await measured();
  const quiet: DetailedMeasurement[] = [];
  const same: DetailedMeasurement[] = [];
  const changed: DetailedMeasurement[] = [];
  for (let round = 0; round < options.rounds; round += 1) {
    quiet.push(await measured());
    same.push(await besideRun());
    sources.change();
    changed.push(await besideRun());
  }
  const quiet_p99_ms = p99Of(quiet);
  return {
    load,
    per_second: median(quiet.map(({ per_second }) => per_second)),
    quiet_p99_ms,
    same_ratio: p99Of(same) / quiet_p99_ms,
    changed_ratio: p99Of(changed) / quiet_p99_ms,
  };
}

async function durations(monitor: PriceMonitor, sources: Sources): Promise<Durations> {
  const first_ms = await timed(() => run(monitor, NAMES));
  const same: number[] = [];
  const changed: number[] = [];
  let things = 0;
  for (let round = 0; round < RUNS; round += 1) {
    same.push(
      await timed(async () => (things = (await run(monitor, NAMES)).report?.verification.things ?? 0)),
    );
    sources.change();
    changed.push(await timed(() => run(monitor, NAMES)));
  }
  return { things, first_ms, same_ms: median(same), changed_ms: median(changed) };
}

async function benchOn(database: string, url: string): Promise<Result> {
  const setup = await openSetup(url);
  const sources = await Sources.listen();
  const { monitor, priceProcess } = monitorOn(setup, url, sources);
  try {
    const taken = await durations(monitor, sources);
    const allocate = allocating(setup.engine, await makeBudgets(setup.engine, 1));
    const comparisons: Comparison[] = [];
    for (const load of LOADS) comparisons.push(await compare(load, allocate, monitor, sources));
    return { database, ...taken, comparisons };
  } finally {
    priceProcess.stop();
    sources.close();
    await setup.close();
  }
}

const seconds = (ms: number): string => (ms / 1000).toFixed(2);
const whole = (count: number): string => Math.round(count).toLocaleString("en-US");

function toReport(results: readonly Result[]): string {
  const taken = results.map(
    ({ database, things, first_ms, same_ms, changed_ms }) =>
      `| ${database} | ${whole(things)} | ${seconds(first_ms)} | ${seconds(same_ms)} | ${seconds(changed_ms)} |`,
  );
  const compared = results.flatMap(({ database, comparisons }) =>
    comparisons.map(
      ({ load, per_second, quiet_p99_ms, same_ratio, changed_ratio }) =>
        `| ${database} | ${load.name} | ${whole(per_second)} | ${quiet_p99_ms.toFixed(1)} | ` +
        `${same_ratio.toFixed(2)} | ${changed_ratio.toFixed(2)} |`,
    ),
  );
  return [
    `On ${machine()}. Medians of ${RUNS} runs; ${CALLERS} callers, in ${options.rounds} windows of 3 s of each kind, in turns.`,
    "",
    "| database | prices | first run s | nothing new s | 5 % changed s |",
    "| --- | ---: | ---: | ---: | ---: |",
    ...taken,
    "",
    "| database | allocations | a second | p99 alone ms | times that with a run in the window, nothing new | times that, 5 % changed |",
    "| --- | --- | ---: | ---: | ---: | ---: |",
    ...compared,
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
