import { expect } from "chai";
import fc from "fast-check";
import { familyOf } from "../src/model-names.ts";
import { createPriceBook, STANDARD_TERMS, type PriceTerms, type WantedPrice } from "../src/price-book.ts";
import {
  decodeObservedComponents,
  decodePriceComponents,
  encodePriceComponents,
  SHARED_TENANT_ID,
  toProviderPricingWire,
  type PriceComponent,
  type ProviderPricing,
} from "../src/price.ts";
import { USAGE_UNITS, type UsageUnit } from "../src/usage.ts";

const at = (iso: string): number => Date.parse(iso);
const rates = (...amounts: readonly (readonly [UsageUnit, bigint])[]): readonly PriceComponent[] =>
  amounts.map(([unit, amount_femto_usd]) => ({ unit, amount_femto_usd, above_input_tokens: 0 }));

let made = 0;
function price(over: Partial<ProviderPricing> = {}): ProviderPricing {
  made += 1;
  return {
    tenant_id: SHARED_TENANT_ID,
    pricing_id: `price-${made}`,
    provider: "openai",
    model: "gpt-4o",
    price_type: "token",
    scope: "",
    service_tier: "standard",
    time_of_day: null,
    components: rates(["input_tokens", 2_500_000_000n], ["output_tokens", 10_000_000_000n]),
    effective_ms: 0,
    end_ms: null,
    source: "test",
    status: "provisional",
    verified: false,
    evidence: [],
    markup_ppm: 0,
    created_at_ms: 0,
    ...over,
  };
}

const wanted = (provider: string, model: string, terms: Partial<PriceTerms> = {}): WantedPrice => ({
  provider,
  model,
  ...STANDARD_TERMS,
  ...terms,
});

const NOON = at("2026-11-23T12:00:00Z");

/** What a price never changes in, by the ids that tests draw. */
const LIFE: Readonly<Record<string, Pick<ProviderPricing, "model" | "scope" | "service_tier">>> = {
  a: { model: "one", scope: "", service_tier: "standard" },
  b: { model: "two", scope: "us", service_tier: "standard" },
  c: { model: "two", scope: "", service_tier: "batch" },
  d: { model: "two-2026-01-31", scope: "regional", service_tier: "standard" },
};

