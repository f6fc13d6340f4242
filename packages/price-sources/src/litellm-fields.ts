import type { ServiceTier, UsageUnit } from "@budget/domain";

/** What one cost field of LiteLLM's map prices. */
export interface MappedField {
  readonly unit: UsageUnit;
  readonly service_tier: ServiceTier;
  readonly above_input_tokens: number;
}

/** What the names of fields without a tier price, for one unit each. */
const BASE_FIELDS: Readonly<Record<string, UsageUnit>> = {
  input_cost_per_token: "input_tokens",
  output_cost_per_token: "output_tokens",
  cache_read_input_token_cost: "cache_read_tokens",
  // An older name of the same.
  input_cost_per_token_cache_hit: "cache_read_tokens",
  cache_creation_input_token_cost: "cache_write_tokens",
  cache_creation_input_token_cost_above_1hr: "cache_write_1h_tokens",
  cache_creation_input_audio_token_cost: "cache_audio_write_tokens",
  cache_read_input_audio_token_cost: "cache_audio_read_tokens",
  cache_read_input_image_token_cost: "cache_image_read_tokens",
  input_cost_per_audio_token: "input_audio_tokens",
  output_cost_per_audio_token: "output_audio_tokens",
  input_cost_per_image_token: "input_image_tokens",
  output_cost_per_image_token: "output_image_tokens",
  output_cost_per_video_token: "output_video_tokens",
  output_cost_per_reasoning_token: "output_reasoning_tokens",
  citation_cost_per_token: "output_citation_tokens",
  input_cost_per_image: "input_images",
  output_cost_per_image: "output_images",
  input_cost_per_pixel: "input_pixels",
  output_cost_per_pixel: "output_pixels",
  input_cost_per_character: "input_characters",
  output_cost_per_character: "output_characters",
  input_cost_per_second: "input_seconds",
  output_cost_per_second: "output_seconds",
  input_cost_per_audio_per_second: "input_audio_seconds",
  input_cost_per_video_per_second: "input_video_seconds",
  output_cost_per_video_per_second: "output_video_seconds",
  input_cost_per_query: "requests",
  input_cost_per_request: "requests",
  ocr_cost_per_page: "input_document_pages",
  annotation_cost_per_page: "input_annotated_document_pages",
};

/** How the names of service tiers end. */
const TIER_ENDINGS: readonly (readonly [ending: string, ServiceTier])[] = [
  ["_priority", "priority"],
  ["_flex", "flex"],
  ["_batches", "batch"],
  ["_batch_requests", "batch"],
];

/** Context tiers: `_above_200k_tokens` prices requests with more than 200,000 input tokens. No model reads 10^9. */
const CONTEXT_TIER = /_above_(\d{1,6})k_tokens$/;

/** Fields that make no price, and why. */
export const SET_ASIDE_FIELDS: Readonly<Record<string, string>> = {
  input_dbu_cost_per_token: "is counted in Databricks units, not in USD",
  output_dbu_cost_per_token: "is counted in Databricks units, not in USD",
  output_db_cost_per_token: "is counted in Databricks units, not in USD",
  ocr_cost_per_credit: "is counted in credits, and no usage says how many a page takes",
  code_interpreter_cost_per_session: "is for a session, which no usage counts",
  computer_use_input_cost_per_1k_tokens: "prices a tool's tokens, which no response tells apart",
  computer_use_output_cost_per_1k_tokens: "prices a tool's tokens, which no response tells apart",
  file_search_cost_per_1k_calls: "prices calls of a tool, which no response counts",
  file_search_cost_per_gb_per_day: "is rent for storage, and no call's usage",
  vector_store_cost_per_gb_per_day: "is rent for storage, and no call's usage",
  output_cost_per_image_premium_image: "depends on the quality of an image, which no usage says",
  output_cost_per_image_above_512_and_512_pixels: "depends on the size of an image, which no usage says",
  output_cost_per_image_above_512_and_512_pixels_and_premium_image:
    "depends on the size and quality of an image, which no usage says",
  output_cost_per_image_above_1024_and_1024_pixels: "depends on the size of an image, which no usage says",
  output_cost_per_image_above_1024_and_1024_pixels_and_premium_image:
    "depends on the size and quality of an image, which no usage says",
  output_cost_per_second_1080p: "depends on the resolution, which no usage says",
  input_cost_per_video_per_second_above_8s_interval: "depends on the length of a video, not on input tokens",
  input_cost_per_video_per_second_above_15s_interval: "depends on the length of a video, not on input tokens",
};

/** Fields with a form of their own, which `litellm.ts` reads. */
export const STRUCTURED_FIELDS = [
  "tiered_pricing",
  "search_context_cost_per_query",
  "provider_specific_entry",
  "regional_processing_uplift_multiplier_eu",
  "regional_processing_uplift_multiplier_us",
] as const;

/** Whether a field of the map says something about money. */
export const isCostField = (field: string): boolean => /cost|price|pricing|multiplier/.test(field);

/** What a field prices; undefined where it is not known, or set aside. */
export function mappedField(field: string): MappedField | undefined {
  const [ending, service_tier] = TIER_ENDINGS.find(([end]) => field.endsWith(end)) ?? [
    "",
    "standard" as const,
  ];
  const untiered = field.slice(0, field.length - ending.length);
  const thousands = CONTEXT_TIER.exec(untiered)?.[1];
  const unit = BASE_FIELDS[untiered.replace(CONTEXT_TIER, "")];
  if (unit === undefined) return undefined;
  return { unit, service_tier, above_input_tokens: Number(thousands ?? 0) * 1000 };
}
