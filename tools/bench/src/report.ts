import { cpus, totalmem } from "node:os";
import type { Measurement } from "./measure.ts";

/** One line of the table. */
export interface Line {
  readonly database: "PostgreSQL" | "SQLite" | "none";
  readonly what: string;
  readonly budgets: number | null;
  readonly callers: number;
  readonly measurement: Measurement;
}

const rate = (value: number): string => Math.round(value).toLocaleString("en-US");
const time = (value: number): string => (value < 10 ? value.toFixed(2) : value.toFixed(0));

/** The lines as a Markdown table. */
export function toTable(lines: readonly Line[]): string {
  const rows = lines.map(
    ({ database, what, budgets, callers, measurement }) =>
      `| ${database} | ${what} | ${budgets ?? ""} | ${callers} | ${rate(measurement.per_second)} | ` +
      `${time(measurement.p50_ms)} | ${time(measurement.p99_ms)} |`,
  );
  return [
    "| database | what | budgets | callers | per second | p50 ms | p99 ms |",
    "| --- | --- | ---: | ---: | ---: | ---: | ---: |",
    ...rows,
  ].join("\n");
}

/** A figure that an issue or a reader asks for: how many times one rate is another. */
export interface Ratio {
  readonly what: string;
  readonly value: number;
  readonly wanted: number;
}

export const toRatios = (ratios: readonly Ratio[]): string =>
  [
    "| ratio | measured | to reach |",
    "| --- | ---: | ---: |",
    ...ratios.map(({ what, value, wanted }) => `| ${what} | ${value.toFixed(2)} | ${wanted.toFixed(2)} |`),
  ].join("\n");

/** The machine that the figures belong to. */
export function machine(): string {
  const [cpu] = cpus();
  const memory_gib = Math.round(totalmem() / 1024 ** 3);
  return `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${memory_gib} GiB, Node ${process.versions.node}`;
}
