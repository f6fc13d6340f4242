import { createHash } from "node:crypto";
import type { SourceCredential, SourceOutcome } from "@budget/domain";
import { waitForUpdate } from "@pydantic/genai-prices";
import { BUNDLED_CATALOGUE_SOURCE, readCatalogueAsSource } from "./bundled-catalogue.ts";
import { DEFAULT_FETCH_OPTIONS, fetchSource, type FetchOptions } from "./fetch-source.ts";
import { readLiteLlm } from "./litellm.ts";
import { readLlmPrices } from "./llm-prices.ts";
import { readModelsDev } from "./models-dev.ts";
import { readOpenRouter } from "./open-router.ts";
import { readPage } from "./price-page.ts";
import { readPortkey } from "./portkey.ts";
import { parseJson } from "./reading.ts";
import { LLM_PRICES_PAGE, PRETRAINED_AI, type PageLayout } from "./scraper/layout.ts";
import { NO_PRICE_FILE, type PriceFile } from "./price-file.ts";
import type { LastRead, PriceSource, SourceRead } from "./price-source.ts";
import type { SourceSettings } from "./source-settings.ts";

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What is known of a source before it is ever read. */
type Definition = Omit<PriceSource, "read" | "interval_ms">;

/** The catalogue that comes with the product. It needs no network, so it is always there. */
const BUNDLED: PriceSource = {
  name: "genai_prices",
  lineage: "genai_prices",
  trust_ppm: 900_000,
  interval_ms: DAY_MS,
  address: BUNDLED_CATALOGUE_SOURCE,
  content_hash: BUNDLED_CATALOGUE_SOURCE,
  async read({ etag }): Promise<SourceRead> {
    if (etag === BUNDLED_CATALOGUE_SOURCE) return { status: "not_modified" };
    const providers = await waitForUpdate();
    if (providers === null) return { status: "failed", fault: "EMPTY", detail: "The package gives no data." };
    return {
      status: "read",
      reading: readCatalogueAsSource(providers),
      etag: BUNDLED_CATALOGUE_SOURCE,
      last_modified: null,
      content_hash: BUNDLED_CATALOGUE_SOURCE,
    };
  },
};

/** A source that is on the network. */
interface OnNetwork {
  readonly definition: Definition;
  /** Whether it is read where the operator says nothing. */
  readonly enabled: boolean;
  readonly readWith: (
    definition: Definition,
    options: FetchOptions,
  ) => (last: LastRead) => Promise<SourceRead>;
}

/** Reads a source whose JSON is at one address. */
const json =
  (read: (text: string) => SourceOutcome): OnNetwork["readWith"] =>
  ({ address }, options) =>
  async (last: LastRead): Promise<SourceRead> => {
    const fetched = await fetchSource({ address, accept: "json", ...last }, options);
    if (!fetched.ok) return { status: "failed", fault: fetched.fault, detail: fetched.detail };
    if (fetched.status === "not_modified") return { status: "not_modified" };
    const outcome = read(fetched.body);
    if (!outcome.ok) return { status: "failed", fault: outcome.fault, detail: outcome.detail };
    const { etag, last_modified, content_hash } = fetched;
    return { status: "read", reading: outcome.reading, etag, last_modified, content_hash };
  };

/** Reads a source that is a page for people. */
const page =
  (layout: PageLayout): OnNetwork["readWith"] =>
  ({ address }, options) =>
  (last) =>
    readPage(address, layout, last, options);

/** Portkey has a file for each provider: these are read, and put together as one. */
const PORTKEY_PROVIDERS = [
  "anthropic",
  "azure-openai",
  "bedrock",
  "cohere",
  "deepseek",
  "fireworks-ai",
  "google",
  "groq",
  "mistral-ai",
  "openai",
  "perplexity-ai",
  "together-ai",
  "vertex-ai",
  "x-ai",
];