describe("price book", () => {
  it("finds exact names, trimmed and in any case", () => {
    const gpt = price();
    const book = createPriceBook([gpt, price({ model: "gpt-4o-mini" })]);
    expect(book.find(wanted(" OpenAI", "GPT-4o "), NOON)).to.deep.equal({
      price: gpt,
      matched_by: "exact",
      stands_in: [],
    });
    for (const [provider, model] of [
      ["azure", "gpt-4o"],
      ["openai", "gpt-4"],
      ["openai", ""],
    ] as const) {
      expect(book.find(wanted(provider, model), NOON), model).to.equal(undefined);
    }
  });

  it("finds a dated snapshot by its family, unless it has a row itself", () => {
    const family = price();
    const dated = price({ model: "gpt-4o-2024-05-13" });
    const book = createPriceBook([family, dated]);
    expect(book.find(wanted("openai", "gpt-4o-2024-08-06"), NOON)).to.deep.equal({
      price: family,
      matched_by: "family",
      stands_in: [],
    });
    expect(book.find(wanted("openai", "gpt-4o-2024-05-13"), NOON)).to.deep.equal({
      price: dated,
      matched_by: "exact",
      stands_in: [],
    });
    expect(book.find(wanted("openai", "gpt-4o-mini-2024-08-06"), NOON)).to.equal(undefined);
  });

  it("does not price a known snapshot by its family before it has a price of its own", () => {
    const book = createPriceBook([price(), price({ model: "gpt-4o-2024-05-13", effective_ms: NOON + 1 })]);
    expect(book.find(wanted("openai", "gpt-4o-2024-05-13"), NOON)).to.equal(undefined);
  });

  const FAMILIES: readonly [model: string, family: string | undefined][] = [
    ["gpt-4o-2024-08-06", "gpt-4o"],
    ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5"],
    ["claude-sonnet-4-5@20250929", "claude-sonnet-4-5"],
    ["anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet-v2:0"],
    ["gpt-4o-search-preview-2025-03-11", "gpt-4o-search-preview"],
    ["gpt-4-0613", undefined],
    ["gpt-4o", undefined],
    ["gemini-2.5-pro-preview-05-06", undefined],
    ["model-20251301", undefined],
    ["model-2025-0929", undefined],
    ["model-202509291", undefined],
    ["model-12345678", undefined],
  ];
  for (const [model, family] of FAMILIES) {
    it(`takes ${model} to be of ${family ?? "no family"}`, () => {
      expect(familyOf(model)).to.equal(family);
    });
  }

  it("follows dates: from the first instant, not at the last", () => {
    const first = price({ end_ms: NOON });
    const second = price({ effective_ms: NOON, end_ms: NOON + 1000 });
    const book = createPriceBook([second, first]);
    for (const [instant, expected] of [
      [NOON - 1, first],
      [NOON, second],
      [NOON + 999, second],
      [NOON + 1000, undefined],
      [NOON - 1, first],
    ] as const) {
      expect(book.find(wanted("openai", "gpt-4o"), instant)?.price).to.equal(expected);
    }
    expect(book.history("openai", "GPT-4o")).to.deep.equal([first, second]);
    expect(book.history("openai", "gpt-5")).to.deep.equal([]);
  });

  it("puts the hours of a day before the whole day, across midnight too", () => {
    const allDay = price();
    const night = price({ time_of_day: { start: "16:30:00", end: "00:30:00" } });
    const morning = price({ time_of_day: { start: "08:00:00", end: "09:00:00" } });
    const book = createPriceBook([night, allDay, morning]);
    for (const [clock, expected] of [
      ["00:29:59.999", night],
      ["00:30:00.000", allDay],
      ["08:00:00.000", morning],
      ["09:00:00.000", allDay],
      ["16:29:59.999", allDay],
      ["16:30:00.000", night],
      ["23:59:59.999", night],
    ] as const) {
      expect(book.find(wanted("openai", "gpt-4o"), at(`2026-11-23T${clock}Z`))?.price, clock).to.equal(
        expected,
      );
    }
  });

  it("puts what a person decided for all day before the hours of a source, and not before hours of their own", () => {
    const allDay = price({ status: "manual" });
    const night = price({ time_of_day: { start: "16:30:00", end: "00:30:00" }, effective_ms: 5 });
    const morning = price({ time_of_day: { start: "08:00:00", end: "09:00:00" }, status: "manual" });
    const book = createPriceBook([night, price({ effective_ms: 5 }), morning, allDay]);
    for (const [clock, expected] of [
      ["00:00:00.000", allDay],
      ["07:59:59.999", allDay],
      ["08:00:00.000", morning],
      ["09:00:00.000", allDay],
      ["16:30:00.000", allDay],
    ] as const) {
      expect(book.find(wanted("openai", "gpt-4o"), at(`2026-11-23T${clock}Z`))?.price, clock).to.equal(
        expected,
      );
    }
  });

  it("puts a tenant's own price before all shared ones, and a later one before an earlier one", () => {
    const shared = price({ time_of_day: { start: "00:00:00", end: "23:59:59" }, effective_ms: 5 });
    const own = price({ tenant_id: "tenant-1" });
    const later = price({ tenant_id: "tenant-1", effective_ms: 3 });
    expect(createPriceBook([shared, own]).find(wanted("openai", "gpt-4o"), NOON)?.price).to.equal(own);
    expect(createPriceBook([own, shared, later]).find(wanted("openai", "gpt-4o"), NOON)?.price).to.equal(
      later,
    );
  });

  it("applies neither rejected prices nor those of other service tiers, but keeps them in the history", () => {
    const book = createPriceBook([price({ status: "rejected" }), price({ service_tier: "batch" })]);
    expect(book.find(wanted("openai", "gpt-4o"), NOON)).to.equal(undefined);
    expect(book.history("openai", "gpt-4o")).to.have.length(2);
  });

  it("leads an alias to the price of its model, unless the name has a price of its own", () => {
    const model = price({ model: "codestral-2508", provider: "mistral" });
    const own = price({ model: "mistral-large-latest", provider: "mistral" });
    const aliases = [
      { provider: "mistral", alias: "codestral-latest", model: "codestral-2508" },
      { provider: "mistral", alias: "mistral-large-latest", model: "codestral-2508" },
      { provider: "mistral", alias: "gone-latest", model: "gone" },
    ];
    const book = createPriceBook([model, own], aliases);
    expect(book.find(wanted("mistralai", "codestral-latest"), NOON)).to.deep.equal({
      price: model,
      matched_by: "alias",
      stands_in: [],
    });
    expect(book.find(wanted("mistral", "mistral-large-latest"), NOON)?.price).to.equal(own);
    expect(book.find(wanted("mistral", "gone-latest"), NOON)).to.equal(undefined);
  });

  it("finds one model under the names of all sources", () => {
    const claude = price({ provider: "bedrock", model: "anthropic.claude-haiku-4-5", scope: "" });
    const book = createPriceBook([claude]);
    for (const [provider, model] of [
      ["aws", "anthropic.claude-haiku-4-5-v1:0"],
      ["amazon-bedrock", "anthropic.claude-4.5-haiku"],
      ["bedrock_converse", "bedrock/anthropic.claude-haiku-4-5"],
    ] as const) {
      expect(book.find(wanted(provider, model), NOON)?.price, model).to.equal(claude);
    }
  });

  describe("by terms", () => {
    const bedrock = (over: Partial<ProviderPricing>) =>
      price({ provider: "bedrock", model: "acme.one", ...over });
    const general = bedrock({});
    const us = bedrock({ scope: "us" });
    const regional = bedrock({ scope: "regional" });
    const batch = bedrock({ service_tier: "batch" });
    const usBatch = bedrock({ scope: "us", service_tier: "batch" });
    const CASES: readonly [
      what: string,
      known: readonly ProviderPricing[],
      terms: Partial<PriceTerms>,
      found: ProviderPricing | undefined,
      stands_in: readonly string[],
    ][] = [
      ["takes the price that was asked for", [general, us, regional, usBatch], { price_scope: "us" }, us, []],
      ["takes one for all regions for a region", [general, regional], { price_scope: "us" }, regional, []],
      [
        "takes it for no commitment",
        [general, regional],
        { price_scope: "us-east-1" },
        general,
        ["price_scope"],
      ],
      [
        "takes the general one where no region is known",
        [general],
        { price_scope: "us" },
        general,
        ["price_scope"],
      ],
      ["takes no region for the general one", [us], {}, undefined, []],
      [
        "takes the standard tier for another one",
        [general],
        { service_tier: "priority" },
        general,
        ["service_tier"],
      ],
      ["takes another tier for nothing else", [batch], {}, undefined, []],
      [
        "puts the tier before the region",
        [general, us, batch],
        { price_scope: "us", service_tier: "batch" },
        batch,
        ["price_scope"],
      ],
      ["takes both", [us, usBatch], { price_scope: "us", service_tier: "batch" }, usBatch, []],
      [
        "says both where neither is known",
        [general],
        { price_scope: "eu", service_tier: "flex" },
        general,
        ["price_scope", "service_tier"],
      ],
    ];
    for (const [what, known, terms, found, stands_in] of CASES) {
      it(what, () => {
        const match = createPriceBook(known).find(wanted("bedrock", "acme.one", terms), NOON);
        expect(match?.price).to.equal(found);
        expect(match?.stands_in ?? []).to.deep.equal(stands_in);
      });
    }

    it("reads the scope in a name, where none is named beside it", () => {
      const book = createPriceBook([general, us]);
      expect(book.find(wanted("aws", "us.acme.one-v1:0"), NOON)?.price).to.equal(us);
      expect(book.find(wanted("aws", "us.acme.one", { price_scope: "eu" }), NOON)?.price).to.equal(general);
    });
  });

  it("is the same book, whether prices came at once or one after the other", () => {
    const anyPrice = fc
      .record({
        model: fc.constantFrom("one", "two", "two-2026-01-31"),
        scope: fc.constantFrom("", "us", "regional"),
        service_tier: fc.constantFrom("standard" as const, "batch" as const),
        pricing_id: fc.constantFrom("a", "b", "c", "d"),
        end_ms: fc.constantFrom(null, NOON),
        effective_ms: fc.constantFrom(0, NOON - 5),
      })
      .map((over) => price(over));
    const byId = (prices: readonly ProviderPricing[]) => [
      ...new Map(prices.map((one) => [one.pricing_id, one])).values(),
    ];
    fc.assert(
      fc.property(fc.array(anyPrice, { maxLength: 8 }), (prices) => {
        // A price keeps its model, scope and tier for its whole life.
        const kept = prices.map((one) => ({ ...one, ...LIFE[one.pricing_id] }));
        const stepwise = kept.reduce((book, one) => book.withChanges([one], []), createPriceBook([]));
        const atOnce = createPriceBook(byId(kept));
        for (const model of ["one", "two", "two-2026-01-31"]) {
          expect(stepwise.history("openai", model)).to.deep.equal(atOnce.history("openai", model));
          for (const price_scope of ["", "us", "eu"]) {
            const request = wanted("openai", model, { price_scope, service_tier: "batch" });
            expect(stepwise.find(request, NOON)).to.deep.equal(atOnce.find(request, NOON));
          }
        }
      }),
    );
  });

  it("answers the same, whatever was asked before", () => {
    const hour = fc.integer({ min: 0, max: 23 }).map((h) => `${String(h).padStart(2, "0")}:00:00`);
    const anyInstant = fc.integer({ min: NOON - 3 * 86_400_000, max: NOON + 3 * 86_400_000 });
    const anyPrice = fc
      .record({
        effective_ms: anyInstant,
        end_ms: fc.option(anyInstant),
        time_of_day: fc.option(fc.record({ start: hour, end: hour })),
      })
      .map((over) => price(over));
    fc.assert(
      fc.property(
        fc.array(anyPrice, { minLength: 1, maxLength: 5 }),
        fc.array(anyInstant, { minLength: 1 }),
        (prices, instants) => {
          const used = createPriceBook(prices);
          for (const instant of instants) {
            const fresh = createPriceBook(prices).find(wanted("openai", "gpt-4o"), instant);
            expect(used.find(wanted("openai", "gpt-4o"), instant)).to.deep.equal(fresh);
          }
        },
      ),
    );
  });
});

