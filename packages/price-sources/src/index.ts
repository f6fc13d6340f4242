export {
  BUNDLED_CATALOGUE_SOURCE,
  readBundledCatalogue,
  readCatalogue,
  readCatalogueAsSource,
  type BundledCatalogue,
} from "./bundled-catalogue.ts";
export { extractUsageFromResponse, type ExtractedUsage, type ResponseToRead } from "./extract-usage.ts";
export { readLiteLlm } from "./litellm.ts";
export { readLlmPrices } from "./llm-prices.ts";
export { readModelsDev } from "./models-dev.ts";
export { readOpenRouter } from "./open-router.ts";
export { readPortkey } from "./portkey.ts";
export { observationOf, type NamedPrice } from "./reading.ts";
export { DEFAULT_FETCH_OPTIONS, fetchSource, type FetchOptions, type FetchOutcome } from "./fetch-source.ts";
export type { LastRead, PriceSource, SourceRead } from "./price-source.ts";
export {
  NETWORK_SOURCE_NAMES,
  PRICE_FILE_SOURCE,
  SOURCE_NAMES,
  createPriceSources,
  priceSourcesOff,
  type SourceOff,
} from "./sources.ts";
export { OperatorFile, type Fields, type FileProblem, type Place } from "./operator-file.ts";
export {
  NO_PRICE_FILE,
  PRICE_FIELDS,
  readPriceFields,
  readPriceFile,
  type PriceField,
  type PriceFile,
  type PriceFileOutcome,
} from "./price-file.ts";
