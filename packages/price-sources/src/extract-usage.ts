import {
  isUsageUnit,
  quantityOf,
  validateUsage,
  type ServiceTier,
  type UsageQuantities,
  type UsageUnit,
} from "@budget/domain";
import { extractUsage, findProvider, type Provider } from "@pydantic/genai-prices";

/** A provider's answer to a call. */
export interface ResponseToRead {
  /** Name or alias of the provider, in any case. */
  readonly provider: string;
  /** The body of the response, parsed from JSON. */
  readonly response_body: unknown;
  /** Which of the provider's APIs answered, such as `chat` or `responses`; found out by the body where it is left out. */
  readonly api_flavor?: string;
}

export type ExtractedUsage =
  | {
      readonly ok: true;
      /** The name of the model that answered; null where the body does not say it. */
      readonly model: string | null;
      /** Without problems, see `validateUsage`. */
      readonly usage: UsageQuantities;
      /** How the provider served the call; null where the body does not say it. */
      readonly service_tier: ServiceTier | null;
    }
  | { readonly ok: false; readonly code: "usage_unreadable"; readonly detail: string };

type Reading = Extract<ExtractedUsage, { ok: true }>;

const unreadable = (detail: string): ExtractedUsage => ({ ok: false, code: "usage_unreadable", detail });
const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Servers that nobody has heard of mostly speak OpenAI's chat API, whose field names no other API has. */
const COMMON_API = { provider: "openai", flavors: ["chat"] } as const;

function apisOf(name: string): {
  readonly provider: Provider | undefined;
  readonly flavors: readonly string[];
} {
  const named = findProvider({ providerId: name });
  const flavors = named?.extractors?.map(({ api_flavor }) => api_flavor) ?? [];
  if (named && flavors.length > 0) return { provider: named, flavors };
  return { provider: findProvider({ providerId: COMMON_API.provider }), flavors: COMMON_API.flavors };
}

/** The totals are named in our usage, also where the response names their parts only. */
function withTotals(quantities: Readonly<Record<string, number | undefined>>): UsageQuantities {
  const usage: Record<string, number> = {};
  for (const [unit, quantity] of Object.entries(quantities)) {
    if (quantity !== undefined && isUsageUnit(unit)) usage[unit] = quantity;
  }
  const totals: readonly UsageUnit[] = ["input_tokens", "output_tokens"];
  for (const total of totals) {
    const quantity = Number(quantityOf(usage, total)) / 1_000_000;
    if (quantity > 0) usage[total] ??= quantity;
  }
  return usage;
}

/** Providers' own words; OpenAI answers `default` for the standard tier. */
const SERVICE_TIER_WORDS: Readonly<Record<string, ServiceTier>> = {
  default: "standard",
  standard: "standard",
  on_demand: "standard",
  flex: "flex",
  priority: "priority",
  batch: "batch",
  fast: "fast",
};

const memberOf = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>)[name] : undefined;

/** OpenAI and Groq name the tier beside the usage, Anthropic within it, as tier or as speed. */
function serviceTierOf(body: unknown): ServiceTier | null {
  const usage = memberOf(body, "usage");
  const named = [memberOf(usage, "speed"), memberOf(usage, "service_tier"), memberOf(body, "service_tier")];
  const words = named.flatMap((word) => {
    const tier = typeof word === "string" ? SERVICE_TIER_WORDS[word.toLowerCase()] : undefined;
    return tier ?? [];
  });
  return words.find((word) => word !== "standard") ?? words[0] ?? null;
}

function readAs(provider: Provider, body: unknown, flavor: string): ExtractedUsage {
  try {
    const extracted = extractUsage(provider, body, flavor);
    return {
      ok: true,
      model: extracted.model,
      usage: withTotals(extracted.usage),
      service_tier: serviceTierOf(body),
    };
  } catch (error) {
    return unreadable(messageOf(error));
  }
}

/** The reading that found most; the first of equals. Where none found anything, why. */
function bestOf(readings: readonly ExtractedUsage[], flavors: readonly string[]): ExtractedUsage {
  const size = ({ usage }: Reading): number => Object.keys(usage).length;
  const best = readings
    .filter((reading) => reading.ok)
    .reduce<Reading | undefined>((most, next) => (most && size(most) >= size(next) ? most : next), undefined);
  const reasons = readings.map(
    (reading, index) => `${flavors[index]}: ${reading.ok ? "read" : reading.detail}`,
  );
  return best ?? unreadable(reasons.join("; "));
}

/**
 * Reads what a call used from the provider's own response, in our convention: `input_tokens` is all input and
 * `output_tokens` all output, whatever the provider counts into them. The rules for each API are those of
 * `@pydantic/genai-prices`. Where the API is not named, the one that finds most quantities in the body is taken: the
 * shapes of two APIs of one provider can resemble each other so far that the wrong one overlooks the cache.
 *
 * @returns the usage; or why it cannot be read. Never throws, whatever the body is.
 */
export function extractUsageFromResponse(response: ResponseToRead): ExtractedUsage {
  try {
    const { provider, flavors } = apisOf(response.provider);
    if (!provider) return unreadable("genai-prices knows no provider to read it by");
    const tried = response.api_flavor === undefined ? flavors : [response.api_flavor];
    const read = bestOf(
      tried.map((flavor) => readAs(provider, response.response_body, flavor)),
      tried,
    );
    // A reading is judged after it is chosen: else an API that overlooks what is wrong would be taken instead.
    const [problem] = read.ok ? validateUsage(read.usage) : [];
    return problem ? unreadable(problem.detail) : read;
  } catch (error) {
    return unreadable(messageOf(error));
  }
}
