import {
  CoverageQuerySchema,
  CoverageSchema,
  RecommendationRequestSchema,
  RecommendationsSchema,
  RepriceReportSchema,
  RepriceRequestSchema,
  nanoToUsdJson,
  type RepriceReportWire,
} from "@budget/domain";
import type { RepriceReport } from "@budget/engine";
import { answerTo, route } from "./route.ts";

type Sums = RepriceReport["budgets"][number];

const toSumsWire = ({ records, booked_nano_usd, repriced_nano_usd }: Sums) => ({
  records,
  booked_cost: nanoToUsdJson(booked_nano_usd),
  repriced_cost: nanoToUsdJson(repriced_nano_usd),
  difference: nanoToUsdJson(repriced_nano_usd - booked_nano_usd),
});

const toRepriceWire = (report: RepriceReport): RepriceReportWire => ({
  dry_run: report.dry_run,
  records_checked: report.records_checked,
  records_adjusted: report.records_adjusted,
  records_unpriced: report.records_unpriced,
  difference: nanoToUsdJson(report.difference_nano_usd),
  budgets: report.budgets.map((sums) => ({ budget_id: sums.key, ...toSumsWire(sums) })),
  models: report.models.map((sums) => ({ model: sums.key, ...toSumsWire(sums) })),
});

export const priceReportRoutes = [
  route({
    method: "post",
    path: "/api/prices/recommendations",
    operation_id: "recommendModels",
    tag: "prices",
    summary: "Find cheaper models for what was really used lately",
    description:
      "Prices every one of the latest calls by each model, caches and context tiers included. Free models are left out. " +
      "How well or how fast a model does a task is nothing that a source says, so both impacts are null.",
    body: RecommendationRequestSchema,
    body_example: { provider: "openai", model: "gpt-4o", task_type: "chat", context_size: 4000 },
    success: { status: 200, description: "Cheaper models", schema: RecommendationsSchema },
    problems: ["invalid_value", "price_not_found"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.prices.recommendations(context, body);
      return answerTo(outcome, services, (found) => ({ status: 200, body: found }));
    },
  }),
  route({
    method: "get",
    path: "/api/prices/coverage",
    operation_id: "getPriceCoverage",
    tag: "prices",
    summary: "Read which models in use have a price that can be relied on",
    query: CoverageQuerySchema,
    success: { status: 200, description: "Models in use", schema: CoverageSchema },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return { status: 200, body: await engine.prices.coverage(context, query) };
    },
  }),
  route({
    method: "post",
    path: "/api/prices/reprice",
    operation_id: "repriceUsage",
    tag: "prices",
    summary: "Work out anew what past usage costs, and book the differences",
    description:
      "Books records of their own at the times of the calls, and changes none. What was set right already is right, so " +
      "it can be asked again.",
    body: RepriceRequestSchema,
    body_example: {
      start_time: "2026-11-01T00:00:00.000Z",
      end_time: "2026-12-01T00:00:00.000Z",
      provider: "openai",
      dry_run: true,
      repriced_by: "ada",
      why: "The price of gpt-4o was wrong.",
    },
    success: { status: 200, description: "What was, or would be, booked", schema: RepriceReportSchema },
    problems: ["invalid_value"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.prices.reprice(context, body);
      return answerTo(outcome, services, (report) => ({ status: 200, body: toRepriceWire(report) }));
    },
  }),
];
