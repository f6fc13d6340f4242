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

const SCREEN_COLUMNS = 80;
/** Between two columns. */
const GAP = "  ".length;
const MIN_COLUMNS = 12;

const ID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Breaks text between words; a word that is longer than a line is broken where the line ends, and nothing is cut off. */
function wrapped(text: string, columns: number): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + 1 + word.length <= columns) {
      lines[lines.length - 1] = `${line} ${word}`;
      continue;
    }
    for (let at = 0; at === 0 || at < word.length; at += columns) lines.push(word.slice(at, at + columns));
  }
  return lines.join("\n");
}

/** Text as wide as a screen at most. */
export const paragraph = (text: string): string => wrapped(text, SCREEN_COLUMNS);

/** Narrows the last column to fit a screen, and where that is not enough the widest others; ids stay whole. */
function widthsOf(cells: readonly (readonly string[])[]): readonly number[] {
  const columns = cells[0]?.map((_name, column) => cells.map((row) => row[column] ?? "")) ?? [];
  const widths = columns.map((column) => Math.max(...column.map((cell) => cell.length)));
  const last = widths.length - 1;
  const tooWide = (): number => widths.reduce((sum, width) => sum + width, 0) + GAP * last - SCREEN_COLUMNS;
  const narrow = (column: number): void => {
    const width = widths[column] ?? 0;
    widths[column] = Math.max(width - Math.max(tooWide(), 0), Math.min(width, MIN_COLUMNS));
  };
  narrow(last);
  const others = [...widths.keys()].filter((column) => !columns[column]?.some((cell) => ID.test(cell)));
  for (const column of others.sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))) narrow(column);
  return widths;
}

/** Rows under a heading, no wider than a screen. */
export function toTable(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return "none";
  const cells = [heading.map((name) => name.toUpperCase()), ...rows.map((row) => row.map(text))];
  const widths = widthsOf(cells);
  const table = new Table({ ...PLAIN, colWidths: [...widths] });
  table.push(...cells.map((row) => row.map((cell, column) => wrapped(cell, widths[column] ?? MIN_COLUMNS))));
  return withoutTrailingSpace(table.toString());
}

/** The same, without the columns that no row has anything in. */
export function toTableOfFilled(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isFilled = (column: number): boolean =>
    rows.some((row) => row[column] !== null && row[column] !== undefined && row[column] !== "");
  const filled = <T>(row: readonly T[]): readonly T[] => row.filter((_cell, column) => isFilled(column));
  return toTable(filled(heading), rows.map(filled));
}

/** One thing: a name and a value on each line. */
export function toFields(fields: Readonly<Record<string, Cell>>): string {
  const table = new Table(PLAIN);
  table.push(...Object.entries(fields).map(([name, value]) => [name, text(value)]));
  return withoutTrailingSpace(table.toString());
}

/** The same with sentences for values, which are broken between words where the screen ends. */
export function toParagraphs(fields: Readonly<Record<string, string>>): string {
  const names = Math.max(...Object.keys(fields).map((name) => name.length));
  const columns = SCREEN_COLUMNS - GAP - names;
  return toFields(
    Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, wrapped(value, columns)])),
  );
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
