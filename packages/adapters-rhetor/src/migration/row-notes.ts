import type { UsageDraft } from "@budget/engine";
import type { RhetorUsage } from "./rhetor-rows.ts";

const EXACT_DECIMALS = 30;

const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? "" : "s"}`;

/** 10^-30 dollars as decimal text. */
function exactUsd(amount: bigint): string {
  const digits = (amount < 0n ? -amount : amount).toString().padStart(EXACT_DECIMALS + 1, "0");
  const text = `${digits.slice(0, -EXACT_DECIMALS)}.${digits.slice(-EXACT_DECIMALS)}`.replace(/\.?0+$/, "");
  return `${amount < 0n ? "-" : ""}$${text}`;
}

/** What should be known of the rows that were translated. */
export class RowNotes {
  #first_ms: number | null = null;
  #rounded = 0;
  #moved = 0n;
  #most_moved = 0n;
  #split = 0;
  #unsplit = 0;
  #unreadable = 0;

  /** When the first of them was booked; null where there was none. */
  get first_ms(): number | null {
    return this.#first_ms;
  }

  add({ timestamp_ms, cost }: RhetorUsage, draft: UsageDraft, is_unreadable: boolean): void {
    if (this.#first_ms === null || timestamp_ms < this.#first_ms) this.#first_ms = timestamp_ms;
    if (cost.moved !== 0n) {
      const size = cost.moved < 0n ? -cost.moved : cost.moved;
      this.#rounded += 1;
      this.#moved += cost.moved;
      if (size > this.#most_moved) this.#most_moved = size;
    }
    if (cost.nano_usd > 0n) {
      if (draft.cost?.other_nano_usd === 0n) this.#split += 1;
      else this.#unsplit += 1;
    }
    if (is_unreadable) this.#unreadable += 1;
  }

  /** One sentence each. */
  remarks(with_rates: boolean): readonly string[] {
    return [
      ...(this.#rounded === 0
        ? []
        : [
            `${count(this.#rounded, "cost")} had more than 9 decimals, and rounding moved them by ` +
              `${exactUsd(this.#most_moved)} at most, ${exactUsd(this.#moved)} altogether.`,
          ]),
      ...(with_rates
        ? [
            `The rates split ${count(this.#split, "cost")} exactly; ${this.#unsplit} they do not give stayed whole.`,
          ]
        : this.#unsplit === 0
          ? []
          : [`${count(this.#unsplit, "cost")} stayed whole: --rates would tell input from output.`]),
      ...(this.#unreadable === 0
        ? []
        : [
            `${count(this.#unreadable, "row")} had metadata that is no JSON object; it was kept as rhetor_metadata.`,
          ]),
    ];
  }
}
