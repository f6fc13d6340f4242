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
