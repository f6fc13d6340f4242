const STATUS_LINE = /HTTP\/1\.1 (\d{3}) /g;
/** As many characters as the beginning of a status line can have without being one. */
const LONGEST_BEGINNING = "HTTP/1.1 200".length;

/** Counts answers by their status as they arrive, several in one piece, or one in several. */
export class AnswerCounter {
  readonly counts = new Map<number, number>();
  #rest = "";

  /** @returns how many answers have begun in this piece */
  add(piece: string): number {
    const text = this.#rest + piece;
    let found = 0;
    let end = 0;
    for (const match of text.matchAll(STATUS_LINE)) {
      const status = Number(match[1]);
      this.counts.set(status, (this.counts.get(status) ?? 0) + 1);
      found += 1;
      end = match.index + match[0].length;
    }
    this.#rest = text.slice(Math.max(end, text.length - LONGEST_BEGINNING));
    return found;
  }
}
