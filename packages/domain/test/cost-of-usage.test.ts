import { expect } from "chai";
import fc from "fast-check";
import {
  costOf,
  costOfTokens,
  costOfTokensAtDearest,
  dearestTokenPrice,
  type PricedComponents,
  type UsageCost,
} from "../src/cost-of-usage.ts";
import type { UsageQuantities, UsageUnit } from "../src/usage.ts";
import { validateUsage } from "../src/usage.ts";

type Row = readonly [unit: UsageUnit, usd_per_million: number, above?: number];

/** Prices in USD for a million units, with at most 3 decimals. */
const priced = (...rows: readonly Row[]): PricedComponents => ({
  components: rows.map(([unit, usd_per_million, above_input_tokens = 0]) => ({
    unit,
    amount_femto_usd: BigInt(Math.round(usd_per_million * 10_000)) * 100_000n,
    above_input_tokens,
  })),
});

const GPT = priced(["input_tokens", 2.5], ["cache_read_tokens", 1.25], ["output_tokens", 10]);
const CLAUDE = priced(
  ["input_tokens", 3],
  ["input_tokens", 6, 200_000],
  ["cache_read_tokens", 0.3],
  ["cache_read_tokens", 0.6, 200_000],
  ["cache_write_tokens", 3.75],
  ["cache_write_tokens", 7.5, 200_000],
  ["cache_write_1h_tokens", 6],
  ["cache_write_1h_tokens", 12, 200_000],
  ["output_tokens", 15],
  ["output_tokens", 22.5, 200_000],
  ["web_searches", 10_000],
);
const REALTIME = priced(
  ["input_tokens", 4],
  ["input_audio_tokens", 32],
  ["cache_read_tokens", 0.4],
  ["cache_audio_read_tokens", 0.4],
  ["output_tokens", 16],
  ["output_audio_tokens", 64],
);
const SONAR = priced(["input_tokens", 1], ["output_tokens", 1], ["requests", 5_000]);
const WHISPER = priced(["audio_seconds", 100], ["input_audio_seconds", 100]);

function costed(usage: UsageQuantities, price: PricedComponents): UsageCost {
  const cost = costOf(usage, price);
  if (!cost.ok) throw new Error(`no price for ${cost.units.join()}`);
  return cost;
}

describe("the dearest price of a token", () => {
  it("is of a dearer tier only from one token above its threshold on", () => {
    const price = priced(["input_tokens", 1], ["input_tokens", 2, 200_000]);
    const dearest = [200_000, 200_001].map((tokens) => dearestTokenPrice(price, tokens));
    expect(dearest).to.deep.equal([1_000_000_000n, 2_000_000_000n]);
  });
});

