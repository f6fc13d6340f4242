import { expect } from "chai";
import fc from "fast-check";
import type { SourceOutcome } from "@budget/domain";
import { readLiteLlm, readLlmPrices, readModelsDev, readOpenRouter, readPortkey } from "../src/index.ts";
import { amountsOf, faultOf, hasRealFiles, readingIn, realFile, reasonsOf } from "./support.ts";

const named = (outcome: SourceOutcome) =>
  readingIn(outcome).observations.map((one) => [`${one.provider}/${one.model}`, ...amountsOf(one)]);

const reasons = (outcome: SourceOutcome) =>
  readingIn(outcome).set_aside.map(({ name, reason }) => [name, reason]);

describe("models.dev", () => {
  const api = (models: Record<string, unknown>) =>
    readModelsDev(JSON.stringify({ acme: { id: "acme", models } }));

  it("is USD for a million, with context tiers", () => {
    const outcome = api({
      one: {
        cost: {
          input: 1.75,
          output: 14,
          cache_read: 0.175,
          cache_write: 2,
          reasoning: 16,
          input_audio: 3,
          output_audio: 4,
          tiers: [{ input: 3.5, output: 21, tier: { type: "context", size: 272_000 } }],
          context_over_200k: { input: 3.5, output: 21 },
        },
      },
      two: { cost: { input: 1, output: 2, context_over_200k: { input: 2 } } },
    });
    expect(named(outcome)).to.deep.equal([
      [
        "acme/one",
        "input_tokens 1.75",
        "output_tokens 14",
        "cache_read_tokens 0.175",
        "cache_write_tokens 2",
        "output_reasoning_tokens 16",
        "input_audio_tokens 3",
        "output_audio_tokens 4",
        "input_tokens>272000 3.5",
        "output_tokens>272000 21",
      ],
      ["acme/two", "input_tokens 1", "output_tokens 2", "input_tokens>200000 2"],
    ]);
  });

  it("sets aside what costs 0 without saying that it is free, and what it does not know", () => {
    const outcome = api({
      plan: { cost: { input: 0, output: 0 } },
      "one:free": { cost: { input: 0, output: 0 } },
      odd: { cost: { input: 1, smell: 2 } },
      bare: {},
      text: { cost: { input: "much" } },
      gone: null,
    });
    expect(named(outcome)).to.deep.equal([
      ["acme/one:free", "input_tokens 0", "output_tokens 0"],
      ["acme/odd", "input_tokens 1"],
    ]);
    expect(reasons(outcome)).to.deep.equal([
      ["acme/plan", "zero_price"],
      ["acme/odd", "unknown_field"],
      ["acme/bare", "no_price"],
      ["acme/text", "unreadable_amount"],
      ["acme/text", "no_price"],
      ["acme/gone", "unreadable_row"],
    ]);
  });

  it("says what models can do", () => {
    const { capabilities } = readingIn(
      api({
        one: {
          cost: { input: 1 },
          limit: { context: 400_000, output: 128_000 },
          modalities: { input: ["text", "image"] },
          tool_call: true,
          reasoning: false,
        },
      }),
    );
    expect(capabilities).to.deep.equal([
      {
        provider: "acme",
        model: "one",
        context_tokens: 400_000,
        max_output_tokens: 128_000,
        tools: true,
        vision: true,
        reasoning: false,
      },
    ]);
  });
});