describe("cheaper alternatives", () => {
  const tokens = { input_tokens: 1000, output_tokens: 100 };
  const at_price = (model: string, input: bigint, over: Partial<ProviderPricing> = {}): ProviderPricing =>
    price({ model, components: rates(["input_tokens", input], ["output_tokens", 0n]), ...over });

  it("are the 3 cheapest of the provider, the cheapest first", () => {
    const book = createPriceBook([
      at_price("large", 9_000_000n),
      at_price("dearer", 10_000_000n),
      at_price("same", 9_000_000n),
      at_price("a", 4_000_000n),
      at_price("b", 2_000_000n),
      at_price("c", 3_000_000n),
      at_price("d", 1_000_000n),
      at_price("elsewhere", 1_000n, { provider: "other" }),
      at_price("free", 0n),
      at_price("gone", 500_000n, { end_ms: NOON }),
      price({ model: "embedding", components: rates(["input_tokens", 1_000n]) }),
      price({
        model: "speaker",
        components: rates(["input_tokens", 1_000n], ["output_tokens", 0n], ["output_audio_tokens", 0n]),
      }),
    ]);
    expect(book.cheaperAlternatives(wanted("openai", "large"), tokens, NOON)).to.deep.equal([
      { provider: "openai", model: "d", cost_nano_usd: 1_000n },
      { provider: "openai", model: "b", cost_nano_usd: 2_000n },
      { provider: "openai", model: "c", cost_nano_usd: 3_000n },
    ]);
    expect(book.cheaperAlternatives(wanted("openai", "d"), tokens, NOON)).to.deep.equal([]);
    expect(book.cheaperAlternatives(wanted("openai", "unheard-of"), tokens, NOON)).to.deep.equal([]);
  });

  it("name one of several names of a cost, the shortest", () => {
    const book = createPriceBook([
      at_price("large", 9_000_000n),
      at_price("small-2024-08-06", 1_000_000n),
      at_price("small", 1_000_000n),
      at_price("small-latest", 1_000_000n),
    ]);
    expect(book.cheaperAlternatives(wanted("openai", "large"), tokens, NOON)).to.deep.equal([
      { provider: "openai", model: "small", cost_nano_usd: 1_000n },
    ]);
  });

  it("compare in the tier that the input reaches", () => {
    const tiered: readonly PriceComponent[] = [
      ...rates(["input_tokens", 1_000_000n], ["output_tokens", 0n]),
      { unit: "input_tokens", amount_femto_usd: 20_000_000n, above_input_tokens: 1_000 },
    ];
    const book = createPriceBook([
      at_price("large", 9_000_000n),
      price({ model: "tiered", components: tiered }),
    ]);
    const cheaper = (input_tokens: number) =>
      book.cheaperAlternatives(wanted("openai", "large"), { input_tokens, output_tokens: 0 }, NOON).length;
    expect([cheaper(1_000), cheaper(1_001)]).to.deep.equal([1, 0]);
  });
});

