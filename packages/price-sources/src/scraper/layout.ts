import type { TimeOfDay } from "@budget/domain";
import type { Terms } from "./cell.ts";

/** What a price page does not say of itself. */
export interface PageLayout {
  /** Before the name of a model in messages and evidence, such as `pretrained_ai`. */
  readonly source: string;
  /** Fewer prices than this are no page of prices. */
  readonly least_rows: number;
  /** For how many tokens and in which currency amounts are, where no cell, header or caption says it. */
  readonly terms: Terms;
  /** The provider of tables and cards that name none; null where such a row is set aside. */
  readonly provider: string | null;
  /** Names of providers as the page shows them, in lower case, where they are not ours. */
  readonly providers: Readonly<Record<string, string>>;
  /** Headings that name a provider, and those that name a model, where prices stand in cards. */
  readonly provider_heading: string;
  readonly model_heading: string;
  /** The hours that a label's words mean, such as `off-peak`. */
  readonly hours: Readonly<Record<string, TimeOfDay>>;
}

const SHOWN_PROVIDERS: Readonly<Record<string, string>> = {
  "mistral ai": "mistral",
  "google ai": "google",
  "google ai studio": "google",
  "google vertex ai": "vertex",
  "vertex ai": "vertex",
  "amazon bedrock": "bedrock",
  "aws bedrock": "bedrock",
  "azure openai": "azure",
  "together ai": "together",
  "fireworks ai": "fireworks",
  "moonshot ai": "moonshotai",
  "deepseek ai": "deepseek",
};

const STANDARD: Omit<PageLayout, "source"> = {
  least_rows: 3,
  terms: {},
  provider: null,
  providers: SHOWN_PROVIDERS,
  provider_heading: "H2",
  model_heading: "H3",
  hours: {},
};

/** A table with the columns provider, model, input and output. */
export const LLM_PRICES_PAGE: PageLayout = { ...STANDARD, source: "llm_prices_page" };

/** Headings that name providers, cards that name models, and tables below either. */
export const PRETRAINED_AI: PageLayout = { ...STANDARD, source: "pretrained_ai" };
