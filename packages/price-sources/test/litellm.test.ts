import { expect } from "chai";
import { failedGate, femtoToUsdText, identifyModel, modelKey, type PriceObservation } from "@budget/domain";
import { readLiteLlm } from "../src/index.ts";
import {
  isCostField,
  mappedField,
  SET_ASIDE_FIELDS,
  STRUCTURED_FIELDS,
  type MappedField,
} from "../src/litellm-fields.ts";
import { amountsOf, faultOf, hasRealFiles, readingIn, realFile, reasonsOf } from "./support.ts";

const read = (rows: Record<string, unknown>) => readingIn(readLiteLlm(JSON.stringify(rows)));

const chat = (fields: Record<string, unknown>) => ({ litellm_provider: "acme", mode: "chat", ...fields });

describe("LiteLLM's map", () => {
  it("is read field by field, exactly", () => {
    const { observations, set_aside } = read({
      sample_spec: { input_cost_per_token: 0, litellm_provider: "one of many" },
      "acme/one": chat({
        input_cost_per_token: 2.5e-6,
        output_cost_per_token: 1e-5,
        cache_read_input_token_cost: 2.5e-7,
        cache_creation_input_token_cost: 3.125e-6,
        cache_creation_input_token_cost_above_1hr: 5e-6,
        output_cost_per_reasoning_token: 1.2e-5,
        input_cost_per_audio_token: 1e-4,
        output_cost_per_image: 0.04,
        input_cost_per_character: 1e-6,
        input_cost_per_video_per_second: 0.0007,
        input_cost_per_request: 0.005,
        max_input_tokens: 200000,
        max_output_tokens: 64000,
        supports_function_calling: true,
        supports_vision: false,
      }),
    });
    expect(set_aside).to.deep.equal([]);
    expect(observations).to.have.length(1);
    expect(observations[0]).to.deep.include({
      provider: "acme",
      model: "one",
      scope: "",
      service_tier: "standard",
    });
    expect(observations[0] && amountsOf(observations[0])).to.deep.equal([
      "input_tokens 2.5",
      "output_tokens 10",
      "cache_read_tokens 0.25",
      "cache_write_tokens 3.125",
      "cache_write_1h_tokens 5",
      "output_reasoning_tokens 12",
      "input_audio_tokens 100",
      "output_images 40000",
      "input_characters 1",
      "input_video_seconds 700",
      "requests 5000",
    ]);
  });

  it("says what models can do", () => {
    const { capabilities } = read({
      one: chat({
        input_cost_per_token: 1e-6,
        max_tokens: 4096,
        max_output_tokens: 1024,
        supports_vision: true,
      }),
    });
    expect(capabilities).to.deep.equal([
      {
        provider: "acme",
        model: "one",
        context_tokens: 4096,
        max_output_tokens: 1024,
        tools: null,
        vision: true,
        reasoning: null,
      },
    ]);
  });

  it("has service tiers of their own, and context tiers in each", () => {
    const { observations } = read({
      one: chat({
        input_cost_per_token: 1e-6,
        output_cost_per_token: 2e-6,
        input_cost_per_token_above_200k_tokens: 2e-6,
        input_cost_per_token_priority: 3e-6,
        output_cost_per_token_priority: 4e-6,
        input_cost_per_token_above_200k_tokens_priority: 5e-6,
        input_cost_per_token_flex: 5e-7,
        output_cost_per_token_batches: 1e-6,
      }),
    });
    expect(observations.map((one) => [one.service_tier, ...amountsOf(one)])).to.deep.equal([
      ["standard", "input_tokens 1", "output_tokens 2", "input_tokens>200000 2"],
      ["priority", "input_tokens 3", "output_tokens 4", "input_tokens>200000 5"],
      ["flex", "input_tokens 0.5"],
      ["batch", "output_tokens 1"],
    ]);
  });

  it("has lists of context tiers", () => {
    const { observations, set_aside } = read({
      one: chat({
        tiered_pricing: [
          { range: [0, 32000], input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
          { range: [32000, 128000], input_cost_per_token: 3e-6, output_cost_per_token: 4e-6 },
          { max_results_range: [0, 25], input_cost_per_query: 0.005 },
        ],
      }),
    });
    expect(observations[0] && amountsOf(observations[0])).to.deep.equal([
      "input_tokens 1",
      "output_tokens 2",
      "input_tokens>32000 3",
      "output_tokens>32000 4",
    ]);
    expect(reasonsOf(set_aside)).to.deep.equal({ unreadable_amount: 1 });
  });

  it("charges the medium search, and says what the others are", () => {
    const sizes = (low: number, medium: number, high: number) => ({
      search_context_size_low: low,
      search_context_size_medium: medium,
      search_context_size_high: high,
    });
    const { observations, set_aside } = read({
      same: chat({ input_cost_per_token: 1e-6, search_context_cost_per_query: sizes(0.01, 0.01, 0.01) }),
      other: chat({ input_cost_per_token: 1e-6, search_context_cost_per_query: sizes(0.03, 0.035, 0.05) }),
    });
    expect(observations.map((one) => amountsOf(one)[1])).to.deep.equal([
      "web_searches 10000",
      "web_searches 35000",
    ]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["other", "field_set_aside"],
      ["other", "field_set_aside"],
    ]);
  });

  it("derives regions and the fast mode by exact factors, but not what a search costs", () => {
    const { observations, set_aside } = read({
      one: chat({
        input_cost_per_token: 5e-6,
        output_cost_per_token: 2.5e-5,
        search_context_cost_per_query: { search_context_size_medium: 0.01 },
        provider_specific_entry: { us: 1.1, fast: 6, schema: "x", odd: 2 },
        regional_processing_uplift_multiplier_eu: 1.1,
      }),
    });
    expect(observations.map((one) => [one.scope, one.service_tier, ...amountsOf(one)])).to.deep.equal([
      ["", "standard", "input_tokens 5", "output_tokens 25", "web_searches 10000"],
      ["eu", "standard", "input_tokens 5.5", "output_tokens 27.5"],
      ["us", "standard", "input_tokens 5.5", "output_tokens 27.5"],
      ["", "fast", "input_tokens 30", "output_tokens 150"],
    ]);
    expect(reasonsOf(set_aside)).to.deep.equal({ unknown_field: 1 });
  });

  it("keeps what it knows of a row with an unknown cost field, and says so", () => {
    const { observations, set_aside } = read({
      one: chat({ input_cost_per_token: 1e-6, output_cost_per_smell: 3 }),
    });
    expect(observations[0] && amountsOf(observations[0])).to.deep.equal(["input_tokens 1"]);
    expect(set_aside).to.deep.equal([
      { name: "one", reason: "unknown_field", detail: "output_cost_per_smell is 3" },
    ]);
  });

  it("knows no context tier beyond what a model can read", () => {
    const { observations, set_aside } = read({
      one: chat({ input_cost_per_token: 1e-6, input_cost_per_token_above_99999999999999999k_tokens: 2e-6 }),
    });
    expect(observations.map(amountsOf)).to.deep.equal([["input_tokens 1"]]);
    expect(reasonsOf(set_aside)).to.deep.equal({ unknown_field: 1 });
  });

  it("names both amounts where two fields say different ones for the same thing", () => {
    const { observations, set_aside } = read({
      one: chat({
        input_cost_per_token: 1e-6,
        cache_read_input_token_cost: 1e-7,
        input_cost_per_token_cache_hit: 2e-7,
        tiered_pricing: [{ range: [0, 32000], input_cost_per_token: 3e-6 }],
      }),
      same: chat({ cache_read_input_token_cost: 1e-7, input_cost_per_token_cache_hit: 1e-7 }),
    });
    expect(observations.map(amountsOf)).to.deep.equal([
      ["input_tokens 1", "cache_read_tokens 0.1"],
      ["cache_read_tokens 0.1"],
    ]);
    expect(set_aside).to.deep.equal([
      {
        name: "one",
        reason: "contradicts_itself",
        detail:
          "input_cost_per_token_cache_hit says 200000000 (femto-USD), but another field says 100000000 for cache_read_tokens",
      },
      {
        name: "one",
        reason: "contradicts_itself",
        detail:
          "input_cost_per_token in tiered_pricing says 3000000000 (femto-USD), but another field says 1000000000 for input_tokens",
      },
    ]);
  });

  const nothing = { input_cost_per_token: 0, output_cost_per_token: 0 };
  const ZEROS: readonly [key: string, row: Record<string, unknown>, observations: number][] = [
    ["new-model", chat(nothing), 0],
    ["new-model", chat({ ...nothing, regional_processing_uplift_multiplier_eu: 1.1 }), 0],
    ["embedder", chat({ ...nothing, mode: "embedding" }), 0],
    ["embedder", chat({ input_cost_per_token: 1e-7, output_cost_per_token: 0, mode: "embedding" }), 1],
    ["reranker", chat({ ...nothing, input_cost_per_query: 0.002, mode: "rerank" }), 1],
    ["model:free", chat(nothing), 1],
    ["Model-Free", chat(nothing), 1],
    ["guard", chat({ ...nothing, mode: "moderation" }), 1],
    ["ollama/llama", chat({ ...nothing, litellm_provider: "ollama" }), 1],
    ["ollama/llama:70b-cloud", chat({ ...nothing, litellm_provider: "ollama" }), 0],
  ];
  for (const [key, row, expected] of ZEROS) {
    it(`${expected === 0 ? "does not take" : "takes"} ${key} ${JSON.stringify(row)} for a price`, () => {
      const { observations, set_aside } = read({ other: chat({ input_cost_per_token: 1e-6 }), [key]: row });
      expect(observations).to.have.length(1 + expected);
      expect(reasonsOf(set_aside)).to.deep.equal(expected === 0 ? { zero_price: 1 } : {});
    });
  }

  it("takes out one service tier of nothing but zeros", () => {
    const { observations, set_aside } = read({
      one: chat({ input_cost_per_token: 1e-6, input_cost_per_token_flex: 0 }),
    });
    expect(observations.map(({ service_tier }) => service_tier)).to.deep.equal(["standard"]);
    expect(reasonsOf(set_aside)).to.deep.equal({ zero_price: 1 });
  });

  it("sets aside what is no USD, no amount or no price", () => {
    const { observations, set_aside } = read({
      dbu: chat({ input_dbu_cost_per_token: 1e-6 }),
      text: chat({ input_cost_per_token: "cheap", output_cost_per_token: 1e-6 }),
      nothing: chat({}),
      nobody: { input_cost_per_token: 1e-6 },
    });
    expect(observations.map(({ name }) => name)).to.deep.equal(["acme/text"]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["dbu", "field_set_aside"],
      ["dbu", "no_price"],
      ["text", "unreadable_amount"],
      ["nothing", "no_price"],
      ["nobody", "no_provider"],
    ]);
  });

  it("puts keys of one model together, the one without a prefix first, and sets contradictions aside", () => {
    const { observations, set_aside } = read({
      "acme/one": chat({ input_cost_per_token: 1e-6, cache_read_input_token_cost: 1e-7 }),
      one: chat({ input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 }),
      "acme/two": chat({ input_cost_per_token: 9e-6 }),
      two: chat({ input_cost_per_token: 1e-6 }),
    });
    expect(observations.map((one) => [one.name, ...amountsOf(one)])).to.deep.equal([
      ["acme/one", "input_tokens 1", "output_tokens 2", "cache_read_tokens 0.1"],
      ["acme/two", "input_tokens 1"],
    ]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["acme/acme/two", "duplicate_differs"],
    ]);
  });

  it("is a fault where it is something else", () => {
    expect(faultOf(readLiteLlm('{"one": {"litellm_provider'))).to.equal("NOT_READABLE");
    expect(readLiteLlm("<!doctype html><title>Not here</title>")).to.deep.equal({
      ok: false,
      fault: "NOT_READABLE",
      detail: 'It is not JSON, and begins with "<!doctype html><title>Not here</title>".',
    });
    expect(faultOf(readLiteLlm("[1, 2]"))).to.equal("MISSING_REQUIRED");
    expect(faultOf(readLiteLlm('{"one": {"price": 1}, "two": 3}'))).to.equal("MISSING_REQUIRED");
    expect(faultOf(readLiteLlm("{}"))).to.equal("EMPTY");
  });
});

