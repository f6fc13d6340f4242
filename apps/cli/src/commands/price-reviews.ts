import type { PriceReview, PriceReviewQuery, ReviewDecision } from "@budget/client-js";
import { REVIEW_STATUSES } from "@budget/domain";
import { Option, type Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { wholeNumber } from "../options.ts";
import { toFields, toTable } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import { amountOf, perMillion, perUnit } from "./price-amounts.ts";

interface DecideOptions {
  readonly accept?: string;
  readonly input?: string;
  readonly output?: string;
  readonly reject?: boolean;
  readonly by: string;
  readonly why: string;
}

function decisionOf({ accept, input, output, reject = false, by, why }: DecideOptions): ReviewDecision {
  const entered = Object.entries({ input_tokens: input, output_tokens: output }).flatMap(([unit, amount]) =>
    amount === undefined
      ? []
      : [{ unit, cost_per_unit: perUnit(`--${unit.slice(0, -"_tokens".length)}`, amount) }],
  );
  const said = { decided_by: by, why };
  if ([accept !== undefined, entered.length > 0, reject].filter(Boolean).length !== 1)
    throw new UsageError("Say one of --accept SOURCE, --input and --output, or --reject.");
  if (accept !== undefined) return { decision: "accept", source: accept, ...said };
  return reject ? { decision: "reject", ...said } : { decision: "enter", components: entered, ...said };
}

function showReview(review: PriceReview): string {
  const fields = toFields({
    review: review.review_id,
    model: `${review.provider}/${review.model}`,
    ...(review.scope === "" ? {} : { scope: review.scope }),
    ...(review.service_tier === "standard" ? {} : { "service tier": review.service_tier }),
    reason: review.kind,
    status: review.status,
    ...(review.decided_by === null ? {} : { "decided by": `${review.decided_by}: ${review.why ?? ""}` }),
  });
  const rows = review.candidates.map(({ source, testimony, components, observed_at, address }) => {
    const amounts = ["input_tokens", "output_tokens"].map((unit) => perMillion(amountOf(components, unit)));
    return [source, testimony, ...amounts, observed_at.slice(0, 10), address];
  });
  return `${fields}\n\n${toTable(["source", "came out", "input", "output", "since", "read at"], rows)}`;
}

export function addPriceReviewCommands(prices: Command, world: World): void {
  prices
    .command("reviews")
    .description(
      "list prices that sources do not agree on, those that wait for a decision if nothing is said",
    )
    .addOption(new Option("--status <status>", "which ones").choices(REVIEW_STATUSES).default("open"))
    .option("--provider <name>", "only of this provider")
    .option("--model <name>", "only of this model")
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (options: PriceReviewQuery, command: Command) => {
      const { client, show } = openSession(command, world);
      const list = await client.prices.reviews(given(options));
      const shown = list.items.map(showReview).join("\n\n");
      show(
        list,
        list.items.length === 0 ? "There is none." : `${shown}\n\n${list.items.length} of ${list.total}`,
      );
    });

  prices
    .command("decide <review>")
    .description("decide on a price that sources do not agree on")
    .option("--accept <source>", "charge what this source says")
    .option("--input <usd>", "charge this for a million input tokens")
    .option("--output <usd>", "charge this for a million output tokens")
    .option("--reject", "leave what is charged")
    .requiredOption("--by <name>", "who decides")
    .requiredOption("--why <reason>", "the reason, for the record")
    .action(async (review: string, options: DecideOptions, command: Command) => {
      const { client, show } = openSession(command, world);
      const decided = await client.prices.decide(review, decisionOf(options));
      show(decided, showReview(decided));
    });
}
