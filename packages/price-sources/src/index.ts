export {
  BUNDLED_CATALOGUE_SOURCE,
  readBundledCatalogue,
  readCatalogue,
  type BundledCatalogue,
  type SetAside,
} from "./bundled-catalogue.ts";
export { extractUsageFromResponse, type ExtractedUsage, type ResponseToRead } from "./extract-usage.ts";
