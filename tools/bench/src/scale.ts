import { join } from "node:path";
import { startPostgres } from "@budget/repositories/testing";
import { Command } from "commander";
import { FEWEST_BUDGETS, fillBudgets, filledBudgetIds, openFilled } from "./fill.ts";
import { allocating } from "./in-process.ts";
import { keepReport } from "./keep-report.ts";
import { measure, medianOf, type Measurement } from "./measure.ts";
import { machine } from "./report.ts";
import { openSetup, temporaryFolder } from "./setup.ts";

/** What an allocation costs in databases of different sizes: `pnpm bench:scale`. */

const BUDGET_COUNTS = [FEWEST_BUDGETS, 1000, 100_000];
const CALLERS = 32;

const options = new Command("bench:scale")
  .description("Measures an allocation on small and large databases.")
  .option("--seconds <n>", "seconds of each run", Number, 2)
  .option("--runs <n>", "runs of each scenario, of which the middle one counts", Number, 5)
  .option("--usage <rows>", "numbers of usage rows, with commas between them", "10000,5000000")
  .option("--write", "keep the table in docs/performance.md", false)
  .parse()
  .opts<{ seconds: number; runs: number; usage: string; write: boolean }>();
const usageCounts = options.usage.split(",").map(Number);

interface Size {
  readonly database: "SQLite" | "PostgreSQL";
  readonly budgets: number;
  readonly usage_rows: number;
  /** One caller, each allocation a commit of its own. */
  readonly alone: Measurement;
  readonly together: Measurement;
}

const sizes: Size[] = [];

/** Opens the engine anew, as a server that starts on a database of this size, and measures over random budgets. */
async function measureSize(url: string, budgets: number): Promise<Pick<Size, "alone" | "together">> {
  const setup = await openSetup(url);
  // Every budget is asked in turn, in an order that has nothing to do with where its rows are.
  const budget_ids = filledBudgetIds(budgets).toSorted((left, right) => scattered(left) - scattered(right));
  const work = allocating(setup.engine, budget_ids);
  const run = (callers: number) =>
    medianOf(options.runs, () => measure(callers, options.seconds * 1000, work));
  try {
    await work();
    return { alone: await run(1), together: await run(CALLERS) };
  } finally {
    await setup.close();
  }
}

const scattered = (id: string): number => (Number.parseInt(id.slice(-8), 16) * 2_654_435_761) % 2 ** 32;

/** Fills a database step by step, and measures it at each. */
async function measureSizes(database: Size["database"], url: string, usage_rows: number): Promise<void> {
  const { setup, template } = await openFilled(url, usage_rows);
  try {
    let made = FEWEST_BUDGETS;
    for (const budgets of BUDGET_COUNTS) {
      if (budgets > made) await fillBudgets(setup.database, template, made + 1, budgets);
      made = budgets;
      if (database === "PostgreSQL") await setup.database.patiently((knex) => knex.raw("VACUUM ANALYZE"));
      sizes.push({ database, budgets, usage_rows, ...(await measureSize(url, budgets)) });
      console.error(table(sizes).split("\n").at(-1));
    }
  } finally {
    await setup.close();
  }
}

/** Beside each size, what the cost of one allocation is of the smallest size's. */
function table(rows: readonly Size[]): string {
  const lines = rows.map((size) => {
    const smallest = rows.find(({ database }) => database === size.database) ?? size;
    const alone = size.alone.p50_ms / smallest.alone.p50_ms;
    const together = smallest.together.per_second / size.together.per_second;
    return (
      `| ${size.database} | ${count(size.budgets)} | ${count(size.usage_rows)} | ${size.alone.p50_ms.toFixed(2)} | ` +
      `${alone.toFixed(2)} | ${count(Math.round(size.together.per_second))} | ${together.toFixed(2)} |`
    );
  });
  return [
    "| database | budgets | usage rows | one caller: p50 ms | times the smallest | 32 callers: per second | cost of one, times the smallest |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}

const count = (value: number): string => value.toLocaleString("en-US");

for (const usage_rows of usageCounts) {
  const folder = temporaryFolder();
  try {
    await measureSizes("SQLite", `sqlite:${join(folder.path, "scale.db")}`, usage_rows);
  } finally {
    folder.remove();
  }
}
for (const usage_rows of usageCounts) {
  const server = await startPostgres({ durable: true });
  try {
    await measureSizes("PostgreSQL", server.url, usage_rows);
  } finally {
    await server.stop();
  }
}

const report = [
  `Measured on ${new Date().toISOString().slice(0, 10)}: ${machine()}. Each figure is the middle one of ${options.runs} runs of ` +
    `${options.seconds} s; allocations go to all budgets in turn.`,
  table(sizes),
].join("\n\n");
console.log(report);
if (options.write) await keepReport("bench:scale", report);
