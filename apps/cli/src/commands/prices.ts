import type { CurrentPrice, Price } from "@budget/client-js";
import {
  costOf,
  femtoToUsdText,
  isUsageUnit,
  nanoToUsdJson,
  nanoToUsdText,
  parseUsdToFemto,
} from "@budget/domain";
import type { Command } from "commander";
import { wholeNumber } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

const MILLION = 1_000_000;

/** Prices of tokens are told by the million, as everybody does. */
const perMillion = (cost: number | null): string =>
  cost === null ? "-" : usd(Number((cost * MILLION).toPrecision(12)));

const span = ({ effective_date, end_date }: Price): string =>
  `${effective_date.startsWith("1970") ? "always" : effective_date.slice(0, 10)} to ${end_date?.slice(0, 10) ?? "now"}`;

function showPrice(price: CurrentPrice): string {
  const fields = toFields({
    model: `${price.provider}/${price.model}`,
    "found by": price.matched_by === "exact" ? "its exact name" : "its undated name",
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

interface CostOptions {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
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
        const { client, show } = openSession(command, world);
        const list = await client.prices.list(given(options));
        const rows = list.items.map((price) => [
          price.provider,
          price.model,
          perMillion(price.input_cost_per_token),
          perMillion(price.output_cost_per_token),
          span(price),
        ]);
        const more = `\n\n${list.items.length} of ${list.total} prices; tokens are priced by the million`;
        show(list, toTable(["provider", "model", "input", "output", "in force"], rows) + more);
      },
    );

  prices
    .command("current <provider> <model>")
    .description("show the price of a model that is in force now")
    .action(async (provider: string, model: string, _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const price = await client.prices.current(provider, model);
      show(price, showPrice(price));
    });

  prices
    .command("history <provider> <model>")
    .description("list every price that a model had, oldest first")
    .action(async (provider: string, model: string, _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const history = await client.prices.history(provider, model, { limit: 1000 });
      const rows = history.items.map((price) => [
        span(price),
        perMillion(price.input_cost_per_token),
        perMillion(price.output_cost_per_token),
        price.source,
      ]);
      show(history, toTable(["in force", "input", "output", "source"], rows));
    });

  program
    .command("calc-cost <provider> <model>")
    .description("work out what a call would cost, to the nano-dollar")
    .option("--input <n>", "all input tokens, cached ones included", wholeNumber, 0)
    .option("--output <n>", "all output tokens", wholeNumber, 0)
    .option("--cached <n>", "input tokens that are read from a cache", wholeNumber)
    .action(async (provider: string, model: string, options: CostOptions, command: Command) => {
      const { client, show } = openSession(command, world);
      const price = await client.prices.current(provider, model);
      const usage = {
        input_tokens: options.input,
        output_tokens: options.output,
        ...given({ cache_read_tokens: options.cached }),
      };
      const components = price.components.flatMap(({ unit, cost_per_unit, above_input_tokens }) =>
        isUsageUnit(unit)
          ? [{ unit, amount_femto_usd: parseUsdToFemto(cost_per_unit), above_input_tokens }]
          : [],
      );
      const cost = costOf(usage, { components });
      if (!cost.ok) throw new Error(`${provider}/${model} has no price for ${cost.units.join(", ")}.`);
      const rows = cost.components.map(({ unit, quantity, amount_femto_usd, cost_nano_usd }) => [
        unit,
        quantity,
        `$${femtoToUsdText(amount_femto_usd)}`,
        `$${nanoToUsdText(cost_nano_usd)}`,
      ]);
      const total = `total $${nanoToUsdText(cost.total_cost_nano_usd)}`;
      const value = {
        provider,
        model,
        usage,
        total_cost: nanoToUsdJson(cost.total_cost_nano_usd),
        source: price.source,
      };
      show(value, `${toTable(["unit", "quantity", "per unit", "cost"], rows)}\n\n${total}`);
    });
}
