import { readFileSync } from "node:fs";
import { expect } from "chai";
import {
  STANDARD_TERMS,
  costOf,
  createPriceBook,
  identifyModel,
  isMovingAlias,
  SHARED_TENANT_ID,
  validateUsage,
  type PriceBook,
  type PriceDraft,
  type SetAside,
  type UsageQuantities,
} from "@budget/domain";
import {
  TieredPrices,
  calcPrice,
  waitForUpdate,
  type MatchLogic,
  type ModelInfo,
  type Provider,
} from "@pydantic/genai-prices";
import {
  BUNDLED_CATALOGUE_SOURCE,
  readBundledCatalogue,
  readCatalogue,
  readCatalogueAsSource,
  type BundledCatalogue,
} from "../src/index.ts";

const bookOf = (drafts: readonly PriceDraft[]): PriceBook =>
  createPriceBook(
    drafts.map((draft, index) => ({
      ...draft,
      tenant_id: SHARED_TENANT_ID,
      pricing_id: `price-${index}`,
      evidence: [],
      markup_ppm: 0,
      created_at_ms: 0,
    })),
  );

const reasons = (set_aside: readonly SetAside[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { reason } of set_aside) counts[reason] = (counts[reason] ?? 0) + 1;
  return counts;
};

/** A catalogue of one model. */
const catalogueOf = (model: Partial<Provider["models"][number]>): BundledCatalogue =>
  readCatalogue(
    [
      {
        id: "acme",
        name: "Acme",
        api_pattern: "",
        models: [{ id: "one", match: { equals: "one" }, prices: { input_mtok: 1 }, ...model }],
      },
    ],
    "test",
  );

