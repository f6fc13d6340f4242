import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { PriceObservation, SetAside, SourceOutcome, SourceReading } from "@budget/domain";

/** What was read; a fault fails the test. */
export function readingIn(outcome: SourceOutcome): SourceReading {
  if (!outcome.ok) throw new Error(`${outcome.fault}: ${outcome.detail}`);
  return outcome.reading;
}

/** The fault of an outcome; null where there is none. */
export const faultOf = (outcome: SourceOutcome): string | null => (outcome.ok ? null : outcome.fault);

/** Components as text: unit, context tier, and USD for a million units. */
export const amountsOf = ({ components }: Pick<PriceObservation, "components">): readonly string[] =>
  components.map(
    ({ unit, above_input_tokens, amount_femto_usd }) =>
      `${unit}${above_input_tokens === 0 ? "" : `>${above_input_tokens}`} ${Number(amount_femto_usd) / 1e9}`,
  );

export const reasonsOf = (set_aside: readonly SetAside[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { reason } of set_aside) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
};

const folder = join(process.env.BUDGET_FIXTURES ?? "", "price-sources");

/** Whether the real files of the sources are there: the folder that holds them is in BUDGET_FIXTURES. */
export const hasRealFiles = process.env.BUDGET_FIXTURES !== undefined && existsSync(folder);

/** The text of a real file. */
export function realFile(name: string): string {
  const bytes = readFileSync(join(folder, name));
  return name.endsWith(".gz") ? gunzipSync(bytes).toString("utf8") : bytes.toString("utf8");
}
