import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { canonicalProvider, identifyModel, isMovingAlias, modelKey } from "../src/index.ts";

const identities: readonly [provider: string, model: string, expected: readonly [string, string, string]][] =
  [
    ["openai", "gpt-4.1", ["openai", "gpt-4.1", ""]],
    [" OpenAI ", "GPT-4o", ["openai", "gpt-4o", ""]],
    ["openai", "openai/gpt-4o", ["openai", "gpt-4o", ""]],
    ["text-completion-openai", "ft:davinci-002", ["openai", "ft:davinci-002", ""]],
    ["gemini", "gemini/gemini-3.6-flash", ["google", "gemini-3.6-flash", ""]],
    ["vertex_ai-anthropic_models", "vertex_ai/claude-opus-4-8@default", ["vertex", "claude-opus-4-8", ""]],
    [
      "vertex_ai-anthropic_models",
      "vertex_ai/claude-haiku-4-5@20251001",
      ["vertex", "claude-haiku-4-5@20251001", ""],
    ],
    ["vertex_ai-qwen_models", "vertex_ai/qwen/qwen3-maas", ["vertex", "qwen/qwen3-maas", ""]],
    ["wandb", "wandb/openai/gpt-oss-120b", ["wandb", "openai/gpt-oss-120b", ""]],
    ["openrouter", "openrouter/anthropic/claude-opus-4.7", ["openrouter", "anthropic/claude-opus-4.7", ""]],
    ["fireworks_ai", "fireworks_ai/accounts/fireworks/models/glm-5", ["fireworks", "glm-5", ""]],
    ["fireworks-ai", "accounts/fireworks/models/glm-5", ["fireworks", "glm-5", ""]],
    ["aws", "regional.anthropic.claude-opus-4-8-v1:0", ["bedrock", "anthropic.claude-opus-4-8", "regional"]],
    ["amazon-bedrock", "us.anthropic.claude-opus-4-8", ["bedrock", "anthropic.claude-opus-4-8", "us"]],
    ["bedrock", "us-gov.anthropic.claude-opus-4-8-v1:0", ["bedrock", "anthropic.claude-opus-4-8", "us-gov"]],
    ["bedrock_converse", "amazon.nova-2-lite-v1:0", ["bedrock", "amazon.nova-2-lite", ""]],
    ["bedrock", "anthropic.claude-v2:1", ["bedrock", "anthropic.claude-v2:1", ""]],
    ["bedrock", "cohere.embed-english-v3", ["bedrock", "cohere.embed-english-v3", ""]],
    ["bedrock", "amazon.titan-embed-text-v2:0", ["bedrock", "amazon.titan-embed-text-v2", ""]],
    ["bedrock", "bedrock/us-east-1/zai.glm-5", ["bedrock", "zai.glm-5", "us-east-1"]],
    ["bedrock", "bedrock/invoke/us.anthropic.claude-x-v1:0", ["bedrock", "anthropic.claude-x", "us"]],
    [
      "bedrock",
      "bedrock/us-east-1/1-month-commitment/anthropic.claude-v2:1",
      ["bedrock", "anthropic.claude-v2:1", "us-east-1/1-month-commitment"],
    ],
    [
      "bedrock",
      "bedrock/*/1-month-commitment/cohere.command",
      ["bedrock", "cohere.command", "*/1-month-commitment"],
    ],
    ["azure", "azure/eu/gpt-5.1", ["azure", "gpt-5.1", "eu"]],
    ["azure", "azure/global-standard/gpt-4o-2024-08-06", ["azure", "gpt-4o-2024-08-06", "global-standard"]],
    ["azure", "azure/high/1024-x-1024/gpt-image-1", ["azure", "high/1024-x-1024/gpt-image-1", ""]],
    ["azure_ai", "azure_ai/Llama-4-Maverick", ["azure_ai", "llama-4-maverick", ""]],
    ["azure_ai", "azure/claude-haiku-4-5", ["azure_ai", "claude-haiku-4-5", ""]],
    [
      "text-completion-codestral",
      "text-completion-codestral/codestral-2405",
      ["codestral", "codestral-2405", ""],
    ],
    ["openai", "1024-x-1024/dall-e-2", ["openai", "1024-x-1024/dall-e-2", ""]],
    ["", "", ["", "", ""]],
  ];

