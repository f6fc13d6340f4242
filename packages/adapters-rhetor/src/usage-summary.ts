import type { BudgetPort } from "@budget/adapter-port";
import type { UsageGroup as Group } from "@budget/client-js";
import type { NanoUsd } from "@budget/domain";
import { nanoOf, plain, usdOf } from "./amounts.ts";
import { readGroupBy, readPeriod, type RhetorPeriod } from "./words.ts";

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
  total_tokens: number;
  count: number;
}

const nothing = (): Sum => ({
  cost_nano_usd: 0n,
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  count: 0,
});

const toGroup = (group: Group): UsageGroup => ({
  cost: plain(group.total_cost),
  input_tokens: group.total_input_tokens,
  output_tokens: group.total_output_tokens,
  count: group.request_count,
});

function add(sum: Sum, group: Group): void {
  sum.cost_nano_usd += nanoOf(group.total_cost);
  sum.input_tokens += group.total_input_tokens;
  sum.output_tokens += group.total_output_tokens;
  sum.total_tokens += group.total_tokens;
  sum.count += group.request_count;
}

/** Sums up what was used in the current day, week or month. Budget answers by its hourly sums, however many calls there were. */
export async function summariseUsage(
  port: BudgetPort,
  budget_id: string | undefined,
  { period: given_period = "daily", group_by: given_group = "provider" }: SummaryRequest,
): Promise<RhetorUsageSummary> {
  const period = readPeriod(given_period);
  const of_budget = budget_id === undefined ? {} : { budget_id };
  const groups = await port.usage.groups({ period, group_by: readGroupBy(given_group), ...of_budget });
  const total = nothing();
  for (const group of groups) add(total, group);
  return {
    period,
    total_cost: usdOf(total.cost_nano_usd),
    total_input_tokens: total.input_tokens,
    total_output_tokens: total.output_tokens,
    total_tokens: total.total_tokens,
    count: total.count,
    groups: Object.fromEntries(groups.map((group) => [String(group.group), toGroup(group)])),
  };
}
