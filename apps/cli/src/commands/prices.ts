import type {
  Coverage,
  CurrentPrice,
  Price,
  PriceByHandRequest,
  PriceComponent,
  PriceEvidence,
  PriceReview,
  PriceReviewQuery,
  PriceRun,
  Recommendations,
  RepriceReport,
  ReviewDecision,
  ServiceTier,
} from "@budget/client-js";
import { REVIEW_STATUSES, SERVICE_TIERS, femtoToUsdText, parseDecimal } from "@budget/domain";
import { Option, type Command } from "commander";
import { UsageError } from "../exit-codes.ts";
import { wholeNumber } from "../options.ts";
import { toFields, toTable, usd } from "../output.ts";
import { given, openSession, type World } from "../session.ts";

const MILLION = 1_000_000;

/** Prices of tokens are told by the million, as everybody does. */
const perMillion = (cost: number | null): string =>
  cost === null ? "-" : usd(Number((cost * MILLION).toPrecision(12)));

const span = ({ effective_date, end_date }: Price): string =>
  `${effective_date.startsWith("1970") ? "always" : effective_date.slice(0, 10)} to ${end_date?.slice(0, 10) ?? "now"}`;

const FOUND_BY: Readonly<Record<CurrentPrice["matched_by"], string>> = {
  exact: "its exact name",
  alias: "the model that its name means now",
  family: "its undated name",
};

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

/** What became of each source, within 80 columns: amounts read and set aside, what is new of them, and how votes came out. */
const RUN_COLUMNS = [
  "source",
  "outcome",
  "prices",
  "aside",
  "new",
  "changed",
  "gone",
  "agreed",
  "conflict",
  "gated",
  "s",
];

function showRun({ ended_at, report }: PriceRun): string {
  if (report === null) return ended_at === null ? "The run goes on." : "The run was interrupted.";
  const { verification } = report;
  const rows = report.sources.map((source) => [
    source.source,
    source.fault ?? source.outcome.replace("not_modified", "as before"),
    source.observations,
    source.set_aside,
    source.new,
    source.changed,
    source.withdrawn,
    source.agreed,
    source.in_conflict,
    source.rejected,
    (source.duration_ms / 1000).toFixed(1),
  ]);
  const statuses = toFields({
    "voted on": verification.things,
    verified: verification.verified,
    "with dissent": verification.verified_with_dissent,
    "one source only": verification.provisional,
    conflict: verification.conflict,
    rejected: verification.rejected,
    "prices added": verification.prices_added,
    "prices changed": verification.prices_changed,
    "held back": verification.prices_held_back,
    "reviews opened": verification.reviews_opened,
    took: `${(verification.duration_ms / 1000).toFixed(1)} s`,
  });
  const table = toTable(RUN_COLUMNS, rows);
  const failures = report.sources.flatMap(({ source, detail }) =>
    detail === null ? [] : [`${source} gave nothing: ${detail}`],
  );
  return [rows.length === 0 ? "No source was due." : table, ...failures, statuses].join("\n\n");
}

interface DecideOptions {
  readonly accept?: string;
  readonly input?: string;
  readonly output?: string;
  readonly reject?: boolean;
  readonly by: string;
  readonly why: string;
}

