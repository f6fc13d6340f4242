import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { costOfTokens, nanoToUsdText, parseUsdToNano, type NanoUsd } from "@budget/domain";
import { OutputEstimates } from "@budget/engine";
import { readBundledCatalogue } from "@budget/price-sources";
import { migrate, openDatabase } from "@budget/repositories";
import { Command } from "commander";
import prettier from "prettier";
import { THRESHOLDS, simulate, type Run, type Strategy, type Workload } from "./holds-simulation.ts";

const REPORT = fileURLToPath(new URL("../../../docs/learned-holds.md", import.meta.url));
const START_MARK = "<!-- bench: what follows is written by `pnpm bench:holds --write` -->";

const NEVER = { extend_by: null, stops_when_refused: false };
const STRATEGIES: readonly Strategy[] = [
  { name: "`max`", share: null, ...NEVER },
  { name: "`p99`", share: 0.99, ...NEVER },
  { name: "`p95`", share: 0.95, ...NEVER },
  { name: "`p95`, extended by 1,024", share: 0.95, extend_by: 1024, stops_when_refused: false },
  { name: "`p95`, extended to the maximum", share: 0.95, extend_by: Infinity, stops_when_refused: false },
  { name: "`p95`, extended by 1,024 or stopped", share: 0.95, extend_by: 1024, stops_when_refused: true },
];

const options = new Command("bench:holds")
  .description("Simulates agents on one budget that hold the maximum, or what was learned of their outputs.")
  .option("--runs <n>", "budgets of each scenario, each with a seed of its own", Number, 100)
  .option("--seed <n>", "the seed of the first", Number, 1)
  .option("--write", "keep the tables in docs/learned-holds.md", false)
  .parse()
  .opts<{ runs: number; seed: number; write: boolean }>();

/** What a call of so many tokens costs at the price of a model, the input first. */
async function costsOf(
  provider: string,
  model: string,
  input_tokens: number,
): Promise<(tokens: number) => NanoUsd> {
  const { drafts } = await readBundledCatalogue();
  const price = drafts.find(
    (draft) => draft.provider === provider && draft.model === model && draft.service_tier === "standard",
  );
  if (price === undefined) throw new Error(`The catalogue has no price of ${provider}/${model}.`);
  const known = new Map<number, NanoUsd>();
  return (tokens) => {
    let cost = known.get(tokens);
    if (cost === undefined) {
      const input = Math.min(tokens, input_tokens);
      cost = costOfTokens(price, input, tokens - input) ?? 0n;
      known.set(tokens, cost);
    }
    return cost;
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`;
const fine = (share: number): string => percent(share, 2);
const count = (value: number): string => value.toFixed(value > 0 && value < 10 ? 1 : 0);

function toRow({ name }: Strategy, runs: readonly Run[]): string {
  const meanOf = (measure: (run: Run) => number): number => mean(runs.map(measure));
  const passed = runs.map(({ used_at_end }) => Math.max(0, used_at_end - 1));
  const cells = [
    name,
    percent(meanOf((run) => run.used_at_first_refusal)),
    percent(meanOf((run) => run.calls_at_first_refusal / run.ideal_calls)),
    THRESHOLDS.map((threshold) => count(meanOf((run) => run.refusals_below[threshold]))).join(" / "),
    percent(meanOf((run) => run.calls_that_waited / run.calls)),
    `${meanOf((run) => run.minutes_to_95 ?? Number.NaN).toFixed(1)} min`,
    fine(meanOf((run) => run.calls_with_overage / run.calls)),
    fine(meanOf((run) => run.calls_cut_short / run.calls)),
    percent(meanOf((run) => run.used_at_end)),
    percent(Math.max(...passed)),
  ];
  return `| ${cells.join(" | ")} |`;
}

const HEAD = [
  "| hold | used at the first refusal | calls by then, of the ideal | refusals below 50 / 80 / 95 % used | calls that waited | 95 % used after | calls with overage | cut short | used in the end | furthest past the limit |",
  `| --- ${"| ---: ".repeat(9)}|`,
];

const number = (value: number): string => value.toLocaleString("en-US");

/** What the agents' calls would hold together at the maximum, as a share of the limit. */
function heldAtMaximum({
  agents,
  limit_nano_usd,
  input_tokens,
  max_output_tokens,
  costOf,
}: Workload): string {
  const held = BigInt(agents) * costOf(input_tokens + max_output_tokens);
  return percent(Number(held) / Number(limit_nano_usd), 0);
}

const words = (workload: Workload): string =>
  `Limit $${nanoToUsdText(workload.limit_nano_usd)}, 1 call in ${number(Math.round(1 / workload.share_at_maximum))} ` +
  `at the maximum, ` +
  (workload.calls_before === 0
    ? "nothing learned before"
    : `${number(workload.calls_before)} calls learned before`);

const INPUT_TOKENS = 1200;
const shape: Workload = {
  agents: 40,
  limit_nano_usd: parseUsdToNano(10),
  costOf: await costsOf("openai", "gpt-4o", INPUT_TOKENS),
  input_tokens: INPUT_TOKENS,
  max_output_tokens: 8192,
  median_output_tokens: 350,
  sigma: 1,
  share_at_maximum: 1 / 50,
  calls_before: 2000,
};
const WORKLOADS: readonly Workload[] = [
  shape,
  { ...shape, limit_nano_usd: parseUsdToNano(4) },
  { ...shape, limit_nano_usd: parseUsdToNano(100) },
  { ...shape, share_at_maximum: 1 / 200 },
  { ...shape, calls_before: 0 },
];

const database = openDatabase({ url: "sqlite::memory:" });
await migrate(database);
const sections = WORKLOADS.map((workload) => {
  const rows = STRATEGIES.map((strategy) => {
    const runs = Array.from({ length: options.runs }, (_, index) => {
      const estimates = new OutputEstimates({ database, clock: { now: () => 0 } });
      return simulate(workload, strategy, estimates, options.seed + index);
    });
    return toRow(strategy, runs);
  });
  const together = `At the maximum, ${workload.agents} calls hold ${heldAtMaximum(workload)} of this limit.`;
  return [`### ${words(workload)}`, together, [...HEAD, ...rows].join("\n")].join("\n\n");
});
await database.close();

const report = [
  `Means of ${options.runs} runs of each line, with seeds from ${options.seed}; the last column is the worst of them.`,
  ...sections,
].join("\n\n");
console.log(report);
if (options.write) {
  const [before] = readFileSync(REPORT, "utf8").split(START_MARK);
  const page = `${before ?? ""}${START_MARK}\n\n${report}\n`;
  writeFileSync(REPORT, await prettier.format(page, { parser: "markdown", printWidth: 110 }));
}
