import Table from "cli-table3";
import type { Command } from "commander";
import type { World } from "./session.ts";

/** Tables without lines: they read well, and can be cut into columns by other programs. */
const PLAIN = {
  chars: {
    top: "",
    "top-mid": "",
    "top-left": "",
    "top-right": "",
    bottom: "",
    "bottom-mid": "",
    "bottom-left": "",
    "bottom-right": "",
    left: "",
    "left-mid": "",
    mid: "",
    "mid-mid": "",
    right: "",
    "right-mid": "",
    middle: "  ",
  },
  style: { "padding-left": 0, "padding-right": 0, head: [], border: [], compact: true },
};

export type Cell = string | number | boolean | null | undefined;

const text = (cell: Cell): string => (cell === null || cell === undefined ? "-" : String(cell));
const withoutTrailingSpace = (table: string): string => table.replaceAll(/[ \t]+$/gm, "");

const SCREEN_COLUMNS = 80;
const GAP = "  ".length;
const MIN_COLUMNS = 12;

/** Rows under a heading, no wider than a screen: the last column is wrapped between words; a word where there are none. */
export function toTable(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return "none";
  const cells = [heading.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(text))];
  const widths = heading.map((_name, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const others = widths.slice(0, -1).reduce((sum, width) => sum + width + GAP, 0);
  const last = Math.min(widths.at(-1) ?? 0, Math.max(SCREEN_COLUMNS - others, MIN_COLUMNS));
  const table = new Table({ ...PLAIN, colWidths: [...widths.slice(0, -1), last], wordWrap: true });
  table.push(...cells);
  return withoutTrailingSpace(table.toString());
}

/** One thing: a name and a value on each line. */
export function toFields(fields: Readonly<Record<string, Cell>>): string {
  const table = new Table(PLAIN);
  table.push(...Object.entries(fields).map(([name, value]) => [name, text(value)]));
  return withoutTrailingSpace(table.toString());
}

/** Dollars with every digit that they have. */
export function usd(amount: number | null): string {
  if (amount === null) return "-";
  if (amount < 0) return `-${usd(-amount)}`;
  // A small number is printed as 1e-7 otherwise; prices have at most 15 decimals.
  const digits = amount.toFixed(15).replace(/\.?0+$/, "");
  return `$${amount < 1e-4 ? digits : String(amount)}`;
}

/** What a share is in percent; limits that were passed are above 100. */
export const percent = (share: number | null): string =>
  share === null ? "-" : `${(share * 100).toFixed(1)} %`;

/** Prints what a command found by itself: as JSON where that was asked for, else the text. */
export const printer =
  (world: Pick<World, "stdout">) =>
  (command: Command, value: unknown, text: string): void => {
    const { json = false } = command.optsWithGlobals<{ json?: boolean }>();
    world.stdout(`${json ? JSON.stringify(value, null, 2) : text}\n`);
  };
