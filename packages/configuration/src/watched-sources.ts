import { createPriceSources } from "@budget/price-sources";
import type { Configuration } from "./configuration.ts";

const MINUTE_MS = 60_000;

/** The names of the sources of prices that a server of this configuration reads. */
export const watchedSources = ({
  price_update_interval_min,
  prices,
}: Pick<Configuration, "price_update_interval_min" | "prices">): readonly string[] =>
  createPriceSources(price_update_interval_min * MINUTE_MS, prices).map(({ name }) => name);