describe("catalogue", () => {
  it("reads every kind of price, exactly, for one unit", () => {
    const { drafts, set_aside } = catalogueOf({
      prices: {
        input_mtok: 0.0375,
        output_mtok: new TieredPrices({ base: 10, tiers: [{ start: 200_000, price: 15.5 }] }),
        cache_write_1h_mtok: 0.1 + 0.2,
        input_mchars: 16,
        requests_kcount: 5,
        web_searches_kcount: 14,
        audio_hours: 0.36,
        input_audio_hours: 0.04,
        input_document_kpages: 2,
        input_gpixels: 0.001,
      },
    });
    expect(set_aside).to.deep.equal([]);
    expect(drafts).to.have.length(1);
    expect(drafts[0]).to.deep.include({
      provider: "acme",
      model: "one",
      price_type: "token",
      scope: "",
      service_tier: "standard",
      time_of_day: null,
      effective_ms: 0,
      end_ms: null,
      source: "test",
      status: "provisional",
      verified: false,
    });
    expect(
      drafts[0]!.components.map((part) => [part.unit, part.amount_femto_usd, part.above_input_tokens]),
    ).to.deep.equal([
      ["input_tokens", 37_500_000n, 0],
      ["output_tokens", 10_000_000_000n, 0],
      ["output_tokens", 15_500_000_000n, 200_000],
      // The float noise of 0.30000000000000004 is beyond the scale.
      ["cache_write_1h_tokens", 300_000_000n, 0],
      ["input_characters", 16_000_000_000n, 0],
      ["requests", 5_000_000_000_000n, 0],
      ["web_searches", 14_000_000_000_000n, 0],
      ["audio_seconds", 100_000_000_000n, 0],
      // 0.04 / 3600 does not come out even: 11,111,111,111.1
      ["input_audio_seconds", 11_111_111_111n, 0],
      ["input_document_pages", 2_000_000_000_000n, 0],
      ["input_pixels", 1_000n, 0],
    ]);
  });

  const PRICE_TYPES: readonly [prices: Record<string, number>, expected: string][] = [
    [{ audio_hours: 1, input_mtok: 1 }, "token"],
    [{ input_mchars: 1 }, "character"],
    [{ input_gpixels: 1 }, "image"],
    [{ audio_hours: 1 }, "time"],
    [{ requests_kcount: 1 }, "fixed"],
    [{ input_document_kpages: 1 }, "fixed"],
  ];
  for (const [prices, expected] of PRICE_TYPES) {
    it(`calls ${JSON.stringify(prices)} a price by the ${expected}`, () => {
      expect(catalogueOf({ prices }).drafts[0]!.price_type).to.equal(expected);
    });
  }

  it("makes a chain of dated prices, and puts hours of the day beside it", () => {
    const { drafts, set_aside } = catalogueOf({
      prices: [
        { prices: { input_mtok: 1 } },
        {
          constraint: { type: "time_of_date", start_time: "16:30:00Z", end_time: "00:30:00Z" },
          prices: { input_mtok: 2 },
        },
        { constraint: { type: "start_date", start_date: "2026-03-13" }, prices: { input_mtok: 3 } },
        { constraint: { type: "start_date", start_date: "2026-08-17" }, prices: { input_mtok: 4 } },
        {
          constraint: { type: "time_of_date", start_time: "01:00:00Z", end_time: "04:00:00Z" },
          prices: { input_mtok: 5 },
        },
      ],
    });
    const march = Date.parse("2026-03-13T00:00:00Z");
    const august = Date.parse("2026-08-17T00:00:00Z");
    expect(set_aside).to.deep.equal([]);
    expect(
      drafts.map(({ effective_ms, end_ms, time_of_day }) => [effective_ms, end_ms, time_of_day]),
    ).to.deep.equal([
      [0, march, null],
      [0, march, { start: "16:30:00", end: "00:30:00" }],
      [march, august, null],
      [august, null, null],
      [0, null, { start: "01:00:00", end: "04:00:00" }],
    ]);
  });

  it("gives the names of dated models to their family, where the catalogue itself does", async () => {
    const { drafts } = await readBundledCatalogue();
    const book = bookOf(drafts);
    const found = (provider: string, model: string) =>
      book.find({ provider, model, ...STANDARD_TERMS }, Date.parse("2026-11-23"))?.price.model;
    expect(found("anthropic", "claude-3-5-haiku-20241022")).to.equal("claude-3-5-haiku");
    expect(found("anthropic", "claude-3-7-sonnet-20250219")).to.equal("claude-3-7-sonnet");
    expect(found("anthropic", "claude-sonnet-4-5-20250929")).to.equal("claude-sonnet-4-5");
    expect(found("openai", "gpt-4o-2024-05-13")).to.equal("gpt-4o-2024-05-13");
    expect(found("google", "gemini-1.5-flash-8b")).to.equal(undefined);
  });

  it("gives every exact name prices of its own, but no fuzzy one, and none that moves between models", () => {
    const { drafts, set_aside } = catalogueOf({
      match: { or: [{ equals: "ONE-latest" }, { starts_with: "one-" }, { or: [{ equals: "uno" }] }] },
    });
    expect(drafts.map(({ model }) => model)).to.deep.equal(["one", "uno"]);
    expect(set_aside).to.deep.equal([
      { name: "acme/one", reason: "fuzzy_match", detail: '{"starts_with":"one-"}' },
    ]);
  });

  it("takes no price for free, unless the name says so", () => {
    expect(catalogueOf({ id: "one:free", prices: {} }).drafts[0]!.components).to.deep.equal([
      { unit: "input_tokens", amount_femto_usd: 0n, above_input_tokens: 0 },
      { unit: "output_tokens", amount_femto_usd: 0n, above_input_tokens: 0 },
    ]);
    const { drafts, set_aside } = catalogueOf({ prices: {} });
    expect(drafts).to.deep.equal([]);
    expect(reasons(set_aside)).to.deep.equal({ no_price: 1 });
  });

  it("sets aside what it cannot read, with the reason", () => {
    const model = (id: string, prices: unknown) =>
      ({ id, match: { equals: id }, prices }) as Provider["models"][number];
    const { drafts, set_aside } = readCatalogue(
      [
        {
          id: "acme",
          name: "Acme",
          api_pattern: "",
          models: [
            model("unit", { input_mtok: 1, apples_kcount: 1 }),
            model("amount", { input_mtok: -1, output_mtok: 2 }),
            model("condition", [
              { prices: { input_mtok: 1 } },
              { constraint: { type: "start_date", start_date: "soon" }, prices: { input_mtok: 2 } },
            ]),
            model("zone", [
              {
                constraint: { type: "time_of_date", start_time: "01:00:00+02:00", end_time: "02:00:00Z" },
                prices: {},
              },
            ]),
            model("shadow", [{ prices: { input_mtok: 1 } }, { prices: { input_mtok: 2 } }]),
            model("UNIT", { input_mtok: 9 }),
          ],
        },
      ],
      "test",
    );
    expect(set_aside.map(({ name, reason }) => [name.slice("acme/".length), reason])).to.deep.equal([
      ["unit", "unknown_unit"],
      ["amount", "unreadable_amount"],
      ["condition", "unreadable_condition"],
      ["zone", "unreadable_condition"],
      ["shadow", "never_in_force"],
      ["UNIT", "name_taken"],
    ]);
    expect(drafts.map(({ model: name, components }) => [name, components.length])).to.deep.equal([
      ["unit", 1],
      ["amount", 1],
      ["condition", 1],
      ["shadow", 1],
    ]);
  });

  it("copies the models of a provider that another one sells, below its own", () => {
    const model = (id: string, input_mtok: number) => ({ id, match: { equals: id }, prices: { input_mtok } });
    const { drafts, set_aside } = readCatalogue(
      [
        {
          id: "reseller",
          name: "",
          api_pattern: "",
          fallback_model_providers: ["maker"],
          models: [model("one", 2)],
        },
        {
          id: "maker",
          name: "",
          api_pattern: "",
          models: [model("one", 1), model("two", 1), model("one-2026-01-31", 3)],
        },
      ],
      "test",
    );
    expect(drafts.map((draft) => [draft.provider, draft.model, draft.source])).to.deep.equal([
      ["reseller", "one", "test"],
      ["reseller", "two", "test/maker"],
      ["maker", "one", "test"],
      ["maker", "two", "test"],
      ["maker", "one-2026-01-31", "test"],
    ]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["reseller/one", "name_taken"],
      ["reseller/one-2026-01-31", "name_taken"],
    ]);
  });
});

