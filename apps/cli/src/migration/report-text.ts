import { femtoToUsdText } from "@budget/domain";
import type { HistoricPriceImport, UnimportedRows } from "@budget/engine";
import type { MoveReport, MovedPolicy, MovedUsage } from "@budget/migration";
import { paragraph, toFields, toTable } from "../output.ts";
import { dollars, reconciliationText, whole } from "./reconciliation-text.ts";
import type { Migration } from "./run-migration.ts";
import { SYSTEM_NAMES } from "./time-zone.ts";

/** A migration for people to read: what was made of what, what was not and why, and whether the totals agree. */
export function reportText(migration: Migration): string {
  const { system, report, remarks } = migration;
  const sections = [
    heading(migration),
    policiesText(migration),
    usageText(report),
    unimportedText(report),
    allocationsText(migration),
    pricesText(migration),
    remarks.map(paragraph).join("\n"),
    reconciliationText(system, report.reconciliation),
    conclusion(migration),
  ];
  return sections.filter((section) => section !== "").join("\n\n");
}

function heading({ system, place, time_zone, dry_run, report }: Migration): string {
  const { name } = report.budget;
  return [
    ...(dry_run ? ["A dry run: nothing is changed.", ""] : []),
    toFields({
      from: `${SYSTEM_NAMES[system]}, ${place}`,
      times: `${time_zone}, where they have no offset`,
      into: report.budget_made ? `budget ${name}, a new one` : `budget ${name}`,
    }),
    ...(report.budget_made && system === "apollo"
      ? [
          "",
          paragraph(
            `Budget ${name} is below the one that was the default, and is the default now: a request that names ` +
              "no budget is held to the limits of both.",
          ),
        ]
      : []),
  ].join("\n");
}

function policiesText({ report, shadow, system }: Migration): string {
  const policies = report.parts.flatMap((part) => part.policies);
  const rows = policies.flatMap(({ draft }) => {
    if (draft === null) return [];
    const { tier, provider, component, task_type } = draft;
    const what = [tier, provider, component, task_type].filter((name) => name !== null).join(" ");
    return [[draft.period, what || "all", limitOf(draft), draft.type, stateOf(draft)]];
  });
  if (rows.length === 0) return "";
  const count = (result: MovedPolicy["result"]): string =>
    whole(policies.filter((one) => one.result === result).length);
  const accounts =
    `Limits: ${count("imported")} imported, ${count("unchanged")} merged, ` +
    `${count("conflict")} conflicts, ${count("rejected")} rejected.`;
  const note = `They only count until \`budget migrate enforce ${system}\` gives them their types.`;
  const amount = system === "apollo" ? "tokens" : "cost";
  return [
    toTable(["limit", "of", amount, "type", "state"], rows),
    "",
    accounts,
    ...(shadow ? [note] : []),
  ].join("\n");
}

type Draft = NonNullable<MovedPolicy["draft"]>;

function limitOf({ token_limit, cost_limit_nano_usd }: Draft): string {
  if (token_limit !== null) return whole(token_limit);
  return cost_limit_nano_usd === null ? "no limit" : dollars(cost_limit_nano_usd);
}

function stateOf({ enabled, end_ms }: Draft): string {
  const day = end_ms === null ? "" : new Date(end_ms).toISOString().slice(0, 10);
  if (!enabled) return day === "" ? "off" : `closed ${day}`;
  return day === "" ? "active" : `until ${day}`;
}

function usageText({ parts }: MoveReport): string {
  const files = parts.flatMap(({ name, usage }) => (usage === null ? [] : [{ name, usage }]));
  if (files.length === 0) return "";
  const cells = (name: string, usage: MovedUsage): readonly string[] => [
    name,
    whole(usage.read),
    whole(usage.imported),
    whole(usage.merged),
    whole(usage.conflicts.count),
    whole(usage.rejected.count),
  ];
  return toTable(
    ["usage in", "rows", "imported", "merged", "conflicts", "rejected"],
    files.map(({ name, usage }) => cells(name, usage)),
  );
}

function unimportedText({ parts }: MoveReport): string {
  const policies = parts
    .flatMap((part) => part.policies)
    .filter(({ result }) => result === "conflict" || result === "rejected");
  const lists: readonly UnimportedRows[] = parts.flatMap(({ usage }) =>
    usage === null ? [] : [usage.conflicts, usage.rejected],
  );
  const rows = [...policies, ...lists.flatMap(({ first }) => first)];
  if (rows.length === 0) return "";
  const more = lists.reduce((sum, { count, first }) => sum + count - first.length, 0);
  return [
    toTable(
      ["not imported", "why"],
      rows.map(({ source_id, reason }) => [source_id, reason]),
    ),
    ...(more === 0 ? [] : [`and ${whole(more)} more`]),
  ].join("\n");
}

function allocationsText({ allocations }: Migration): string {
  const live = allocations.filter(({ is_active }) => is_active);
  if (allocations.length === 0) return "";
  const note = paragraph(
    "Allocations do not move: Apollo ends those that it made, and what its callers ask for from now on Budget " +
      "holds. What they used is in the usage files of the data directory.",
  );
  const closed = `${whole(allocations.length - live.length)} more are closed.`;
  if (live.length === 0) return "No allocation is live in the export.";
  return [
    toTable(
      ["live in Apollo", "tokens", "used", "result"],
      live.map(({ context_id, amount, used }) => [context_id, whole(amount), whole(used), "stays there"]),
    ),
    ...(live.length === allocations.length ? [] : [closed]),
    note,
  ].join("\n");
}

function pricesText({ prices, dry_run }: Migration): string {
  if (prices.length === 0) return "";
  const added = prices.filter(({ result }) => result === "imported").length;
  const differing = prices.filter(({ differs_from }) => differs_from !== null);
  const what = dry_run ? "would be kept" : "were kept";
  return [
    paragraph(
      `${whole(added)} of ${whole(prices.length)} rates ${what} as unverified prices of the past` +
        `${added < prices.length ? "; the others were there" : ""}.`,
    ),
    ...(differing.length === 0
      ? []
      : ["", "These differ from what Budget charges now by more than 1 %:", "", differingTable(differing)]),
  ].join("\n");
}

function differingTable(prices: readonly HistoricPriceImport[]): string {
  const perMillion = (femto_usd: bigint): string => `$${femtoToUsdText(femto_usd * 1_000_000n)}`;
  const pair = (input: bigint, output: bigint): string => `${perMillion(input)} / ${perMillion(output)}`;
  return toTable(
    ["model", "Rhetor, per million", "Budget, per million", "source"],
    prices.map(({ price, differs_from }) => [
      `${price.provider}/${price.model}`,
      pair(price.input_femto_usd, price.output_femto_usd),
      differs_from === null ? "" : pair(differs_from.input_femto_usd, differs_from.output_femto_usd),
      differs_from?.source,
    ]),
  );
}

function conclusion({ report, dry_run, prices, system }: Migration): string {
  const isChanged =
    report.budget_made ||
    prices.some(({ result }) => result === "imported") ||
    report.parts.some(
      ({ policies, usage }) =>
        policies.some(({ result }) => result === "imported") || (usage?.imported ?? 0) > 0,
    );
  if (!isChanged) return "Nothing changed: all that can move in was there already.";
  return dry_run ? "Without --dry-run this moves in." : `${SYSTEM_NAMES[system]} has moved in.`;
}