describe("cost of usage, by hand", () => {
  const GOLDEN: readonly [
    what: string,
    price: PricedComponents,
    usage: UsageQuantities,
    input: bigint,
    output: bigint,
    other: bigint,
  ][] = [
    ["nothing", GPT, {}, 0n, 0n, 0n],
    // 1000 × 2,500 and 200 × 10,000 nano-USD
    ["plain tokens", GPT, { input_tokens: 1000, output_tokens: 200 }, 2_500_000n, 2_000_000n, 0n],
    // 600 × 2,500 + 400 × 1,250
    [
      "cached input",
      GPT,
      { input_tokens: 1000, cache_read_tokens: 400, output_tokens: 200, output_reasoning_tokens: 50 },
      2_000_000n,
      2_000_000n,
      0n,
    ],
    // 70 × 3,000 + 1000 × 300 + 20 × 3,750 + 10 × 6,000; 3 × 10,000,000
    [
      "cache writes of both ages, and searches",
      CLAUDE,
      {
        input_tokens: 1100,
        cache_read_tokens: 1000,
        cache_write_tokens: 30,
        cache_write_5m_tokens: 20,
        cache_write_1h_tokens: 10,
        output_tokens: 2,
        web_searches: 3,
      },
      645_000n,
      30_000n,
      30_000_000n,
    ],
    // The same cache writes, their sum not named.
    [
      "cache writes without their sum",
      CLAUDE,
      { input_tokens: 100, cache_write_5m_tokens: 20, cache_write_1h_tokens: 10 },
      345_000n,
      0n,
      0n,
    ],
    // 200,000 × 3,000: the bound itself is below the tier.
    ["the bound of a tier", CLAUDE, { input_tokens: 200_000, output_tokens: 1 }, 600_000_000n, 15_000n, 0n],
    // 200,001 × 6,000: all of it, and the output too
    ["one above the bound", CLAUDE, { input_tokens: 200_001, output_tokens: 1 }, 1_200_006_000n, 22_500n, 0n],
    // 199,001 × 6 + 1,000 × 0.6: cached input counts towards the tier
    [
      "cached input above the bound",
      CLAUDE,
      { input_tokens: 200_001, cache_read_tokens: 1_000 },
      1_194_606_000n,
      0n,
      0n,
    ],
    // 500 × 4,000 + 200 × 32,000 + 200 × 400 + 100 × 400; 20 × 16,000 + 80 × 64,000
    [
      "audio, some of it cached",
      REALTIME,
      {
        input_tokens: 1000,
        input_audio_tokens: 300,
        cache_read_tokens: 300,
        cache_audio_read_tokens: 100,
        output_tokens: 100,
        output_audio_tokens: 80,
      },
      8_520_000n,
      5_440_000n,
      0n,
    ],
    ["a fee for one request", SONAR, { input_tokens: 10, output_tokens: 5 }, 10_000n, 5_000n, 5_000_000n],
    ["a fee for three", SONAR, { requests: 3 }, 0n, 0n, 15_000_000n],
    ["no request", SONAR, { requests: 0 }, 0n, 0n, 0n],
    // 2.5 s × 100,000
    ["seconds with a fraction", WHISPER, { audio_seconds: 2.5 }, 0n, 0n, 250_000n],
    ["seconds of input only", WHISPER, { input_audio_seconds: 2.5 }, 250_000n, 0n, 0n],
    ["more pages", priced(["input_document_pages", 2_000]), { input_document_pages: 3 }, 6_000_000n, 0n, 0n],
  ];
  for (const [what, price, usage, input, output, other] of GOLDEN) {
    it(what, () => {
      expect(validateUsage(usage)).to.deep.equal([]);
      const cost = costed(usage, price);
      expect([cost.input_cost_nano_usd, cost.output_cost_nano_usd, cost.other_cost_nano_usd]).to.deep.equal([
        input,
        output,
        other,
      ]);
    });
  }

  it("rounds half-even, once for each component", () => {
    const price = priced(["input_tokens", 0.0005], ["output_tokens", 0.0005]);
    expect(costed({ input_tokens: 1, output_tokens: 3 }, price)).to.include({
      input_cost_nano_usd: 0n,
      output_cost_nano_usd: 2n,
      total_cost_nano_usd: 2n,
    });
  });

  it("names its components", () => {
    const usage = { input_tokens: 1000, cache_read_tokens: 400, output_tokens: 0 };
    expect(costed(usage, GPT).components).to.deep.equal([
      {
        unit: "input_tokens",
        quantity: 600,
        amount_femto_usd: 2_500_000_000n,
        cost_nano_usd: 1_500_000n,
        estimated: false,
      },
      {
        unit: "cache_read_tokens",
        quantity: 400,
        amount_femto_usd: 1_250_000_000n,
        cost_nano_usd: 500_000n,
        estimated: false,
      },
    ]);
  });
});

