import type { Period, ServiceTier, UsageRecord } from "@budget/client-js";
import { PERIODS } from "@budget/domain";
import { Option, type Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { checkSpan, instant, wholeNumber } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World, type Session } from "../session.ts";
import { findBudget } from "./budgets.ts";

interface RecordOptions {
  readonly allocation?: string;
  readonly budget?: string;
  readonly context?: string;
  readonly component?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly taskType?: string;
  readonly serviceTier?: ServiceTier;
  readonly scope?: string;
  readonly input?: number;
  readonly output?: number;
  readonly response?: string;
  readonly final?: boolean;
}

interface FilterOptions {
  readonly budget?: string;
  readonly provider?: string;
  readonly model?: string;
  readonly component?: string;
  readonly taskType?: string;
  readonly period?: Period;
  readonly from?: string;
  readonly to?: string;
  readonly limit?: number;
}

function showRecord(record: UsageRecord): string {
  const fields = toFields({
    id: record.record_id,
    allocation: record.allocation_id,
    model: `${record.provider}/${record.model}`,
    tokens: `${record.input_tokens} input, ${record.output_tokens} output`,
    cost: record.pricing_id === null ? "unknown: no price is known" : usd(record.total_cost),
    overage:
      record.overage_tokens === 0 ? "none" : `${record.overage_tokens} tokens, ${usd(record.overage_cost)}`,
    booked: record.timestamp,
  });
  const rows = record.cost_components.map(({ unit, quantity, cost_per_unit, cost, estimated }) => [
    unit,
    quantity,
    usd(cost_per_unit),
    usd(cost) + (estimated ? " (estimated)" : ""),
  ]);
  return rows.length === 0
    ? fields
    : `${fields}\n\n${toTable(["unit", "quantity", "per unit", "cost"], rows)}`;
}

async function readResponse(path: string, world: World): Promise<Record<string, unknown>> {
  const text = await world.readFile(path);
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

const withFilters = (command: Command): Command =>
  command
    .option("--budget <budget>", "only of this budget, by id or name")
    .option("--provider <name>", "only of this provider")
    .option("--model <name>", "only of this model")
    .option("--component <name>", "only of this component")
    .option("--task-type <name>", "only of this type of task")
    .option("--from <time>", "from this instant or day on", instant)
    .option("--to <time>", "up to this instant, or the start of this day", instant);

async function readFilters(options: FilterOptions, { client }: Session) {
  checkSpan(["--from", options.from], ["--to", options.to]);
  const budget_id =
    options.budget === undefined ? undefined : (await findBudget(client, options.budget)).budget_id;
  return given({
    budget_id,
    provider: options.provider,
    model: options.model,
    component: options.component,
    task_type: options.taskType,
    start_time: options.from,
    end_time: options.to,
  });
}

export function addUsageCommands(program: Command, world: World): void {
  const usage = program.command("usage").description("what calls really used");

  usage
    .command("record")
    .description("book what a call used")
    .option("--allocation <id>", "allocation that held it; it knows most of the rest")
    .option("--budget <budget>", "id or name, where there is no allocation")
    .option("--context <id>", "session, task or conversation")
    .option("--component <name>", "component that called")
    .option("--provider <name>", "provider of the model")
    .option("--model <name>", "model that answered")
    .option("--task-type <name>", "kind of work")
    .option("--service-tier <tier>", "standard, batch, flex, priority or fast; the allocation's if left out")
    .option("--scope <scope>", "region or commitment; the allocation's if left out")
    .option("--input <n>", "all input tokens, cached ones included", wholeNumber)
    .option("--output <n>", "all output tokens, reasoning included", wholeNumber)
    .option(
      "--response <file>",
      "the provider's own response as JSON, which is counted; - reads standard input",
    )
    .option("--final", "settle the allocation and free what it still holds")
    .action(async (options: RecordOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const {
        allocation,
        budget,
        context,
        component,
        provider,
        model,
        taskType,
        serviceTier,
        scope,
        input,
        output,
        response,
        final,
      } = options;
      const budget_id = budget === undefined ? undefined : (await findBudget(client, budget)).budget_id;
      const body = given({
        allocation_id: allocation,
        budget_id,
        context_id: context,
        component,
        provider,
        model,
        task_type: taskType,
        service_tier: serviceTier,
        price_scope: scope,
        input_tokens: input,
        output_tokens: output,
        response: response === undefined ? undefined : await readResponse(response, world),
        final,
      });
      const record = await client.usage.record(body);
      show(record, showRecord(record));
    });

  withFilters(usage.command("list").description("list usage records, newest first"))
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (options: FilterOptions, command: Command) => {
      const session = await openSession(command, world);
      const filters = await readFilters(options, session);
      const list = await session.client.usage.list({ ...filters, ...given({ limit: options.limit }) });
      const rows = list.items.map((one) => [
        one.record_id,
        one.model,
        `${one.input_tokens}+${one.output_tokens}`,
        usd(one.total_cost),
      ]);
      session.show(list, toTable(["id", "model", "tokens", "cost"], rows));
    });

  withFilters(usage.command("summary").description("sum up usage"))
    .addOption(new Option("--period <period>", "the current window of this period, in UTC").choices(PERIODS))
    .action(async (options: FilterOptions, command: Command) => {
      const session = await openSession(command, world);
      const filters = await readFilters(options, session);
      const summary = await session.client.usage.summary({
        ...filters,
        ...given({ period: options.period }),
      });
      const text = toFields({
        requests: summary.request_count,
        "input tokens": summary.total_input_tokens,
        "output tokens": summary.total_output_tokens,
        "input cost": usd(summary.total_input_cost),
        "output cost": usd(summary.total_output_cost),
        "other cost": usd(summary.total_other_cost),
        cost: usd(summary.total_cost),
      });
      session.show(summary, text);
    });
}
