import type { PriceType, ServiceTier } from "./enums.ts";
import { femtoToUsdJson, type FemtoUsd } from "./money.ts";
import type { PriceWire } from "./schemas/price.ts";
import { isUsageUnit, type UsageUnit } from "./usage.ts";
import { isoTime } from "./wire.ts";

/** The owner of prices that every tenant sees. */
export const SHARED_TENANT_ID = "00000000-0000-0000-0000-000000000000";

export const PRICE_STATUSES = [
  "verified",
  "verified_with_dissent",
  "provisional",
  "conflict",
  "rejected",
  "manual",
] as const;
/** What is known about the truth of a price. A `rejected` one is kept as evidence and never applied. */
export type PriceStatus = (typeof PRICE_STATUSES)[number];

/** The hours of a day, `HH:MM:SS` in UTC: from `start` up to, not including, `end`; past midnight if `end` is earlier. */
export interface TimeOfDay {
  readonly start: string;
  readonly end: string;
}

/** What one unit costs. 0 is free; a unit without a component has no known price. */
export interface PriceComponent {
  readonly unit: UsageUnit;
  /** For one unit, 0 or more. */
  readonly amount_femto_usd: FemtoUsd;
  /** Where a context tier begins: it prices requests with more input tokens than this. 0 prices every request. */
  readonly above_input_tokens: number;
}

/**
 * What the units of one model cost, in a span of time. Never changed: it is closed, and a dated one follows it. At most
 * one component has the same unit and tier.
 */
export interface ProviderPricing {
  readonly tenant_id: string;
  readonly pricing_id: string;
  /** Lower case, trimmed; `model` too. */
  readonly provider: string;
  readonly model: string;
  /** The region or commitment that it is for; empty where it is the provider's general price. */
  readonly scope: string;
  readonly price_type: PriceType;
  readonly service_tier: ServiceTier;
  /** Null where it holds all day. */
  readonly time_of_day: TimeOfDay | null;
  readonly components: readonly PriceComponent[];
  /** What the operator adds to the provider's price, in millionths; part of the components already. */
  readonly markup_ppm: number;
  readonly effective_ms: number;
  /** The first instant that it no longer holds at; null while open. */
  readonly end_ms: number | null;
  /** Where it was read, with the version, such as `genai-prices@0.1.8`. */
  readonly source: string;
  readonly status: PriceStatus;
  readonly verified: boolean;
  /** The observations that it rests on; none where it was entered by hand or came with the product. */
  readonly evidence: readonly string[];
  readonly created_at_ms: number;
}

/** A price as a source tells it, before it is stored. */
export type PriceDraft = Omit<
  ProviderPricing,
  "tenant_id" | "pricing_id" | "created_at_ms" | "evidence" | "markup_ppm"
>;

/** The form that providers and models are compared in. */
export function normaliseName(name: string): string {
  return name.trim().toLowerCase();
}

/** The units that the flat fields of the specification stand for, the one that is quoted most first. */
const FLAT_FIELDS = {
  input_cost_per_token: ["input_tokens"],
  output_cost_per_token: ["output_tokens"],
  input_cost_per_char: ["input_characters"],
  output_cost_per_char: ["output_characters"],
  cost_per_image: ["output_images", "input_images"],
  cost_per_second: [
    "seconds",
    "audio_seconds",
    "video_seconds",
    "input_seconds",
    "output_seconds",
    "input_audio_seconds",
    "output_audio_seconds",
    "input_video_seconds",
    "output_video_seconds",
  ],
  fixed_cost_per_request: ["requests"],
} as const satisfies Readonly<Record<string, readonly UsageUnit[]>>;

const PPM_OF_A_PERCENT = 10_000;

/**
 * A price as it goes over the wire: the specification's flat fields (of the base tier, null where there is no such
 * price) in USD for one unit, and every component beside them.
 */
export function toProviderPricingWire(price: ProviderPricing): PriceWire {
  const base = new Map(
    price.components
      .filter((component) => component.above_input_tokens === 0)
      .map((component) => [component.unit, component.amount_femto_usd]),
  );
  const flat = (field: keyof typeof FLAT_FIELDS): number | null => {
    const units: readonly UsageUnit[] = FLAT_FIELDS[field];
    const amount = units.map((unit) => base.get(unit)).find((found) => found !== undefined);
    return amount === undefined ? null : femtoToUsdJson(amount);
  };
  return {
    pricing_id: price.pricing_id,
    provider: price.provider,
    model: price.model,
    scope: price.scope,
    price_type: price.price_type,
    service_tier: price.service_tier,
    time_of_day: price.time_of_day,
    input_cost_per_token: flat("input_cost_per_token"),
    output_cost_per_token: flat("output_cost_per_token"),
    input_cost_per_char: flat("input_cost_per_char"),
    output_cost_per_char: flat("output_cost_per_char"),
    cost_per_image: flat("cost_per_image"),
    cost_per_second: flat("cost_per_second"),
    fixed_cost_per_request: flat("fixed_cost_per_request"),
    components: price.components.map((component) => ({
      unit: component.unit,
      cost_per_unit: femtoToUsdJson(component.amount_femto_usd),
      above_input_tokens: component.above_input_tokens,
    })),
    markup_percent: price.markup_ppm / PPM_OF_A_PERCENT,
    effective_date: isoTime(price.effective_ms),
    end_date: price.end_ms === null ? null : isoTime(price.end_ms),
    source: price.source,
    status: price.status,
    verified: price.verified,
    evidence: [...price.evidence],
    created_at: isoTime(price.created_at_ms),
  };
}

/** Components as JSON text for storage; amounts are decimal strings, because a JSON number would lose digits. */
export function encodePriceComponents(components: readonly PriceComponent[]): string {
  return JSON.stringify(
    components.map((component) => ({
      unit: component.unit,
      amount_femto_usd: component.amount_femto_usd.toString(),
      above_input_tokens: component.above_input_tokens,
    })),
  );
}

const PRICE_AMOUNT = /^\d+$/;
const OBSERVED_AMOUNT = /^-?\d+$/;

function decodeComponent(stored: unknown, amount: RegExp): PriceComponent {
  const { unit, amount_femto_usd, above_input_tokens } = (stored ?? {}) as Record<string, unknown>;
  if (
    typeof unit === "string" &&
    isUsageUnit(unit) &&
    typeof amount_femto_usd === "string" &&
    amount.test(amount_femto_usd) &&
    typeof above_input_tokens === "number" &&
    Number.isSafeInteger(above_input_tokens) &&
    above_input_tokens >= 0
  ) {
    return { unit, amount_femto_usd: BigInt(amount_femto_usd), above_input_tokens };
  }
  throw new Error(`not a price component: ${JSON.stringify(stored)}`);
}

function decodeComponents(text: string, amount: RegExp): readonly PriceComponent[] {
  const stored: unknown = JSON.parse(text);
  if (!Array.isArray(stored)) throw new Error(`not a list of price components: ${text}`);
  return stored.map((component) => decodeComponent(component, amount));
}

/**
 * Reads what {@link encodePriceComponents} wrote of a price.
 * @throws {Error} where the text is something else: a price read wrongly would be charged
 */
export const decodePriceComponents = (text: string): readonly PriceComponent[] =>
  decodeComponents(text, PRICE_AMOUNT);

/**
 * Reads what {@link encodePriceComponents} wrote of what a source says, whose amounts may be negative: gates judge them.
 * @throws {Error} where the text is something else
 */
export const decodeObservedComponents = (text: string): readonly PriceComponent[] =>
  decodeComponents(text, OBSERVED_AMOUNT);