describe("OpenRouter", () => {
  const list = (...data: readonly unknown[]) => readOpenRouter(JSON.stringify({ data }));

  it("is decimal text for one unit, with overrides for longer requests", () => {
    const outcome = list(
      {
        id: "maker/one",
        pricing: {
          prompt: "0.0000003",
          completion: "0.0000025",
          input_cache_write: "0.00000008333333333333334",
          web_search: "0.014",
          image: "0.0000003",
          overrides: [{ min_prompt_tokens: 200000, prompt: "0.0000006" }],
        },
      },
      { id: "maker/picture", pricing: { prompt: "0", completion: "0", image: "0.04" } },
    );
    expect(named(outcome)).to.deep.equal([
      [
        "openrouter/maker/one",
        "input_tokens 0.3",
        "output_tokens 2.5",
        "cache_write_tokens 0.083333333",
        "web_searches 14000",
        "input_image_tokens 0.3",
        "input_tokens>200000 0.6",
      ],
      ["openrouter/maker/picture", "input_tokens 0", "output_tokens 0", "input_images 40000"],
    ]);
  });

  it("sets aside what is dynamic, unknown or unreadable", () => {
    const outcome = list(
      { id: "auto", pricing: { prompt: "-1", completion: "-1" } },
      { id: "maker/one", pricing: { prompt: "0.000001", smell: "1" } },
      { id: "maker/zero", pricing: { prompt: "0", completion: "0" } },
      { id: "maker/text", pricing: { prompt: "cheap" } },
      { pricing: {} },
    );
    expect(named(outcome)).to.deep.equal([["openrouter/maker/one", "input_tokens 1"]]);
    expect(reasons(outcome)).to.deep.equal([
      ["openrouter/auto", "dynamic"],
      ["openrouter/maker/one", "unknown_field"],
      ["openrouter/maker/zero", "zero_price"],
      ["openrouter/maker/text", "unreadable_amount"],
      ["openrouter/maker/text", "no_price"],
      ["openrouter/?", "unreadable_row"],
    ]);
  });
});

describe("llm-prices.com", () => {
  const row = (id: string, input: number, more: Record<string, unknown> = {}) => ({
    id,
    vendor: "acme",
    input,
    output: input * 4,
    input_cached: null,
    from_date: null,
    to_date: null,
    ...more,
  });
  const list = (...prices: readonly unknown[]) => readLlmPrices(JSON.stringify({ prices }));

  it("is dated, a day's midnight in UTC being the first instant of the next price", () => {
    const outcome = list(
      row("one", 3, { to_date: "2026-09-01" }),
      row("one", 4, { from_date: "2026-09-01" }),
    );
    const at_ms = Date.parse("2026-09-01T00:00:00Z");
    expect(
      readingIn(outcome).observations.map(({ effective_ms, end_ms }) => [effective_ms, end_ms]),
    ).to.deep.equal([
      [null, at_ms],
      [at_ms, null],
    ]);
  });

  it("puts upper context tiers to their models, each in its time", () => {
    const outcome = list(
      row("one", 3, { input_cached: 0.3, to_date: "2026-09-01" }),
      row("one", 2, { from_date: "2026-09-01" }),
      row("one-200k", 6, { to_date: "2026-09-01" }),
      row("lonely-128k", 1),
    );
    expect(named(outcome)).to.deep.equal([
      [
        "acme/one",
        "input_tokens 3",
        "output_tokens 12",
        "cache_read_tokens 0.3",
        "input_tokens>200000 6",
        "output_tokens>200000 24",
      ],
      ["acme/one", "input_tokens 2", "output_tokens 8"],
      ["acme/lonely-128k", "input_tokens 1", "output_tokens 4"],
    ]);
  });

  it("sets aside rows that it cannot read", () => {
    const outcome = list(
      row("one", 1),
      row("two", 1, { from_date: "soon" }),
      { id: "three" },
      row("four", 1, { input: "x" }),
    );
    expect(reasons(outcome)).to.deep.equal([
      ["acme/two", "unreadable_row"],
      ["?/three", "unreadable_row"],
      ["acme/four", "unreadable_amount"],
    ]);
  });
});

