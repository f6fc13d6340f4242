import type { BudgetPort } from "@budget/adapter-port";
import type { NanoUsd } from "@budget/domain";
import { nanoOf, usdOf } from "./amounts.ts";
import { readGroupBy, readPeriod, type GroupBy, type RhetorPeriod } from "./words.ts";

export interface SummaryRequest {
  /** `daily` if left out. */
  readonly period?: string;
  /** `provider`, `model`, `component` or `task_type`; `provider` if left out. */
  readonly group_by?: string;
}

export interface UsageGroup {
  /** In USD. */
  readonly cost: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly count: number;
}

/** What was used in the current period, in UTC. */
export interface RhetorUsageSummary {
  readonly period: RhetorPeriod;
  readonly total_cost: number;
  readonly total_input_tokens: number;
  readonly total_output_tokens: number;
  readonly total_tokens: number;
  readonly count: number;
  readonly groups: Readonly<Record<string, UsageGroup>>;
}

interface Sum {
  cost_nano_usd: NanoUsd;
  input_tokens: number;
  output_tokens: number;
  count: number;
}

/** A part of the usage, with what it counts for. */
interface Part {
  readonly key: string;
  readonly cost: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly count: number;
}

const nothing = (): Sum => ({ cost_nano_usd: 0n, input_tokens: 0, output_tokens: 0, count: 0 });

function add(sum: Sum, part: Part): void {
  sum.cost_nano_usd += nanoOf(part.cost);
  sum.input_tokens += part.input_tokens;
  sum.output_tokens += part.output_tokens;
  sum.count += part.count;
}

const toGroup = ({ cost_nano_usd, ...counts }: Sum): UsageGroup => ({
  cost: usdOf(cost_nano_usd),
  ...counts,
});

/** Sums up what was used in the current day, week or month. */
export async function summariseUsage(
  port: BudgetPort,
  budget_id: string | undefined,
  { period: given_period = "daily", group_by: given_group = "provider" }: SummaryRequest,
): Promise<RhetorUsageSummary> {
  const period = readPeriod(given_period);
  const total = nothing();
  const groups = new Map<string, Sum>();
  for await (const part of partsOf(port, budget_id, period, readGroupBy(given_group))) {
    const group = groups.get(part.key) ?? nothing();
    groups.set(part.key, group);
    add(group, part);
    add(total, part);
  }
  return {
    period,
    total_cost: usdOf(total.cost_nano_usd),
    total_input_tokens: total.input_tokens,
    total_output_tokens: total.output_tokens,
    total_tokens: total.input_tokens + total.output_tokens,
    count: total.count,
    groups: Object.fromEntries([...groups].map(([key, sum]) => [key, toGroup(sum)])),
  };
}

async function* partsOf(
  port: BudgetPort,
  budget_id: string | undefined,
  period: RhetorPeriod,
  group_by: GroupBy,
): AsyncGenerator<Part> {
  const of_budget = budget_id === undefined ? {} : { budget_id };
  if (group_by === "task_type") {
    yield* partsByTaskType(port, period, of_budget);
    return;
  }
  for (const row of await port.usage.analytics({ period, ...of_budget }))
    yield {
      key: row[group_by],
      cost: row.total_cost,
      input_tokens: row.input_tokens,
      output_tokens: row.output_tokens,
      count: row.request_count,
    };
}

/** Budget keeps no sums by task type over all of them, so every record of the period is looked at. */
async function* partsByTaskType(
  port: BudgetPort,
  period: RhetorPeriod,
  of_budget: { readonly budget_id?: string },
): AsyncGenerator<Part> {
  const { start_time } = await port.usage.summary({ period, ...of_budget });
  const since = start_time === null ? {} : { start_time };
  for await (const record of port.usage.records({ ...of_budget, ...since }))
    yield {
      key: record.task_type,
      cost: record.total_cost,
      input_tokens: record.input_tokens,
      output_tokens: record.output_tokens,
      count: record.adjusts_record_id === null ? 1 : 0,
    };
}
