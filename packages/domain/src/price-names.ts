import { normaliseName } from "./price.ts";

/** A model as we name it, whatever a source or a caller calls it. */
export interface ModelIdentity {
  /** Our name of the provider, such as `bedrock` for `amazon-bedrock`. */
  readonly provider: string;
  /** The provider's own name, lower case, without the prefixes that sources route by. */
  readonly model: string;
  /** The region or commitment that stood in the name; empty where none did. */
  readonly scope: string;
}

/**
 * Other words for a provider, where both mean the same seller with the same price list. Azure's own models and its
 * catalogue of others' (`azure_ai`) stay apart, as do the Chinese and the international lists of one maker: their prices
 * differ.
 */
const PROVIDER_WORDS: Readonly<Record<string, readonly string[]>> = {
  azure: ["azure_text", "azure-openai", "azure_openai"],
  azure_ai: ["azure-ai"],
  bedrock: ["bedrock_converse", "amazon-bedrock", "amazon_bedrock", "aws"],
  bedrock_mantle: ["bedrock-mantle"],
  cloudflare: ["cloudflare-workers-ai", "workers-ai"],
  codestral: ["text-completion-codestral"],
  cohere: ["cohere_chat"],
  dashscope: ["alibaba"],
  fireworks: ["fireworks_ai", "fireworks-ai", "fireworks_ai-embedding-models"],
  friendli: ["friendliai"],
  github_copilot: ["github-copilot"],
  gmi: ["gmicloud"],
  google: ["gemini", "google-gla", "google_genai", "google-ai-studio"],
  inception: ["text-completion-inception"],
  jina: ["jina_ai"],
  lambda: ["lambda_ai"],
  mistral: ["mistralai", "mistral-ai", "mistral_ai"],
  moonshot: ["moonshotai", "moonshot-ai"],
  novita: ["novita-ai"],
  nvidia: ["nvidia_nim"],
  openai: ["text-completion-openai"],
  oracle: ["oci"],
  perplexity: ["perplexity-ai"],
  snowflake: ["snowflake-cortex"],
  stability: ["stability-ai"],
  together: ["together_ai", "together-ai", "togetherai"],
  vercel: ["vercel_ai_gateway"],
  vertex: ["vertex_ai", "vertex-ai", "google-vertex", "google-vertex-anthropic"],
  voyage: ["voyageai"],
  xai: ["x-ai", "x_ai"],
  zai: ["z-ai", "z.ai"],
  zhipuai: ["zhipu"],
};

const PROVIDERS = new Map(
  Object.entries(PROVIDER_WORDS).flatMap(([ours, words]) => words.map((word) => [word, ours] as const)),
);

/** LiteLLM tells the makers of Vertex's models apart: `vertex_ai-anthropic_models`. */
const VERTEX_OF_A_MAKER = /^vertex_ai-[a-z0-9_-]+$/;

/** Our name of a provider, from any word for it. */
export function canonicalProvider(name: string): string {
  const word = normaliseName(name);
  return PROVIDERS.get(word) ?? (VERTEX_OF_A_MAKER.test(word) ? "vertex" : word);
}

/** What Fireworks puts before the names of the models that it serves to everybody. */
const FIREWORKS_ACCOUNT = "accounts/fireworks/models/";

/** Whether sources and gateways route to a provider by a word: its own, and for Azure's catalogue that of Azure too. */
function isRouteTo(provider: string, word: string): boolean {
  const named = canonicalProvider(word);
  return named === provider || (named === "azure" && provider === "azure_ai");
}

/** Takes off one prefix that sources and gateways route by; the names of makers at a reseller stay. */
function withoutRoute(provider: string, model: string): string {
  if (provider === "fireworks" && model.startsWith(FIREWORKS_ACCOUNT)) {
    return model.slice(FIREWORKS_ACCOUNT.length);
  }
  const slash = model.indexOf("/");
  const isRouted = slash > 0 && slash < model.length - 1 && isRouteTo(provider, model.slice(0, slash));
  return isRouted ? model.slice(slash + 1) : model;
}

interface Scoped {
  readonly scope: string;
  readonly model: string;
}

