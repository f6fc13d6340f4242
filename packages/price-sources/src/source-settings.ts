import {
  optional,
  readItems,
  readText,
  type DecimalRange,
  type OperatorFile,
  type Place,
} from "./operator-file.ts";

/** What the operator says about one source; what is left out stays as it comes. */
export interface SourceSettings {
  readonly source: string;
  readonly enabled?: boolean;
  /** Read instead of the source's own address. */
  readonly address?: string;
  readonly lineage?: string;
  /** Where its trust starts and is reset to, in millionths. */
  readonly trust_ppm?: number;
  readonly interval_ms?: number;
  /** Whether it may be read over http, and from addresses inside the operator's network. */
  readonly allow_http?: boolean;
  readonly allow_private_addresses?: boolean;
}

const TRUST: DecimalRange = { scale: 6, least: 0n, most: 1_000_000n, words: "from 0 to 1" };
const MOST_MINUTES = 525_600;
const MINUTES: DecimalRange = {
  scale: 0,
  least: 1n,
  most: BigInt(MOST_MINUTES),
  words: `a whole number of minutes from 1 to ${MOST_MINUTES}`,
};
const MINUTE_MS = 60_000;

const readFlag = (file: OperatorFile, place: Place): boolean | null => file.flag(place);

function readAddress(file: OperatorFile, place: Place): string | null {
  const text = file.text(place);
  if (text === null || (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol))) return text;
  return file.wrong(place, "It must be an address such as https://prices.example.com/models.json.");
}

const FIELDS = [
  "source",
  "enabled",
  "address",
  "lineage",
  "trust",
  "interval_minutes",
  "allow_http",
  "allow_private_addresses",
];

function readSettings(file: OperatorFile, place: Place, names: readonly string[]): SourceSettings | null {
  const fields = file.fields(place, FIELDS, ["source"]);
  const source = optional(file, fields, "source", (_, at) => file.word(at, names));
  const enabled = optional(file, fields, "enabled", readFlag);
  const address = optional(file, fields, "address", readAddress);
  const lineage = optional(file, fields, "lineage", readText);
  const trust_ppm = optional(file, fields, "trust", (_, at) => file.decimal(at, TRUST));
  const minutes = optional(file, fields, "interval_minutes", (_, at) => file.decimal(at, MINUTES));
  const allow_http = optional(file, fields, "allow_http", readFlag);
  const allow_private_addresses = optional(file, fields, "allow_private_addresses", readFlag);
  if (source === undefined) return null;
  return {
    source,
    ...(enabled === undefined ? {} : { enabled }),
    ...(address === undefined ? {} : { address }),
    ...(lineage === undefined ? {} : { lineage }),
    ...(trust_ppm === undefined ? {} : { trust_ppm: Number(trust_ppm) }),
    ...(minutes === undefined ? {} : { interval_ms: Number(minutes) * MINUTE_MS }),
    ...(allow_http === undefined ? {} : { allow_http }),
    ...(allow_private_addresses === undefined ? {} : { allow_private_addresses }),
  };
}

/**
 * Reads the list of settings of sources.
 * @param names of the sources that there are
 */
export const readSourceSettings = (
  file: OperatorFile,
  list: Place | undefined,
  names: readonly string[],
): readonly SourceSettings[] =>
  readItems(
    file,
    list,
    (_, place) => readSettings(file, place, names),
    ({ source }) => source,
  );
