import type { UsageRecord } from "./entities.ts";
import { MAX_TOKENS } from "./schemas/common.ts";

/** What a unit counts. A fraction is counted of seconds only. */
export type UsageMeasure =
  | "token"
  | "character"
  | "second"
  | "pixel"
  | "image"
  | "page"
  | "message"
  | "request"
  | "rerank"
  | "tool_call";

/**
 * What a unit says about the things it counts. What it leaves out it does not distinguish, so a unit is part of every
 * unit that says less and does not contradict it: `cache_audio_read_tokens` of `cache_read_tokens`, of
 * `input_audio_tokens` and of `input_tokens`.
 */
export interface UnitDimensions {
  readonly measure: UsageMeasure;
  readonly direction?: "input" | "output";
  readonly modality?: "text" | "audio" | "image" | "video";
  readonly kind?: "cache_read" | "cache_write" | "reasoning" | "citation" | "tool";
  /** How long a cache entry lives, what is done to a page, or which tool is called. */
  readonly variant?:
    "5m" | "1h" | "annotated" | "web_search" | "social_search" | "storage_search" | "code_execution";
}

/**
 * Every unit that usage is counted and prices are quoted in. The names are those of genai-prices (its `units.yml`),
 * with characters, pixels, images and seconds completed in both directions.
 */
export const USAGE_UNITS = {
  input_tokens: { measure: "token", direction: "input" },
  input_text_tokens: { measure: "token", direction: "input", modality: "text" },
  input_audio_tokens: { measure: "token", direction: "input", modality: "audio" },
  input_image_tokens: { measure: "token", direction: "input", modality: "image" },
  input_video_tokens: { measure: "token", direction: "input", modality: "video" },

  cache_read_tokens: { measure: "token", direction: "input", kind: "cache_read" },
  cache_text_read_tokens: { measure: "token", direction: "input", kind: "cache_read", modality: "text" },
  cache_audio_read_tokens: { measure: "token", direction: "input", kind: "cache_read", modality: "audio" },
  cache_image_read_tokens: { measure: "token", direction: "input", kind: "cache_read", modality: "image" },
  cache_video_read_tokens: { measure: "token", direction: "input", kind: "cache_read", modality: "video" },

  cache_write_tokens: { measure: "token", direction: "input", kind: "cache_write" },
  cache_text_write_tokens: { measure: "token", direction: "input", kind: "cache_write", modality: "text" },
  cache_audio_write_tokens: { measure: "token", direction: "input", kind: "cache_write", modality: "audio" },
  cache_image_write_tokens: { measure: "token", direction: "input", kind: "cache_write", modality: "image" },
  cache_video_write_tokens: { measure: "token", direction: "input", kind: "cache_write", modality: "video" },

  cache_write_5m_tokens: { measure: "token", direction: "input", kind: "cache_write", variant: "5m" },
  cache_text_write_5m_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "5m",
    modality: "text",
  },
  cache_audio_write_5m_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "5m",
    modality: "audio",
  },
  cache_image_write_5m_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "5m",
    modality: "image",
  },
  cache_video_write_5m_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "5m",
    modality: "video",
  },

  cache_write_1h_tokens: { measure: "token", direction: "input", kind: "cache_write", variant: "1h" },
  cache_text_write_1h_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "1h",
    modality: "text",
  },
  cache_audio_write_1h_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "1h",
    modality: "audio",
  },
  cache_image_write_1h_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "1h",
    modality: "image",
  },
  cache_video_write_1h_tokens: {
    measure: "token",
    direction: "input",
    kind: "cache_write",
    variant: "1h",
    modality: "video",
  },

  input_tool_tokens: { measure: "token", direction: "input", kind: "tool" },
  input_text_tool_tokens: { measure: "token", direction: "input", kind: "tool", modality: "text" },
  input_audio_tool_tokens: { measure: "token", direction: "input", kind: "tool", modality: "audio" },
  input_image_tool_tokens: { measure: "token", direction: "input", kind: "tool", modality: "image" },
  input_video_tool_tokens: { measure: "token", direction: "input", kind: "tool", modality: "video" },

  output_tokens: { measure: "token", direction: "output" },
  output_text_tokens: { measure: "token", direction: "output", modality: "text" },
  output_audio_tokens: { measure: "token", direction: "output", modality: "audio" },
  output_image_tokens: { measure: "token", direction: "output", modality: "image" },
  output_video_tokens: { measure: "token", direction: "output", modality: "video" },

  output_reasoning_tokens: { measure: "token", direction: "output", kind: "reasoning" },
  output_text_reasoning_tokens: {
    measure: "token",
    direction: "output",
    kind: "reasoning",
    modality: "text",
  },
  output_audio_reasoning_tokens: {
    measure: "token",
    direction: "output",
    kind: "reasoning",
    modality: "audio",
  },
  output_image_reasoning_tokens: {
    measure: "token",
    direction: "output",
    kind: "reasoning",
    modality: "image",
  },
  output_video_reasoning_tokens: {
    measure: "token",
    direction: "output",
    kind: "reasoning",
    modality: "video",
  },

  output_citation_tokens: { measure: "token", direction: "output", kind: "citation" },
  output_text_citation_tokens: { measure: "token", direction: "output", kind: "citation", modality: "text" },
  output_audio_citation_tokens: {
    measure: "token",
    direction: "output",
    kind: "citation",
    modality: "audio",
  },
  output_image_citation_tokens: {
    measure: "token",
    direction: "output",
    kind: "citation",
    modality: "image",
  },
  output_video_citation_tokens: {
    measure: "token",
    direction: "output",
    kind: "citation",
    modality: "video",
  },

  input_characters: { measure: "character", direction: "input" },
  output_characters: { measure: "character", direction: "output" },
  input_pixels: { measure: "pixel", direction: "input" },
  output_pixels: { measure: "pixel", direction: "output" },
  input_images: { measure: "image", direction: "input" },
  output_images: { measure: "image", direction: "output" },

  seconds: { measure: "second" },
  input_seconds: { measure: "second", direction: "input" },
  output_seconds: { measure: "second", direction: "output" },
  audio_seconds: { measure: "second", modality: "audio" },
  input_audio_seconds: { measure: "second", direction: "input", modality: "audio" },
  output_audio_seconds: { measure: "second", direction: "output", modality: "audio" },
  video_seconds: { measure: "second", modality: "video" },
  input_video_seconds: { measure: "second", direction: "input", modality: "video" },
  output_video_seconds: { measure: "second", direction: "output", modality: "video" },

  input_document_pages: { measure: "page", direction: "input" },
  input_annotated_document_pages: { measure: "page", direction: "input", variant: "annotated" },
  input_text_messages: { measure: "message", direction: "input", modality: "text" },

  requests: { measure: "request" },
  rerank_searches: { measure: "rerank" },
  web_searches: { measure: "tool_call", variant: "web_search" },
  social_searches: { measure: "tool_call", variant: "social_search" },
  storage_searches: { measure: "tool_call", variant: "storage_search" },
  code_executions: { measure: "tool_call", variant: "code_execution" },
} as const satisfies Readonly<Record<string, UnitDimensions>>;

