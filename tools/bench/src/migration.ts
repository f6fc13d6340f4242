import { join } from "node:path";
import { createHistoryImporter, type UsageDraft } from "@budget/engine";
import { startPostgres } from "@budget/repositories/testing";
import { Command } from "commander";
import { keepReport } from "./keep-report.ts";
import { machine } from "./report.ts";
import { CONTEXT, clock, ids, makeBudgets, openSetup, temporaryFolder } from "./setup.ts";

/** How long the history of an older system takes to move in: `pnpm bench:migration`. */

const options = new Command("bench:migration")
  .description("Imports rows of usage that are made up as they are read.")
  .option("--rows <n>", "rows of usage", Number, 1_000_000)
  .option("--write", "keep the table in docs/performance.md", false)
  .parse()
  .opts<{ rows: number; write: boolean }>();

const SOURCE = { system: "rhetor", name: "bench" } as const;
const MODELS = ["gpt-4o", "gpt-4-turbo", "claude-3-opus-20240229", "claude-3-haiku", "llama-3", "mistral"];
const COMPONENTS = ["rhetor", "ergon", "codex", "apollo", "athena", "prometheus", "telos", "sophia"];
const TASKS = ["chat", "coding", "analysis"];
/** The rows are spread evenly over so long a time, up to now. */
const SPAN_MS = 365 * 86_400_000;

/** Rows as an older system would have kept them, one at a time. */
function* rowsOfUsage(count: number, now_ms: number): Generator<UsageDraft> {
  for (let index = 0; index < count; index += 1) {
    const model = MODELS[index % MODELS.length]!;
    const component = COMPONENTS[index % COMPONENTS.length]!;
    const input_tokens = 500 + (index % 9000);
    const output_tokens = 100 + (index % 3000);
    const timestamp_ms = now_ms - SPAN_MS + Math.floor((SPAN_MS / count) * index);
    yield {
      source_id: String(index + 1),
      content: JSON.stringify([index + 1, timestamp_ms, model, component, input_tokens, output_tokens]),
      timestamp_ms,
      context_id: "rhetor",
      component,
      provider: "bench",
      model,
      task_type: TASKS[index % TASKS.length]!,
      input_tokens,
      output_tokens,
      total_tokens: input_tokens + output_tokens,
      cost: {
        input_nano_usd: BigInt(input_tokens) * 10_000n,
        output_nano_usd: BigInt(output_tokens) * 30_000n,
        other_nano_usd: 0n,
      },
      operation_id: null,
      metadata: { request: index },
    };
  }
}

interface Run {
  readonly database: "SQLite" | "PostgreSQL";
  readonly import_s: number;
  /** The same once more, of which nothing is new. */
  readonly again_s: number;
  readonly totals_s: number;
  readonly verify_s: number;
  /** The most that the process had in memory, beyond what it had before. */
  readonly added_memory_mb: number;
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [seconds: number, value: T]> {
  const start_ms = performance.now();
  const value = await work();
  return [(performance.now() - start_ms) / 1000, value];
}

async function measureImport(database: Run["database"], url: string): Promise<Run> {
  const setup = await openSetup(url);
  try {
    const [budget_id = ""] = await makeBudgets(setup.engine, 1);
    const importer = createHistoryImporter({ database: setup.database, clock, ids });
    const now_ms = clock.now();
    const memory_before = process.memoryUsage().rss;
    let most_memory = memory_before;
    const importAll = () =>
      importer.import(CONTEXT, SOURCE, { dry_run: false }, (history) =>
        history.importUsage(budget_id, rowsOfUsage(options.rows, now_ms), () => {
          most_memory = Math.max(most_memory, process.memoryUsage().rss);
        }),
      );
    const [import_s, first] = await timed(importAll);
    const [again_s, second] = await timed(importAll);
    const [totals_s, totals] = await timed(() => importer.totals(CONTEXT, SOURCE));
    const [verify_s, verified] = await timed(() => setup.engine.verify(CONTEXT));
    const counted = totals.reduce((sum, { records }) => sum + records, 0);
    if (first.imported !== options.rows || second.merged !== options.rows || counted !== options.rows)
      throw new Error(`Not every row was imported once: ${JSON.stringify([first, second, counted])}.`);
    if (verified.differences.length > 0)
      throw new Error(`${verified.differences.length} differences after it.`);
    return {
      database,
      import_s,
      again_s,
      totals_s,
      verify_s,
      added_memory_mb: (most_memory - memory_before) / 2 ** 20,
    };
  } finally {
    await setup.close();
  }
}

const runs: Run[] = [];
const folder = temporaryFolder();
try {
  runs.push(await measureImport("SQLite", `sqlite:${join(folder.path, "import.db")}`));
  console.error(runs.at(-1));
} finally {
  folder.remove();
}
const server = await startPostgres({ durable: true });
try {
  runs.push(await measureImport("PostgreSQL", server.url));
} finally {
  await server.stop();
}

const lines = runs.map(
  ({ database, import_s, again_s, totals_s, verify_s, added_memory_mb }) =>
    `| ${database} | ${import_s.toFixed(1)} | ${again_s.toFixed(1)} | ${totals_s.toFixed(1)} | ` +
    `${verify_s.toFixed(1)} | ${added_memory_mb.toFixed(0)} |`,
);
const report = [
  `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine()}. ${options.rows.toLocaleString("en-US")} rows ` +
    "of a year, into a budget with two limits.",
  [
    "| database | import, s | the same again, s | totals, s | verify, s | memory added, MB |",
    "| --- | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n"),
].join("\n\n");
console.log(report);
if (options.write) await keepReport("bench:migration", report);
