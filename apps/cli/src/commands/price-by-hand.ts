import type { PriceByHandRequest } from "@budget/client-js";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { checkSpan, instant } from "../options.ts";
import { given, openSession, type World } from "../session.ts";
import { perUnit, unitPrice } from "./price-amounts.ts";
import { showEvidence } from "./price-evidence.ts";
import { showRun } from "./price-sources.ts";
import { wantedPrice, withTerms, type TermOptions } from "./price-terms.ts";

interface SetOptions extends TermOptions {
  readonly input?: string;
  readonly output?: string;
  readonly unit?: readonly string[];
  readonly from?: string;
  readonly until?: string;
  readonly by: string;
  readonly why: string;
}

function priceToSet(provider: string, model: string, options: SetOptions): PriceByHandRequest {
  const { input, output, unit = [], from, until, by, why } = options;
  const components = [
    ...(input === undefined ? [] : [{ unit: "input_tokens", cost_per_unit: perUnit("--input", input) }]),
    ...(output === undefined ? [] : [{ unit: "output_tokens", cost_per_unit: perUnit("--output", output) }]),
    ...unit.map(unitPrice),
  ];
  if (components.length === 0) throw new UsageError("Say what it costs: --input, --output or --unit.");
  checkSpan(["--from", from], ["--until", until]);
  return {
    ...wantedPrice(provider, model, options),
    components,
    ...given({ effective_date: from, end_date: until }),
    set_by: by,
    why,
  };
}

export function addPriceByHandCommands(prices: Command, world: World): void {
  withTerms(
    prices
      .command("set <provider> <model>")
      .description("charge a price without a vote, such as one of a contract or of a model of your own")
      .option("--input <usd>", "for a million input tokens")
      .option("--output <usd>", "for a million output tokens")
      .option("--unit <unit=usd...>", "for a million of another unit, such as cache_read_tokens=0.30")
      .option("--from <time>", "from then on; from now on if left out", instant)
      .option("--until <time>", "from then on what the sources say is charged again", instant)
      .requiredOption("--by <name>", "who sets it")
      .requiredOption("--why <reason>", "the reason, for the record"),
  ).action(async (provider: string, model: string, options: SetOptions, command: Command) => {
    const { client, show } = openSession(command, world);
    const set = await client.prices.set(priceToSet(provider, model, options));
    const price =
      set.price === null ? "It begins later." : showEvidence(await client.prices.why(provider, model));
    show(set, `${price}\n\nTake it back with: prices unset ${set.observation_id}`);
  });

  prices
    .command("unset <observation>")
    .description("take back a price that was set, so that what the sources say is charged")
    .requiredOption("--by <name>", "who takes it back")
    .requiredOption("--why <reason>", "the reason, for the record")
    .action(async (observation: string, options: { by: string; why: string }, command: Command) => {
      const { client, show } = openSession(command, world);
      const run = await client.prices.unset(observation, { withdrawn_by: options.by, why: options.why });
      show(run, showRun(run));
    });
}
