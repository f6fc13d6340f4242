import { visibleText } from "./visible-text.ts";

/** The texts of a table's cells, those that span several rows or columns repeated in each. */
export interface Grid {
  readonly caption: string;
  readonly rows: readonly (readonly string[])[];
}

const MOST_ROWS = 2_000;
const MOST_COLUMNS = 40;

const spanOf = (cell: HTMLTableCellElement, name: "rowspan" | "colspan", most: number): number => {
  const span = Number.parseInt(cell.getAttribute(name) ?? "1", 10);
  return Number.isNaN(span) || span < 1 ? 1 : Math.min(span, most);
};

/** Lays out a table as browsers do; what is beyond 2,000 rows or 40 columns is left out. */
export function gridOf(table: HTMLTableElement): Grid {
  const rows: string[][] = [];
  // What spans down into rows that are still to come, by row and column.
  const spanned = new Map<number, Map<number, string>>();
  // Without those of tables inside.
  const trs = [...table.rows];
  for (const [y, tr] of trs.slice(0, MOST_ROWS).entries()) {
    const row: string[] = [];
    const fromAbove = spanned.get(y) ?? new Map<number, string>();
    spanned.delete(y);
    let x = 0;
    const skipSpanned = (): void => {
      for (let text = fromAbove.get(x); text !== undefined; text = fromAbove.get(x)) row[x++] = text;
    };
    for (const cell of tr.children) {
      skipSpanned();
      if (x >= MOST_COLUMNS) break;
      if (cell.tagName !== "TD" && cell.tagName !== "TH") continue;
      const text = visibleText(cell);
      const columns = spanOf(cell as HTMLTableCellElement, "colspan", MOST_COLUMNS - x);
      const down = spanOf(cell as HTMLTableCellElement, "rowspan", trs.length - y);
      for (let dx = 0; dx < columns; dx += 1) {
        row[x] = text;
        for (let dy = 1; dy < Math.min(down, MOST_ROWS - y); dy += 1) {
          const below = spanned.get(y + dy) ?? new Map<number, string>();
          spanned.set(y + dy, below.set(x, text));
        }
        x += 1;
      }
    }
    skipSpanned();
    if (row.length > 0) rows.push(row);
  }
  const caption = table.querySelector("caption");
  return { caption: caption === null ? "" : visibleText(caption), rows };
}
