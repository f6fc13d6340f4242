import { DEFAULT_VERIFICATION_RULES, type Logger } from "@budget/domain";
import { createPriceSources, type PriceFile } from "@budget/price-sources";
import type { Database, SecretBox } from "@budget/repositories";
import type { PriceRunOptions } from "@budget/services";
import { rest, systemClock, uuidSource } from "./world.ts";

export const MINUTE_MS = 60_000;

/** What the operator wants of the prices. */
export interface PriceSettings {
  /** Minutes between looks at the sources on the network; 0 asks none of them. */
  readonly update_interval_min: number;
  readonly file: PriceFile;
}

/** What runs over the prices need, in the world of the server. */
export const priceRunOptions = (
  database: Database,
  secrets: SecretBox | null,
  { update_interval_min, file }: PriceSettings,
  logger: Logger,
): PriceRunOptions => ({
  database,
  clock: systemClock,
  ids: uuidSource,
  logger,
  random: Math.random,
  rest,
  sources: createPriceSources(update_interval_min * MINUTE_MS, file),
  rules: { ...DEFAULT_VERIFICATION_RULES, tolerance_ppm: file.tolerance_ppm },
  markups: file.markups,
  secrets,
});