describe("cost of usage, where a part has no price", () => {
  const PLAIN = priced(["input_tokens", 2], ["output_tokens", 8]);
  const WITH_CACHE = priced(["input_tokens", 2], ["cache_read_tokens", 0.2], ["cache_write_tokens", 2.5]);
  const UNJOINED = priced(["input_tokens", 2], ["cache_read_tokens", 0.2], ["input_audio_tokens", 20]);

  const CHAIN: readonly [
    price: PricedComponents,
    usage: UsageQuantities,
    total: bigint,
    estimated: readonly UsageUnit[],
  ][] = [
    [PLAIN, { input_tokens: 10, input_text_tokens: 10 }, 20_000n, []],
    [PLAIN, { output_tokens: 10, output_text_tokens: 10 }, 80_000n, []],
    [PLAIN, { output_tokens: 10, output_reasoning_tokens: 4 }, 80_000n, ["output_tokens"]],
    [PLAIN, { output_tokens: 10, output_citation_tokens: 4 }, 80_000n, ["output_tokens"]],
    [PLAIN, { output_tokens: 10, output_image_tokens: 4 }, 80_000n, ["output_tokens"]],
    [PLAIN, { input_tokens: 10, cache_read_tokens: 4 }, 20_000n, ["input_tokens"]],
    [PLAIN, { input_tokens: 10, cache_write_5m_tokens: 4 }, 20_000n, ["input_tokens"]],
    [PLAIN, { input_tokens: 10, input_audio_tokens: 4 }, 20_000n, ["input_tokens"]],
    [PLAIN, { input_tokens: 10, input_tool_tokens: 4 }, 20_000n, ["input_tokens"]],
    [WITH_CACHE, { input_tokens: 10, cache_write_tokens: 4, cache_write_5m_tokens: 4 }, 22_000n, []],
    [
      WITH_CACHE,
      { input_tokens: 10, cache_write_tokens: 4, cache_write_1h_tokens: 4 },
      22_000n,
      ["cache_write_tokens"],
    ],
    [WITH_CACHE, { input_tokens: 10, cache_text_read_tokens: 4 }, 12_800n, []],
    [WITH_CACHE, { input_tokens: 10, cache_audio_read_tokens: 4 }, 12_800n, ["cache_read_tokens"]],
    // 4 plain, 2 cached text, 3 heard anew, and 1 of both kinds at the dearer price
    [
      UNJOINED,
      { input_tokens: 10, cache_read_tokens: 3, input_audio_tokens: 4, cache_audio_read_tokens: 1 },
      8_000n + 400n + 60_000n + 20_000n,
      ["cache_audio_read_tokens"],
    ],
    // 9 and 4 of 10 must overlap; without a word how far, both are charged.
    [
      UNJOINED,
      { input_tokens: 10, cache_read_tokens: 9, input_audio_tokens: 4 },
      1_800n + 80_000n,
      ["cache_read_tokens", "input_audio_tokens"],
    ],
    [PLAIN, { input_tokens: 10, requests: 1 }, 20_000n, []],
    // What is priced by its parts alone needs no price of its own.
    [
      priced(["input_text_tokens", 2], ["input_image_tokens", 4]),
      { input_tokens: 10, input_text_tokens: 6, input_image_tokens: 4 },
      28_000n,
      [],
    ],
  ];
  for (const [price, usage, total, estimated] of CHAIN) {
    it(JSON.stringify(usage), () => {
      expect(validateUsage(usage)).to.deep.equal([]);
      const cost = costed(usage, price);
      expect(cost.total_cost_nano_usd).to.equal(total);
      expect(cost.components.filter((part) => part.estimated).map((part) => part.unit)).to.have.members(
        estimated,
      );
    });
  }

  const REFUSED: readonly [price: PricedComponents, usage: UsageQuantities, units: readonly string[]][] = [
    [PLAIN, { input_tokens: 1, web_searches: 2 }, ["web_searches"]],
    [PLAIN, { audio_seconds: 0.5, input_tokens: 1 }, ["audio_seconds"]],
    [priced(["input_tokens", 1]), { input_tokens: 1, output_tokens: 1 }, ["output_tokens"]],
    [priced(["cache_read_tokens", 1]), { input_tokens: 2, cache_read_tokens: 1 }, ["input_tokens"]],
    [priced(["input_tokens", 1, 100]), { input_tokens: 100 }, ["input_tokens"]],
    [WHISPER, { input_tokens: 3, output_tokens: 4 }, ["input_tokens", "output_tokens"]],
    [PLAIN, { apples: 1 }, ["apples"]],
    [priced(), { input_tokens: 1 }, ["input_tokens"]],
  ];
  for (const [price, usage, units] of REFUSED) {
    it(`refuses ${JSON.stringify(usage)}`, () => {
      expect(costOf(usage, price)).to.deep.equal({ ok: false, code: "price_unit_unknown", units });
    });
  }

  it("takes 0 for a price: free is known", () => {
    expect(costed({ input_tokens: 9 }, priced(["input_tokens", 0])).total_cost_nano_usd).to.equal(0n);
  });
});

