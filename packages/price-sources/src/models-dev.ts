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
  booleanOrNull,
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

const UNITS: Readonly<Record<string, UsageUnit>> = {
  input: "input_tokens",
  output: "output_tokens",
  cache_read: "cache_read_tokens",
  cache_write: "cache_write_tokens",
  reasoning: "output_reasoning_tokens",
  input_audio: "input_audio_tokens",
  output_audio: "output_audio_tokens",
};
/** Amounts are USD for a million. */
const PER_MILLION = 6;
/** What `context_over_200k` is about where a model has no `tiers`; where it has, it is a copy with a wrong bound. */
const LONG_CONTEXT = 200_000;

type Report = (reason: string, detail: string) => void;

function readAmounts(
  cost: JsonObject,
  above_input_tokens: number,
  report: Report,
): readonly PriceComponent[] {
  return Object.entries(cost).flatMap(([field, amount]) => {
    if (field === "tiers" || field === "context_over_200k" || field === "tier") return [];
    const unit = unitOfField(UNITS, field);
    const amount_femto_usd = readAmount(amount, PER_MILLION);
    if (unit === undefined) report("unknown_field", `${field} is ${JSON.stringify(amount)}`);
    else if (amount_femto_usd === undefined)
      report("unreadable_amount", `${field} is ${JSON.stringify(amount)}`);
    else return [{ unit, amount_femto_usd, above_input_tokens }];
    return [];
  });
}

function readTiers(cost: JsonObject, report: Report): readonly PriceComponent[] {
  if (!Array.isArray(cost.tiers)) {
    return isObject(cost.context_over_200k) ? readAmounts(cost.context_over_200k, LONG_CONTEXT, report) : [];
  }
  return (cost.tiers as readonly JsonValue[]).flatMap((amounts) => {
    const tier = isObject(amounts) ? amounts.tier : undefined;
    const size = isObject(tier) && tier.type === "context" ? countOrNull(tier.size) : null;
    if (isObject(amounts) && size !== null) return readAmounts(amounts, size, report);
    report("unknown_field", `a tier is ${JSON.stringify(amounts)}`);
    return [];
  });
}

function readModel(
  provider: string,
  model: string,
  row: JsonObject,
  report: Report,
): readonly PriceObservation[] {
  if (!isObject(row.cost)) {
    report("no_price", "it has no cost");
    return [];
  }
  const components = [...readAmounts(row.cost, 0, report), ...readTiers(row.cost, report)];
  if (components.length === 0) {
    report("no_price", "its cost names nothing that is known");
    return [];
  }
  const isFree = components.every(({ amount_femto_usd }) => amount_femto_usd === 0n);
  if (isFree && !isNamedFree(model)) {
    report(
      "zero_price",
      "it costs 0, which subscriptions do as well, and its name does not say that it is free",
    );
    return [];
  }
  return [observationOf({ provider, model, components, raw: row.cost })];
}

function capabilitiesOf(provider: string, model: string, row: JsonObject): ModelCapabilities {
  const identity = identifyModel(provider, model);
  const limit = isObject(row.limit) ? row.limit : {};
  const inputs = isObject(row.modalities) ? row.modalities.input : undefined;
  return {
    provider: identity.provider,
    model: identity.model,
    context_tokens: countOrNull(limit.context),
    max_output_tokens: countOrNull(limit.output),
    tools: booleanOrNull(row.tool_call),
    vision: Array.isArray(inputs) ? inputs.includes("image") : null,
    reasoning: booleanOrNull(row.reasoning),
  };
}

/**
 * Reads models.dev's `api.json`: USD for a million units, by provider and model. A price of 0 is set aside, because most
 * of them are what a subscription includes, unless the name of the model says that it is free.
 */
export function readModelsDev(text: string): SourceOutcome {
  const parsed = parseJson(text);
  if (!parsed.ok) return parsed.outcome;
  const providers = parsed.value;
  if (
    !isObject(providers) ||
    !Object.values(providers).some((row) => isObject(row) && isObject(row.models))
  ) {
    return fault("MISSING_REQUIRED", `It is ${kindOf(providers)} without any provider that has models.`);
  }
  const set_aside: SetAside[] = [];
  const observations: PriceObservation[] = [];
  const capabilities = new Map<string, ModelCapabilities>();
  for (const [provider, listed] of Object.entries(providers)) {
    const models = isObject(listed) ? listed.models : undefined;
    if (!isObject(models)) {
      set_aside.push({ name: provider, reason: "unreadable_row", detail: "it has no models" });
      continue;
    }
    for (const [model, row] of Object.entries(models)) {
      const report: Report = (reason, detail) => {
        set_aside.push({ name: `${provider}/${model}`, reason, detail });
      };
      if (!isObject(row)) {
        report("unreadable_row", `it is ${kindOf(row)}`);
        continue;
      }
      observations.push(...readModel(provider, model, row, report));
      const can = capabilitiesOf(provider, model, row);
      capabilities.set(`${can.provider}\n${can.model}`, can);
    }
  }
  return readingOf(observations, set_aside, { capabilities: [...capabilities.values()] });
}
