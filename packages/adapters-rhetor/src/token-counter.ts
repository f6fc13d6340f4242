import { PIECES, encodingOf, loadEncoding, type TextEncoding, type Tokenizer } from "./encodings.ts";

/** How many tokens a text has. */
export interface TokenCount {
  readonly tokens: number;
  /** `tokenizer`: counted by the model's own; `estimate`: nobody has its tokenizer, so by the size of the text. */
  readonly counted_by: "tokenizer" | "estimate";
}

export interface TokenCounter {
  /**
   * The tokens that a model makes of a text. Its own tokenizer is loaded when it is first needed.
   * @param text of any length and content; what looks like a special token is text
   */
  count(provider: string, model: string, text: string): Promise<TokenCount>;
}

export interface TokenCounterOptions {
  /** Lets other work go on; awaited between the parts of a long text. */
  readonly rest: () => Promise<void>;
  /** Where tokenizers come from; the library if left out. */
  readonly load?: (encoding: TextEncoding) => Promise<Tokenizer>;
}

/** A text is given to the tokenizer in parts of at most so many characters. */
export const MAX_CHUNK_CHARS = 8192;

/**
 * A piece is what an encoding makes tokens of by itself, such as a word or a row of dashes. The tokenizer's time grows
 * with the square of its length, so a longer one counts one token for each byte: no token has less than a byte.
 */
export const MAX_PIECE_CHARS = 256;

/** Lines up to this length are cut into pieces; a longer one counts by its bytes, because the cutting needs a stack. */
export const MAX_LINE_CHARS = 1_000_000;

/**
 * What is estimated where there is no tokenizer: 2 tokens for 5 bytes of UTF-8. Prose of English, German and Chinese and
 * code have 3.4 to 5.2 bytes a token in o200k, and 2.5 to 5.2 in the older cl100k.
 */
const ESTIMATED_TOKENS = 2;
const ESTIMATED_BYTES = 5;

/** Tokens of a text of so many bytes, rather too many than too few. */
export const estimatedTokens = (bytes: number): number =>
  Math.ceil((bytes * ESTIMATED_TOKENS) / ESTIMATED_BYTES);

const bytesOf = (text: string): number => Buffer.byteLength(text);

/** Counts tokens of texts, with each encoding loaded once. */
export function createTokenCounter({ rest, load = loadEncoding }: TokenCounterOptions): TokenCounter {
  const loaded = new Map<TextEncoding, Promise<Tokenizer>>();

  function tokenizerOf(encoding: TextEncoding): Promise<Tokenizer> {
    let tokenizer = loaded.get(encoding);
    if (tokenizer === undefined) {
      tokenizer = load(encoding);
      loaded.set(encoding, tokenizer);
      // One that could not be loaded is tried again by whoever counts next.
      tokenizer.catch(() => loaded.delete(encoding));
    }
    return tokenizer;
  }

  return {
    async count(provider, model, text) {
      const encoding = encodingOf(provider, model);
      if (encoding === null) return { tokens: estimatedTokens(bytesOf(text)), counted_by: "estimate" };
      if (text === "") return { tokens: 0, counted_by: "tokenizer" };
      const tokenizer = await tokenizerOf(encoding);
      let tokens = 0;
      for (const chunk of chunksOf(text, PIECES[encoding])) {
        if (tokens > 0) await rest();
        tokens += chunk.isTokenized ? tokenizer(chunk.text) : bytesOf(chunk.text);
      }
      return { tokens, counted_by: "tokenizer" };
    },
  };
}

/** A counter for one request, which counts a text once for all models of an encoding. */
export function countingOnce(counter: TokenCounter): TokenCounter {
  const counted = new Map<string, Promise<TokenCount>>();
  return {
    count(provider, model, text) {
      const key = `${encodingOf(provider, model)} ${text}`;
      let count = counted.get(key);
      if (count === undefined) {
        count = counter.count(provider, model, text);
        counted.set(key, count);
      }
      return count;
    },
  };
}

/** A part of a text that ends where a piece does, so that the tokens of the parts are those of the whole. */
interface Chunk {
  readonly text: string;
  /** False where it is one long piece, or a line of no end. */
  readonly isTokenized: boolean;
}

/** White space that a text goes on behind may be two pieces, and is one at the end of a text. */
const ENDS_IN_SPACE = /\s$/;
/** From here on a chunk ends at the next piece that it may end at: white space is no more than three pieces at a time. */
const CHUNK_CHARS = MAX_CHUNK_CHARS - 4 * MAX_PIECE_CHARS;

function* chunksOf(text: string, pieces: RegExp): Generator<Chunk> {
  let start = 0;
  let end = 0;
  let previous = "";
  for (const piece of piecesOf(text, pieces)) {
    const isLong = piece.length > MAX_PIECE_CHARS;
    const isFull = end - start + piece.length > CHUNK_CHARS && !ENDS_IN_SPACE.test(previous);
    if (end > start && (isLong || isFull)) {
      yield { text: text.slice(start, end), isTokenized: true };
      start = end;
    }
    end += piece.length;
    previous = piece;
    if (isLong) {
      yield { text: piece, isTokenized: false };
      start = end;
    }
  }
  if (end > start) yield { text: text.slice(start, end), isTokenized: true };
}

/** Between a line break and a letter or digit every encoding begins a new piece. */
const BETWEEN_LINES = /(?<=\n)(?=[\p{L}\p{N}])/u;

/** The pieces of a text, all of it; a line that is too long to be cut is one. */
function* piecesOf(text: string, pieces: RegExp): Generator<string> {
  const lines = text.length <= MAX_LINE_CHARS ? [text] : text.split(BETWEEN_LINES);
  for (const line of lines) {
    if (line.length > MAX_LINE_CHARS) yield line;
    else for (const [piece] of line.matchAll(pieces)) yield piece;
  }
}