const readPortkeyFiles: OnNetwork["readWith"] =
  ({ address }, options) =>
  async (): Promise<SourceRead> => {
    const files: Record<string, unknown> = {};
    for (const provider of PORTKEY_PROVIDERS) {
      const request = {
        address: address.replace("{provider}", provider),
        accept: "json",
        etag: null,
        last_modified: null,
      } as const;
      const fetched = await fetchSource(request, options);
      // Half of the files would be prices that went.
      if (!fetched.ok) return { status: "failed", fault: fetched.fault, detail: fetched.detail };
      const parsed = parseJson(fetched.status === "new" ? fetched.body : "");
      if (!parsed.ok)
        return {
          status: "failed",
          fault: "NOT_READABLE",
          detail: `The file of ${provider} is not JSON, or too deep.`,
        };
      files[provider] = parsed.value;
    }
    const text = JSON.stringify(files);
    const outcome = readPortkey(text);
    if (!outcome.ok) return { status: "failed", fault: outcome.fault, detail: outcome.detail };
    const content_hash = createHash("sha256").update(text).digest("hex");
    return { status: "read", reading: outcome.reading, etag: null, last_modified: null, content_hash };
  };

const ON_NETWORK: readonly OnNetwork[] = [
  {
    definition: {
      name: "models_dev",
      lineage: "models_dev",
      trust_ppm: 800_000,
      address: "https://models.dev/api.json",
    },
    enabled: true,
    readWith: json(readModelsDev),
  },
  {
    definition: {
      name: "litellm",
      lineage: "litellm",
      trust_ppm: 700_000,
      address: "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
    },
    enabled: true,
    readWith: json(readLiteLlm),
  },
  {
    definition: {
      name: "llm_prices",
      lineage: "llm_prices",
      trust_ppm: 700_000,
      address: "https://www.llm-prices.com/historical-v1.json",
    },
    enabled: true,
    readWith: json(readLlmPrices),
  },
  {
    definition: {
      name: "openrouter",
      lineage: "openrouter",
      trust_ppm: 700_000,
      address: "https://openrouter.ai/api/v1/models",
    },
    enabled: true,
    readWith: json(readOpenRouter),
  },
  {
    definition: {
      name: "portkey",
      lineage: "portkey",
      trust_ppm: 600_000,
      address: "https://configs.portkey.ai/pricing/{provider}.json",
    },
    enabled: false,
    readWith: readPortkeyFiles,
  },
  // What these pages look like today is not known, so whoever turns them on should look at what is read.
  {
    definition: {
      name: "llm_prices_page",
      // The same people's table and files.
      lineage: "llm_prices",
      trust_ppm: 600_000,
      address: "https://www.llm-prices.com/",
    },
    enabled: false,
    readWith: page(LLM_PRICES_PAGE),
  },
  {
    definition: {
      name: "pretrained_ai",
      lineage: "pretrained_ai",
      trust_ppm: 600_000,
      address: "https://pretrained.ai/pricing",
    },
    enabled: false,
    readWith: page(PRETRAINED_AI),
  },
];

/** The sources that an operator's file may have settings for. */
export const SOURCE_NAMES: readonly string[] = [
  BUNDLED,
  ...ON_NETWORK.map(({ definition }) => definition),
].map(({ name }) => name);

/** Those of them that are on the network. */
export const NETWORK_SOURCE_NAMES: readonly string[] = ON_NETWORK.map(({ definition }) => definition.name);

/** The name of the source that the operator's own prices are. */
export const PRICE_FILE_SOURCE = "price_file";

/** The operator's own prices. */
function operatorSource({ path, prices, content_hash }: PriceFile): PriceSource {
  return {
    name: PRICE_FILE_SOURCE,
    lineage: PRICE_FILE_SOURCE,
    trust_ppm: 1_000_000,
    interval_ms: DAY_MS,
    address: path,
    decides: true,
    content_hash,
    read: () =>
      Promise.resolve({ status: "read", reading: prices, etag: null, last_modified: null, content_hash }),
  };
}

const withSettings = <T extends Definition>(definition: T, settings: SourceSettings | undefined): T => ({
  ...definition,
  address: settings?.address ?? definition.address,
  lineage: settings?.lineage ?? definition.lineage,
  trust_ppm: settings?.trust_ppm ?? definition.trust_ppm,
});

