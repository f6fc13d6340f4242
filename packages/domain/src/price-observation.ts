import type { PriceType, ServiceTier } from "./enums.ts";
import type { PriceComponent, TimeOfDay } from "./price.ts";

/** A value as JSON has it. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** What one source says that one model costs, in one scope, service tier and span of time, before anybody judges it. */
export interface PriceObservation {
  /** Our names, see `identifyModel`. */
  readonly provider: string;
  readonly model: string;
  /** The region or commitment that it is for; empty where it is the provider's general price. */
  readonly scope: string;
  readonly service_tier: ServiceTier;
  /** Null where it holds all day. */
  readonly time_of_day: TimeOfDay | null;
  /** Null where the source does not say since when. */
  readonly effective_ms: number | null;
  /** The first instant that it no longer holds at; null while open. */
  readonly end_ms: number | null;
  readonly price_type: PriceType;
  /** At least one. Amounts are as the source has them, negative ones included: gates judge them later. */
  readonly components: readonly PriceComponent[];
  /** The name that the source has it under, its own provider included. */
  readonly name: string;
  /** The source's own row, so that every price can be traced to what was read. */
  readonly raw: JsonValue;
}

/** Another name of a model, which a source moves from one to the next, such as `codestral-latest`. */
export interface ModelAlias {
  readonly provider: string;
  readonly alias: string;
  readonly model: string;
}

/** What a model can do, as far as a source tells; null where it does not. */
export interface ModelCapabilities {
  readonly provider: string;
  readonly model: string;
  /** Tokens of input and output together, or of input where the source tells them apart. */
  readonly context_tokens: number | null;
  readonly max_output_tokens: number | null;
  readonly tools: boolean | null;
  readonly vision: boolean | null;
  readonly reasoning: boolean | null;
}

/** Something of a source that made no price, and why. */
export interface SetAside {
  /** The name that the source has it under, its own provider included. */
  readonly name: string;
  readonly reason: string;
  readonly detail: string;
}

/** All that was read from one source at once. */
export interface SourceReading {
  readonly observations: readonly PriceObservation[];
  readonly aliases: readonly ModelAlias[];
  readonly capabilities: readonly ModelCapabilities[];
  readonly set_aside: readonly SetAside[];
}

/**
 * Why what a source sent makes no prices: `EMPTY` no rows at all, `LOW_ROWS` far fewer than before or than it must have,
 * `MISSING_REQUIRED` columns or fields that must be there are not, `UNIT_UNKNOWN` amounts without a unit, `HTTP` an answer
 * that is no success, or none at all, `TOO_BIG` more bytes than allowed, `NOT_READABLE` not in the format at all,
 * `CREDENTIAL` a credential that cannot be decrypted, so that it was not asked.
 */
export const SOURCE_FAULTS = [
  "EMPTY",
  "LOW_ROWS",
  "MISSING_REQUIRED",
  "UNIT_UNKNOWN",
  "HTTP",
  "TOO_BIG",
  "NOT_READABLE",
  "CREDENTIAL",
] as const;
export type SourceFault = (typeof SOURCE_FAULTS)[number];

/** What became of reading a source. A fault contributes nothing: the last good reading stays in use. */
export type SourceOutcome =
  | { readonly ok: true; readonly reading: SourceReading }
  | {
      readonly ok: false;
      readonly fault: SourceFault;
      /** What was found and what was expected, in a sentence for an operator. */
      readonly detail: string;
    };