/** A unit that usage is counted and prices are quoted in. */
export type UsageUnit = keyof typeof USAGE_UNITS;

/**
 * What a call used: a number of 0 or more by unit, whole except for seconds. `input_tokens` is all input, cache reads
 * and writes and audio included, `output_tokens` all output, reasoning included; the parts are named beside them. A
 * unit that is not named counts none. Keys are read from outside, so they are any text until {@link validateUsage} has
 * found no problem.
 */
export type UsageQuantities = Readonly<Record<string, number>>;

/** What is wrong with one quantity. */
export interface UsageProblem {
  readonly code: "unknown_unit" | "out_of_range" | "not_whole" | "whole_missing" | "parts_exceed_whole";
  /** The key in the usage that is wrong, or missing. */
  readonly field: string;
  readonly detail: string;
}

const UNIT_NAMES = Object.keys(USAGE_UNITS) as readonly UsageUnit[];

/** Whether a text names a unit of ours. */
export function isUsageUnit(name: string): name is UsageUnit {
  return Object.hasOwn(USAGE_UNITS, name);
}

/** What is wrong with a name that is no unit, and which ones there are. */
export function unknownUnit(name: string): string {
  return `${name} is no unit of usage; units are ${UNIT_NAMES.join(", ")}`;
}

/** What a unit says about the things it counts. */
export function dimensionsOf(unit: UsageUnit): UnitDimensions {
  return USAGE_UNITS[unit];
}

const DIMENSIONS = ["direction", "modality", "kind", "variant"] as const;

const specificity = (unit: UsageUnit): number =>
  DIMENSIONS.filter((dimension) => dimensionsOf(unit)[dimension] !== undefined).length;

function says(whole: UnitDimensions, part: UnitDimensions): boolean {
  return (
    whole.measure === part.measure &&
    DIMENSIONS.every((dimension) => whole[dimension] === undefined || whole[dimension] === part[dimension])
  );
}

const mapUnits = <T>(of: (unit: UsageUnit) => T): ReadonlyMap<UsageUnit, T> =>
  new Map(UNIT_NAMES.map((unit) => [unit, of(unit)]));

const WHOLES = mapUnits((unit) =>
  UNIT_NAMES.filter((other) => other !== unit && says(dimensionsOf(other), dimensionsOf(unit))).sort(
    (a, b) => specificity(b) - specificity(a),
  ),
);
const PARTS = mapUnits((unit) => UNIT_NAMES.filter((other) => WHOLES.get(other)?.includes(unit)));

/** The units that a unit is part of, the most specific first. */
export function wholesOf(unit: UsageUnit): readonly UsageUnit[] {
  return WHOLES.get(unit) ?? [];
}

/** The units that are part of a unit. */
export function partsOf(unit: UsageUnit): readonly UsageUnit[] {
  return PARTS.get(unit) ?? [];
}

