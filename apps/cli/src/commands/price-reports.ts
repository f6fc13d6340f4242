import type { BudgetClient, Coverage, Recommendations, RepriceReport } from "@budget/client-js";
import { familyOf, modelKey } from "@budget/domain";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { checkSpan, instant, wholeNumber } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

function showReprice({
  dry_run,
  records_checked,
  records_unpriced,
  budgets,
  models,
  ...report
}: RepriceReport) {
  const fields = toFields({
    "records checked": records_checked,
    [dry_run ? "would be set right" : "set right"]: report.records_adjusted,
    "without a price": records_unpriced,
    difference: usd(report.difference),
  });
  if (report.records_adjusted === 0) return fields;
  const amounts = (sums: RepriceReport["budgets"][number] | RepriceReport["models"][number]) => [
    sums.records,
    usd(sums.booked_cost),
    usd(sums.repriced_cost),
    usd(sums.difference),
  ];
  const byBudget = toTable(
    ["budget", "records", "booked", "is", "difference"],
    budgets.map((sums) => [sums.budget_id, ...amounts(sums)]),
  );
  const byModel = toTable(
    ["model", "records", "booked", "is", "difference"],
    models.map((sums) => [sums.model, ...amounts(sums)]),
  );
  return `${fields}\n\n${byBudget}\n\n${byModel}`;
}

function showRecommendations({
  items,
  current_provider,
  current_model,
  current_cost,
  calls,
  calls_left_out,
  typical,
}: Recommendations): string {
  const costs = typical
    ? "No usage with a price was found; these are the costs of one call of 1,000 tokens in and out."
    : `The latest ${calls} calls of ${current_provider}/${current_model} cost ${usd(current_cost)} at its price of now.`;
  const leftOut = `Left out: ${calls_left_out}, because the model has no price for all that they used.`;
  const what = calls_left_out === 0 ? costs : `${costs}\n${leftOut}`;
  if (items.length === 0) return `${what}\n\nNo model that can do the same is cheaper.`;
  const yesOrNo = (known: boolean | null): string => (known === null ? "?" : known ? "yes" : "no");
  const rows = items.map((one) => [
    `${one.provider}/${one.model}`,
    usd(one.estimated_cost),
    `${one.cost_reduction_percentage} %`,
    one.context_tokens ?? "?",
    yesOrNo(one.tools),
    yesOrNo(one.vision),
    inWords(one.price_status),
  ]);
  const table = toTable(["model", "cost", "saves", "context", "tools", "vision", "price"], rows);
  const isUnsure = rows.some((row) => row.includes("?"));
  return [what, table, ...(isUnsure ? ["? is what no source says."] : [])].join("\n\n");
}

/** Says under which dated names of a model usage is filed, since what is found for its undated name is not on it. */
async function usedSnapshots(
  client: BudgetClient,
  { current_provider: provider, current_model: model }: Recommendations,
  days: number | undefined,
): Promise<readonly string[]> {
  const own = modelKey({ provider, model });
  const { items } = await client.prices.coverage(given({ days }));
  const names = items.flatMap((item) => {
    const family = familyOf(item.model);
    return family !== undefined && modelKey({ provider: item.provider, model: family }) === own
      ? [item.model]
      : [];
  });
  return names.length === 0 ? [] : [`Usage is filed under ${names.join(", ")}: ask for that name.`];
}

const inWords = (status: string): string => status.replaceAll("_", " ");

function showCoverage({ days, models, models_verified, total_cost, verified_cost, items }: Coverage): string {
  const manual = items.filter(({ price_status }) => price_status === "manual").length;
  const fields = toFields({
    "in the last": `${days} days`,
    "models in use": models,
    "with a verified price": models_verified - manual,
    "with a manual price": manual,
    spent: usd(total_cost),
    "at verified or manual prices": usd(verified_cost),
  });
  const rows = items.map((item) => [
    `${item.provider}/${item.model}`,
    item.request_count,
    usd(item.total_cost),
    inWords(item.price_status ?? "unknown"),
  ]);
  return rows.length === 0 ? fields : `${fields}\n\n${toTable(["model", "calls", "spent", "price"], rows)}`;
}

interface RepriceOptions {
  readonly from: string;
  readonly to: string;
  readonly provider?: string;
  readonly model?: string;
  readonly at?: string;
  readonly dryRun?: boolean;
  readonly by?: string;
  readonly why?: string;
}

/** Who asks, and why: a look at what would be booked leaves no record of either. */
function askedBy({ dryRun = false, by, why }: RepriceOptions): { repriced_by: string; why: string } {
  if (dryRun) return { repriced_by: by ?? "dry run", why: why ?? "dry run" };
  if (by === undefined || why === undefined)
    throw new UsageError("Say --by NAME and --why REASON, for the record; --dry-run needs neither.");
  return { repriced_by: by, why };
}

interface RecommendOptions {
  readonly component?: string;
  readonly taskType?: string;
  readonly days?: number;
  readonly anyProvider?: boolean;
  readonly context?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly reasoning?: boolean;
  readonly limit?: number;
}

export function addPriceReportCommands(prices: Command, world: World): void {
  prices
    .command("reprice")
    .description("work out anew what past usage costs, at the prices of now, and book the differences")
    .requiredOption("--from <time>", "usage from this instant or day on", instant)
    .requiredOption("--to <time>", "usage before this instant, or the start of this day", instant)
    .option("--provider <name>", "only of this provider")
    .option("--model <name>", "only of this model")
    .option("--at <time>", "at the prices that were in force then", instant)
    .option("--dry-run", "book nothing, and show what would be booked")
    .option("--by <name>", "who asks for it; needed without --dry-run")
    .option("--why <reason>", "the reason, for the record; needed without --dry-run")
    .action(async (options: RepriceOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { from, to, dryRun, provider, model, at } = options;
      checkSpan(["--from", from], ["--to", to]);
      const report = await client.prices.reprice({
        start_time: from,
        end_time: to,
        ...askedBy(options),
        ...given({ provider, model, at, dry_run: dryRun }),
      });
      show(report, showReprice(report));
    });

  prices
    .command("coverage")
    .description("list the models in use, those without a verified price first")
    .option("--days <n>", "in so many days up to now", wholeNumber)
    .action(async (options: { days?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const coverage = await client.prices.coverage(given(options));
      show(coverage, showCoverage(coverage));
    });

  prices
    .command("recommend <provider> <model>")
    .description("find cheaper models for what was really used lately")
    .option("--component <name>", "on the usage of this component")
    .option("--task-type <name>", "on the usage of this task type")
    .option("--days <n>", "on the usage of so many days up to now", wholeNumber)
    .option("--any-provider", "of other providers, too")
    .option("--context <n>", "that are known to take so many tokens", wholeNumber)
    .option("--tools", "that are known to use tools")
    .option("--vision", "that are known to read images")
    .option("--reasoning", "that are known to reason")
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (provider: string, model: string, options: RecommendOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { anyProvider, context, taskType, ...rest } = options;
      const request = given({
        ...rest,
        task_type: taskType,
        any_provider: anyProvider,
        context_tokens: context,
      });
      const found = await client.prices.recommendations({ provider, model, ...request });
      const elsewhere = found.typical ? await usedSnapshots(client, found, rest.days) : [];
      show(found, [showRecommendations(found), ...elsewhere].join("\n\n"));
    });
}