describe("catalogue as a source", () => {
  const seller = (id: string, models: readonly ModelInfo[], lenders: readonly string[] = []): Provider => ({
    id,
    name: id,
    api_pattern: "",
    models: [...models],
    fallback_model_providers: [...lenders],
  });
  const model = (id: string, more: Partial<ModelInfo> = {}): ModelInfo => ({
    id,
    match: { equals: id },
    prices: { input_mtok: 1 },
    ...more,
  });

  it("says what belongs to its own models, since when and in which region", () => {
    const own = model("one", {
      match: { or: [{ equals: "one" }, { equals: "one-latest" }, { equals: "acme/one" }] },
      context_window: 128_000,
      prices: [
        { prices: { input_mtok: 3 } },
        { constraint: { type: "start_date", start_date: "2026-09-01" }, prices: { input_mtok: 2 } },
      ],
    });
    const { observations, aliases, capabilities, set_aside } = readCatalogueAsSource([
      seller("acme", [own, model("moving-latest")]),
      seller("aws", [model("regional.acme.two-v1:0")]),
      seller("azure", [], ["acme"]),
    ]);
    const changes_ms = Date.parse("2026-09-01T00:00:00Z");
    expect(
      observations.map((one) => [one.provider, one.model, one.scope, one.effective_ms, one.end_ms]),
    ).to.deep.equal([
      ["acme", "one", "", null, changes_ms],
      ["acme", "one", "", changes_ms, null],
      ["acme", "moving-latest", "", null, null],
      ["bedrock", "acme.two", "regional", null, null],
    ]);
    expect(observations[0]).to.have.all.keys(
      ...["provider", "model", "scope", "service_tier", "time_of_day", "effective_ms", "end_ms"],
      ...["price_type", "components", "name", "raw"],
    );
    expect(observations[0]?.raw).to.deep.equal(own);
    expect(aliases).to.deep.equal([{ provider: "acme", alias: "one-latest", model: "one" }]);
    expect(capabilities.map((one) => [one.model, one.context_tokens])).to.deep.equal([
      ["one", 128_000],
      ["moving-latest", null],
      ["acme.two", null],
    ]);
    expect(set_aside).to.deep.equal([]);
  });

  it("has every model of the data that has a price", async () => {
    const providers = await waitForUpdate();
    const { observations, aliases, set_aside } = readCatalogueAsSource(providers ?? []);
    expect(observations.length).to.be.greaterThan(2200);
    expect(aliases.length).to.be.greaterThan(30);
    const priced = new Set(observations.map(({ name }) => name));
    const said = new Set(set_aside.map(({ name }) => name));
    const names = (providers ?? []).flatMap(({ id, models }) => models.map((one) => `${id}/${one.id}`));
    expect(names.filter((name) => !priced.has(name) && !said.has(name))).to.deep.equal([]);
  });
});

