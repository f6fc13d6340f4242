import { expect } from "chai";
import fc from "fast-check";
import { TIERS, type Tier } from "../src/enums.ts";
import { tierOf } from "../src/tiers.ts";

const clues = (known: { model?: string; component?: string; provider?: string }) => ({
  model: known.model ?? null,
  component: known.component ?? null,
  provider: known.provider ?? null,
});

const KNOWN: Readonly<Record<Tier, readonly string[]>> = {
  local_lightweight: ["codellama", "deepseek-coder", "starcoder", "phi-2", "gemma-2b"],
  local_midweight: ["claude-haiku", "claude-3-haiku", "llama-3", "mistral", "qwen", "gemma-7b"],
  remote_heavyweight: [
    ...["gpt-4", "gpt-4o", "claude-3-opus", "claude-3-sonnet", "claude-3.5-sonnet", "claude-3.7-sonnet"],
  ],
};

// The provider speaks for another tier, so that only the model can have told.
const VARIANTS: readonly [model: string, provider: string, tier: Tier][] = [
  ["gpt-4o-2024-08-06", "local", "remote_heavyweight"],
  ["gpt-4.1-mini", "local", "remote_heavyweight"],
  ["GPT-4-Turbo", "local", "remote_heavyweight"],
  ["claude-3.5-sonnet@20240620", "local", "remote_heavyweight"],
  ["openrouter/openai/gpt-4o", "local", "remote_heavyweight"],
  ["claude-3-haiku-20240307", "anthropic", "local_midweight"],
  ["claude-haiku-4-5", "anthropic", "local_midweight"],
  ["llama-3.1-70b", "local", "local_midweight"],
  ["meta-llama/Llama-3.3-70B-Instruct", "openai", "local_midweight"],
  ["mistral:7b", "openai", "local_midweight"],
  ["deepseek-coder:6.7b-instruct-q4_0", "openai", "local_lightweight"],
  ["gemma-2b-it", "openai", "local_lightweight"],
];

// Nearly a known name: here the provider tells.
const STRANGERS: readonly string[] = [
  ...[
    "gpt-4oo",
    "gpt-40",
    "gpt",
    "gpt-",
    "mistralai",
    "llama-33",
    "gemma-2",
    "phi-20",
    "my-codellama",
    "codellama/x",
  ],
  ...["", "/", "-", "unknown", "constructor", "gpt-4/"],
];

describe("tiers", () => {
  for (const tier of TIERS) {
    for (const model of KNOWN[tier]) {
      it(`${model} is ${tier}`, () => {
        const provider = tier === "local_lightweight" ? "openai" : "local";
        expect(tierOf(clues({ model, provider }))).to.equal(tier);
      });
    }
  }

  for (const [model, provider, tier] of VARIANTS) {
    it(`${model} from ${provider} is ${tier}`, () => {
      expect(tierOf(clues({ model, provider }))).to.equal(tier);
    });
  }

  for (const model of STRANGERS) {
    it(`${JSON.stringify(model)} is no known model`, () => {
      expect(tierOf(clues({ model, provider: "local" }))).to.equal("local_lightweight");
    });
  }

  const PROVIDERS: readonly [provider: string, tier: Tier][] = [
    ["openai", "remote_heavyweight"],
    ["Anthropic", "remote_heavyweight"],
    ["ollama", "local_midweight"],
    ["LOCAL", "local_lightweight"],
    ["elsewhere", "remote_heavyweight"],
    ["", "remote_heavyweight"],
  ];
  for (const [provider, tier] of PROVIDERS) {
    it(`provider ${JSON.stringify(provider)} is ${tier}`, () => {
      expect(tierOf(clues({ provider }))).to.equal(tier);
    });
  }

  it("is remote_heavyweight where nothing is known", () => {
    expect(tierOf(clues({}))).to.equal("remote_heavyweight");
  });

  it("asks the component after the model and before the provider", () => {
    const component_tiers = { apollo: "local_lightweight" } as const;
    const component = "Apollo";
    expect(tierOf(clues({ component, provider: "openai" }), component_tiers)).to.equal("local_lightweight");
    expect(tierOf(clues({ model: "qwen", component }), component_tiers)).to.equal("local_midweight");
    expect(tierOf(clues({ component: "rhetor", provider: "ollama" }), component_tiers)).to.equal(
      "local_midweight",
    );
  });

  it("takes no component for a property of objects", () => {
    expect(tierOf(clues({ component: "constructor", provider: "local" }))).to.equal("local_lightweight");
  });

  it("answers every name with a tier", () => {
    const part = fc.oneof(fc.constantFrom("gpt", "4", "4o", "claude", "-", ":", ".", "@", "/"), fc.string());
    fc.assert(
      fc.property(fc.array(part), (parts) => {
        expect(tierOf(clues({ model: parts.join("") }))).to.be.oneOf([...TIERS]);
      }),
    );
  });
});
