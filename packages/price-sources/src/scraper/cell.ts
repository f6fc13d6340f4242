/** For how many tokens an amount is, as a power of ten. */
export type Scale = 0 | 3 | 6;

/** What a text says about money, where it says anything. */
export interface Terms {
  readonly scale?: Scale | undefined;
  /** ISO 4217. */
  readonly currency?: string | undefined;
}

export interface TierAmount {
  /** Decimal text. */
  readonly amount: string;
  /** Only for requests with more input tokens than this. */
  readonly above_input_tokens: number;
}

/** What a cell of a price table says. */
export type Cell = Terms &
  (
    | { readonly kind: "price"; readonly amount: string }
    | { readonly kind: "two"; readonly amounts: readonly [string, string] }
    | { readonly kind: "tiers"; readonly tiers: readonly TierAmount[] }
    | { readonly kind: "free" }
    | { readonly kind: "missing" }
    /** `from $3` and the like: an amount that is no price. */
    | { readonly kind: "bound" }
    | { readonly kind: "unreadable" }
  );

// A thousand with a currency before it is an amount.
const MILLION =
  /(?:\/|\bper\b|\b1) ?(?:1 ?)?(?:mtoks?|mm|m|million)\b(?: ?tok(?:en)?s?\b)?|(?<![$€£¥￥₹] ?)\b1,?000,?000\b(?: ?tok(?:en)?s?\b)?/;
const THOUSAND =
  /(?:\/|\bper\b|\b1) ?(?:1 ?)?(?:ktoks?|k|thousand)\b(?: ?tok(?:en)?s?\b)?|(?<![$€£¥￥₹] ?)\b1,?000\b(?!,?000)(?: ?tok(?:en)?s?\b)?/;
const ONE = /(?:\/|\bper\b) ?tok(?:en)?\b/;
const SCALES: readonly (readonly [pattern: RegExp, scale: Scale])[] = [
  [MILLION, 6],
  [THOUSAND, 3],
  [ONE, 0],
];

/** Dollars of other countries come before the sign that they share. */
const CURRENCIES: readonly (readonly [pattern: RegExp, currency: string])[] = [
  [/\b(?:ca|cad) ?\$|\bcad\b/, "CAD"],
  [/\b(?:au|aud|a) ?\$|\baud\b/, "AUD"],
  [/\bhk ?\$|\bhkd\b/, "HKD"],
  [/\bus ?\$|\$|\busd\b/, "USD"],
  [/€|\beur\b/, "EUR"],
  [/£|\bgbp\b/, "GBP"],
  [/cn¥|¥|￥|元|\bcny\b|\brmb\b/, "CNY"],
  [/₹|\binr\b/, "INR"],
  [/\bjpy\b/, "JPY"],
];

const take = <T>(
  text: string,
  patterns: readonly (readonly [RegExp, T])[],
): { readonly found: T | undefined; readonly rest: string } => {
  for (const [pattern, found] of patterns) {
    if (pattern.test(text)) return { found, rest: text.replaceAll(new RegExp(pattern.source, "g"), " ") };
  }
  return { found: undefined, rest: text };
};

/** What a header, a caption or a heading says about the amounts below it. */
export function termsOf(text: string): Terms {
  const words = text.toLowerCase();
  return { scale: take(words, SCALES).found, currency: take(words, CURRENCIES).found };
}

const MISSING = /^(?:|[-–—]+|n\/?a\.?|none|not available|not supported|\.\.\.|…)$/;
const FREE = /^free$/;
const BOUND = /\b(?:from|starting|starts|up to|at least|at most|about|approx)\b|[~≈]/;
const AMOUNT = /\d[\d,]*(?:\.\d+)?|\.\d+/g;
/** Separators of thousands only: `0,25` may be a quarter or a thousand. */
const WELL_WRITTEN = /^(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?$/;
/** Words that say no more than the header does. */
const FILLERS = /\b(?:tokens?|toks?|per|input|output|price|standard)\b|[/:|()+]/g;
const TIER = /(?:(<=|≤|<|up to|under|below)|(>=|≥|>|above|over|more than)) ?(\d{1,4})(k|m)\b/;

const plain = (amount: string): string => amount.replaceAll(",", "");

/** A line for each context tier; undefined where the text is something else. */
function readTiers(words: string): Cell | undefined {
  const lines = words.split(/\n|;|, /).filter((line) => line.trim() !== "");
  const bounds = lines.map((line) => TIER.exec(line));
  if (lines.length < 2 || bounds.includes(null)) return undefined;
  const { found: scale, rest: unscaled } = take(
    lines.map((line) => line.replace(TIER, " ")).join("\n"),
    SCALES,
  );
  const { found: currency, rest } = take(unscaled, CURRENCIES);
  const tiers = rest.split("\n").flatMap((line, index): TierAmount[] => {
    const [, most, , number, letter] = bounds[index] ?? [];
    const [amount, ...others] = line.match(AMOUNT) ?? [];
    if (amount === undefined || others.length > 0 || !WELL_WRITTEN.test(amount)) return [];
    const tokens = Number(number) * (letter === "m" ? 1_000_000 : 1_000);
    return [{ amount: plain(amount), above_input_tokens: most === undefined ? tokens : 0 }];
  });
  const isWhole =
    tiers.length === lines.length && tiers.some(({ above_input_tokens }) => above_input_tokens === 0);
  return isWhole ? { kind: "tiers", scale, currency, tiers } : { kind: "unreadable" };
}

/** Reads a cell. What is absent is missing and never 0; only the word is free. */
export function readCell(text: string): Cell {
  const words = text.toLowerCase().trim();
  if (MISSING.test(words)) return { kind: "missing" };
  if (FREE.test(words)) return { kind: "free" };
  const tiers = readTiers(words);
  if (tiers !== undefined) return tiers;
  const { found: scale, rest: unscaled } = take(words, SCALES);
  const { found: currency, rest } = take(unscaled, CURRENCIES);
  const terms: Terms = { scale, currency };
  const amounts = rest.match(AMOUNT) ?? [];
  if (BOUND.test(rest) && amounts.length > 0) return { ...terms, kind: "bound" };
  const leftover = rest.replaceAll(AMOUNT, " ").replaceAll(FILLERS, " ").trim();
  const [first, second, ...others] = amounts;
  const isReadable = leftover === "" && others.length === 0 && amounts.every((one) => WELL_WRITTEN.test(one));
  if (!isReadable || first === undefined) return { kind: "unreadable" };
  if (second === undefined) return { ...terms, kind: "price", amount: plain(first) };
  return { ...terms, kind: "two", amounts: [plain(first), plain(second)] };
}
