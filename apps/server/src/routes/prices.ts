import {
  CostRequestSchema,
  CostSchema,
  CurrentPriceRequestSchema,
  CurrentPriceSchema,
  PageQuerySchema,
  PriceQuerySchema,
  PriceSchema,
  listOf,
  toCostWire,
  toCurrentPriceWire,
  toProviderPricingWire,
} from "@budget/domain";
import { Type } from "typebox";
import { answerTo, listAnswer, route, sliceAnswer } from "./route.ts";

const params = Type.Object({
  provider: CurrentPriceRequestSchema.properties.provider,
  model: CurrentPriceRequestSchema.properties.model,
});

export const priceRoutes = [
  route({
    method: "get",
    path: "/api/prices",
    operation_id: "listPrices",
    tag: "prices",
    summary: "List prices",
    query: PriceQuerySchema,
    success: { status: 200, description: "Prices by provider, model and time", schema: listOf(PriceSchema) },
    problems: ["invalid_value"],
    async handle({ context, query }, { engine }) {
      return listAnswer(await engine.prices.list(context, query), query, toProviderPricingWire);
    },
  }),
  route({
    method: "post",
    path: "/api/prices/current",
    operation_id: "getCurrentPrice",
    tag: "prices",
    summary: "Read the price of a model that is in force now",
    body: CurrentPriceRequestSchema,
    body_example: { provider: "openai", model: "gpt-4o" },
    success: {
      status: 200,
      description: "The price, and how its name was found",
      schema: CurrentPriceSchema,
    },
    problems: ["invalid_value", "price_not_found"],
    async handle({ context, body }, services) {
      const outcome = await services.engine.prices.current(context, body);
      return answerTo(outcome, services, (match) => ({ status: 200, body: toCurrentPriceWire(match) }));
    },
  }),
  route({
    method: "post",
    path: "/api/prices/cost",
    operation_id: "calculateCost",
    tag: "prices",
    summary: "Work out what a usage costs, to the nano-dollar",
    description: "Books nothing. A quantity that the price does not know is refused, never counted as free.",
    body: CostRequestSchema,
    body_example: {
      provider: "openai",
      model: "gpt-4o",
      usage: { input_tokens: 1000, cache_read_tokens: 400, output_tokens: 200 },
    },
    success: {
      status: 200,
      description: "The cost, its parts, and the price that makes them",
      schema: CostSchema,
    },
    problems: ["invalid_value", "price_not_found", "price_unit_unknown"],
    async handle({ context, body: { usage, at, ...wanted } }, services) {
      const at_ms = at === undefined ? undefined : Date.parse(at);
      const outcome = await services.engine.prices.cost(context, wanted, usage, at_ms);
      return answerTo(outcome, services, ({ cost, match }) => ({
        status: 200,
        body: { ...toCostWire(cost), price: toCurrentPriceWire(match) },
      }));
    },
  }),
  route({
    method: "get",
    path: "/api/prices/history/{provider}/{model}",
    operation_id: "getPriceHistory",
    tag: "prices",
    summary: "Read every price that a model had",
    description: "Slashes in the name of a model are written %2F.",
    params,
    query: PageQuerySchema,
    success: { status: 200, description: "Prices, oldest first", schema: listOf(PriceSchema) },
    problems: ["invalid_value", "price_not_found"],
    async handle({ context, params: { provider, model }, query }, services) {
      const outcome = await services.engine.prices.history(context, provider, model);
      return answerTo(outcome, services, (prices) => sliceAnswer(prices.map(toProviderPricingWire), query));
    },
  }),
];
