import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import { PIECES, encodingOf, loadEncoding, type TextEncoding, type Tokenizer } from "../src/encodings.ts";
import {
  MAX_CHUNK_CHARS,
  MAX_LINE_CHARS,
  MAX_PIECE_CHARS,
  createTokenCounter,
  estimatedTokens,
} from "../src/token-counter.ts";

/** A counter that keeps what it was made to do. */
function watchedCounter() {
  const loaded: TextEncoding[] = [];
  const chunks: string[] = [];
  let rests = 0;
  const counter = createTokenCounter({
    rest: async () => {
      rests += 1;
    },
    async load(encoding): Promise<Tokenizer> {
      loaded.push(encoding);
      const tokenizer = await loadEncoding(encoding);
      return (text) => {
        chunks.push(text);
        return tokenizer(text);
      };
    },
  });
  return { counter, loaded, chunks, rests: () => rests };
}

const readText = (name: string) => readFileSync(new URL(`texts/${name}.txt`, import.meta.url), "utf8");
const MIB = 1_000_000;
/** A model of each encoding. */
const MODELS: readonly (readonly [encoding: TextEncoding, model: string])[] = [
  ["o200k_base", "gpt-4o"],
  ["cl100k_base", "gpt-4"],
  ["p50k_base", "text-davinci-003"],
  ["r50k_base", "davinci"],
];

describe("which tokenizer a model has", () => {
  const cases: readonly (readonly [provider: string, model: string, encoding: TextEncoding | null])[] = [
    ["openai", "gpt-4o", "o200k_base"],
    ["OpenAI", "GPT-4", "cl100k_base"],
    ["openai", "gpt-4-2099-01-01", "cl100k_base"],
    ["openai", "gpt-oss-20b", "o200k_base"],
    ["openai", "gpt-3.5-turbo", "cl100k_base"],
    ["openai", "text-davinci-003", "p50k_base"],
    ["openai", "gpt2", "r50k_base"],
    ["openai", "a-model-of-next-year", "o200k_base"],
    ["openai", "constructor", "o200k_base"],
    ["azure_openai", "gpt-4o-mini", "o200k_base"],
    ["openrouter", "openai/gpt-5", "o200k_base"],
    ["together", "openai/gpt-oss-120b", "o200k_base"],
    ["anthropic", "claude-sonnet-4-5", null],
    ["ollama", "llama3", null],
    ["", "", null],
    ["acme", "__proto__", null],
  ];
  for (const [provider, model, encoding] of cases)
    it(`${provider}/${model}: ${encoding}`, () => expect(encodingOf(provider, model)).to.equal(encoding));
});

describe("the tokens of a text", () => {
  it("are those that are known", async () => {
    const { counter } = watchedCounter();
    const count = async (model: string, text: string) => (await counter.count("openai", model, text)).tokens;
    // As OpenAI's own tiktoken counts them, see its cookbook "How to count tokens with tiktoken".
    expect(await count("gpt-4o", "tiktoken is great!")).to.equal(6);
    expect(await count("gpt-4", "tiktoken is great!")).to.equal(6);
    expect(await count("gpt-4o", "antidisestablishmentarianism")).to.equal(6);
    expect(await count("gpt-4o", "")).to.equal(0);
  });

  it("are counted by a tokenizer that is loaded once, when it is needed", async () => {
    const { counter, loaded } = watchedCounter();
    await counter.count("anthropic", "claude-sonnet-4-5", "Hello");
    await counter.count("openai", "gpt-4o", "");
    expect(loaded).to.deep.equal([]);
    await Promise.all(
      ["gpt-4o", "gpt-5", "gpt-4", "gpt-4o"].map((model) => counter.count("openai", model, "Hi")),
    );
    expect(loaded).to.deep.equal(["o200k_base", "cl100k_base"]);
  });

  it("are counted by a tokenizer that could not be loaded before", async () => {
    let tries = 0;
    const counter = createTokenCounter({
      rest: () => Promise.resolve(),
      load: () => {
        tries += 1;
        return tries === 1
          ? Promise.reject(new Error("There are too many open files."))
          : loadEncoding("o200k_base");
      },
    });
    const count = () => counter.count("openai", "gpt-4o", "one word");
    expect(await count().catch((error: unknown) => error)).to.be.an("error");
    for (let time = 0; time < 2; time += 1)
      expect(await count()).to.deep.equal({ tokens: 2, counted_by: "tokenizer" });
    expect(tries).to.equal(2);
  });

  for (const [encoding, model] of MODELS) {
    it(`are those of the text as a whole where white space lies at the cuts, in ${encoding}`, async () => {
      const { counter } = watchedCounter();
      const whole = await loadEncoding(encoding);
      for (const words of ["a\u00a0\u00a0", "ab\n\u00a0 ", "abc\r\n\r\n\t"]) {
        const text = words.repeat(9001);
        expect((await counter.count("openai", model, text)).tokens).to.equal(whole(text));
      }
    });

    it(`are those of the text as a whole, however it is cut, in ${encoding}`, async () => {
      const { counter } = watchedCounter();
      const whole = await loadEncoding(encoding);
      const parts = fc.constantFrom(
        ..."aZé中😀 1'./-\n\r\t<|endoftext|>".split(""),
        ..."  |\n\n|\r\n|ing|'ll|\u0301|\u00a0|word|WORD".split("|"),
      );
      const texts = fc.array(fc.tuple(parts, fc.nat(40)), { maxLength: 40 });
      await fc.assert(
        fc.asyncProperty(texts, async (drawn) => {
          const text = drawn
            .map(([part, times]) => part.repeat(times))
            .join("")
            .repeat(30);
          const { tokens } = await counter.count("openai", model, text);
          const exact = whole(text);
          const isLong = ([piece]: readonly string[]) => (piece ?? "").length > MAX_PIECE_CHARS;
          if ([...text.matchAll(PIECES[encoding])].some(isLong)) expect(tokens).to.be.at.least(exact);
          else expect(tokens).to.equal(exact);
        }),
        { numRuns: 60 },
      );
    });
  }

  for (const name of ["english", "german", "chinese", "code"]) {
    it(`are exact for a long ${name} text`, async () => {
      const { counter, chunks, rests } = watchedCounter();
      const text = readText(name).repeat(60);
      const { tokens, counted_by } = await counter.count("openai", "gpt-4o", text);
      expect(counted_by).to.equal("tokenizer");
      expect(tokens).to.equal((await loadEncoding("o200k_base"))(text));
      expect(chunks.join("")).to.equal(text);
      expect(rests())
        .to.equal(chunks.length - 1)
        .and.to.be.greaterThan(0);
    });

    it(`are estimated on the high side for a ${name} text`, async () => {
      const { counter } = watchedCounter();
      const text = readText(name);
      const exact = await counter.count("openai", "gpt-4o", text);
      const estimate = await counter.count("anthropic", "claude-sonnet-4-5", text);
      expect(estimate.counted_by).to.equal("estimate");
      expect(estimate.tokens).to.be.within(exact.tokens * 1.3, exact.tokens * 2.1);
      expect(estimate.tokens).to.equal(estimatedTokens(Buffer.byteLength(text)));
    });
  }
});

