import Table from "cli-table3";

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

/** Rows under a heading; a word where there are none. */
export function toTable(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return "none";
  const table = new Table({ ...PLAIN, head: heading.map((name) => name.toUpperCase()) });
  table.push(...rows.map((row) => row.map(text)));
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
  // A small number is printed as 1e-7 otherwise; prices have at most 15 decimals.
  const digits = amount.toFixed(15).replace(/\.?0+$/, "");
  return `$${Math.abs(amount) < 1e-4 ? digits : String(amount)}`;
}

/** What a share is in percent; limits that were passed are above 100. */
export const percent = (share: number | null): string =>
  share === null ? "-" : `${(share * 100).toFixed(1)} %`;
