import { nanoToUsdText, type OldSystem } from "@budget/domain";
import type { Amounts, ReconciledGroup, Reconciliation } from "@budget/migration";
import { paragraph, toTable, toTableOfFilled } from "../output.ts";
import { SYSTEM_NAMES } from "./time-zone.ts";

const MOST_GROUPS = 40;

export const whole = (count: number): string => count.toLocaleString("en-US");
export const dollars = (nano_usd: bigint): string =>
  nano_usd < 0n ? `-$${nanoToUsdText(-nano_usd)}` : `$${nanoToUsdText(nano_usd)}`;

const difference = (theirs: Amounts, ours: Amounts): Amounts => ({
  records: ours.records - theirs.records,
  input_tokens: ours.input_tokens - theirs.input_tokens,
  output_tokens: ours.output_tokens - theirs.output_tokens,
  total_tokens: ours.total_tokens - theirs.total_tokens,
  cost_nano_usd: ours.cost_nano_usd - theirs.cost_nano_usd,
});

const cellsOf = (name: string, amounts: Amounts): readonly string[] => [
  name,
  whole(amounts.records),
  whole(amounts.input_tokens),
  whole(amounts.output_tokens),
  whole(amounts.total_tokens),
  dollars(amounts.cost_nano_usd),
];

/** The old system's totals beside ours, and the groups that differ. */
export function reconciliationText(
  system: OldSystem,
  { theirs, ours, groups, differing }: Reconciliation,
): string {
  const name = SYSTEM_NAMES[system];
  const totals = toTable(
    ["totals", "records", "input", "output", "tokens", "cost"],
    [cellsOf(name, theirs), cellsOf("Budget", ours), cellsOf("difference", difference(theirs, ours))],
  );
  const days = `${whole(groups.length)} ${groups.length === 1 ? "group" : "groups"} of day (UTC), provider, model and component`;
  if (differing.length === 0) return `${totals}\n\n${paragraph(`No difference in ${days}.`)}`;
  return [
    totals,
    "",
    paragraph(`${whole(differing.length)} of ${days} differ. This is what Budget has more:`),
    "",
    toTableOfFilled(
      ["day", "model", "component", "records", "input", "output", "tokens", "cost"],
      differing.slice(0, MOST_GROUPS).map(differenceRow),
    ),
    ...(differing.length > MOST_GROUPS
      ? [`${whole(differing.length - MOST_GROUPS)} more; --json prints all of them.`]
      : []),
    "",
    paragraph(
      `Where ${name} has more, it has booked since: migrate again. Where Budget has more, rows have left ${name}. ` +
        "Where both have the records, one was changed after it moved in, and stays as it was imported.",
    ),
  ].join("\n");
}

/** Amounts that are the same are left empty, and so is a sum of input and output that says nothing new. */
function differenceRow({ day_start_ms, provider, model, component, theirs, ours }: ReconciledGroup) {
  const { records, input_tokens, output_tokens, total_tokens, cost_nano_usd } = difference(theirs, ours);
  const shown = (count: number): string => (count === 0 ? "" : whole(count));
  return [
    new Date(day_start_ms).toISOString().slice(0, 10),
    `${provider}/${model}`,
    component,
    shown(records),
    shown(input_tokens),
    shown(output_tokens),
    shown(total_tokens - input_tokens - output_tokens === 0 ? 0 : total_tokens),
    cost_nano_usd === 0n ? "" : dollars(cost_nano_usd),
  ];
}
