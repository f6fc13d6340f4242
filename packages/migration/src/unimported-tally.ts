import type { UnimportedRow, UnimportedRows } from "@budget/engine";

const MOST_LISTED = 100;

/** Counts rows that were not imported, and keeps the first hundred. */
export class UnimportedTally {
  #count = 0;
  readonly #first: UnimportedRow[] = [];

  add(row: UnimportedRow): void {
    this.#count += 1;
    if (this.#first.length < MOST_LISTED) this.#first.push(row);
  }

  /** With those that somebody else has counted after them. */
  with(others: UnimportedRows): UnimportedRows {
    return {
      count: this.#count + others.count,
      first: [...this.#first, ...others.first].slice(0, MOST_LISTED),
    };
  }
}