/** Regions in front of an inference profile; `regional` is any of them, and `global` serves from anywhere. */
const BEDROCK_PROFILE = /^(us-gov|us|eu|apac|au|jp|ca|sa|global|regional)\.(?=[a-z])/;
const BEDROCK_REGION = /^((?:[a-z]{2}(?:-gov)?-[a-z]+-\d|\*)(?:\/\d+-month-commitment)?)\/(?=.)/;
/** Ways to call a model that cost the same. */
const BEDROCK_CALL = /^(?:invoke|converse)\/(?=.)/;
/** The version of Bedrock's own packaging; `claude-v2:1` and `embed-v3` are models. */
const BEDROCK_PACKAGING: readonly string[] = ["-v1", ":0"];
/** Vertex's word for the version that there is. */
const VERTEX_DEFAULT: readonly string[] = ["@default"];

/** A pattern would look for its end from every place in a name, which takes too long where somebody writes a long one. */
function withoutEndings(name: string, endings: readonly string[]): string {
  for (let rest = name; ;) {
    const ending = endings.find((one) => rest.endsWith(one));
    if (ending === undefined) return rest;
    rest = rest.slice(0, -ending.length);
  }
}

function readBedrock(name: string): Scoped {
  const called = name.replace(BEDROCK_CALL, "");
  const region = BEDROCK_REGION.exec(called)?.[1];
  const inRegion = region === undefined ? called : called.slice(region.length + 1);
  const profile = BEDROCK_PROFILE.exec(inRegion)?.[1];
  const packaged = profile === undefined ? inRegion : inRegion.slice(profile.length + 1);
  const model = withoutEndings(packaged, BEDROCK_PACKAGING);
  const scope = [region, profile].filter((part) => part !== undefined).join("/");
  return model === "" ? { scope: "", model: name } : { scope, model };
}

const AZURE_DEPLOYMENT = /^(us|eu|global-standard|global)\/(?=.)/;

function readAzure(name: string): Scoped {
  const deployment = AZURE_DEPLOYMENT.exec(name)?.[1];
  if (deployment === undefined) return { scope: "", model: name };
  return { scope: deployment, model: name.slice(deployment.length + 1) };
}

function readScope(provider: string, name: string): Scoped {
  if (provider === "bedrock") return readBedrock(name);
  if (provider === "azure" || provider === "azure_ai") return readAzure(name);
  return { scope: "", model: provider === "vertex" ? withoutEndings(name, VERTEX_DEFAULT) : name };
}

/** Takes off routing and scopes until nothing is left to take off, so that our own names are read as they are. */
function readName(provider: string, name: string): Scoped {
  const scopes: string[] = [];
  for (let model = name; ;) {
    const read = readScope(provider, withoutRoute(provider, model));
    if (read.scope !== "") scopes.push(read.scope);
    const rest = read.model.trim();
    if (rest === model) return { scope: scopes.join("/"), model };
    model = rest;
  }
}

/**
 * Reads the names of a model. Provider words are those of {@link canonicalProvider}. Of the model's name the routing
 * prefix of its own provider goes, and so do a region or a commitment, which become the scope, and Bedrock's packaging
 * (`-v1:0`). All else stays as the provider writes it, because people know it so.
 *
 * @param provider a provider's name in any source or request
 * @param model the model's name beside it
 */
export function identifyModel(provider: string, model: string): ModelIdentity {
  const ours = canonicalProvider(provider);
  return { provider: ours, ...readName(ours, normaliseName(model)) };
}

/** `.` and `_` between digits are written either way: `gpt-4.1`, `gpt-4-1`. */
const VERSION_DOT = /(?<=\d)[._](?=\d)/g;
/** Claude's version stands before or behind its name: `claude-4-5-haiku`, `claude-haiku-4-5`. */
const CLAUDE_VERSION_FIRST = /claude-(\d{1,2}(?:-\d{1,2})?)-(opus|sonnet|haiku)(?![a-z])/;

/**
 * The form that models are compared in: two names with the same key mean the same model. Dates stay in it, and so do
 * `:free` and `:thinking`, which are other products.
 */
export function modelKey({ provider, model }: Pick<ModelIdentity, "provider" | "model">): string {
  const identity = identifyModel(provider, model);
  const name = identity.model.replace(VERSION_DOT, "-").replace(CLAUDE_VERSION_FIRST, "claude-$2-$1");
  return `${identity.provider}\n${name}`;
}

/** `codestral-latest`, and with a variant behind it `kimi-latest-128k`. */
const LATEST = /(?:^|[-/.@:])latest$|-latest-/;

/** Whether a name is moved by its provider from one model to the next, so that no price of it can be verified. */
export function isMovingAlias(model: string): boolean {
  return LATEST.test(model) || model.startsWith("~");
}