describe("bundled catalogue", () => {
  let providers: readonly Provider[];
  let catalogue: BundledCatalogue;
  let book: PriceBook;
  before(async () => {
    providers = (await waitForUpdate()) ?? [];
    catalogue = await readBundledCatalogue();
    book = bookOf(catalogue.drafts);
  });

  it("names the version that is installed", () => {
    const manifest = new URL("../package.json", import.meta.resolve("@pydantic/genai-prices"));
    const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
    expect(BUNDLED_CATALOGUE_SOURCE).to.equal(`genai-prices@${version}`);
    expect(catalogue.drafts.every(({ source }) => source.startsWith(BUNDLED_CATALOGUE_SOURCE))).to.be.true;
  });

  it("holds every provider and model, or says why not", () => {
    expect(providers.length).to.be.greaterThan(30);
    const withPrice = new Set(catalogue.drafts.map(({ provider, model }) => `${provider}/${model}`));
    const without = new Set(
      catalogue.set_aside.filter(({ reason }) => reason === "no_price").map(({ name }) => name),
    );
    for (const provider of providers) {
      for (const { id } of provider.models) {
        const key = `${provider.id}/${id}`;
        const { provider: ours, model } = identifyModel(provider.id, id);
        expect(withPrice.has(`${ours}/${model}`) !== without.has(key), key).to.be.true;
      }
    }
  });

  it("keeps every amount of the data: no component is lost on the way", () => {
    const kept = new Map<string, number>();
    for (const { provider, model, scope, source, components } of catalogue.drafts) {
      const key = `${provider}/${model}@${scope} of ${source}`;
      kept.set(key, (kept.get(key) ?? 0) + components.length);
    }
    for (const provider of providers) {
      for (const { id, prices } of provider.models) {
        const amounts = (Array.isArray(prices) ? prices : [{ prices }])
          .flatMap((set) => Object.values(set.prices))
          .reduce<number>(
            (count, price) => count + (typeof price === "object" ? 1 + price.tiers.length : 1),
            0,
          );
        if (amounts === 0) continue;
        const { provider: ours, model, scope } = identifyModel(provider.id, id);
        const key = `${ours}/${model}@${scope} of ${BUNDLED_CATALOGUE_SOURCE}`;
        expect(kept.get(key), key).to.equal(amounts);
      }
    }
  });

  it("sets aside nothing but what was looked at", () => {
    // Other reasons, or many more of these, are news from the catalogue: look before changing the numbers.
    expect(reasons(catalogue.set_aside)).to.deep.equal({
      fuzzy_match: 220,
      no_price: 15,
      minimum_not_priced: 2,
      name_taken: 30,
    });
  });

  it("has no two prices of one name that hold at the same time", () => {
    const open = new Set<string>();
    for (const draft of catalogue.drafts) {
      const { provider, model, scope, effective_ms, time_of_day } = draft;
      const key = JSON.stringify([provider, model, scope, effective_ms, time_of_day]);
      expect(open.has(key), key).to.be.false;
      open.add(key);
    }
  });

  it("prices what people call", () => {
    const at_ms = Date.parse("2026-11-23T12:00:00Z");
    const cases: readonly [provider: string, model: string, matched_by: string, cost_nano_usd: bigint][] = [
      ["openai", "gpt-4o", "exact", 12_500_000n],
      ["openai", "gpt-4o-2024-05-13", "exact", 20_000_000n],
      ["openai", "gpt-4o-mini-2024-07-18", "exact", 750_000n],
      ["azure", "gpt-4o", "exact", 12_500_000n],
      ["anthropic", "claude-sonnet-4-5", "exact", 18_000_000n],
      ["anthropic", "claude-sonnet-4-5-20250929", "family", 18_000_000n],
      ["google", "gemini-2.5-pro", "exact", 11_250_000n],
      ["deepseek", "deepseek-chat", "exact", 1_370_000n],
    ];
    for (const [provider, model, matched_by, cost_nano_usd] of cases) {
      const match = book.find({ provider, model, ...STANDARD_TERMS }, at_ms);
      expect(match?.matched_by, model).to.equal(matched_by);
      const cost = match && costOf({ input_tokens: 1000, output_tokens: 1000 }, match.price);
      expect(cost?.ok && cost.total_cost_nano_usd, model).to.equal(cost_nano_usd);
    }
  });
});