/** Texts that a tokenizer would take minutes for, or throw on. */
const HOSTILE: readonly (readonly [name: string, text: string])[] = [
  ["one letter", "a".repeat(MIB)],
  ["one capital letter", "A".repeat(MIB)],
  ["spaces", " ".repeat(MIB)],
  ["spaces before a word", `${" ".repeat(MIB)}x`],
  ["line breaks", "\n".repeat(MIB)],
  ["emojis", "😀".repeat(MIB / 4)],
  ["dashes", "-".repeat(MIB)],
  ["letters with accents", "e\u0301".repeat(MIB / 3)],
  ["Chinese without a stop", "中".repeat(MIB / 3)],
  ["halves of surrogate pairs", "\ud83d".repeat(MIB / 3)],
  ["special tokens", "<|endoftext|>".repeat(MIB / 13)],
  ["other special tokens", "<|im_start|><|fim_prefix|><|endofprompt|>".repeat(MIB / 41)],
  ["a line of no end", "a ".repeat(MIB)],
  ["emojis of no end", "😀".repeat(2 * MIB)],
];

describe("a hostile text", () => {
  for (const [name, text] of HOSTILE) {
    it(`of ${name} is counted in small parts, and not as fewer tokens than it has`, async () => {
      const bytes = Buffer.byteLength(text);
      for (const [, model] of MODELS) {
        const { counter, chunks } = watchedCounter();
        const { tokens } = await counter.count("openai", model, text);
        expect(tokens).to.be.within(1, bytes);
        for (const chunk of chunks) expect(chunk.length).to.be.at.most(MAX_CHUNK_CHARS);
        const longest = Math.max(0, ...chunks.map((chunk) => longestRun(chunk)));
        expect(longest).to.be.at.most(MAX_PIECE_CHARS);
        // Where nothing was given to the tokenizer, every byte counts.
        if (chunks.length === 0) expect(tokens).to.equal(bytes);
      }
    });
  }

  it("is cut at its lines where it is long, and exact then", async () => {
    const { counter } = watchedCounter();
    const text = "A line of words.\n".repeat(Math.ceil((MAX_LINE_CHARS + 1) / 17));
    const { tokens } = await counter.count("openai", "gpt-4o", text);
    expect(tokens).to.equal((await loadEncoding("o200k_base"))(text));
  });

  it("has one long word that counts by its bytes, and is exact but for it", async () => {
    const { counter } = watchedCounter();
    const tokenizer = await loadEncoding("o200k_base");
    const word = ` ${"b".repeat(MAX_PIECE_CHARS)}`;
    const { tokens } = await counter.count("openai", "gpt-4o", `See${word} and more.`);
    expect(tokens).to.equal(tokenizer("See") + word.length + tokenizer(" and more."));
  });
});

/** Of one character, which every encoding takes as one piece unless it is a digit. */
function longestRun(text: string): number {
  let longest = 0;
  for (const [run] of text.matchAll(/(.)\1*/gsu)) longest = Math.max(longest, run.length);
  return longest;
}
