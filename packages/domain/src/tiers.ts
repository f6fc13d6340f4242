import type { Tier } from "./enums.ts";

/** Apollo's table. A name stands for its versions and variants too: `gpt-4o` for `gpt-4o-2024-08-06`. */
const MODEL_TIERS: ReadonlyMap<string, Tier> = new Map([
  ["codellama", "local_lightweight"],
  ["deepseek-coder", "local_lightweight"],
  ["starcoder", "local_lightweight"],
  ["phi-2", "local_lightweight"],
  ["gemma-2b", "local_lightweight"],
  ["claude-haiku", "local_midweight"],
  ["claude-3-haiku", "local_midweight"],
  ["llama-3", "local_midweight"],
  ["mistral", "local_midweight"],
  ["qwen", "local_midweight"],
  ["gemma-7b", "local_midweight"],
  ["gpt-4", "remote_heavyweight"],
  ["gpt-4o", "remote_heavyweight"],
  ["claude-3-opus", "remote_heavyweight"],
  ["claude-3-sonnet", "remote_heavyweight"],
  ["claude-3.5-sonnet", "remote_heavyweight"],
  ["claude-3.7-sonnet", "remote_heavyweight"],
]);

const PROVIDER_TIERS: ReadonlyMap<string, Tier> = new Map([
  ["openai", "remote_heavyweight"],
  ["anthropic", "remote_heavyweight"],
  ["ollama", "local_midweight"],
  ["local", "local_lightweight"],
]);

/** What is known of a request when its tier is looked for; null is unknown. */
export interface TierClues {
  readonly model: string | null;
  readonly component: string | null;
  readonly provider: string | null;
}

/**
 * The tier of a request that names none, by Apollo's rule: its model tells, else its component, else its provider,
 * else it is `remote_heavyweight`. Names are compared without regard to case.
 *
 * @param component_tiers tiers of components, by their names in lower case; Apollo knows none
 */
export function tierOf(clues: TierClues, component_tiers: Readonly<Record<string, Tier>> = {}): Tier {
  const component = clues.component?.toLowerCase() ?? "";
  const provider = clues.provider?.toLowerCase() ?? "";
  return (
    tierOfModel(clues.model?.toLowerCase() ?? "") ??
    (Object.hasOwn(component_tiers, component) ? component_tiers[component] : undefined) ??
    PROVIDER_TIERS.get(provider) ??
    "remote_heavyweight"
  );
}

/** Drops the routing prefix up to the last slash, then one part after another from the end until the name is known. */
function tierOfModel(model: string): Tier | undefined {
  let name = model.slice(model.lastIndexOf("/") + 1);
  while (name !== "") {
    const tier = MODEL_TIERS.get(name);
    if (tier !== undefined) return tier;
    name = name.slice(0, Math.max(0, name.search(/[-:.@][^-:.@]*$/)));
  }
  return undefined;
}
