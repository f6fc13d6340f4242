import { canonicalProvider, familyOf } from "@budget/domain";
import {
  CL100K_TOKEN_SPLIT_REGEX,
  O200K_TOKEN_SPLIT_REGEX,
  R50K_TOKEN_SPLIT_REGEX,
} from "gpt-tokenizer/encodingParams/constants";
import { DEFAULT_ENCODING, modelToEncodingMap, type EncodingName } from "gpt-tokenizer/mapping";

/**
 * Encodings that differ in how text becomes tokens. The others of the library are these with further special tokens,
 * which a text has none of: what looks like one is text.
 */
export type TextEncoding = "o200k_base" | "cl100k_base" | "p50k_base" | "r50k_base";

const TEXT_ENCODINGS: Readonly<Record<EncodingName, TextEncoding>> = {
  o200k_base: "o200k_base",
  o200k_harmony: "o200k_base",
  cl100k_base: "cl100k_base",
  p50k_base: "p50k_base",
  p50k_edit: "p50k_base",
  r50k_base: "r50k_base",
  gpt2: "r50k_base",
};

/** Who serves OpenAI's models under OpenAI's names. */
const SELLERS_OF_OPENAI: ReadonlySet<string> = new Set(["openai", "azure"]);

/**
 * The encoding that a model counts in, by the library's own map, in which OpenAI's models that are not listed have the
 * default one.
 * @returns null for a model whose tokenizer is not public, or not at hand
 */
export function encodingOf(provider: string, model: string): TextEncoding | null {
  const path = model.toLowerCase().split("/");
  const name = path.at(-1) ?? "";
  const listed = listedEncoding(name) ?? listedEncoding(familyOf(name) ?? "");
  if (listed !== undefined) return TEXT_ENCODINGS[listed];
  const isOfOpenAi = SELLERS_OF_OPENAI.has(canonicalProvider(provider)) || path.at(-2) === "openai";
  return isOfOpenAi ? TEXT_ENCODINGS[DEFAULT_ENCODING] : null;
}

function listedEncoding(name: string): EncodingName | undefined {
  const listed: Readonly<Record<string, EncodingName>> = modelToEncodingMap;
  return Object.hasOwn(listed, name) ? listed[name] : undefined;
}

/** How an encoding cuts a text into pieces, each of which becomes tokens by itself. */
export const PIECES: Readonly<Record<TextEncoding, RegExp>> = {
  o200k_base: O200K_TOKEN_SPLIT_REGEX,
  cl100k_base: CL100K_TOKEN_SPLIT_REGEX,
  p50k_base: R50K_TOKEN_SPLIT_REGEX,
  r50k_base: R50K_TOKEN_SPLIT_REGEX,
};

/** Counts the tokens of a text. */
export type Tokenizer = (text: string) => number;

const MODULES = {
  o200k_base: () => import("gpt-tokenizer/encoding/o200k_base"),
  cl100k_base: () => import("gpt-tokenizer/encoding/cl100k_base"),
  p50k_base: () => import("gpt-tokenizer/encoding/p50k_base"),
  r50k_base: () => import("gpt-tokenizer/encoding/r50k_base"),
};

/** Words that the library remembers the tokens of; texts of strange words would fill its memory otherwise. */
const REMEMBERED_WORDS = 5000;

/** What looks like a special token, such as `<|endoftext|>`, is counted as text. */
const AS_TEXT = { disallowedSpecial: new Set<string>() };

/** Loads an encoding: some 75 MB of memory and 150 ms for the largest. */
export async function loadEncoding(name: TextEncoding): Promise<Tokenizer> {
  const { countTokens, setMergeCacheSize } = await MODULES[name]();
  setMergeCacheSize(REMEMBERED_WORDS);
  return (text) => countTokens(text, AS_TEXT);
}
