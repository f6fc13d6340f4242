import {
  PageQuerySchema,
  PriceRunSchema,
  PriceSourceSchema,
  PriceUpdateRequestSchema,
  isoTime,
  listOf,
  type PriceRun,
  type PriceRunWire,
  type PriceSourceWire,
} from "@budget/domain";
import type { PriceSourceStatus } from "@budget/services";
import { answerTo, listAnswer, route, sliceAnswer } from "./route.ts";

const timeOrNull = (at_ms: number | null): string | null => (at_ms === null ? null : isoTime(at_ms));

const toRunWire = ({ run_id, trigger, started_at_ms, ended_at_ms, report }: PriceRun): PriceRunWire => ({
  run_id,
  trigger,
  started_at: isoTime(started_at_ms),
  ended_at: timeOrNull(ended_at_ms),
  report: report && { sources: [...report.sources], verification: report.verification },
});

const PPM = 1_000_000;

const toSourceWire = (source: PriceSourceStatus): PriceSourceWire => ({
  source: source.source,
  lineage: source.lineage,
  address: source.address,
  interval_ms: source.interval_ms,
  trust: source.trust_ppm / PPM,
  agreed: source.agreed,
  differed: source.differed,
  failures: source.failures,
  attempted_at: timeOrNull(source.attempted_at_ms),
  read_at: timeOrNull(source.read_at_ms),
  due_at: timeOrNull(source.due_at_ms),
  fault: source.fault,
  detail: source.detail,
});

export const priceMonitoringRoutes = [
  route({
    method: "post",
    path: "/api/prices/update",
    operation_id: "updatePrices",
    tag: "prices",
    summary: "Read sources of prices, vote on what they say, and apply what follows",
    description:
      "Answers when the run has ended, with its report. Happens by itself as well, see PRICE_UPDATE_INTERVAL.",
    body: PriceUpdateRequestSchema,
    body_example: { sources: ["genai_prices"] },
    success: { status: 200, description: "The run, with what became of each source", schema: PriceRunSchema },
    problems: ["invalid_value", "price_source_not_found", "price_run_active"],
    async handle({ body }, services) {
      const outcome = await services.monitor.run("request", body.sources);
      return answerTo(outcome, services, (run) => ({ status: 200, body: toRunWire(run) }));
    },
  }),
  route({
    method: "get",
    path: "/api/prices/runs",
    operation_id: "listPriceRuns",
    tag: "prices",
    summary: "List runs over the sources of prices",
    query: PageQuerySchema,
    success: { status: 200, description: "Runs, newest first", schema: listOf(PriceRunSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { monitor }) {
      return listAnswer(await monitor.runs(query), query, toRunWire);
    },
  }),
  route({
    method: "get",
    path: "/api/prices/sources",
    operation_id: "listPriceSources",
    tag: "prices",
    summary: "List the sources of prices, with how far each is trusted and why one gives none",
    query: PageQuerySchema,
    success: { status: 200, description: "Sources", schema: listOf(PriceSourceSchema) },
    problems: ["invalid_value"],
    async handle({ query }, { monitor }) {
      return sliceAnswer((await monitor.sources()).map(toSourceWire), query);
    },
  }),
];
