import { createHash } from "node:crypto";
import { DEFAULT_VERIFICATION_RULES, type Markup, type SourceReading } from "@budget/domain";
import { readMarkups, readPrices } from "./custom-prices.ts";
import {
  OperatorFile,
  optional,
  type DecimalRange,
  type Fields,
  type FileProblem,
  type Place,
} from "./operator-file.ts";
import { readSourceSettings, type SourceSettings } from "./source-settings.ts";

/** What can be said about prices, in a file of its own or in a section of another. */
export const PRICE_FIELDS = ["prices", "markups", "sources", "tolerance_percent"] as const;
export type PriceField = (typeof PRICE_FIELDS)[number];

/** What the operator knows and wants about prices. */
export interface PriceFile {
  /** What people know the file by. */
  readonly path: string;
  readonly prices: SourceReading;
  readonly markups: readonly Markup[];
  readonly sources: readonly SourceSettings[];
  /** How far two amounts of one price may lie apart, in millionths of the larger one. */
  readonly tolerance_ppm: number;
  /** The line of each thing that it says, from 1. */
  readonly lines: Readonly<Partial<Record<PriceField, number>>>;
  /** SHA-256 of all that it says, in hexadecimal; empty where it says nothing. */
  readonly content_hash: string;
}

/** What holds where the operator says nothing. */
export const NO_PRICE_FILE: PriceFile = {
  path: "",
  prices: { observations: [], aliases: [], capabilities: [], set_aside: [] },
  markups: [],
  sources: [],
  tolerance_ppm: DEFAULT_VERIFICATION_RULES.tolerance_ppm,
  lines: {},
  content_hash: "",
};

/** A file is read as a whole, or not at all. */
export type PriceFileOutcome =
  | { readonly ok: true; readonly file: PriceFile }
  | { readonly ok: false; readonly problems: readonly FileProblem[] };

/** Of a percentage, four decimals make a whole number of millionths. */
const TOLERANCE: DecimalRange = { scale: 4, least: 0n, most: 100_000n, words: "from 0 to 10" };

/**
 * Reads the operator's file about prices, YAML 1.2 or JSON:
 *
 * ```yaml
 * prices: # charged as they stand, without a vote
 *   - provider: openai
 *     model: gpt-5.4
 *     scope: eu # a region or commitment; the general price where left out
 *     service_tier: batch # standard where left out
 *     time_of_day: { start: "16:30", end: "00:30" } # in UTC; all day where left out
 *     effective_date: 2026-09-01 # a day in UTC or an instant; always where left out
 *     end_date: 2027-01-01 # the first instant that it no longer holds at; open where left out
 *     input_cost_per_million: 1.25 # USD, for input_tokens
 *     output_cost_per_million: 10 # USD, for output_tokens
 *     components: # any other unit, and context tiers
 *       - { unit: cache_read_tokens, cost_per_million: 0.125 }
 *       - { unit: web_searches, cost_per_unit: 0.01 }
 *       - { unit: input_tokens, cost_per_million: 2.5, above_input_tokens: 272000 }
 * markups: # added to what the sources say
 *   - { provider: openai, percent: 12.5 } # all of its models that have no markup of their own
 *   - { provider: openai, model: gpt-5.4, percent: -10 }
 * sources:
 *   - source: litellm
 *     enabled: true
 *     address: https://prices.example.com/litellm.json
 *     lineage: litellm # sources of one lineage have one vote
 *     trust: 0.7 # where its trust starts, from 0 to 1
 *     interval_minutes: 1440
 *     allow_http: false
 *     allow_private_addresses: false
 * tolerance_percent: 1 # how far two amounts of one price may lie apart
 * ```
 *
 * Amounts are USD, 0 or more, with at most 15 decimals for one unit and 9 for a million; markups are from -99 to 1000
 * with at most 4 decimals. Numbers are read by their text and never become floats; they may be quoted.
 *
 * @param path what people know the file by
 * @param text the caller bounds its size
 * @param source_names the sources that settings may be about
 * @returns every mistake with its line, if there is one
 */
export function readPriceFile(path: string, text: string, source_names: readonly string[]): PriceFileOutcome {
  const file = new OperatorFile(path, text);
  if (file.problems.length > 0) return { ok: false, problems: file.problems };
  const fields = file.fields(file.root, PRICE_FIELDS);
  if (fields?.size === 0) file.wrong(file.root, `It must have at least one of ${PRICE_FIELDS.join(", ")}.`);
  const read = readPriceFields(file, fields, source_names);
  return read === null ? { ok: false, problems: file.problems } : { ok: true, file: read };
}

/**
 * Reads what fields of a file say about prices.
 * @param fields those of `PRICE_FIELDS` count; none where they could not be read
 * @param source_names the sources that settings may be about
 * @returns null where the file has mistakes, here or elsewhere
 */
export function readPriceFields(
  file: OperatorFile,
  fields: Fields | null,
  source_names: readonly string[],
): PriceFile | null {
  const observations = readPrices(file, fields?.get("prices"));
  const markups = readMarkups(file, fields?.get("markups"));
  const sources = readSourceSettings(file, fields?.get("sources"), source_names);
  const tolerance = optional(file, fields, "tolerance_percent", (_, at) => file.decimal(at, TOLERANCE));
  if (file.problems.length > 0) return null;
  const said = PRICE_FIELDS.flatMap((name) => {
    const place = fields?.get(name);
    return place === undefined ? [] : [[name, place] as const];
  });
  return {
    path: file.path,
    prices: { ...NO_PRICE_FILE.prices, observations },
    markups,
    sources,
    tolerance_ppm: tolerance === undefined ? NO_PRICE_FILE.tolerance_ppm : Number(tolerance),
    lines: Object.fromEntries(said.map(([name, place]) => [name, file.lineOf(place)])),
    content_hash: hashOf(file, said),
  };
}

/** Layout and comments change nothing in what a file says. */
function hashOf(file: OperatorFile, said: readonly (readonly [PriceField, Place])[]): string {
  if (said.length === 0) return "";
  const values = said.map(([name, { node }]) => [name, file.raw(node)]);
  return createHash("sha256").update(JSON.stringify(values)).digest("hex");
}
