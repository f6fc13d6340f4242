import type { PriceDraft } from "@budget/domain";

/**
 * A few models of each tier, at round prices in nano-USD a token, so that costs can be worked out by hand. `gpt-4o` and
 * `claude-3-opus` are heavyweight, `claude-3-haiku` and `mistral` midweight, `codellama` lightweight and free; `text-embedding-3-small` answers no
 * tokens, so that its input is the dearer side.
 */
export const PRICES: readonly PriceDraft[] = [
  draft("openai", "gpt-4o", 2_500n, 10_000n),
  draft("anthropic", "claude-3-opus", 15_000n, 75_000n),
  draft("anthropic", "claude-3-haiku", 250n, 1_250n),
  draft("ollama", "mistral", 100n, 200n),
  draft("ollama", "codellama", 0n, 0n),
  draft("openai", "text-embedding-3-small", 20n, 0n),
];

function draft(provider: string, model: string, input_nano_usd: bigint, output_nano_usd: bigint): PriceDraft {
  const component = (unit: "input_tokens" | "output_tokens", nano_usd: bigint) => ({
    unit,
    amount_femto_usd: nano_usd * 1_000_000n,
    above_input_tokens: 0,
  });
  return {
    provider,
    model,
    price_type: "token",
    scope: "",
    service_tier: "standard",
    time_of_day: null,
    components: [component("input_tokens", input_nano_usd), component("output_tokens", output_nano_usd)],
    effective_ms: 0,
    end_ms: null,
    source: "test",
    status: "provisional",
    verified: false,
  };
}