describe("names of models", () => {
  for (const [provider, model, [ours, name, scope]] of identities) {
    it(`reads ${JSON.stringify(provider)} ${JSON.stringify(model)}`, () => {
      expect(identifyModel(provider, model)).to.deep.equal({ provider: ours, model: name, scope });
    });
  }

  const same: readonly (readonly [string, string, string, string])[] = [
    ["openai", "gpt-4.1", "openai", "gpt-4-1"],
    ["x-ai", "grok-4.20-0309-reasoning", "xai", "grok-4-20-0309-reasoning"],
    ["anthropic", "claude-4-5-haiku", "anthropic", "claude-haiku-4.5"],
    ["anthropic", "claude-3-5-sonnet-20241022", "anthropic", "claude-sonnet-3-5-20241022"],
    ["anthropic", "claude-3-haiku", "anthropic", "claude-haiku-3"],
    ["openrouter", "anthropic/claude-3.5-haiku", "openrouter", "anthropic/claude-haiku-3.5"],
    ["bedrock_converse", "us.anthropic.claude-opus-4-8", "aws", "regional.anthropic.claude-opus-4-8-v1:0"],
  ];
  for (const [provider, model, otherProvider, otherModel] of same) {
    it(`takes ${provider} ${model} and ${otherProvider} ${otherModel} for one model`, () => {
      expect(modelKey({ provider, model })).to.equal(
        modelKey({ provider: otherProvider, model: otherModel }),
      );
    });
  }

  const different: readonly (readonly [string, string, string, string])[] = [
    ["openai", "gpt-4o", "openai", "gpt-4o-2024-05-13"],
    ["openai", "gpt-4-0613", "openai", "gpt-4"],
    ["openrouter", "z-ai/glm-5", "openrouter", "z-ai/glm-5:free"],
    ["google", "gemini-pro", "google", "gemini-pro-latest"],
    ["azure", "gpt-4o", "azure_ai", "gpt-4o"],
    ["anthropic", "claude-3-5-sonnet", "anthropic", "claude-3-5-sonnet-v2"],
    ["google", "gemini-1.5-flash", "google", "gemini-1.5-flash-8b"],
  ];
  for (const [provider, model, otherProvider, otherModel] of different) {
    it(`takes ${provider} ${model} and ${otherProvider} ${otherModel} for two models`, () => {
      expect(modelKey({ provider, model })).to.not.equal(
        modelKey({ provider: otherProvider, model: otherModel }),
      );
    });
  }

  it("finds names that move from one model to the next", () => {
    const moving = [
      "codestral-latest",
      "gpt-5-chat-latest",
      "~google/gemini-pro-latest",
      "latest",
      "x:latest",
      "kimi-latest-128k",
    ];
    expect(moving.filter(isMovingAlias)).to.deep.equal(moving);
    const still = ["gpt-4o", "latest-model", "greatest", "mistral-large-2411"];
    expect(still.filter(isMovingAlias)).to.be.empty;
  });

  const segment = fc.constantFrom(
    "bedrock",
    "azure",
    "us.",
    "eu",
    "global.",
    "openai",
    "/",
    ".",
    "-v1",
    ":0",
    "claude-4-5-haiku",
    "*",
    "us-east-1",
    "1-month-commitment",
    "@default",
    "gpt-4.1",
    "accounts/fireworks/models/",
    "~",
    " ",
  );
  const anyName = fc.oneof(
    fc.string(),
    fc.array(segment, { maxLength: 8 }).map((parts) => parts.join("")),
  );
  const anyProvider = fc.oneof(
    fc.string(),
    fc.constantFrom("aws", "azure", "vertex_ai-x", "fireworks_ai", "openai"),
  );

  it("reads its own names as they are, and never throws", () => {
    fc.assert(
      fc.property(anyProvider, anyName, (provider, model) => {
        const identity = identifyModel(provider, model);
        expect(canonicalProvider(identity.provider)).to.equal(identity.provider);
        if (identity.scope === "")
          expect(identifyModel(identity.provider, identity.model)).to.deep.equal(identity);
        expect(modelKey(identity)).to.equal(modelKey({ provider, model }));
      }),
      { numRuns: 2000 },
    );
  });

  // Each of these is read in milliseconds; what takes a step for every pair of letters runs into mocha's time limit.
  const REPEATED: readonly [provider: string, begin: string, part: string, end: string, expected: string][] =
    [
      ["azure", "", "azure/", "x", "x"],
      ["fireworks", "", "accounts/fireworks/models/", "x", "x"],
      ["bedrock", "", "us.", "x", "x"],
      ["bedrock", "", "invoke/", "x", "x"],
      ["bedrock", "x", "-v1", "", "x"],
      ["bedrock", "x", "-v1:0", "", "x"],
      ["vertex", "x", "@default", "", "x"],
    ];
  for (const [provider, begin, part, end, expected] of REPEATED) {
    it(`reads a name of 200,000 times ${part}`, () => {
      const name = begin + part.repeat(200_000) + end;
      expect(identifyModel(provider, name).model).to.equal(expected);
    });
  }

  it("compares names of many letters", () => {
    for (const part of ["1.", "claude-4-5-", "-v1x", "latest-", " ", "-20250929"]) {
      const model = `x${part.repeat(200_000)}x`;
      expect(modelKey({ provider: "bedrock", model })).to.equal(modelKey({ provider: "aws", model }));
      isMovingAlias(model);
    }
  });
});

const conflictsFile = join(process.env.BUDGET_FIXTURES ?? "", "price-sources", "conflicts.json");

if (process.env.BUDGET_FIXTURES !== undefined && existsSync(conflictsFile)) {
  interface Recorded {
    readonly key: string;
    readonly sources: Readonly<Record<string, { readonly raw_provider: string; readonly raw_id: string }>>;
  }
  describe("names in recorded conflicts", () => {
    const { conflicts } = JSON.parse(readFileSync(conflictsFile, "utf8")) as {
      conflicts: readonly Recorded[];
    };
    for (const { key, sources } of conflicts) {
      const [name = "", scope = ""] = key.split("@");
      const expected = modelKey({
        provider: name.slice(0, name.indexOf("/")),
        model: name.slice(name.indexOf("/") + 1),
      });
      for (const [source, { raw_provider, raw_id }] of Object.entries(sources)) {
        // Azure's catalogue of others' models has prices of its own, and is another provider to us.
        if (raw_provider === "azure_ai") continue;
        it(`${source}: ${raw_provider} ${raw_id} is ${key}`, () => {
          const identity = identifyModel(raw_provider, raw_id);
          expect(modelKey(identity)).to.equal(expected);
          expect(identity.scope === "regional" ? "us" : identity.scope).to.equal(scope);
        });
      }
    }
  });
}
