import type { CurrentPrice, Price } from "@budget/client-js";
import type { Command } from "commander";
import { instant, wholeNumber } from "../options.ts";
import { toFields, toTable, toTableOfFilled, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import { perMillion } from "./price-amounts.ts";
import { FOUND_BY, askByName } from "./price-by-name.ts";
import { addPriceByHandCommands } from "./price-by-hand.ts";
import { addPriceEvidenceCommand } from "./price-evidence.ts";
import { addPriceReportCommands } from "./price-reports.ts";
import { addPriceReviewCommands } from "./price-reviews.ts";
import { addPriceSourceCommands } from "./price-sources.ts";
import { PLACE_HEADING, placeCells, wantedPrice, withTerms, type TermOptions } from "./price-terms.ts";

const span = ({ effective_date, end_date }: Price): string =>
  `${effective_date.startsWith("1970") ? "always" : effective_date.slice(0, 10)} to ${end_date?.slice(0, 10) ?? "now"}`;

const inWords = (term: CurrentPrice["stands_in"][number]): string =>
  term === "price_scope" ? "region or commitment" : "service tier";

function showPrice(price: CurrentPrice): string {
  const fields = toFields({
    model: `${price.provider}/${price.model}`,
    "found by": FOUND_BY[price.matched_by],
    ...(price.stands_in.length === 0
      ? {}
      : { "stands in for": "another " + price.stands_in.map(inWords).join(" and ") }),
    source: price.source,
    verified: price.verified,
    "in force from": price.effective_date.startsWith("1970") ? "always" : price.effective_date,
  });
  const rows = price.components.map(({ unit, cost_per_unit, above_input_tokens }) => [
    unit,
    usd(cost_per_unit),
    perMillion(cost_per_unit),
    above_input_tokens === 0 ? null : `above ${above_input_tokens} input tokens`,
  ]);
  return `${fields}\n\n${toTable(["unit", "per unit", "per million", "only"], rows)}`;
}

interface CostOptions extends TermOptions {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly at?: string;
}

export function addPriceCommands(program: Command, world: World): void {
  const prices = program.command("prices").description("what models cost");

  prices
    .command("list", { isDefault: true })
    .description("list prices")
    .option("--provider <name>", "only of this provider")
    .option("--model <name>", "only of this model")
    .option("--page <n>", "page, from 1", wholeNumber)
    .option("--limit <n>", "prices on a page", wholeNumber)
    .action(
      async (
        options: { provider?: string; model?: string; page?: number; limit?: number },
        command: Command,
      ) => {
        const { client, show } = await openSession(command, world);
        const list = await client.prices.list(given(options));
        const rows = list.items.map((price) => [
          price.provider,
          price.model,
          ...placeCells(price),
          perMillion(price.input_cost_per_token),
          perMillion(price.output_cost_per_token),
          span(price),
        ]);
        const more = `\n\n${list.items.length} of ${list.total} prices; tokens are priced by the million`;
        show(
          list,
          toTableOfFilled(["provider", "model", ...PLACE_HEADING, "input", "output", "in force"], rows) +
            more,
        );
      },
    );

  withTerms(
    prices
      .command("current <provider> <model>")
      .description("show the price of a model that is in force now"),
  ).action(async (provider: string, model: string, options: TermOptions, command: Command) => {
    const { client, show } = await openSession(command, world);
    const price = await client.prices.current(wantedPrice(provider, model, options));
    show(price, showPrice(price));
  });

  prices
    .command("history <provider> <model>")
    .description("list every price that a model had, oldest first")
    .action(async (provider: string, model: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { answer: history, note } = await askByName(
        client,
        provider,
        model,
        (...name) => client.prices.history(...name, { limit: 1000 }),
        ({ items }) => items.length > 0,
      );
      const rows = history.items.map((price) => [
        span(price),
        ...placeCells(price),
        perMillion(price.input_cost_per_token),
        perMillion(price.output_cost_per_token),
        price.source,
      ]);
      const heading = ["in force", ...PLACE_HEADING, "input", "output", "source"];
      show(history, note + toTableOfFilled(heading, rows));
    });

  addPriceEvidenceCommand(prices, world);
  addPriceByHandCommands(prices, world);
  addPriceReportCommands(prices, world);
  addPriceSourceCommands(prices, world);
  addPriceReviewCommands(prices, world);

  withTerms(
    program
      .command("calc-cost <provider> <model>")
      .description("work out what a call would cost, to the nano-dollar")
      .option("--input <n>", "all input tokens, cached ones included", wholeNumber, 0)
      .option("--output <n>", "all output tokens", wholeNumber, 0)
      .option("--cached <n>", "input tokens that are read from a cache", wholeNumber)
      .option("--at <time>", "at the price that is in force then", instant),
  ).action(async (provider: string, model: string, options: CostOptions, command: Command) => {
    const { client, show } = await openSession(command, world);
    const cost = await client.prices.cost({
      ...wantedPrice(provider, model, options),
      usage: {
        input_tokens: options.input,
        output_tokens: options.output,
        ...given({ cache_read_tokens: options.cached }),
      },
      ...given({ at: options.at }),
    });
    const rows = cost.cost_components.map(({ unit, quantity, cost_per_unit, cost: part, estimated }) => [
      unit,
      quantity,
      usd(cost_per_unit),
      usd(part) + (estimated ? " (estimated)" : ""),
    ]);
    const { price, cost_components } = cost;
    const isEstimated = cost_components.some(({ estimated }) => estimated);
    const at = `price of ${price.provider}/${price.model}, found by ${FOUND_BY[price.matched_by]}`;
    const total = `total ${usd(cost.total_cost)}${isEstimated ? " (estimated)" : ""}`;
    show(cost, [at, toTable(["unit", "quantity", "per unit", "cost"], rows), total].join("\n\n"));
  });
}