describe("price", () => {
  const units = Object.keys(USAGE_UNITS) as UsageUnit[];
  const anyComponent = fc.record({
    unit: fc.constantFrom(...units),
    amount_femto_usd: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
    above_input_tokens: fc.nat(),
  });

  it("keeps its components through storage, digit for digit", () => {
    fc.assert(
      fc.property(fc.array(anyComponent), (components) => {
        expect(decodePriceComponents(encodePriceComponents(components))).to.deep.equal(components);
      }),
    );
  });

  it("does not read broken components", () => {
    const good = { unit: "input_tokens", amount_femto_usd: "1", above_input_tokens: 0 };
    for (const broken of [
      { ...good, unit: "tokens" },
      { ...good, amount_femto_usd: 1 },
      { ...good, amount_femto_usd: "-1" },
      { ...good, amount_femto_usd: "1.5" },
      { ...good, above_input_tokens: -1 },
      { ...good, above_input_tokens: null },
      null,
      "input_tokens",
    ]) {
      expect(() => decodePriceComponents(JSON.stringify([broken])), JSON.stringify(broken)).to.throw();
    }
    const negative: PriceComponent = {
      unit: "input_tokens",
      amount_femto_usd: -1n,
      above_input_tokens: 0,
    };
    expect(decodeObservedComponents(encodePriceComponents([negative]))).to.deep.equal([negative]);
    expect(() => decodePriceComponents("{}")).to.throw();
    expect(() => decodePriceComponents("[")).to.throw();
  });

  it("goes over the wire in the flat fields of the specification, with every component beside them", () => {
    const stored = price({
      components: [
        ...rates(
          ["input_tokens", 2_500_000_000n],
          ["output_tokens", 10_000_000_000n],
          ["requests", 5_000_000_000_000n],
          ["input_audio_seconds", 100_000_000_000n],
          ["input_images", 1n],
        ),
        { unit: "input_tokens", amount_femto_usd: 5_000_000_000n, above_input_tokens: 200_000 },
      ],
      end_ms: NOON,
    });
    expect(toProviderPricingWire(stored)).to.deep.equal({
      pricing_id: stored.pricing_id,
      provider: "openai",
      model: "gpt-4o",
      price_type: "token",
      scope: "",
      service_tier: "standard",
      time_of_day: null,
      input_cost_per_token: 0.0000025,
      output_cost_per_token: 0.00001,
      input_cost_per_char: null,
      output_cost_per_char: null,
      cost_per_image: 1e-15,
      cost_per_second: 0.0001,
      fixed_cost_per_request: 0.005,
      components: [
        { unit: "input_tokens", cost_per_unit: 0.0000025, above_input_tokens: 0 },
        { unit: "output_tokens", cost_per_unit: 0.00001, above_input_tokens: 0 },
        { unit: "requests", cost_per_unit: 0.005, above_input_tokens: 0 },
        { unit: "input_audio_seconds", cost_per_unit: 0.0001, above_input_tokens: 0 },
        { unit: "input_images", cost_per_unit: 1e-15, above_input_tokens: 0 },
        { unit: "input_tokens", cost_per_unit: 0.000005, above_input_tokens: 200_000 },
      ],
      effective_date: "1970-01-01T00:00:00.000Z",
      end_date: "2026-11-23T12:00:00.000Z",
      source: "test",
      status: "provisional",
      verified: false,
      evidence: [],
      markup_percent: 0,
      created_at: "1970-01-01T00:00:00.000Z",
    });
  });
});
