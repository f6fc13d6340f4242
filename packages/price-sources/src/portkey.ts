import type {
  JsonValue,
  PriceComponent,
  PriceObservation,
  ServiceTier,
  SetAside,
  SourceOutcome,
  UsageUnit,
} from "@budget/domain";
import {
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

const UNITS: Readonly<Record<string, UsageUnit>> = {
  request_token: "input_tokens",
  response_token: "output_tokens",
  cache_read_input_token: "cache_read_tokens",
  cache_write_input_token: "cache_write_tokens",
  request_audio_token: "input_audio_tokens",
  response_audio_token: "output_audio_tokens",
  cache_read_audio_input_token: "cache_audio_read_tokens",
  request_image_token: "input_image_tokens",
  response_image_token: "output_image_tokens",
  cache_read_image_input_token: "cache_image_read_tokens",
  cached_image_input_token: "cache_image_read_tokens",
  request_text_token: "input_text_tokens",
  response_text_token: "output_text_tokens",
  cache_read_text_input_token: "cache_text_read_tokens",
  cached_text_input_token: "cache_text_read_tokens",
  reasoning_token: "output_reasoning_tokens",
};
/** Of the units that are called additional, those that a usage counts. */
const ADDITIONAL_UNITS: Readonly<Record<string, UsageUnit>> = {
  web_search: "web_searches",
  x_search: "social_searches",
  file_search: "storage_searches",
  code_execution: "code_executions",
  cache_write_1h: "cache_write_1h_tokens",
  // Google's: the amounts are those of its price list for tokens of pictures that are made.
  image_token: "output_image_tokens",
};
/** Models whose long requests cost more are two rows, `gemini-2.5-pro-lte-128k` and `gemini-2.5-pro-gt-128k`. */
const SHORT_REQUESTS = /-lte-\d+k$/;
const LONG_REQUESTS = /-gt-\d+k$/;
/** Amounts are US cents for one. */
const CENTS = 2;

type Report = (reason: string, detail: string) => void;

function readAmounts(
  prices: JsonObject,
  units: Readonly<Record<string, UsageUnit>>,
  report: Report,
): readonly PriceComponent[] {
  return Object.entries(prices).flatMap(([field, entry]) => {
    if (!isObject(entry) || field === "additional_units") return [];
    const unit = unitOfField(units, field);
    if (unit === undefined) {
      if (entry.price !== undefined) report("unknown_field", `${field} is ${JSON.stringify(entry.price)}`);
      return [];
    }
    const amount_femto_usd = readAmount(entry.price, CENTS);
    if (amount_femto_usd !== undefined) return [{ unit, amount_femto_usd, above_input_tokens: 0 }];
    report("unreadable_amount", `${field} is ${JSON.stringify(entry.price)}`);
    return [];
  });
}

function readTier(prices: JsonObject, report: Report): readonly PriceComponent[] {
  const additional = isObject(prices.additional_units) ? prices.additional_units : {};
  const priced = readAmounts(prices, UNITS, report);
  // Additional units of 0 are what a model does not have.
  const more = readAmounts(additional, ADDITIONAL_UNITS, report).filter(
    ({ amount_femto_usd }) => amount_femto_usd !== 0n,
  );
  return [...priced, ...more];
}

function readModel(
  provider: string,
  model: string,
  config: JsonObject,
  report: Report,
): readonly PriceObservation[] {
  const { currency } = config;
  if (currency !== undefined && currency !== "USD") {
    report("currency", `it is priced in ${JSON.stringify(currency)}`);
    return [];
  }
  if (LONG_REQUESTS.test(model)) {
    report(
      "context_bound_unclear",
      "bounds in such names contradict each other: 128k and 200k for one model",
    );
    return [];
  }
  const tiers: readonly (readonly [ServiceTier, JsonObject | undefined])[] = [
    ["standard", isObject(config.pay_as_you_go) ? config.pay_as_you_go : undefined],
    ["batch", isObject(config.batch_config) ? config.batch_config : undefined],
  ];
  return tiers.flatMap(([service_tier, prices]) => {
    const components = prices === undefined ? [] : readTier(prices, report);
    if (components.length === 0) return [];
    const isFree = components.every(({ amount_femto_usd }) => amount_femto_usd === 0n);
    if (isFree && !isNamedFree(model)) {
      report("zero_price", `it costs 0 (${service_tier}), and its name does not say that it is free`);
      return [];
    }
    const named = { provider, model: model.replace(SHORT_REQUESTS, ""), listed_as: model };
    return [observationOf({ ...named, service_tier, components, raw: prices ?? {} })];
  });
}

const hasModels = (models: JsonValue): models is JsonObject =>
  isObject(models) && Object.values(models).some((row) => isObject(row) && isObject(row.pricing_config));

/**
 * Reads Portkey's price files, put together as `{provider: file}`: US cents for one unit. Amounts in the wrong unit stay
 * as they are: what they are compared with tells. Where a model costs more in long requests, only the price of short
 * ones is read.
 */
export function readPortkey(text: string): SourceOutcome {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.outcome;
  if (!isObject(parsed.value) || !Object.values(parsed.value).some(hasModels)) {
    const found = `${kindOf(parsed.value)} without any provider that has a model with a pricing_config`;
    return fault("MISSING_REQUIRED", `It is ${found}.`);
  }
  const set_aside: SetAside[] = [];
  const observations: PriceObservation[] = [];
  for (const [provider, models] of Object.entries(parsed.value)) {
    if (!isObject(models)) {
      set_aside.push({ name: provider, reason: "unreadable_row", detail: `it is ${kindOf(models)}` });
      continue;
    }
    for (const [model, row] of Object.entries(models)) {
      // What every model of the provider starts from; it is no model, and its amounts are 0.
      if (model === "default") continue;
      const report: Report = (reason, detail) => {
        set_aside.push({ name: `${provider}/${model}`, reason, detail });
      };
      const config = isObject(row) ? row.pricing_config : undefined;
      if (isObject(config)) observations.push(...readModel(provider, model, config, report));
      else report("no_price", "it has no pricing_config");
    }
  }
  return readingOf(observations, set_aside);
}
