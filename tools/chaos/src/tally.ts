import type { RoundResult } from "./round.ts";

/** What the rounds of one kind gave together. */
export class Tally {
  readonly kind: string;
  rounds = 0;
  allocations = 0;
  usage_records = 0;
  retried = 0;
  /** Rounds in which clients noticed the fault: a request of theirs was left open. */
  felt = 0;
  timed_out = 0;
  lost = 0;
  doubled = 0;
  wrong = 0;
  verify_differences = 0;
  /** The most that a round left held. */
  held_tokens = 0;
  slowest_ms = 0;
  violations = 0;

  constructor(kind: string) {
    this.kind = kind;
  }

  add(result: RoundResult): void {
    this.rounds += 1;
    this.allocations += result.allocations;
    this.usage_records += result.usage_records;
    this.retried += result.retried;
    this.timed_out += result.timed_out;
    if (result.retried > 0) this.felt += 1;
    this.lost += result.lost.length;
    this.doubled += result.doubled.length;
    this.wrong += result.wrong.length;
    this.verify_differences += result.verify_differences.length;
    this.held_tokens = Math.max(this.held_tokens, result.held_tokens);
    this.slowest_ms = Math.max(this.slowest_ms, result.served_again_ms);
    if (violationsOf(result).length > 0) this.violations += 1;
  }
}

/** Everything that a round violated, in words. */
export function violationsOf(result: RoundResult): readonly string[] {
  const { held_tokens } = result;
  return [
    ...result.broken,
    ...result.lost.map((text) => `lost: ${text}`),
    ...result.doubled.map((text) => `doubled: ${text}`),
    ...result.wrong.map((text) => `wrong: ${text}`),
    ...result.verify_differences.map((text) => `verify: ${text}`),
    ...(held_tokens > 0 ? [`held: ${held_tokens} is still held though everything is settled`] : []),
  ];
}

const count = (value: number): string => Math.round(value).toLocaleString("en-US");

/** One line of progress. */
export const toProgress = (tally: Tally, rounds: number, elapsed_s: number): string =>
  `${tally.kind} ${tally.rounds}/${rounds}: ${count(tally.allocations)} allocations and ` +
  `${count(tally.usage_records)} usage records acknowledged, ${count(tally.retried)} requests retried, ` +
  `${tally.violations} rounds with violations, ${count(elapsed_s)} s`;

const COLUMNS: readonly (readonly [string, (tally: Tally) => string])[] = [
  ["kind", ({ kind }) => kind],
  ["rounds", ({ rounds }) => count(rounds)],
  ["felt by clients", ({ felt }) => count(felt)],
  ["acknowledged allocations", ({ allocations }) => count(allocations)],
  ["acknowledged usage records", ({ usage_records }) => count(usage_records)],
  ["retried requests", ({ retried }) => count(retried)],
  ["timed out", ({ timed_out }) => count(timed_out)],
  ["lost", ({ lost }) => count(lost)],
  ["doubled", ({ doubled }) => count(doubled)],
  ["wrong", ({ wrong }) => count(wrong)],
  ["verify differences", ({ verify_differences }) => count(verify_differences)],
  ["held left", ({ held_tokens }) => count(held_tokens)],
  ["slowest to serve again, ms", ({ slowest_ms }) => count(slowest_ms)],
  ["rounds with violations", ({ violations }) => count(violations)],
];

/** The kinds as a Markdown table. */
export function toTable(tallies: readonly Tally[]): string {
  return [
    `| ${COLUMNS.map(([name]) => name).join(" | ")} |`,
    `| ${COLUMNS.map((_, index) => (index === 0 ? "---" : "---:")).join(" | ")} |`,
    ...tallies.map((tally) => `| ${COLUMNS.map(([, value]) => value(tally)).join(" | ")} |`),
  ].join("\n");
}