/** A price by the million as decimal text for one unit. */
function perUnit(option: string, usd_per_million: string): string {
  if (!/^\d{1,6}(\.\d{1,9})?$/.test(usd_per_million))
    throw new UsageError(
      `${option} must be USD for a million tokens, such as 2.50; it was ${usd_per_million}.`,
    );
  return femtoToUsdText(parseDecimal(usd_per_million, 9));
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

const amountOf = (components: readonly PriceComponent[], unit: string): number | null =>
  components.find((one) => one.unit === unit && one.above_input_tokens === 0)?.cost_per_unit ?? null;

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

/** What is charged, and for each of it what the sources say. */
function showEvidence({ prices, observations, reviews }: PriceEvidence): string {
  const shown = prices.map((price) => {
    const title = toFields({
      model: `${price.provider}/${price.model}`,
      ...(price.scope === "" ? {} : { scope: price.scope }),
      ...(price.service_tier === "standard" ? {} : { "service tier": price.service_tier }),
      ...(price.time_of_day === null ? {} : { "hours (UTC)": Object.values(price.time_of_day).join(" to ") }),
      charged: `${perMillion(price.input_cost_per_token)} in, ${perMillion(price.output_cost_per_token)} out, by the million`,
      ...(price.markup_percent === 0 ? {} : { markup: `${price.markup_percent} % of it are yours` }),
      status: price.status,
      "decided by": price.source,
      since: price.effective_date.startsWith("1970") ? "always" : price.effective_date,
    });
    const said = observations.filter(
      ({ observation_id, scope, service_tier, time_of_day }) =>
        price.evidence.includes(observation_id) ||
        (scope === price.scope &&
          service_tier === price.service_tier &&
          time_of_day?.start === price.time_of_day?.start),
    );
    if (said.length === 0) return `${title}\n\nIt came with Budget, and no source was asked about it yet.`;
    const rows = said.map((one) => [
      one.source,
      price.evidence.includes(one.observation_id) ? "yes" : "no",
      perMillion(amountOf(one.components, "input_tokens")),
      perMillion(amountOf(one.components, "output_tokens")),
      one.observed_at.slice(0, 10),
      one.address,
    ]);
    return `${title}\n\n${toTable(["source", "agrees", "input", "output", "since", "read at"], rows)}`;
  });
  const open = reviews.filter(({ status }) => status === "open").map(({ review_id }) => review_id);
  const waiting = open.length === 0 ? [] : [`Waits for a decision: ${open.join(", ")}`];
  return [...(prices.length === 0 ? ["Nothing is charged for it."] : shown), ...waiting].join("\n\n");
}

interface SetOptions extends TermOptions {
  readonly input?: string;
  readonly output?: string;
  readonly unit?: readonly string[];
  readonly hours?: string;
  readonly from?: string;
  readonly until?: string;
  readonly by: string;
  readonly why: string;
}

/** `cache_read_tokens=0.30`: a unit, and dollars for a million of it. */
function unitPrice(text: string): { unit: string; cost_per_unit: string } {
  const [unit = "", amount] = text.split("=");
  if (amount === undefined)
    throw new UsageError(`--unit must be such as cache_read_tokens=0.30; it was ${text}.`);
  return { unit, cost_per_unit: perUnit("--unit", amount) };
}

/** `16:30-00:30`: hours of the day; whether they are any is for the server to say. */
function timeOfDay(text: string): { start: string; end: string } {
  const [start = "", end, ...others] = text.split("-");
  if (end === undefined || others.length > 0)
    throw new UsageError(`--hours must be such as 16:30-00:30, in UTC; it was ${text}.`);
  return { start, end };
}

function priceToSet(provider: string, model: string, options: SetOptions): PriceByHandRequest {
  const { input, output, unit = [], hours, from, until, by, why } = options;
  const components = [
    ...(input === undefined ? [] : [{ unit: "input_tokens", cost_per_unit: perUnit("--input", input) }]),
    ...(output === undefined ? [] : [{ unit: "output_tokens", cost_per_unit: perUnit("--output", output) }]),
    ...unit.map(unitPrice),
  ];
  if (components.length === 0) throw new UsageError("Say what it costs: --input, --output or --unit.");
  return {
    ...wantedPrice(provider, model, options),
    components,
    ...given({
      time_of_day: hours === undefined ? undefined : timeOfDay(hours),
      effective_date: from,
      end_date: until,
    }),
    set_by: by,
    why,
  };
}

function showReprice({
  dry_run,
  records_checked,
  records_unpriced,
  budgets,
  models,
  ...report
}: RepriceReport) {
  const fields = toFields({
    "records checked": records_checked,
    [dry_run ? "would be set right" : "set right"]: report.records_adjusted,
    "without a price": records_unpriced,
    difference: usd(report.difference),
  });
  if (report.records_adjusted === 0) return fields;
  const amounts = (sums: RepriceReport["budgets"][number] | RepriceReport["models"][number]) => [
    sums.records,
    usd(sums.booked_cost),
    usd(sums.repriced_cost),
    usd(sums.difference),
  ];
  const byBudget = toTable(
    ["budget", "records", "booked", "is", "difference"],
    budgets.map((sums) => [sums.budget_id, ...amounts(sums)]),
  );
  const byModel = toTable(
    ["model", "records", "booked", "is", "difference"],
    models.map((sums) => [sums.model, ...amounts(sums)]),
  );
  return `${fields}\n\n${byBudget}\n\n${byModel}`;
}

function showRecommendations({
  provider,
  model,
  calls,
  calls_left_out,
  typical,
  cost,
  recommendations,
}: Recommendations): string {
  const costs = typical
    ? "No usage with a price was found; these are the costs of one call of 1,000 tokens in and out."
    : `The latest ${calls} calls of ${provider}/${model} cost ${usd(cost)} at its price of now.`;
  const leftOut = `Left out: ${calls_left_out}, because the model has no price for all that they used.`;
  const what = calls_left_out === 0 ? costs : `${costs}\n${leftOut}`;
  if (recommendations.length === 0) return `${what}\n\nNo model that can do the same is cheaper.`;
  const yesOrNo = (known: boolean | null): string => (known === null ? "?" : known ? "yes" : "no");
  const rows = recommendations.map((one) => [
    `${one.provider}/${one.model}`,
    usd(one.cost),
    `${one.savings_percent} %`,
    one.context_tokens ?? "?",
    yesOrNo(one.tools),
    yesOrNo(one.vision),
    one.price_status,
  ]);
  return `${what}\n\n${toTable(["model", "would cost", "saves", "context", "tools", "vision", "price"], rows)}`;
}

function showCoverage({ days, models, models_verified, total_cost, verified_cost, items }: Coverage): string {
  const fields = toFields({
    "in the last": `${days} days`,
    "models in use": models,
    "with a verified price": models_verified,
    spent: usd(total_cost),
    "at verified prices": usd(verified_cost),
  });
  const rows = items.map((item) => [
    `${item.provider}/${item.model}`,
    item.request_count,
    usd(item.total_cost),
    item.price_status ?? "unknown",
  ]);
  return rows.length === 0 ? fields : `${fields}\n\n${toTable(["model", "calls", "spent", "price"], rows)}`;
}

interface RepriceOptions {
  readonly from: string;
  readonly to: string;
  readonly provider?: string;
  readonly model?: string;
  readonly at?: string;
  readonly dryRun?: boolean;
  readonly by: string;
  readonly why: string;
}

interface RecommendOptions {
  readonly component?: string;
  readonly days?: number;
  readonly anyProvider?: boolean;
  readonly context?: number;
  readonly tools?: boolean;
  readonly vision?: boolean;
  readonly reasoning?: boolean;
  readonly limit?: number;
}

interface TermOptions {
  readonly serviceTier?: ServiceTier;
  readonly scope?: string;
}

interface CostOptions extends TermOptions {
  readonly input: number;
  readonly output: number;
  readonly cached?: number;
  readonly at?: string;
}

const withTerms = (command: Command): Command =>
  command
    .addOption(
      new Option("--service-tier <tier>", "how the provider serves the call").choices([...SERVICE_TIERS]),
    )
    .option("--scope <scope>", "region or commitment, such as us or us-east-1");

const wantedPrice = (provider: string, model: string, { serviceTier, scope }: TermOptions) => ({
  provider,
  model,
  ...given({ service_tier: serviceTier, price_scope: scope }),
});

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

  withTerms(
    prices
      .command("current <provider> <model>")
      .description("show the price of a model that is in force now"),
  ).action(async (provider: string, model: string, options: TermOptions, command: Command) => {
    const { client, show } = openSession(command, world);
    const price = await client.prices.current(wantedPrice(provider, model, options));
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

  prices
    .command("why <provider> <model>")
    .description("show why a model costs what it costs: what is charged, and what each source says")
    .action(async (provider: string, model: string, _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const evidence = await client.prices.why(provider, model);
      show(evidence, showEvidence(evidence));
    });

  withTerms(
    prices
      .command("set <provider> <model>")
      .description("charge a price without a vote, such as one of a contract or of a model of your own")
      .option("--input <usd>", "for a million input tokens")
      .option("--output <usd>", "for a million output tokens")
      .option("--unit <unit=usd...>", "for a million of another unit, such as cache_read_tokens=0.30")
      .option("--hours <hours>", "only in these hours (UTC), such as 16:30-00:30; all day if left out")
      .option("--from <time>", "from then on; from now on if left out")
      .option("--until <time>", "from then on what the sources say is charged again")
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

  prices
    .command("reset-trust <source>")
    .description("put the trust of a source back to where it started")
    .action(async (source: string, _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const reset = await client.prices.resetTrust(source);
      show(reset, toFields({ source: reset.source, trust: reset.trust.toFixed(3) }));
    });

  prices
    .command("reprice")
    .description("work out anew what past usage costs, at the prices of now, and book the differences")
    .requiredOption("--from <time>", "usage from then on")
    .requiredOption("--to <time>", "usage before then")
    .option("--provider <name>", "only of this provider")
    .option("--model <name>", "only of this model")
    .option("--at <time>", "at the prices that were in force then")
    .option("--dry-run", "book nothing, and show what would be booked")
    .requiredOption("--by <name>", "who asks for it")
    .requiredOption("--why <reason>", "the reason, for the record")
    .action(async (options: RepriceOptions, command: Command) => {
      const { client, show } = openSession(command, world);
      const { from, to, dryRun, by, why, provider, model, at } = options;
      const report = await client.prices.reprice({
        start_time: from,
        end_time: to,
        repriced_by: by,
        why,
        ...given({ provider, model, at, dry_run: dryRun }),
      });
      show(report, showReprice(report));
    });

  prices
    .command("coverage")
    .description("list the models in use, those without a verified price first")
    .option("--days <n>", "in so many days up to now", wholeNumber)
    .action(async (options: { days?: number }, command: Command) => {
      const { client, show } = openSession(command, world);
      const coverage = await client.prices.coverage(given(options));
      show(coverage, showCoverage(coverage));
    });

  program
    .command("recommend <provider> <model>")
    .description("find cheaper models for what was really used lately")
    .option("--component <name>", "on the usage of this component")
    .option("--days <n>", "on the usage of so many days up to now", wholeNumber)
    .option("--any-provider", "of other providers, too")
    .option("--context <n>", "that are known to take so many tokens", wholeNumber)
    .option("--tools", "that are known to use tools")
    .option("--vision", "that are known to read images")
    .option("--reasoning", "that are known to reason")
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (provider: string, model: string, options: RecommendOptions, command: Command) => {
      const { client, show } = openSession(command, world);
      const { anyProvider, context, ...rest } = options;
      const request = given({ ...rest, any_provider: anyProvider, context_tokens: context });
      const found = await client.prices.recommendations({ provider, model, ...request });
      show(found, showRecommendations(found));
    });

  prices
    .command("update [sources...]")
    .description("read sources of prices now, those that are due if none is named, and apply what follows")
    .action(async (sources: string[], _options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const run = await client.prices.update(sources.length === 0 ? {} : { sources });
      show(run, showRun(run));
    });

  prices
    .command("sources")
    .description("list the sources of prices: how far each is trusted, and why one gives none")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = openSession(command, world);
      const list = await client.prices.sources({ limit: 1000 });
      const rows = list.items.map(({ source, trust, agreed, differed, read_at, fault, detail }) => [
        source,
        trust.toFixed(3),
        `${agreed} of ${agreed + differed}`,
        read_at ?? "never",
        fault === null ? "-" : `${fault}: ${detail ?? ""}`,
      ]);
      show(list, toTable(["source", "trust", "was right", "last read", "fault"], rows));
    });

  prices
    .command("runs")
    .description("list runs over the sources of prices, newest first")
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (options: { limit?: number }, command: Command) => {
      const { client, show } = openSession(command, world);
      const list = await client.prices.runs(given(options));
      const rows = list.items.map(({ started_at, ended_at, trigger, report }) => [
        started_at,
        trigger,
        report?.sources.map(({ source, outcome }) => `${source} ${outcome}`).join(", ") ??
          (ended_at === null ? "goes on" : "interrupted"),
        report?.verification.prices_added ?? null,
        report?.verification.prices_changed ?? null,
      ]);
      show(list, toTable(["began", "trigger", "sources", "added", "changed"], rows));
    });

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

  withTerms(
    program
      .command("calc-cost <provider> <model>")
      .description("work out what a call would cost, to the nano-dollar")
      .option("--input <n>", "all input tokens, cached ones included", wholeNumber, 0)
      .option("--output <n>", "all output tokens", wholeNumber, 0)
      .option("--cached <n>", "input tokens that are read from a cache", wholeNumber)
      .option("--at <time>", "at the price that is in force then"),
  ).action(async (provider: string, model: string, options: CostOptions, command: Command) => {
    const { client, show } = openSession(command, world);
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
    const total = `total ${usd(cost.total_cost)}`;
    show(cost, `${toTable(["unit", "quantity", "per unit", "cost"], rows)}\n\n${total}`);
  });
}
