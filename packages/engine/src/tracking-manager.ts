import {
  accepted,
  isoTime,
  nanoToUsdJson,
  windowAt,
  type Outcome,
  type UsageAnalyticsQuery,
  type UsageAnalyticsRow,
  type UsageGroupWire,
  type UsageQuery,
  type UsageRecord,
  type UsageSummaryListQuery,
  type UsageSummaryQuery,
  type UsageSummaryWire,
} from "@budget/domain";
import { UsageRecordRepository, UsageRollupRepository, type UsageSums } from "@budget/repositories";
import type { CommandContext, TrackingManager, UsageInput, UsagePage } from "./engine.ts";
import { idempotentRequest } from "./idempotency.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import type { OutputEstimates } from "./output-estimates.ts";
import { RecordUsageCommand } from "./record-usage.ts";
import { notFound } from "./requests.ts";

const HOUR_MS = 3_600_000;

/** A span of whole hours; null is open. */
interface Span {
  readonly start_ms: number | null;
  readonly end_ms: number | null;
}

export function createTrackingManager(runner: LedgerRunner, outputs: OutputEstimates): TrackingManager {
  const { database, clock, ids } = runner;
  const records = new UsageRecordRepository(database);
  const rollups = new UsageRollupRepository(database);

  return {
    async record(context: CommandContext, input: UsageInput): Promise<Outcome<UsageRecord>> {
      const idempotency = idempotentRequest(context, "usage.record", input);
      const command = new RecordUsageCommand(input, ids.next(clock.now()), idempotency);
      const outcome = await runner.submit(context.tenant_id, command);
      const { observation } = command;
      if (outcome.ok && observation !== null) outputs.observe(observation.key, observation.output_tokens);
      return outcome;
    },

    async get(context: CommandContext, record_id: string): Promise<Outcome<UsageRecord>> {
      const record = await records.getById(context.tenant_id, record_id);
      return record === null ? notFound("usage_record", record_id) : accepted(record);
    },

    list(context: CommandContext, query: UsageQuery): Promise<UsagePage> {
      return records.list(context.tenant_id, query);
    },

    async summary(context: CommandContext, query: UsageSummaryQuery): Promise<UsageSummaryWire> {
      const span = spanOf(query.period, query.start_time, query.end_time, clock.now());
      return toSummary(query, span, await rollups.sum(context.tenant_id, query, span));
    },

    async groups(context: CommandContext, query: UsageSummaryListQuery): Promise<readonly UsageGroupWire[]> {
      const { tenant_id } = context;
      const { group_by } = query;
      const span = spanOf(query.period, query.start_time, query.end_time, clock.now());
      const groups =
        group_by === undefined
          ? [{ group: null, ...(await rollups.sum(tenant_id, query, span)) }]
          : await rollups.grouped(tenant_id, group_by, query, span);
      return groups.map(({ group, ...sums }) => ({ group, ...toSummary(query, span, sums) }));
    },

    async analytics(
      context: CommandContext,
      query: UsageAnalyticsQuery,
    ): Promise<readonly UsageAnalyticsRow[]> {
      const span = spanOf(query.period, query.start_date, query.end_date, clock.now());
      const days = await rollups.daily(context.tenant_id, query, span);
      return days.map((day) => ({
        date: isoTime(day.day_start_ms).slice(0, "2026-11-23".length),
        provider: day.provider,
        model: day.model,
        component: day.component,
        request_count: day.request_count,
        input_tokens: day.input_tokens,
        output_tokens: day.output_tokens,
        total_tokens: day.total_tokens,
        total_cost: nanoToUsdJson(day.total_cost_nano_usd),
      }));
    },
  };
}

const toSummary = ({ period }: UsageSummaryQuery, span: Span, sums: UsageSums): UsageSummaryWire => ({
  period: period ?? null,
  start_time: span.start_ms === null ? null : isoTime(span.start_ms),
  end_time: span.end_ms === null ? null : isoTime(span.end_ms),
  total_input_tokens: sums.input_tokens,
  total_output_tokens: sums.output_tokens,
  total_tokens: sums.total_tokens,
  total_input_cost: nanoToUsdJson(sums.input_cost_nano_usd),
  total_output_cost: nanoToUsdJson(sums.output_cost_nano_usd),
  total_other_cost: nanoToUsdJson(sums.other_cost_nano_usd),
  total_cost: nanoToUsdJson(sums.total_cost_nano_usd),
  request_count: sums.request_count,
});

/** The span that a report covers: what is named, else the current window of the period in UTC, else everything. */
function spanOf(
  period: UsageSummaryQuery["period"],
  start: string | undefined,
  end: string | undefined,
  now_ms: number,
): Span {
  const window = start === undefined && period !== undefined ? windowAt(period, "UTC", now_ms) : null;
  const hasEnd = window !== null && window.end_ms !== null;
  const current = hasEnd ? window : { start_ms: null, end_ms: null };
  return {
    start_ms: start === undefined ? current.start_ms : Math.floor(Date.parse(start) / HOUR_MS) * HOUR_MS,
    end_ms: end === undefined ? current.end_ms : Math.ceil(Date.parse(end) / HOUR_MS) * HOUR_MS,
  };
}