describe("Portkey", () => {
  const file = (models: Record<string, unknown>) => readPortkey(JSON.stringify({ acme: models }));
  const config = (prices: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
    pricing_config: {
      pay_as_you_go: Object.fromEntries(Object.entries(prices).map(([name, price]) => [name, { price }])),
      ...more,
    },
  });

  it("is US cents for one unit, with a batch tier and additional units", () => {
    const outcome = file({
      default: config({ request_token: 0 }),
      one: {
        pricing_config: {
          pay_as_you_go: {
            request_token: { price: 0.001 },
            response_token: { price: 0.003 },
            additional_units: { web_search: { price: 1 }, file_search: { price: 0 }, maps: { price: 2 } },
          },
          batch_config: { request_token: { price: 0.0005 } },
        },
      },
    });
    expect(named(outcome)).to.deep.equal([
      ["acme/one", "input_tokens 10", "output_tokens 30", "web_searches 10000"],
      ["acme/one", "input_tokens 5"],
    ]);
    expect(readingIn(outcome).observations.map(({ service_tier }) => service_tier)).to.deep.equal([
      "standard",
      "batch",
    ]);
    expect(reasons(outcome)).to.deep.equal([["acme/one", "unknown_field"]]);
  });

  it("keeps amounts in the wrong unit, and sets aside other currencies and zeros", () => {
    const outcome = file({
      wrong: config({ request_token: 0.0000003 }),
      yen: config({ request_token: 1 }, { currency: "JPY" }),
      zero: config({ request_token: 0 }),
      bare: {},
    });
    expect(named(outcome)).to.deep.equal([["acme/wrong", "input_tokens 0.003"]]);
    expect(reasons(outcome)).to.deep.equal([
      ["acme/yen", "currency"],
      ["acme/zero", "zero_price"],
      ["acme/bare", "no_price"],
    ]);
  });
});

const READERS = { readLiteLlm, readLlmPrices, readModelsDev, readOpenRouter, readPortkey };

describe("every reader of JSON", () => {
  for (const [name, read] of Object.entries(READERS)) {
    it(`${name} says what is wrong with something else`, () => {
      expect(faultOf(read("<html>"))).to.equal("NOT_READABLE");
      expect(faultOf(read('{"data": [{"id": "one", "pri'))).to.equal("NOT_READABLE");
      for (const text of ["null", "3", '"text"', "[]"])
        expect(faultOf(read(text)), text).to.equal("MISSING_REQUIRED");
    });

    it(`${name} throws for no JSON at all`, () => {
      const amount = fc.oneof(
        fc.double(),
        fc.integer(),
        fc.constantFrom("1e-7", "-1", "x", null, 1e308, 1e-320),
      );
      const fields = fc.dictionary(
        fc.constantFrom(
          "cost",
          "pricing",
          "prompt",
          "input",
          "input_cost_per_token",
          "tiered_pricing",
          "id",
          "vendor",
          "prices",
          "data",
          "models",
          "pricing_config",
          "pay_as_you_go",
          "request_token",
          "price",
          "tiers",
          "litellm_provider",
          "from_date",
          "overrides",
        ),
        fc.oneof(amount, fc.jsonValue() as fc.Arbitrary<unknown>),
      );
      const nested = fc.dictionary(
        fc.constantFrom("data", "prices", "acme", "models", "one"),
        fc.oneof(fields, fc.array(fields), fc.dictionary(fc.string(), fields)),
      );
      fc.assert(
        fc.property(fc.oneof(fields, nested, fc.jsonValue() as fc.Arbitrary<unknown>), (value) => {
          expect(() => read(JSON.stringify(value))).to.not.throw();
        }),
        { numRuns: 500 },
      );
    });
  }
});

if (hasRealFiles) {
  describe("real files", () => {
    const CASES: readonly [string, (text: string) => SourceOutcome, string, number][] = [
      ["models.dev", readModelsDev, "models.dev-api.json.gz", 4400],
      ["OpenRouter", readOpenRouter, "openrouter-api-v1-models.json.gz", 320],
      ["llm-prices.com, today", readLlmPrices, "llm-prices-current-v1.json", 110],
      ["llm-prices.com, all days", readLlmPrices, "llm-prices-historical-v1.json", 115],
      ["Portkey", readPortkey, "portkey-pricing-all.json.gz", 3000],
    ];
    for (const [name, read, file, least] of CASES) {
      it(`of ${name} are read`, () => {
        const { observations, set_aside } = readingIn(read(realFile(file)));
        console.log(
          `      ${observations.length} observations; set aside ${JSON.stringify(reasonsOf(set_aside))}`,
        );
        expect(observations.length).to.be.greaterThan(least);
      });
    }
  });
}
