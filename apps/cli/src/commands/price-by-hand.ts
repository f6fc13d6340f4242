import type { PriceByHandRequest } from "@budget/client-js";
import { identifyModel } from "@budget/domain";
import type { Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { checkSpan, instant } from "../options.ts";
import { given, openSession, type World } from "../session.ts";
import { UNIT_HELP, enteredPrice, type AmountOptions, type EnteredComponent } from "./price-amounts.ts";
import { chargedNow, noLongerPriced, snapshotsApart } from "./price-effects.ts";
import { showEvidence } from "./price-evidence.ts";
import { showRun } from "./price-sources.ts";
import { wantedPrice, withTerms, type TermOptions } from "./price-terms.ts";

interface SetOptions extends TermOptions, AmountOptions {
  readonly hours?: { start: string; end: string };
  readonly from?: string;
  readonly until?: string;
  readonly by: string;
  readonly why: string;
}

function priceToSet(
  provider: string,
  model: string,
  components: EnteredComponent[],
  options: SetOptions,
): PriceByHandRequest {
  const { hours, from, until, by, why } = options;
  if (components.length === 0) throw new UsageError("Say what it costs: --input, --output or --unit.");
  checkSpan(["--from", from], ["--until", until]);
  return {
    ...wantedPrice(provider, model, options),
    components,
    ...given({ time_of_day: hours, effective_date: from, end_date: until }),
    set_by: by,
    why,
  };
}

/** `16:30-00:30`: hours of the day; whether they are any is for the server to say. */
function timeOfDay(text: string): { start: string; end: string } {
  const [start = "", end, ...others] = text.split("-");
  if (end === undefined || others.length > 0)
    throw new UsageError(`--hours must be such as 16:30-00:30, in UTC; it was ${text}.`);
  return { start, end };
}

/** A word as a shell reads it. */
const quoted = (word: string): string =>
  /^[\w.@/-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

export function addPriceByHandCommands(prices: Command, world: World): void {
  withTerms(
    prices
      .command("set <provider> <model>")
      .description("charge a price without a vote, such as one of a contract or of a model of your own")
      .option("--input <usd>", "for a million input tokens")
      .option("--output <usd>", "for a million output tokens")
      .option("--unit <unit=usd...>", UNIT_HELP)
      .option("--hours <hours>", "only in these hours (UTC), such as 16:30-00:30", timeOfDay)
      .option("--from <time>", "from then on; from now on if left out", instant)
      .option("--until <time>", "from then on what the sources say is charged again", instant)
      .requiredOption("--by <name>", "who sets it")
      .requiredOption("--why <reason>", "the reason, for the record"),
  ).action(async (provider: string, model: string, options: SetOptions, command: Command) => {
    const { client, show } = await openSession(command, world);
    const entered = enteredPrice(options);
    const request = priceToSet(provider, model, entered, options);
    const place = {
      ...identifyModel(provider, model),
      ...given({ scope: options.scope }),
      service_tier: options.serviceTier ?? ("standard" as const),
      time_of_day: options.hours ?? null,
    };
    const before = await chargedNow(client, place);
    const set = await client.prices.set(request);
    const price =
      set.price === null ? "It begins later." : showEvidence(await client.prices.why(provider, model));
    const effects = [...noLongerPriced(before, entered), ...(await snapshotsApart(client, place))];
    const back = `./budget prices unset ${set.observation_id} --by ${quoted(options.by)} --why 'not valid'`;
    show(set, [price, ...effects, `Take it back with:\n${back}`].join("\n\n"));
  });

  prices
    .command("unset <observation>")
    .description("take back a price that was set, so that what the sources say is charged")
    .requiredOption("--by <name>", "who takes it back")
    .requiredOption("--why <reason>", "the reason, for the record")
    .action(async (observation: string, options: { by: string; why: string }, command: Command) => {
      const { client, show } = await openSession(command, world);
      const run = await client.prices.unset(observation, { withdrawn_by: options.by, why: options.why });
      show(run, showRun(run));
    });
}