describe("cost of usage, always", () => {
  const tokens = fc.nat({ max: 400_000 });
  /** A usage whose parts are disjoint, and its parts by name. */
  const anyUsage = fc.record({
    plain: tokens,
    read: tokens,
    write_5m: tokens,
    write_1h: tokens,
    text: tokens,
    reasoning: tokens,
    searches: fc.nat({ max: 9 }),
  });
  type Parts = typeof anyUsage extends fc.Arbitrary<infer T> ? T : never;
  const usageOf = (parts: Parts): UsageQuantities => ({
    input_tokens: parts.plain + parts.read + parts.write_5m + parts.write_1h,
    cache_read_tokens: parts.read,
    cache_write_tokens: parts.write_5m + parts.write_1h,
    cache_write_5m_tokens: parts.write_5m,
    cache_write_1h_tokens: parts.write_1h,
    output_tokens: parts.text + parts.reasoning,
    output_reasoning_tokens: parts.reasoning,
    web_searches: parts.searches,
  });

  it("adds up: components, the three costs, the total, and the quantities", () => {
    fc.assert(
      fc.property(anyUsage, (parts) => {
        const usage = usageOf(parts);
        const cost = costed(usage, CLAUDE);
        const sum = cost.components.reduce((total, { cost_nano_usd }) => total + cost_nano_usd, 0n);
        expect(sum).to.equal(cost.total_cost_nano_usd);
        expect(cost.input_cost_nano_usd + cost.output_cost_nano_usd + cost.other_cost_nano_usd).to.equal(sum);
        const counted = cost.components.reduce((total, { quantity }) => total + quantity, 0);
        expect(counted).to.equal(usage.input_tokens! + usage.output_tokens! + parts.searches);
      }),
    );
  });

  it("never falls when a part of any kind grows", () => {
    const kinds = ["plain", "read", "write_5m", "write_1h", "text", "reasoning", "searches"] as const;
    fc.assert(
      fc.property(anyUsage, fc.constantFrom(...kinds), tokens, (parts, kind, more) => {
        const before = costed(usageOf(parts), CLAUDE).total_cost_nano_usd;
        const after = costed(usageOf({ ...parts, [kind]: parts[kind] + more }), CLAUDE).total_cost_nano_usd;
        expect(after >= before).to.be.true;
      }),
    );
  });

  it("is not changed by a quantity of 0, nor by the order of keys", () => {
    const units: readonly UsageUnit[] = ["cache_audio_read_tokens", "output_image_tokens", "audio_seconds"];
    fc.assert(
      fc.property(anyUsage, fc.constantFrom(...units), (parts, unit) => {
        const usage = usageOf(parts);
        const reversed = Object.fromEntries(Object.entries(usage).reverse());
        expect(costOf({ ...usage, [unit]: 0 }, CLAUDE)).to.deep.equal(costOf(usage, CLAUDE));
        expect(costOf(reversed, CLAUDE)).to.deep.equal(costOf(usage, CLAUDE));
      }),
    );
  });

  it("is never more than all tokens at the dearest price", () => {
    fc.assert(
      fc.property(anyUsage, (parts) => {
        const usage = usageOf({ ...parts, searches: 0 });
        const bound = costOfTokensAtDearest(CLAUDE, usage.input_tokens! + usage.output_tokens!)!;
        expect(costed(usage, CLAUDE).total_cost_nano_usd <= bound).to.be.true;
      }),
    );
  });

  it("never counts overlapping parts too low", () => {
    fc.assert(
      fc.property(fc.nat(500), fc.nat(500), fc.nat(500), fc.nat(500), (plain, read, audio, both) => {
        const known = {
          input_tokens: plain + read + audio + both,
          cache_read_tokens: read + both,
          input_audio_tokens: audio + both,
        };
        const told = costed({ ...known, cache_audio_read_tokens: both }, REALTIME).total_cost_nano_usd;
        expect(costed(known, REALTIME).total_cost_nano_usd >= told).to.be.true;
      }),
    );
  });
});

describe("cost of tokens", () => {
  it("is exact for input and output, in the tier that the input reaches", () => {
    expect(costOfTokens(GPT, 1000, 200)).to.equal(4_500_000n);
    expect(costOfTokens(CLAUDE, 200_001, 1)).to.equal(1_200_006_000n + 22_500n);
    expect(costOfTokens(SONAR, 0, 0)).to.equal(5_000_000n);
  });

  it("is not known where one of the two has no price", () => {
    expect(costOfTokens(priced(["input_tokens", 1]), 10, 0)).to.equal(10_000n);
    expect(costOfTokens(priced(["input_tokens", 1]), 10, 1)).to.equal(null);
    expect(costOfTokens(WHISPER, 10, 1)).to.equal(null);
  });

  it("takes the dearest token of all tiers, whatever it is", () => {
    expect(dearestTokenPrice(GPT, 1_000_000)).to.equal(10_000_000_000n);
    expect(dearestTokenPrice(CLAUDE, 1_000_000)).to.equal(22_500_000_000n);
    // A call of so few tokens cannot come into the tier above 200,000 input tokens.
    expect(dearestTokenPrice(CLAUDE, 199_999)).to.equal(15_000_000_000n);
    expect(dearestTokenPrice(REALTIME, 1_000_000)).to.equal(64_000_000_000n);
    expect(dearestTokenPrice(priced(["input_tokens", 0]), 1_000_000)).to.equal(0n);
    expect(dearestTokenPrice(WHISPER, 1_000_000)).to.equal(null);
    expect(costOfTokensAtDearest(SONAR, 100)).to.equal(5_100_000n);
    expect(costOfTokensAtDearest(WHISPER, 100)).to.equal(null);
  });
});
