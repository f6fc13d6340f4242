import type { UnimportedRows } from "./history-importer.ts";

const MOST_LISTED = 100;

/** Counts the rows that were not imported, and keeps the first of them. */
export class UnimportedList {
  #count = 0;
  readonly #first: { readonly source_id: string; readonly reason: string }[] = [];

  add(source_id: string, reason: string): void {
    this.#count += 1;
    if (this.#first.length < MOST_LISTED) this.#first.push({ source_id, reason });
  }

  rows(): UnimportedRows {
    return { count: this.#count, first: [...this.#first] };
  }
}
