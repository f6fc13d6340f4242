import type { Price, PriceEvidence, PriceObservation } from "@budget/client-js";
import type { Command } from "commander";
import { toFields, toTable } from "../output.ts";
import { openSession, type World } from "../session.ts";
import { amountOf, perMillion } from "./price-amounts.ts";
import { askByName } from "./price-by-name.ts";

/** What the sources ask for where the operator's markup is part of a price. */
const withoutMarkup = (amount: number | null, { markup_percent }: Price): string =>
  perMillion(amount === null ? null : amount / (1 + markup_percent / 100));

const markupOf = (price: Price): string =>
  `${price.markup_percent} %: the sources say ${withoutMarkup(price.input_cost_per_token, price)} / ` +
  withoutMarkup(price.output_cost_per_token, price);

/** Who set a price by hand, and why; empty where a source says it. */
function setBy({ raw }: PriceObservation): string {
  if (typeof raw !== "object" || raw === null || !("set_by" in raw && "why" in raw)) return "";
  return `, ${String(raw.set_by)}: ${String(raw.why)}`;
}

/** What is charged, and for each of it what the sources say. */
export function showEvidence({ prices, observations, reviews }: PriceEvidence): string {
  const shown = prices.map((price) => {
    const restsOn = observations.filter(({ observation_id }) => price.evidence.includes(observation_id));
    const title = toFields({
      model: `${price.provider}/${price.model}`,
      ...(price.scope === "" ? {} : { scope: price.scope }),
      ...(price.service_tier === "standard" ? {} : { "service tier": price.service_tier }),
      ...(price.time_of_day === null ? {} : { "hours (UTC)": Object.values(price.time_of_day).join(" to ") }),
      charged: `${perMillion(price.input_cost_per_token)} in, ${perMillion(price.output_cost_per_token)} out, by the million`,
      ...(price.markup_percent === 0 ? {} : { markup: markupOf(price) }),
      status: price.status,
      "decided by": `${price.source}${restsOn.map(setBy).join("")}`,
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
  const decided = reviews.flatMap(({ closed_at, status, decided_by, why }) =>
    decided_by === null ? [] : [`Review ${status} on ${closed_at?.slice(0, 10)} by ${decided_by}: ${why}`],
  );
  const charged = prices.length === 0 ? ["Nothing is charged for it."] : shown;
  return [...charged, ...waiting, ...decided].join("\n\n");
}

export function addPriceEvidenceCommand(prices: Command, world: World): void {
  prices
    .command("why <provider> <model>")
    .description("show why a model costs what it costs: what is charged, and what each source says")
    .action(async (provider: string, model: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const { answer, note } = await askByName(
        client,
        provider,
        model,
        (...name) => client.prices.why(...name),
        (evidence) => evidence.prices.length > 0,
      );
      show(answer, note + showEvidence(answer));
    });
}
