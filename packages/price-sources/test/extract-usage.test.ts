import { expect } from "chai";
import fc from "fast-check";
import { STANDARD_TERMS, costOf, createPriceBook, SHARED_TENANT_ID, validateUsage } from "@budget/domain";
import { extractUsageFromResponse, readBundledCatalogue } from "../src/index.ts";

interface Case {
  readonly provider: string;
  readonly body: unknown;
  readonly model: string | null;
  readonly usage: Readonly<Record<string, number>>;
  readonly api_flavor?: string;
}

const ANTHROPIC_BODY = {
  id: "msg_01",
  type: "message",
  role: "assistant",
  model: "claude-sonnet-4-5-20250929",
  content: [{ type: "text", text: "Hello." }],
  stop_reason: "end_turn",
  usage: {
    input_tokens: 12,
    cache_creation_input_tokens: 300,
    cache_read_input_tokens: 2000,
    cache_creation: { ephemeral_5m_input_tokens: 200, ephemeral_1h_input_tokens: 100 },
    output_tokens: 45,
    scope: "",
    service_tier: "standard",
    server_tool_use: { web_search_requests: 2 },
  },
};

const CASES: Readonly<Record<string, Case>> = {
  "OpenAI chat, cached and reasoning": {
    provider: "openai",
    body: {
      id: "chatcmpl-1",
      object: "chat.completion",
      model: "gpt-4o-2024-08-06",
      choices: [{ index: 0, message: { role: "assistant", content: "Hello." }, finish_reason: "stop" }],
      usage: {
        prompt_tokens: 1117,
        completion_tokens: 46,
        total_tokens: 1163,
        prompt_tokens_details: { cached_tokens: 1024, audio_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 20, audio_tokens: 0, accepted_prediction_tokens: 0 },
      },
    },
    model: "gpt-4o-2024-08-06",
    usage: {
      input_tokens: 1117,
      cache_read_tokens: 1024,
      input_audio_tokens: 0,
      output_tokens: 46,
      output_reasoning_tokens: 20,
      output_audio_tokens: 0,
    },
  },
  "OpenAI responses": {
    provider: "OpenAI",
    body: {
      id: "resp_1",
      object: "response",
      model: "gpt-5-2025-08-07",
      output: [],
      usage: {
        input_tokens: 328,
        input_tokens_details: { cached_tokens: 128 },
        output_tokens: 52,
        output_tokens_details: { reasoning_tokens: 32 },
        total_tokens: 380,
      },
    },
    model: "gpt-5-2025-08-07",
    usage: { input_tokens: 328, cache_read_tokens: 128, output_tokens: 52, output_reasoning_tokens: 32 },
  },
  "OpenAI embeddings": {
    provider: "openai",
    body: {
      object: "list",
      data: [],
      model: "text-embedding-3-small",
      usage: { prompt_tokens: 8, total_tokens: 8 },
    },
    model: "text-embedding-3-small",
    usage: { input_tokens: 8 },
  },
  // 12 + 300 + 2000: Anthropic counts its cache apart, our input is all input.
  Anthropic: {
    provider: "anthropic",
    body: ANTHROPIC_BODY,
    model: "claude-sonnet-4-5-20250929",
    usage: {
      input_tokens: 2312,
      cache_write_tokens: 300,
      cache_write_5m_tokens: 200,
      cache_write_1h_tokens: 100,
      cache_read_tokens: 2000,
      web_searches: 2,
      output_tokens: 45,
    },
  },
  "Anthropic's body from Azure, which also has an API of OpenAI's shape": {
    provider: "azure",
    body: ANTHROPIC_BODY,
    model: "claude-sonnet-4-5-20250929",
    usage: { input_tokens: 2312, cache_write_tokens: 300, cache_read_tokens: 2000, output_tokens: 45 },
  },
  // 40 + 10 of output: Google counts its thoughts apart.
  "Google generateContent": {
    provider: "google",
    body: {
      candidates: [{ content: { role: "model", parts: [{ text: "Hello." }] }, finishReason: "STOP" }],
      modelVersion: "gemini-2.5-flash",
      usageMetadata: {
        promptTokenCount: 1200,
        cachedContentTokenCount: 1000,
        candidatesTokenCount: 40,
        thoughtsTokenCount: 10,
        totalTokenCount: 1250,
        promptTokensDetails: [
          { modality: "TEXT", tokenCount: 900 },
          { modality: "AUDIO", tokenCount: 300 },
        ],
        cacheTokensDetails: [
          { modality: "TEXT", tokenCount: 800 },
          { modality: "AUDIO", tokenCount: 200 },
        ],
      },
    },
    model: "gemini-2.5-flash",
    usage: {
      input_tokens: 1200,
      input_text_tokens: 900,
      input_audio_tokens: 300,
      cache_read_tokens: 1000,
      cache_text_read_tokens: 800,
      cache_audio_read_tokens: 200,
      output_tokens: 50,
      output_reasoning_tokens: 10,
    },
  },
  "Bedrock converse, by another name": {
    provider: "bedrock",
    body: {
      output: { message: { role: "assistant", content: [{ text: "Hello." }] } },
      stopReason: "end_turn",
      usage: {
        inputTokens: 30,
        outputTokens: 7,
        totalTokens: 1137,
        cacheReadInputTokens: 1000,
        cacheWriteInputTokens: 100,
      },
      metrics: { latencyMs: 551 },
    },
    model: null,
    usage: { input_tokens: 1130, cache_read_tokens: 1000, cache_write_tokens: 100, output_tokens: 7 },
  },
  "xAI chat, whose completion leaves the reasoning out": {
    provider: "x-ai",
    body: {
      model: "grok-4",
      usage: {
        prompt_tokens: 32,
        completion_tokens: 9,
        total_tokens: 135,
        prompt_tokens_details: { cached_tokens: 6 },
        completion_tokens_details: { reasoning_tokens: 94 },
      },
    },
    model: "grok-4",
    usage: { input_tokens: 32, cache_read_tokens: 6, output_tokens: 103, output_reasoning_tokens: 94 },
  },
  "Mistral OCR": {
    provider: "mistral",
    body: { model: "mistral-ocr-2512", pages: [], usage_info: { pages_processed: 4, doc_size_bytes: 9000 } },
    model: "mistral-ocr-2512",
    usage: { input_document_pages: 4 },
    api_flavor: "ocr",
  },
  "OpenAI realtime, of parts only": {
    provider: "openai",
    body: {
      type: "response.done",
      response: {
        usage: {
          input_token_details: { text_tokens: 20, audio_tokens: 80, cached_tokens: 0 },
          output_token_details: { text_tokens: 5, audio_tokens: 45 },
        },
      },
    },
    model: null,
    usage: {
      input_tokens: 100,
      input_text_tokens: 20,
      input_audio_tokens: 80,
      cache_read_tokens: 0,
      output_tokens: 50,
      output_text_tokens: 5,
      output_audio_tokens: 45,
    },
  },
  "a local server that speaks OpenAI's chat API": {
    provider: "ollama",
    body: { model: "llama3.2", usage: { prompt_tokens: 5, completion_tokens: 6, total_tokens: 11 } },
    model: "llama3.2",
    usage: { input_tokens: 5, output_tokens: 6 },
  },
};

