import {
  identifyModel,
  type JsonValue,
  type ModelCapabilities,
  type PriceComponent,
  type PriceObservation,
  type SetAside,
  type SourceOutcome,
  type UsageUnit,
} from "@budget/domain";
import {
  countOrNull,
  fault,
  isNamedFree,
  isObject,
  kindOf,
  observationOf,
  parseJson,
  readAmount,
  readingOf,
  unitOfField,
  type JsonObject,
} from "./reading.ts";

/** For one unit; `image` and `audio` are tokens: they cost as much as or little more than `prompt`. */
const UNITS: Readonly<Record<string, UsageUnit>> = {
  prompt: "input_tokens",
  completion: "output_tokens",
  input_cache_read: "cache_read_tokens",
  input_cache_write: "cache_write_tokens",
  input_cache_write_1h: "cache_write_1h_tokens",
  input_audio_cache: "cache_audio_read_tokens",
  audio: "input_audio_tokens",
  audio_output: "output_audio_tokens",
  image_output: "output_image_tokens",
  internal_reasoning: "output_reasoning_tokens",
  web_search: "web_searches",
  request: "requests",
};

/** Tokens of images cost what text does with some makers, and images by the piece with others; amounts tell them apart. */
const LARGEST_IMAGE_TOKEN_FEMTO_USD = 100_000_000_000n;

const PROVIDER = "openrouter";

type Report = (reason: string, detail: string) => void;

function unitOf(field: string, amount_femto_usd: bigint): UsageUnit | undefined {
  if (field !== "image") return unitOfField(UNITS, field);
  return amount_femto_usd <= LARGEST_IMAGE_TOKEN_FEMTO_USD ? "input_image_tokens" : "input_images";
}

function readAmounts(
  prices: JsonObject,
  above_input_tokens: number,
  report: Report,
): readonly PriceComponent[] {
  return Object.entries(prices).flatMap(([field, amount]) => {
    if (field === "overrides" || field === "min_prompt_tokens") return [];
    const amount_femto_usd = readAmount(amount);
    if (amount_femto_usd === undefined) {
      report("unreadable_amount", `${field} is ${JSON.stringify(amount)}`);
      return [];
    }
    const unit = unitOf(field, amount_femto_usd);
    if (unit === undefined) {
      report("unknown_field", `${field} is ${JSON.stringify(amount)}`);
      return [];
    }
    return [{ unit, amount_femto_usd, above_input_tokens }];
  });
}

function readOverrides(prices: JsonObject, report: Report): readonly PriceComponent[] {
  const overrides = Array.isArray(prices.overrides) ? (prices.overrides as readonly JsonValue[]) : [];
  return overrides.flatMap((override) => {
    const bound = isObject(override) ? countOrNull(override.min_prompt_tokens) : null;
    if (isObject(override) && bound !== null) return readAmounts(override, bound, report);
    report("unknown_field", `an override is ${JSON.stringify(override)}`);
    return [];
  });
}

/** OpenRouter writes -1 where it finds the model, and so its price, for each call. */
const isDynamic = (components: readonly PriceComponent[]): boolean =>
  components.some(({ amount_femto_usd }) => amount_femto_usd === -(10n ** 15n));

function readModel(model: string, prices: JsonObject, report: Report): readonly PriceObservation[] {
  const components = [...readAmounts(prices, 0, report), ...readOverrides(prices, report)];
  if (components.length === 0) {
    report("no_price", "its pricing names nothing that is known");
    return [];
  }
  if (isDynamic(components)) {
    report("dynamic", "its price is that of whatever model answers");
    return [];
  }
  const isFree = components.every(({ amount_femto_usd }) => amount_femto_usd === 0n);
  if (isFree && !isNamedFree(model)) {
    report("zero_price", "it costs 0, and its name does not say that it is free");
    return [];
  }
  return [observationOf({ provider: PROVIDER, model, components, raw: prices })];
}

function capabilitiesOf(model: string, row: JsonObject): ModelCapabilities {
  const top = isObject(row.top_provider) ? row.top_provider : {};
  const architecture = isObject(row.architecture) ? row.architecture : {};
  const parameters = Array.isArray(row.supported_parameters) ? row.supported_parameters : null;
  return {
    ...modelOf(model),
    context_tokens: countOrNull(row.context_length),
    max_output_tokens: countOrNull(top.max_completion_tokens),
    tools: parameters === null ? null : parameters.includes("tools"),
    vision: Array.isArray(architecture.input_modalities)
      ? architecture.input_modalities.includes("image")
      : null,
    reasoning: parameters === null ? null : parameters.includes("reasoning"),
  };
}

function modelOf(model: string): Pick<ModelCapabilities, "provider" | "model"> {
  const identity = identifyModel(PROVIDER, model);
  return { provider: identity.provider, model: identity.model };
}

/**
 * Reads OpenRouter's list of models (`/api/v1/models`): decimal text, USD for one unit, with overrides for requests of
 * more input tokens. Amounts with more decimals than femto-USD are rounded half-even.
 */
export function readOpenRouter(text: string): SourceOutcome {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.outcome;
  if (!isObject(parsed.value) || !Array.isArray(parsed.value.data)) {
    return fault("MISSING_REQUIRED", `It is ${kindOf(parsed.value)} without a list named data.`);
  }
  const set_aside: SetAside[] = [];
  const observations: PriceObservation[] = [];
  const capabilities = new Map<string, ModelCapabilities>();
  for (const row of parsed.value.data as readonly JsonValue[]) {
    const model = isObject(row) && typeof row.id === "string" ? row.id : undefined;
    const report: Report = (reason, detail) => {
      set_aside.push({ name: `${PROVIDER}/${model ?? "?"}`, reason, detail });
    };
    if (!isObject(row) || model === undefined || !isObject(row.pricing)) {
      report("unreadable_row", "it has no id or no pricing");
      continue;
    }
    observations.push(...readModel(model, row.pricing, report));
    capabilities.set(model.toLowerCase(), capabilitiesOf(model, row));
  }
  return readingOf(observations, set_aside, { capabilities: [...capabilities.values()] });
}
