import type { UsageDimension } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { whereEqual } from "./query.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Which usage is summed; what is left out selects nothing away. */
export interface UsageRollupFilters {
  /** Of this budget alone, without those below it. */
  readonly budget_id?: string;
  readonly provider?: string;
  readonly component?: string;
  readonly model?: string;
  readonly task_type?: string;
}

/** A span of time, widened to whole hours because sums are kept by the hour. A null is open. */
export interface UsageSpan {
  readonly start_ms: number | null;
  /** Not included. */
  readonly end_ms: number | null;
}

export interface UsageSums {
  readonly request_count: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** At least input and output together. */
  readonly total_tokens: number;
  readonly input_cost_nano_usd: bigint;
  readonly output_cost_nano_usd: bigint;
  readonly other_cost_nano_usd: bigint;
  readonly total_cost_nano_usd: bigint;
}

/** The sums of what has one value of a dimension. */
export interface GroupedUsage extends UsageSums {
  readonly group: string;
}

/** The sums of a day for one provider, model and component. */
export interface DailyUsage extends UsageSums {
  /** Midnight in UTC. */
  readonly day_start_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
}

const SUMMED = [
  "request_count",
  "input_tokens",
  "output_tokens",
  "total_tokens",
  "input_cost_nano_usd",
  "output_cost_nano_usd",
  "other_cost_nano_usd",
  "total_cost_nano_usd",
];

/** Sums of usage for reports, of what the ledger keeps by the hour. Raw records are not looked at. */
export class UsageRollupRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Everything in the span together; zeros where there is nothing. */
  async sum(tenant_id: string, filters: UsageRollupFilters, span: UsageSpan): Promise<UsageSums> {
    const [row] = await this.#database.reader(tenant_id).run(this.#sums(tenant_id, filters, span));
    return sumsOf(row ?? {});
  }

  /** The span by one dimension, in the order of its values. */
  async grouped(
    tenant_id: string,
    group_by: UsageDimension,
    filters: UsageRollupFilters,
    span: UsageSpan,
  ): Promise<readonly GroupedUsage[]> {
    const select: Select = this.#sums(tenant_id, filters, span).select(group_by).groupBy(group_by);
    const rows = await this.#database.reader(tenant_id).run(select);
    // Databases order text by rules of their own.
    return rows
      .map((row): GroupedUsage => ({ group: row[group_by] as string, ...sumsOf(row) }))
      .sort((left, right) => compare(left.group, right.group));
  }

  /** The span by day in UTC, provider, model and component, in this order. */
  async daily(
    tenant_id: string,
    filters: UsageRollupFilters,
    span: UsageSpan,
  ): Promise<readonly DailyUsage[]> {
    const day = this.#database.knex.raw<Row>(`hour_start_ms / ${DAY_MS}`);
    const select: Select = this.#sums(tenant_id, filters, span)
      .select({ day }, "provider", "model", "component")
      .groupBy("day", "provider", "model", "component");
    const rows = await this.#database.reader(tenant_id).run(select);
    // Databases order text by rules of their own.
    return rows.map(dailyOf).sort(byDayAndNames);
  }

  #sums(tenant_id: string, filters: UsageRollupFilters, { start_ms, end_ms }: UsageSpan): Select {
    const { budget_id, provider, component, model, task_type } = filters;
    const rollups: Select = this.#database.knex<Row, Row[]>("usage_rollups").where({ tenant_id });
    const select = whereEqual(rollups, { budget_id, provider, component, model, task_type });
    if (start_ms !== null) void select.where("hour_start_ms", ">", start_ms - HOUR_MS);
    if (end_ms !== null) void select.where("hour_start_ms", "<", end_ms);
    return SUMMED.reduce((summing, column) => summing.sum<Row[]>({ [column]: column }), select);
  }
}

const numberOf = (value: unknown): number => Number(value ?? 0);
const bigintOf = (value: unknown): bigint => BigInt((value ?? 0) as string | bigint | number);

const sumsOf = (row: Row): UsageSums => ({
  request_count: numberOf(row.request_count),
  input_tokens: numberOf(row.input_tokens),
  output_tokens: numberOf(row.output_tokens),
  total_tokens: numberOf(row.total_tokens),
  input_cost_nano_usd: bigintOf(row.input_cost_nano_usd),
  output_cost_nano_usd: bigintOf(row.output_cost_nano_usd),
  other_cost_nano_usd: bigintOf(row.other_cost_nano_usd),
  total_cost_nano_usd: bigintOf(row.total_cost_nano_usd),
});

const dailyOf = (row: Row): DailyUsage => ({
  day_start_ms: Number(row.day) * DAY_MS,
  provider: row.provider as string,
  model: row.model as string,
  component: row.component as string,
  ...sumsOf(row),
});

const compare = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

type OfDayAndNames = Pick<DailyUsage, "day_start_ms" | "provider" | "model" | "component">;

export const byDayAndNames = (left: OfDayAndNames, right: OfDayAndNames): number =>
  left.day_start_ms - right.day_start_ms ||
  compare(left.provider, right.provider) ||
  compare(left.model, right.model) ||
  compare(left.component, right.component);
