import type { BudgetClient, Price, PriceReview, PriceReviewQuery, ReviewDecision } from "@budget/client-js";
import { REVIEW_STATUSES } from "@budget/domain";
import { Option, type Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { wholeNumber } from "../options.ts";
import { toFields, toTable } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import {
  UNIT_HELP,
  amountOf,
  enteredPrice,
  perMillion,
  type AmountOptions,
  type EnteredComponent,
} from "./price-amounts.ts";
import { chargedNow, noLongerPriced } from "./price-effects.ts";

interface DecideOptions extends AmountOptions {
  readonly accept?: string;
  readonly reject?: boolean;
  readonly by: string;
  readonly why: string;
}

function decisionOf(
  { accept, reject = false, by, why }: DecideOptions,
  entered: EnteredComponent[],
): ReviewDecision {
  const said = { decided_by: by, why };
  if ([accept !== undefined, entered.length > 0, reject].filter(Boolean).length !== 1)
    throw new UsageError("Say one of --accept SOURCE, --input, --output and --unit, or --reject.");
  if (accept !== undefined) return { decision: "accept", source: accept, ...said };
  return reject ? { decision: "reject", ...said } : { decision: "enter", components: entered, ...said };
}

const BOTH = ["input_tokens", "output_tokens"];

/** A price that was entered takes the place of the whole price, so half of it would make the other half unknown. */
function checkBoth(entered: readonly EnteredComponent[], before: Price | undefined): void {
  const has = (components: readonly { readonly unit: string }[] = []): number =>
    BOTH.filter((unit) => components.some((one) => one.unit === unit)).length;
  if (has(before?.components) === BOTH.length && has(entered) === 1)
    throw new UsageError("Say both --input and --output: the model has a price for each.");
}

/** Says that a decision leaves the markup out, where one is charged. */
const withoutMarkup = (before: Price | undefined): readonly string[] =>
  before === undefined || before.markup_percent === 0
    ? []
    : [`A decision is what is paid: the markup of ${before.markup_percent} % is no part of it any more.`];

/** The open review with an id; undefined where there is none. */
async function openReview(client: BudgetClient, review_id: string): Promise<PriceReview | undefined> {
  for (let page = 1; ; page += 1) {
    const list = await client.prices.reviews({ status: "open", page, limit: 1000 });
    const found = list.items.find((review) => review.review_id === review_id);
    if (found !== undefined || page * 1000 >= list.total) return found;
  }
}

const REASONS: Readonly<Record<PriceReview["kind"], string>> = {
  all_gated: "every price fails a gate",
  unconfirmed_change: "one source alone changed a verified price",
  guarded_change: "it changed too much at once",
  conflict: "the sources do not agree",
};

/** The command that decides on a review, with the first source whose price could be taken. */
function deciding({ review_id, candidates }: PriceReview): string {
  const source = candidates.find(({ testimony }) => testimony !== "gated")?.source;
  const decision = source === undefined ? "--input USD --output USD" : `--accept ${source}`;
  return `Decide with:\n./budget prices decide ${review_id} \\\n  ${decision} --by NAME --why REASON`;
}

function showReview(review: PriceReview, charged: Price | undefined): string {
  const fields = toFields({
    review: review.review_id,
    model: `${review.provider}/${review.model}`,
    ...(review.scope === "" ? {} : { scope: review.scope }),
    ...(review.service_tier === "standard" ? {} : { "service tier": review.service_tier }),
    reason: REASONS[review.kind],
    status: review.status,
    "charged now":
      charged === undefined
        ? "nothing"
        : `${perMillion(charged.input_cost_per_token)} in, ${perMillion(charged.output_cost_per_token)} out, by the million`,
    ...(review.decided_by === null ? {} : { "decided by": `${review.decided_by}: ${review.why ?? ""}` }),
  });
  const rows = review.candidates.map(({ source, testimony, components, observed_at, address }) => {
    const amounts = ["input_tokens", "output_tokens"].map((unit) => perMillion(amountOf(components, unit)));
    return [source, testimony, ...amounts, observed_at.slice(0, 10), address];
  });
  const table = toTable(["source", "came out", "input", "output", "since", "read at"], rows);
  return [fields, table, ...(review.status === "open" ? [deciding(review)] : [])].join("\n\n");
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
      const { client, show } = await openSession(command, world);
      const list = await client.prices.reviews(given(options));
      const texts: string[] = [];
      for (const review of list.items) texts.push(showReview(review, await chargedNow(client, review)));
      const shown = texts.join("\n\n");
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
    .option("--unit <unit=usd...>", `charge this ${UNIT_HELP}`)
    .option("--reject", "leave what is charged")
    .requiredOption("--by <name>", "who decides")
    .requiredOption("--why <reason>", "the reason, for the record")
    .action(async (review: string, options: DecideOptions, command: Command) => {
      const { client, show } = await openSession(command, world);
      const entered = enteredPrice(options);
      const decision = decisionOf(options, entered);
      const opened = await openReview(client, review);
      const before = opened && (await chargedNow(client, opened));
      if (decision.decision === "enter") checkBoth(entered, before);
      const decided = await client.prices.decide(review, decision);
      const effects = [
        ...(decision.decision === "enter" ? noLongerPriced(before, entered) : []),
        ...(decision.decision === "reject" ? [] : withoutMarkup(before)),
      ];
      show(decided, [showReview(decided, await chargedNow(client, decided)), ...effects].join("\n\n"));
    });
}