if (hasRealFiles) {
  describe("LiteLLM's real map", () => {
    for (const day of ["2025-11-28", "2026-07-24"]) {
      describe(day, () => {
        const text = realFile(`litellm-${day}.json.gz`);
        const rows = JSON.parse(text) as Record<string, Record<string, unknown>>;
        const { observations, set_aside } = readingIn(readLiteLlm(text));

        it("has no cost field that is neither mapped nor set aside with a reason", () => {
          const fields = new Set(Object.values(rows).flatMap((row) => Object.keys(row).filter(isCostField)));
          const unknown = [...fields].filter(
            (field) =>
              mappedField(field) === undefined &&
              SET_ASIDE_FIELDS[field] === undefined &&
              !(STRUCTURED_FIELDS as readonly string[]).includes(field),
          );
          console.log(`        ${fields.size} cost fields`);
          expect(unknown).to.deep.equal([]);
          expect(set_aside.filter(({ reason }) => reason === "unknown_field")).to.deep.equal([]);
        });

        it("keeps every numeric price through our integers and back, but for float noise", () => {
          const placeOf = (
            identity: Pick<PriceObservation, "provider" | "model" | "scope">,
            { service_tier, unit, above_input_tokens }: MappedField,
          ): string =>
            `${modelKey(identity)}@${identity.scope} ${service_tier} ${unit} ${above_input_tokens}`;
          const kept = new Map<string, bigint>();
          for (const observation of observations) {
            const { service_tier } = observation;
            for (const component of observation.components)
              kept.set(placeOf(observation, { service_tier, ...component }), component.amount_femto_usd);
          }
          const namesOf = (reason: string): ReadonlySet<string> =>
            new Set(set_aside.filter((one) => one.reason === reason).map(({ name }) => name));
          const contradicting = namesOf("duplicate_differs");
          const unmeantZeros = namesOf("zero_price");
          const exceptions = { contradicting: 0, unmeantZeros: 0 };
          const lost: string[] = [];
          let same = 0;
          for (const [key, row] of Object.entries(rows)) {
            const provider = row.litellm_provider;
            if (key === "sample_spec" || typeof provider !== "string") continue;
            for (const [field, amount] of Object.entries(row)) {
              const mapped = mappedField(field);
              if (typeof amount !== "number" || mapped === undefined) continue;
              const femto_usd = kept.get(placeOf(identifyModel(provider, key), mapped));
              const isSame =
                femto_usd !== undefined && Math.abs(Number(femtoToUsdText(femto_usd)) - amount) <= 0.5e-15;
              if (isSame) same += 1;
              else if (contradicting.has(`${provider}/${key}`)) exceptions.contradicting += 1;
              else if (amount === 0 && unmeantZeros.has(key)) exceptions.unmeantZeros += 1;
              else lost.push(`${key}.${field} = ${amount}`);
            }
          }
          console.log(
            `        ${same} prices kept; set aside: ${exceptions.contradicting} of ${[...contradicting].join(", ")}; ` +
              `${exceptions.unmeantZeros} zeros of ${unmeantZeros.size} rows`,
          );
          expect(lost).to.deep.equal([]);
          expect(same).to.be.greaterThan(4500);
          expect(unmeantZeros.size).to.be.lessThan(100);
        });

        it("has prices that no gate lets pass", () => {
          const gated = observations.flatMap(({ name, components }) => {
            const gate = failedGate(components);
            return gate === undefined ? [] : [`${name}: ${gate}`];
          });
          console.log(`        ${observations.length} observations; gated: ${gated.join(", ")}`);
          expect(gated.filter((one) => one.endsWith("range"))).to.not.be.empty;
        });
      });
    }
  });
}
