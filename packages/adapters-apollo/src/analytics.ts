import { PortError } from "@budget/adapter-port";
import type { UsageAnalyticsRow } from "@budget/client-js";
import { nanoToUsdJson, parseUsdToNano, type NanoUsd } from "@budget/domain";
import type { AnalyticsQuery, TokenAnalytics, TokenSums } from "./calls.ts";
import { given, requirePeriod } from "./read-calls.ts";
import type { Scope } from "./scope.ts";

/** Sums of the usage of Apollo's budget, whole and by provider, model, component and day. */
export async function analyseTokens(scope: Scope, query: AnalyticsQuery): Promise<TokenAnalytics> {
  const { start_date, end_date } = given(query);
  if ((start_date === undefined) !== (end_date === undefined)) {
    const missing = start_date === undefined ? "start_date" : "end_date";
    throw new PortError("invalid_value", "Give start_date and end_date, or neither.", `/${missing}`);
  }
  const isCustom = start_date !== undefined;
  const period = requirePeriod(query.period ?? "daily");
  const budget_id = await scope.budgetId();
  const filters = {
    budget_id,
    ...given({ provider: query.provider, model: query.model, component: query.component }),
    ...(isCustom ? {} : { period }),
  };
  const { port } = scope;
  const [sums, rows] = await Promise.all([
    port.usage.summary({ ...filters, ...given({ start_time: start_date, end_time: end_date }) }),
    port.usage.analytics({ ...filters, ...given({ start_date, end_date }) }),
  ]);
  const days = [...groupBy(rows, ({ date }) => date)].sort(([a], [b]) => (a < b ? -1 : 1));
  const byDay = days.map(([, ofDay]) => sum(ofDay));
  return {
    period: isCustom ? "custom" : period,
    start_date: sums.start_time,
    end_date: sums.end_time,
    total_input_tokens: sums.total_input_tokens,
    total_output_tokens: sums.total_output_tokens,
    total_tokens: sums.total_tokens,
    total_cost: sums.total_cost,
    record_count: sums.request_count,
    providers: mapped(
      groupBy(rows, ({ provider }) => provider),
      (ofProvider) => ({
        ...sum(ofProvider),
        models: mapped(
          groupBy(ofProvider, ({ model }) => model),
          sum,
        ),
      }),
    ),
    components: mapped(
      groupBy(rows, ({ component }) => component),
      sum,
    ),
    time_series: {
      labels: days.map(([date]) => date),
      input_tokens: byDay.map(({ input_tokens }) => input_tokens),
      output_tokens: byDay.map(({ output_tokens }) => output_tokens),
      costs: byDay.map(({ cost }) => cost),
      counts: byDay.map(({ count }) => count),
    },
    budget_id,
  };
}

type Rows = readonly UsageAnalyticsRow[];

const groupBy = (rows: Rows, keyOf: (row: UsageAnalyticsRow) => string): ReadonlyMap<string, Rows> =>
  Map.groupBy(rows, keyOf);

const mapped = <T>(groups: ReadonlyMap<string, Rows>, toValue: (rows: Rows) => T): Record<string, T> =>
  Object.fromEntries([...groups].map(([key, rows]) => [key, toValue(rows)]));

function sum(rows: Rows): TokenSums {
  let input_tokens = 0;
  let output_tokens = 0;
  let total_tokens = 0;
  let count = 0;
  let cost_nano_usd: NanoUsd = 0n;
  for (const row of rows) {
    input_tokens += row.input_tokens;
    output_tokens += row.output_tokens;
    total_tokens += row.total_tokens;
    count += row.request_count;
    cost_nano_usd += parseUsdToNano(row.total_cost);
  }
  return { input_tokens, output_tokens, total_tokens, cost: nanoToUsdJson(cost_nano_usd), count };
}
