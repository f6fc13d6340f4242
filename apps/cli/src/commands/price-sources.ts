import type { PriceRun, PriceSource } from "@budget/client-js";
import type { Command } from "commander";
import { wholeNumber } from "../options.ts";
import { toFields, toTable, toTableOfFilled } from "../output.ts";
import { given, openSession, type World } from "../session.ts";
import { addCredentialCommands } from "./source-credentials.ts";

/** What became of each source, within 80 columns: amounts read and set aside, what is new of them, and how votes came out. */
const RUN_COLUMNS = [
  "source",
  "result",
  "prices",
  "aside",
  "new",
  "changed",
  "gone",
  "agree",
  "split",
  "gated",
];

const RESULTS = { read: "read", not_modified: "same", failed: "failed" } as const;

const seconds = (duration_ms: number): string => `${(duration_ms / 1000).toFixed(1)} s`;

export function showRun({ ended_at, report }: PriceRun): string {
  if (report === null) return ended_at === null ? "The run goes on." : "The run was interrupted.";
  const { verification } = report;
  const rows = report.sources.map((source) => [
    source.source,
    RESULTS[source.outcome],
    source.observations,
    source.set_aside,
    source.new,
    source.changed,
    source.withdrawn,
    source.agreed,
    source.in_conflict,
    source.rejected,
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
    "took, to vote": seconds(verification.duration_ms),
    ...Object.fromEntries(
      report.sources.map(({ source, duration_ms }) => [`to read ${source}`, seconds(duration_ms)]),
    ),
  });
  const table = toTable(RUN_COLUMNS, rows);
  const failures = report.sources.flatMap(({ source, fault, detail }) =>
    fault === null ? [] : [`${source} gave nothing: ${fault}: ${detail ?? ""}`],
  );
  return [rows.length === 0 ? "No source was due." : table, ...failures, statuses].join("\n\n");
}

const faultOf = ({ enabled, fault, detail }: PriceSource): string | null =>
  enabled ? (fault === null ? null : `${fault}: ${detail ?? ""}`) : `off: ${detail ?? ""}`;

export function addPriceSourceCommands(prices: Command, world: World): void {
  prices
    .command("update [sources...]")
    .description("read sources of prices now, those that are due if none is named, and apply what follows")
    .action(async (sources: string[], _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const run = await client.prices.update(sources.length === 0 ? {} : { sources });
      show(run, showRun(run));
    });

  const sources = prices
    .command("sources")
    .description("list the sources of prices: how far each is trusted, and why one gives none")
    .action(async (_options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const list = await client.prices.sources({ limit: 1000 });
      const rows = list.items.map((one) => [
        one.source,
        one.trust.toFixed(3),
        `${one.agreed} of ${one.agreed + one.differed}`,
        one.read_at?.slice(0, 16).replace("T", " ") ?? "never",
        one.credential?.header,
        faultOf(one),
      ]);
      show(list, toTableOfFilled(["source", "trust", "was right", "last read", "credential", "fault"], rows));
    });
  addCredentialCommands(sources, world);

  prices
    .command("runs")
    .description("list runs over the sources of prices, newest first")
    .option("--limit <n>", "how many at most", wholeNumber)
    .action(async (options: { limit?: number }, command: Command) => {
      const { client, show } = await openSession(command, world);
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
    .command("reset-trust <source>")
    .description("put the trust of a source back to where it started")
    .action(async (source: string, _options: unknown, command: Command) => {
      const { client, show } = await openSession(command, world);
      const reset = await client.prices.resetTrust(source);
      show(reset, toFields({ source: reset.source, trust: reset.trust.toFixed(3) }));
    });
}