describe("our cost beside calcPrice", () => {
  const USAGES: readonly UsageQuantities[] = [
    { input_tokens: 1_234, output_tokens: 567 },
    { input_tokens: 300_001, output_tokens: 10_007 },
    { input_tokens: 10_000, cache_read_tokens: 7_001, output_tokens: 333, output_reasoning_tokens: 99 },
    {
      input_tokens: 250_003,
      cache_read_tokens: 100_001,
      cache_write_tokens: 30_011,
      cache_write_5m_tokens: 10_001,
      cache_write_1h_tokens: 20_010,
      output_tokens: 4_001,
    },
    {
      input_tokens: 9_001,
      input_audio_tokens: 3_001,
      cache_read_tokens: 2_003,
      cache_audio_read_tokens: 1_001,
      output_tokens: 801,
      output_audio_tokens: 405,
    },
    {
      input_tokens: 7_001,
      input_image_tokens: 5_003,
      cache_read_tokens: 0,
      cache_image_read_tokens: 0,
      output_tokens: 4_003,
      output_image_tokens: 3_999,
    },
    { input_tokens: 100, output_tokens: 100, web_searches: 3 },
    { audio_seconds: 123.45, input_audio_seconds: 123.45 },
    { input_document_pages: 17, input_annotated_document_pages: 5 },
  ];
  const INSTANTS = [
    "2024-01-01T12:00:00Z",
    "2026-03-12T23:59:59.999Z",
    "2026-03-13T00:00:00Z",
    "2026-08-30T02:30:00Z",
    "2026-11-23T20:00:00Z",
    "2027-02-01T07:00:00Z",
  ];

  const exactNames = (model: ModelInfo): string[] => {
    const names = (match: MatchLogic): string[] => {
      if ("or" in match) return match.or.flatMap(names);
      if ("starts_with" in match) return [match.starts_with];
      return "equals" in match ? [match.equals] : [];
    };
    return [model.id, ...names(model.match)].map((name) => name.toLowerCase());
  };

  /** The id of a model, and what its matcher calls equal to it. */
  const equalNames = ({ id, match }: ModelInfo): readonly string[] => {
    const names = (one: MatchLogic): string[] => {
      if ("or" in one) return one.or.flatMap(names);
      return "equals" in one ? [one.equals] : [];
    };
    return [...new Set([id, ...names(match)].map((name) => name.toLowerCase()))];
  };

  interface Comparison {
    readonly name: string;
    readonly outcome: "equal" | "refused here" | "unmatched there" | "fuzzy there" | "different";
    readonly detail: string;
  }

  function compare(
    book: PriceBook,
    provider: string,
    model: string,
    at_ms: number,
    usage: UsageQuantities,
  ): Comparison {
    const detail = `${new Date(at_ms).toISOString()} ${JSON.stringify(usage)}`;
    const as = (outcome: Comparison["outcome"], more = ""): Comparison => ({
      name: `${provider} ${model}`,
      outcome,
      detail: detail + more,
    });
    const match = book.find({ provider, model, ...STANDARD_TERMS }, at_ms);
    if (match?.matched_by !== "exact") return as("different", ": no price of ours");
    const ours = costOf(usage, match.price);
    // It throws where an overlap is not named; the usages above name all that are priced.
    const theirs = calcPrice({ ...usage }, model, { providerId: provider, timestamp: new Date(at_ms) });
    if (theirs === null) return as("unmatched there");
    if (!exactNames(theirs.model).includes(model)) return as("fuzzy there");
    if (!ours.ok) {
      const priced = new Set<string>(match.price.components.map(({ unit }) => unit));
      return ours.units.some((unit) => priced.has(unit))
        ? as("different", `: ${ours.units.join()}`)
        : as("refused here");
    }
    const total = Number(ours.total_cost_nano_usd) / 1e9;
    // Each component of ours is rounded to a nano-dollar; theirs is a sum of floats.
    const tolerance = ours.components.length * 0.5e-9 + total * 1e-9;
    const isEqual = Math.abs(theirs.total_price - total) <= tolerance;
    return isEqual ? as("equal") : as("different", `: ${total}, not ${theirs.total_price}`);
  }

  it("is equal for every name of the catalogue, at several instants, but for what is explained", async () => {
    for (const usage of USAGES) expect(validateUsage(usage)).to.deep.equal([]);
    const { drafts, set_aside } = await readBundledCatalogue();
    const book = bookOf(drafts);
    const providers = (await waitForUpdate()) ?? [];
    const withoutPrice = new Set(
      set_aside
        .filter(({ reason }) => reason === "no_price" || reason === "name_taken")
        .map(({ name }) => name),
    );
    const names = providers.flatMap(({ id: provider, models, fallback_model_providers = [] }) =>
      [{ id: provider, models }, ...providers.filter(({ id }) => fallback_model_providers.includes(id))]
        .flatMap((seller) => seller.models.filter(({ id }) => !withoutPrice.has(`${seller.id}/${id}`)))
        .filter(({ id }) => !withoutPrice.has(`${provider}/${id}`))
        .flatMap((model) => equalNames(model).map((name) => ({ provider, model: name })))
        .filter(({ model }) => !isMovingAlias(model)),
    );
    const instants = INSTANTS.map((iso) => Date.parse(iso));
    const comparisons = names.flatMap(({ provider, model }) =>
      USAGES.flatMap((usage, index) =>
        (index === 0 ? instants : [instants[index % instants.length]!]).map((at_ms) =>
          compare(book, provider, model, at_ms, usage),
        ),
      ),
    );
    const of = (outcome: Comparison["outcome"]) =>
      comparisons.filter((comparison) => comparison.outcome === outcome);
    const namesOf = (outcome: Comparison["outcome"]) =>
      [...new Set(of(outcome).map(({ name }) => name))].sort();

    expect(of("different")).to.deep.equal([]);
    // It charges nothing for a quantity that a price does not name.
    expect(of("refused here").length).to.be.greaterThan(0);
    // The id of a model that its own matcher does not match.
    expect(namesOf("unmatched there")).to.have.length(59);
    // A name that is another provider's, exactly; it takes a resembling one of the reseller.
    expect(namesOf("fuzzy there")).to.deep.equal([
      "azure o4-mini-deep-research",
      "azure o4-mini-deep-research-2025-06-26",
      "google claude-opus-4-1",
    ]);
    expect(of("equal").length).to.be.greaterThan(20_000);
  });

  it("differs for a short recording at Groq, whose minimum of 10 seconds is no price", async () => {
    const book = bookOf((await readBundledCatalogue()).drafts);
    const at_ms = Date.parse("2026-11-23T12:00:00Z");
    const match = book.find({ provider: "groq", model: "whisper-large-v3", ...STANDARD_TERMS }, at_ms)!;
    const ours = costOf({ audio_seconds: 2 }, match.price);
    const theirs = calcPrice({ audio_seconds: 2 }, "whisper-large-v3", {
      providerId: "groq",
      timestamp: new Date(at_ms),
    });
    expect(ours.ok && Number(ours.total_cost_nano_usd) / 1e9).to.be.closeTo(theirs!.total_price / 5, 1e-9);
  });
});
