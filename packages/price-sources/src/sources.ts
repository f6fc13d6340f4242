import type { SourceOutcome } from "@budget/domain";
import { waitForUpdate } from "@pydantic/genai-prices";
import { BUNDLED_CATALOGUE_SOURCE, readCatalogueAsSource } from "./bundled-catalogue.ts";
import { DEFAULT_FETCH_OPTIONS, fetchSource, type FetchOptions } from "./fetch-source.ts";
import { readLiteLlm } from "./litellm.ts";
import { readLlmPrices } from "./llm-prices.ts";
import { readModelsDev } from "./models-dev.ts";
import { readOpenRouter } from "./open-router.ts";
import type { LastRead, PriceSource, SourceRead } from "./price-source.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What is known of a source before it is ever read. */
type Definition = Omit<PriceSource, "read" | "interval_ms">;

/** The catalogue that comes with the product. It needs no network, so it is always there. */
function bundledSource(): PriceSource {
  return {
    name: "genai_prices",
    lineage: "genai_prices",
    trust_ppm: 900_000,
    interval_ms: DAY_MS,
    address: BUNDLED_CATALOGUE_SOURCE,
    async read({ etag }): Promise<SourceRead> {
      if (etag === BUNDLED_CATALOGUE_SOURCE) return { status: "not_modified" };
      const providers = await waitForUpdate();
      if (providers === null)
        return { status: "failed", fault: "EMPTY", detail: "The package gives no data." };
      return {
        status: "read",
        reading: readCatalogueAsSource(providers),
        etag: BUNDLED_CATALOGUE_SOURCE,
        last_modified: null,
        content_hash: BUNDLED_CATALOGUE_SOURCE,
      };
    },
  };
}

/** A source whose JSON is at one address. */
function jsonSource(
  definition: Definition,
  read: (text: string) => SourceOutcome,
  interval_ms: number,
  options: FetchOptions,
): PriceSource {
  return {
    ...definition,
    interval_ms,
    async read(last: LastRead): Promise<SourceRead> {
      const fetched = await fetchSource({ address: definition.address, accept: "json", ...last }, options);
      if (!fetched.ok) return { status: "failed", fault: fetched.fault, detail: fetched.detail };
      if (fetched.status === "not_modified") return { status: "not_modified" };
      const outcome = read(fetched.body);
      if (!outcome.ok) return { status: "failed", fault: outcome.fault, detail: outcome.detail };
      const { etag, last_modified, content_hash } = fetched;
      return { status: "read", reading: outcome.reading, etag, last_modified, content_hash };
    },
  };
}

const JSON_SOURCES: readonly (readonly [Definition, (text: string) => SourceOutcome])[] = [
  [
    {
      name: "models_dev",
      lineage: "models_dev",
      trust_ppm: 800_000,
      address: "https://models.dev/api.json",
    },
    readModelsDev,
  ],
  [
    {
      name: "litellm",
      lineage: "litellm",
      trust_ppm: 700_000,
      address: "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    },
    readLiteLlm,
  ],
  [
    {
      name: "llm_prices",
      lineage: "llm_prices",
      trust_ppm: 700_000,
      address: "https://www.llm-prices.com/historical-v1.json",
    },
    readLlmPrices,
  ],
  [
    {
      name: "openrouter",
      lineage: "openrouter",
      trust_ppm: 700_000,
      address: "https://openrouter.ai/api/v1/models",
    },
    readOpenRouter,
  ],
];

/**
 * The sources of prices, in the order that decides between those of equal trust: the bundled catalogue, and those on the
 * network.
 *
 * @param interval_ms how long the prices of a source on the network are taken for what it says; 0 reads none of them
 */
export function createPriceSources(
  interval_ms: number,
  options: FetchOptions = DEFAULT_FETCH_OPTIONS,
): readonly PriceSource[] {
  const onNetwork = interval_ms === 0 ? [] : JSON_SOURCES;
  return [
    bundledSource(),
    ...onNetwork.map(([definition, read]) => jsonSource(definition, read, interval_ms, options)),
  ];
}