function onNetwork(
  { definition, enabled, readWith }: OnNetwork,
  settings: SourceSettings | undefined,
  interval_ms: number,
  options: FetchOptions,
): readonly PriceSource[] {
  if (!(settings?.enabled ?? enabled)) return [];
  const set = withSettings(definition, settings);
  const allowed = {
    ...options,
    allow_http: settings?.allow_http ?? options.allow_http,
    allow_private_addresses: settings?.allow_private_addresses ?? options.allow_private_addresses,
  };
  return [
    {
      ...set,
      interval_ms: settings?.interval_ms ?? interval_ms,
      async read(last, credential): Promise<SourceRead> {
        const read = await readWith(set, { ...allowed, credential })(last);
        if (read.status !== "failed" || credential === null) return read;
        return { ...read, detail: withoutCredential(read.detail, credential) };
      },
    },
  ];
}

/** The shortest part of a credential that is looked for: shorter ones, such as `Basic`, are words of every message. */
const SECRET_PART_LENGTH = 8;

/** A message without what a source may have repeated of its credential: what failed is told with what was found. */
function withoutCredential(detail: string, { value }: SourceCredential): string {
  const parts = value.split(/[\s,;="]+/).filter((part) => part.length >= SECRET_PART_LENGTH);
  return [value, ...parts].reduce((text, part) => text.replaceAll(part, "***"), detail);
}

/**
 * The sources of prices, in the order that decides between those of equal trust: the operator's own prices, the bundled
 * catalogue, and those on the network.
 *
 * @param interval_ms how long the prices of a source on the network are taken for what it says, where the file says
 *   nothing else; 0 reads none of them
 * @param file what the operator says about prices
 */
export function createPriceSources(
  interval_ms: number,
  file: PriceFile = NO_PRICE_FILE,
  options: FetchOptions = DEFAULT_FETCH_OPTIONS,
): readonly PriceSource[] {
  const settingsOf = (name: string) => file.sources.find(({ source }) => source === name);
  const bundled = settingsOf(BUNDLED.name);
  return [
    ...(file.content_hash === "" ? [] : [operatorSource(file)]),
    ...(bundled?.enabled === false ? [] : [withSettings(BUNDLED, bundled)]),
    ...(interval_ms === 0 ? [] : ON_NETWORK).flatMap((source) =>
      onNetwork(source, settingsOf(source.definition.name), interval_ms, options),
    ),
  ];
}

/** A source that is not read, and why. */
export interface SourceOff extends Definition {
  readonly interval_ms: number;
  readonly why: string;
}

const TURNED_OFF = "It is turned off in the prices file.";

/**
 * The sources that {@link createPriceSources} leaves out.
 *
 * @param interval_ms as there; `file` too
 */
export function priceSourcesOff(interval_ms: number, file: PriceFile = NO_PRICE_FILE): readonly SourceOff[] {
  const settingsOf = (name: string) => file.sources.find(({ source }) => source === name);
  const off = (definition: Definition, default_ms: number, why: string): SourceOff => {
    const settings = settingsOf(definition.name);
    const { name, lineage, trust_ppm, address } = withSettings(definition, settings);
    return { name, lineage, trust_ppm, address, interval_ms: settings?.interval_ms ?? default_ms, why };
  };
  const isTurnedOff = ({ name }: Definition): boolean => settingsOf(name)?.enabled === false;
  const network = ON_NETWORK.flatMap(({ definition, enabled }) => {
    if (isTurnedOff(definition)) return [off(definition, interval_ms, TURNED_OFF)];
    if (!enabled && settingsOf(definition.name)?.enabled === undefined)
      return [off(definition, interval_ms, "It is read only where the prices file turns it on.")];
    return interval_ms === 0 ? [off(definition, interval_ms, "PRICE_UPDATE_INTERVAL is 0.")] : [];
  });
  return [...(isTurnedOff(BUNDLED) ? [off(BUNDLED, BUNDLED.interval_ms, TURNED_OFF)] : []), ...network];
}
