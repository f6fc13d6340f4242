import { normaliseName, type ImportedTotals, type NanoUsd } from "@budget/domain";

const DAY_MS = 86_400_000;

/** A row to be added up. */
export interface CountableUsage {
  readonly timestamp_ms: number;
  readonly provider: string;
  readonly model: string;
  readonly component: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** At least input and output together. */
  readonly total_tokens: number;
  readonly cost_nano_usd: NanoUsd;
}

type Sums = { -readonly [Name in keyof ImportedTotals]: ImportedTotals[Name] };

/** Adds usage up by day (UTC), provider, model and component. */
export class UsageTotals {
  readonly #groups = new Map<string, Sums>();

  add(usage: CountableUsage, records = 1): void {
    const day_start_ms = usage.timestamp_ms - (usage.timestamp_ms % DAY_MS);
    const provider = normaliseName(usage.provider);
    const model = normaliseName(usage.model);
    const component = normaliseName(usage.component);
    const key = groupKey({ day_start_ms, provider, model, component });
    let sums = this.#groups.get(key);
    if (sums === undefined) {
      const nothing = { records: 0, input_tokens: 0, output_tokens: 0, total_tokens: 0, cost_nano_usd: 0n };
      sums = { day_start_ms, provider, model, component, ...nothing };
      this.#groups.set(key, sums);
    }
    sums.records += records;
    sums.input_tokens += usage.input_tokens;
    sums.output_tokens += usage.output_tokens;
    sums.total_tokens += usage.total_tokens;
    sums.cost_nano_usd += usage.cost_nano_usd;
  }

  /** By day, provider, model and component. */
  list(): readonly ImportedTotals[] {
    return [...this.#groups.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, sums]) => sums);
  }
}

type Group = Pick<ImportedTotals, "day_start_ms" | "provider" | "model" | "component">;

/** Tells groups apart, and puts them into order. */
export const groupKey = ({ day_start_ms, provider, model, component }: Group): string =>
  [String(day_start_ms).padStart(15, "0"), provider, model, component].join("\n");
