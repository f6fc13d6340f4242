import type { PolicyBook } from "./books.ts";
import { MEASURES, type Measure } from "./facts.ts";
import { subtree, type Node, type Scenario } from "./scenarios.ts";
import type { TableSize } from "./sizes.ts";
import type { Tally } from "./tally.ts";
import type { Finding, FindingKind, Verdict } from "./verdict.ts";

/** As many of each kind of finding as are printed. */
const EXAMPLES = 5;
/** Fewer rows say little of how large one is. */
const LEAST_ROWS_MEASURED = 1000;

/** Everything that must not be, in words; a run without any has proved what it was for. */
export function problemsOf(
  verdict: Verdict,
  scenarios: readonly Scenario[],
  tally: Tally,
): readonly string[] {
  return [
    ...inKinds(verdict.findings),
    ...scenarios.flatMap(({ leaves }) => leaves.flatMap((leaf) => notFilled(verdict, leaf))),
    ...notAsAnswered(verdict, tally),
    ...tally.unexpected.slice(0, EXAMPLES).map((text) => `unexpected answer: ${text}`),
    ...(verdict.counts.granted === 0 || verdict.counts.refused === 0 ? ["nothing was contended"] : []),
  ];
}

function inKinds(findings: readonly Finding[]): readonly string[] {
  const kinds = new Map<FindingKind, Finding[]>();
  for (const finding of findings) kinds.set(finding.kind, [...(kinds.get(finding.kind) ?? []), finding]);
  return [...kinds].flatMap(([kind, all]) => [
    `${kind}: ${all.length}`,
    ...all
      .slice(0, EXAMPLES)
      .map((one) => `  event ${one.sequence}, transaction ${one.transaction_id}: ${one.detail}`),
  ]);
}

/** A budget is full when not one token of what was asked last would have fitted. */
function notFilled(verdict: Verdict, { budget_id }: Node): readonly string[] {
  const room = verdict.room_at_last_refusal.get(budget_id);
  if (room === 0n) return [];
  return [`budget ${budget_id} was not filled: ${room ?? "an unknown number of"} tokens would still fit`];
}

/** Every grant and every refusal that a client was answered is in the database, and no other. */
function notAsAnswered({ counts }: Verdict, tally: Tally): readonly string[] {
  return (["granted", "extended", "refused"] as const)
    .filter((what) => counts[what] !== tally[what])
    .map((what) => `${tally[what]} requests were answered as ${what}, and the history has ${counts[what]}`);
}

interface Run {
  readonly servers: number;
  readonly clients: number;
  readonly seconds: number;
  readonly seed: number;
}

/** The verdict as Markdown: what was counted, how near each limit was, and whether anything was wrong. */
export function toReport(
  verdict: Verdict,
  scenarios: readonly Scenario[],
  { servers, clients, seconds, seed }: Run,
  sizes: readonly TableSize[],
  problems: readonly string[],
): string {
  const { counts } = verdict;
  const number = (count: number): string => count.toLocaleString("en-US");
  const found = (kind: FindingKind): string =>
    number(verdict.findings.filter((finding) => finding.kind === kind).length);
  const rows: readonly (readonly [string, string])[] = [
    ["transactions", number(counts.transactions)],
    ["granted", number(counts.granted)],
    ["extended", number(counts.extended)],
    ["refused", number(counts.refused)],
    ["settled, released, expired", [counts.settled, counts.released, counts.expired].map(number).join(", ")],
    ["usage records", number(counts.usage_records)],
    [
      "limits raised, lowered by server 1",
      `${number(counts.policies_raised)}, ${number(counts.policies_lowered)}`,
    ],
    ...[...verdict.decisions_by_server]
      .sort()
      .map(([name, count]) => [`decided by ${name}`, number(count)] as const),
    ["changed limits whose next decision was another server's", number(counts.policies_bound_elsewhere)],
    ["limits passed", found("limit passed")],
    ["phantom refusals", found("phantom refusal")],
    ["refusals that say another sum than the recount", found("untrue refusal")],
  ];
  return [
    `${servers} servers, ${clients} clients, ${seconds} s for each scenario, seed ${seed}`,
    "",
    "| what the history says | count |",
    "| --- | ---: |",
    ...rows.map(([what, count]) => `| ${what} | ${count} |`),
    "",
    "| scenario | level | limit of | most after a grant | in the end | room in the end |",
    "| --- | --- | --- | ---: | ---: | ---: |",
    ...scenarios.flatMap((scenario) => policyRows(verdict, scenario)),
    "",
    "| table, indexes included | rows | bytes a row |",
    "| --- | ---: | ---: |",
    ...sizes
      .filter(({ rows }) => rows >= LEAST_ROWS_MEASURED)
      .map(
        ({ table, rows, bytes }) => `| ${table} | ${number(rows)} | ${number(Math.round(bytes / rows))} |`,
      ),
    "",
    ...(problems.length === 0
      ? ["Proved: no limit was passed, nothing was refused that fitted, and every budget was filled."]
      : problems),
  ].join("\n");
}

function policyRows({ policies, ended_at_ms }: Verdict, { name, root }: Scenario): readonly string[] {
  const levels = new Map([...subtree(root)].map((node) => [node.budget_id, levelOf(node)]));
  return policies
    .filter(({ budget_id }) => levels.has(budget_id))
    .flatMap((policy) =>
      MEASURES.filter((measure) => policy.limit[measure] !== null).map((measure) => {
        const level = levels.get(policy.budget_id)!;
        return `| ${name} | ${level} | ${policy.period} ${measure} | ${standing(policy, measure, ended_at_ms)} |`;
      }),
    );
}

const levelOf = ({ share, children }: Node): string =>
  share === 1 ? "root" : children.length > 0 ? "child" : "grandchild";

const percent = (share: number): string => `${(share * 100).toFixed(2)} %`;

function standing(policy: PolicyBook, measure: Measure, at_ms: number): string {
  const limit = policy.limit[measure] ?? 0n;
  const amount = policy.used(at_ms)[measure] + policy.held[measure];
  const room = limit - amount;
  const left = measure === "tokens" ? `${room} tokens` : `${room} nano-USD`;
  return `${percent(policy.highest[measure])} | ${percent(Number(amount) / Number(limit))} | ${left}`;
}