/** Whether every thing that `part` counts is counted by `whole` too; a unit is no part of itself. */
export function isPartOf(part: UsageUnit, whole: UsageUnit): boolean {
  return wholesOf(part).includes(whole);
}

/** Millionths of a unit, so that fractions of seconds are whole numbers. */
export type Millionths = bigint;

/** Millionths in one unit. */
export const MILLIONTHS = 1_000_000n;

const NONE: Millionths = 0n;
const larger = (a: Millionths, b: Millionths): Millionths => (a > b ? a : b);

/**
 * The quantity that a usage names for a unit, exactly; a fraction is rounded to the millionth.
 * @returns undefined where the usage does not name the unit
 */
function namedQuantity(usage: UsageQuantities, unit: UsageUnit): Millionths | undefined {
  const quantity = usage[unit];
  if (quantity === undefined) return undefined;
  if (Number.isInteger(quantity)) return BigInt(quantity) * MILLIONTHS;
  // toFixed rounds the decimal digits of the number itself; multiplying it first would add an error of its own.
  return BigInt(quantity.toFixed(6).replace(".", ""));
}

/**
 * The fewest that a whole can count, given its parts. Along one dimension (say modality) the parts with different
 * values share nothing, so they add up; of parts with the same value one may include the other.
 */
function leastOf(usage: UsageQuantities, whole: UsageUnit): Millionths {
  const named = partsOf(whole).filter((part) => usage[part] !== undefined);
  let least = NONE;
  for (const dimension of named.length === 0 ? [] : DIMENSIONS) {
    if (dimensionsOf(whole)[dimension] !== undefined) continue;
    const byValue = new Map<string, Millionths>();
    for (const part of named) {
      const value = dimensionsOf(part)[dimension];
      if (value === undefined) continue;
      byValue.set(value, larger(byValue.get(value) ?? NONE, namedQuantity(usage, part) ?? NONE));
    }
    least = larger(
      least,
      [...byValue.values()].reduce((sum, quantity) => sum + quantity, NONE),
    );
  }
  return least;
}

/**
 * How many of a unit a usage counts: what it names, else what its parts make it at least.
 * @param usage a usage without problems
 * @returns 0 or more millionths
 */
export function quantityOf(usage: UsageQuantities, unit: UsageUnit): Millionths {
  return namedQuantity(usage, unit) ?? leastOf(usage, unit);
}

/**
 * Whether all tokens of a record are known as input or output. A record of an older system may only know the sum, and
 * then nobody knows what it costs.
 */
export const isSplit = (
  record: Pick<UsageRecord, "input_tokens" | "output_tokens" | "total_tokens">,
): boolean => record.total_tokens === record.input_tokens + record.output_tokens;

const TOTALS: readonly UsageUnit[] = ["input_tokens", "output_tokens"];

function quantityProblem(unit: UsageUnit, quantity: unknown): UsageProblem | undefined {
  if (typeof quantity !== "number" || !(quantity >= 0 && quantity <= MAX_TOKENS)) {
    const detail = `${unit} is ${String(quantity)}: a quantity is a number from 0 to ${MAX_TOKENS}`;
    return { code: "out_of_range", field: unit, detail };
  }
  const { measure } = dimensionsOf(unit);
  if (measure === "second" || Number.isInteger(quantity)) return undefined;
  return { code: "not_whole", field: unit, detail: `${unit} is ${quantity}: a ${measure} is counted whole` };
}

function wholeProblem(usage: UsageQuantities, whole: UsageUnit): UsageProblem | undefined {
  const named = namedQuantity(usage, whole);
  if (named === undefined && !TOTALS.includes(whole)) return undefined;
  const least = leastOf(usage, whole);
  if (least <= (named ?? NONE)) return undefined;
  const parts = partsOf(whole)
    .filter((part) => usage[part])
    .map((part) => `${part} ${usage[part]}`)
    .join(", ");
  if (named === undefined) {
    const detail = `${whole} is missing: it counts all of them, and there are parts of it (${parts})`;
    return { code: "whole_missing", field: whole, detail };
  }
  const detail = `${whole} is ${usage[whole]}, but it counts its parts too, and they are more (${parts})`;
  return { code: "parts_exceed_whole", field: whole, detail };
}

/**
 * Checks a usage from outside: known units, numbers in range, and wholes that hold their parts.
 * @returns every problem, in the order of its keys; a usage with none can be counted and priced
 */
export function validateUsage(usage: UsageQuantities): readonly UsageProblem[] {
  const problems: UsageProblem[] = [];
  for (const [field, quantity] of Object.entries(usage)) {
    if (isUsageUnit(field)) {
      const problem = quantityProblem(field, quantity);
      if (problem) problems.push(problem);
    } else {
      problems.push({ code: "unknown_unit", field, detail: unknownUnit(field) });
    }
  }
  if (problems.length > 0) return problems;
  return UNIT_NAMES.flatMap((whole) => wholeProblem(usage, whole) ?? []);
}