describe("usage of a response", () => {
  for (const [what, { provider, body, model, usage, ...flavor }] of Object.entries(CASES)) {
    it(`is read from ${what}`, () => {
      const { api_flavor } = flavor;
      const read = extractUsageFromResponse({
        provider,
        response_body: body,
        ...(api_flavor === undefined ? {} : { api_flavor }),
      });
      expect(read).to.deep.include({ ok: true, model, usage });
      expect(validateUsage(usage)).to.deep.equal([]);
    });
  }

  it("is read as the API that is named", () => {
    const read = extractUsageFromResponse({
      provider: "anthropic",
      response_body: {
        model: "claude-haiku-4-5",
        usage: { prompt_tokens: 3, completion_tokens: 4, cached_tokens: 2 },
      },
      api_flavor: "chat",
    });
    expect(read.ok && read.usage).to.deep.equal({ input_tokens: 3, cache_read_tokens: 2, output_tokens: 4 });
  });

  const TIERS: readonly [what: string, body: Record<string, unknown>, service_tier: string | null][] = [
    ["OpenAI's default", { service_tier: "default" }, "standard"],
    ["OpenAI's flex", { service_tier: "flex" }, "flex"],
    ["OpenAI's priority", { service_tier: "priority" }, "priority"],
    ["an unknown word", { service_tier: "scale" }, null],
    ["no word", {}, null],
  ];
  for (const [what, more, service_tier] of TIERS) {
    it(`says how the call was served: ${what}`, () => {
      const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };
      const body = { object: "chat.completion", model: "gpt-4o", usage, ...more };
      const read = extractUsageFromResponse({ provider: "openai", response_body: body });
      expect(read.ok && read.service_tier).to.equal(service_tier);
    });
  }

  it("says how the call was served: Anthropic's batch, and its fast mode", () => {
    const served = (more: Record<string, unknown>) =>
      extractUsageFromResponse({
        provider: "anthropic",
        response_body: {
          type: "message",
          model: "claude-opus-4-8",
          usage: { input_tokens: 3, output_tokens: 4, ...more },
        },
      });
    const tierOf = (read: ReturnType<typeof served>) => read.ok && read.service_tier;
    expect(tierOf(served({ service_tier: "batch" }))).to.equal("batch");
    expect(tierOf(served({ service_tier: "standard", speed: "fast" }))).to.equal("fast");
    expect(tierOf(served({ service_tier: "standard", speed: "standard" }))).to.equal("standard");
  });

  it("can be priced: Anthropic's, to the nano-dollar", async () => {
    const { drafts } = await readBundledCatalogue();
    const book = createPriceBook(
      drafts.map((draft, index) => ({
        ...draft,
        tenant_id: SHARED_TENANT_ID,
        pricing_id: `price-${index}`,
        evidence: [],
        markup_ppm: 0,
        created_at_ms: 0,
      })),
    );
    const read = extractUsageFromResponse({ provider: "anthropic", response_body: ANTHROPIC_BODY });
    if (!read.ok) throw new Error(read.detail);
    const match = book.find(
      { provider: "anthropic", model: read.model!, ...STANDARD_TERMS },
      Date.parse("2026-11-23T12:00:00Z"),
    )!;
    const cost = costOf(read.usage, match.price);
    // 12 × 3,000 + 200 × 3,750 + 100 × 6,000 + 2000 × 300; 45 × 15,000; 2 × 10,000,000
    expect(cost).to.deep.include({
      ok: true,
      input_cost_nano_usd: 1_986_000n,
      output_cost_nano_usd: 675_000n,
      other_cost_nano_usd: 20_000_000n,
      total_cost_nano_usd: 22_661_000n,
    });
  });

  const UNREADABLE: readonly [what: string, provider: string, body: unknown, api_flavor?: string][] = [
    ["nothing", "openai", undefined],
    ["null", "openai", null],
    ["text", "openai", "usage"],
    ["a list", "anthropic", [ANTHROPIC_BODY]],
    ["an error", "openai", { error: { message: "Rate limit" } }],
    ["usage that is null", "openai", { model: "gpt-4o", usage: null }],
    ["numbers as text", "openai", { usage: { prompt_tokens: "5", completion_tokens: "6" } }],
    ["negative numbers", "openai", { usage: { prompt_tokens: -5, completion_tokens: 6 } }],
    ["fractions of tokens", "openai", { usage: { prompt_tokens: 5.5, completion_tokens: 6 } }],
    ["numbers beyond all reason", "openai", { usage: { prompt_tokens: 1e300, completion_tokens: 6 } }],
    [
      "more cached than there was",
      "openai",
      { usage: { prompt_tokens: 5, completion_tokens: 6, prompt_tokens_details: { cached_tokens: 7 } } },
    ],
    [
      "an API that the provider has not",
      "openai",
      CASES["OpenAI chat, cached and reasoning"]!.body,
      "smoke-signals",
    ],
    ["another provider's shape", "ollama", ANTHROPIC_BODY],
    ["no provider", "", { usage: { input_tokens: 1 } }],
  ];
  for (const [what, provider, response_body, api_flavor] of UNREADABLE) {
    it(`is not read from ${what}`, () => {
      const read = extractUsageFromResponse({
        provider,
        response_body,
        ...(api_flavor === undefined ? {} : { api_flavor }),
      });
      expect(read).to.include({ ok: false, code: "usage_unreadable" });
      expect(!read.ok && read.detail).to.be.a("string").that.is.not.empty;
    });
  }

  it("never throws, and never reads a usage with problems", () => {
    const count = fc.oneof(fc.nat(), fc.integer(), fc.double(), fc.string(), fc.constant(null));
    const field = fc.constantFrom(
      "prompt_tokens",
      "completion_tokens",
      "input_tokens",
      "output_tokens",
      "inputTokens",
      "outputTokens",
      "cache_read_input_tokens",
    );
    const details = fc.dictionary(
      fc.constantFrom("cached_tokens", "audio_tokens", "reasoning_tokens"),
      count,
    );
    const body = fc.record({
      model: fc.anything(),
      usage: fc.tuple(fc.dictionary(field, count), details, details).map(([usage, prompt, completion]) => ({
        ...usage,
        prompt_tokens_details: prompt,
        completion_tokens_details: completion,
      })),
      usageMetadata: fc.anything(),
    });
    const provider = fc.oneof(
      fc.constantFrom("openai", "anthropic", "google", "aws", "azure", "x-ai", "novita"),
      fc.string(),
    );
    fc.assert(
      fc.property(provider, fc.oneof(body, fc.anything()), (name, response_body) => {
        const read = extractUsageFromResponse({ provider: name, response_body });
        if (read.ok) expect(validateUsage(read.usage)).to.deep.equal([]);
      }),
      { numRuns: 500 },
    );
  });
});
