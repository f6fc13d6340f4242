import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import {
  DEFAULT_VERIFICATION_RULES,
  identifyModel,
  pricedThingKey,
  type PriceVerdict,
  type SourceOutcome,
  type SourceReading,
} from "@budget/domain";
import {
  createPriceSources,
  NO_PRICE_FILE,
  readLiteLlm,
  readLlmPrices,
  readModelsDev,
  readOpenRouter,
  readPortkey,
} from "@budget/price-sources";
import { expect } from "chai";
import { Gathering, voteOn, type Question } from "../src/votes.ts";

const folder = join(process.env.BUDGET_FIXTURES ?? "", "price-sources");

/** When the files were taken, so that dated prices are those of then. */
const AT_MS = Date.parse("2026-08-05T12:00:00.000Z");

const READERS: Readonly<Record<string, readonly [file: string, read: (text: string) => SourceOutcome]>> = {
  models_dev: ["models.dev-api.json.gz", readModelsDev],
  litellm: ["litellm-2026-07-24.json.gz", readLiteLlm],
  llm_prices: ["llm-prices-historical-v1.json", readLlmPrices],
  openrouter: ["openrouter-api-v1-models.json.gz", readOpenRouter],
  portkey: ["portkey-pricing-all.json.gz", readPortkey],
};

function readFile(name: string): SourceReading {
  const [file, read] = READERS[name]!;
  const bytes = readFileSync(join(folder, file));
  const outcome = read(file.endsWith(".gz") ? gunzipSync(bytes).toString("utf8") : bytes.toString("utf8"));
  if (!outcome.ok) throw new Error(outcome.detail);
  return outcome.reading;
}

/** The sources as a server has them, Portkey's too. */
const SOURCES = createPriceSources(1, {
  ...NO_PRICE_FILE,
  sources: [{ source: "portkey", enabled: true }],
});

interface Vote {
  readonly question: Question;
  readonly verdict: PriceVerdict;
}

/** Every vote over all files, by the key of what it is about. */
async function voteOnAll(): Promise<ReadonlyMap<string, Vote>> {
  const gathering = new Gathering();
  for (const source of SOURCES) {
    const read =
      source.name in READERS ? undefined : await source.read({ etag: null, last_modified: null }, null);
    const reading = read?.status === "read" ? read.reading : readFile(source.name);
    for (const [index, observation] of reading.observations.entries())
      gathering.addObservation({
        ...observation,
        observation_id: `${source.name}-${index}`,
        source: source.name,
        address: source.address,
        content_hash: source.name,
        observed_at_ms: AT_MS,
        withdrawn_at_ms: null,
      });
  }
  const questions = [...gathering.questions(SOURCES, AT_MS, () => 0)];
  return new Map(
    questions.map((question) => [
      pricedThingKey(question),
      { question, verdict: voteOn(question, DEFAULT_VERIFICATION_RULES) },
    ]),
  );
}

interface RecordedConflict {
  readonly key: string;
  readonly sources: Readonly<Record<string, { readonly raw_provider: string; readonly raw_id: string }>>;
  readonly expected_by_rule: {
    readonly decision: string;
    readonly value?: readonly [input: number, output: number];
    readonly from?: string;
  };
}

const MOVING =
  "A name that moves from model to model is never verified: its dearest price is charged, provisionally.";
const OTHER_SHOP =
  "Azure OpenAI and Azure AI have prices of their own, so what models.dev says of the one proves nothing about the other.";

/** Where a conflict comes out otherwise than it is recorded, and why. */
const OTHERWISE: Readonly<Record<string, readonly [outcome: string, why: string]>> = {
  "azure/llama-4-maverick-17b-128e-instruct-fp8": ["provisional 0.35/1.41 portkey", OTHER_SHOP],
  "azure/meta-llama-3-70b-instruct": ["provisional 2.68/2.68 portkey", OTHER_SHOP],
  "bedrock/anthropic.claude-opus-4-6@au": [
    "verified_with_dissent 5.5/27.5 genai_prices",
    "The catalogue's regional price is that of every region, so it is a second voice against a typing error.",
  ],
  "mistral/codestral-latest": ["provisional 1/3 litellm", MOVING],
  "mistral/mistral-large-latest": ["provisional 2/6 llm_prices", MOVING],
  "mistral/mistral-medium-latest": ["provisional 1.5/7.5 genai_prices", MOVING],
  "mistral/mistral-small-latest": ["provisional 0.15/0.6 models_dev", MOVING],
  "mistral/ministral-8b-latest": ["provisional 0.15/0.15 genai_prices", MOVING],
};

/** What prices.md counted over five of these files, by provider, model and region. */
const COUNTED = {
  verified: 1239,
  verified_with_dissent: 157,
  conflict: 221,
  provisional: 5911,
  rejected: 33,
};

const dollarsFor = ({ components }: PriceVerdict, unit: string): string => {
  const found = components?.find((one) => one.unit === unit && one.above_input_tokens === 0);
  return found === undefined ? "-" : String(Number(found.amount_femto_usd) / 1e9);
};

/** As it is recorded: a conflict has no price, and of one source alone the price is not recorded. */
function toText(
  verdict: PriceVerdict,
  { decision, value, from }: RecordedConflict["expected_by_rule"],
): string {
  const input = dollarsFor(verdict, "input_tokens");
  const output = dollarsFor(verdict, "output_tokens");
  const status = verdict.status === "provisional" && decision === "single_source" ? decision : verdict.status;
  if (status !== "verified_with_dissent" && status !== "provisional") return status;
  const isBare = status === decision && value === undefined && from === undefined;
  return isBare ? status : `${status} ${input}/${output} ${verdict.components?.[0]?.source ?? ""}`;
}

const recordedText = ({ decision, value, from }: RecordedConflict["expected_by_rule"]): string =>
  value === undefined ? decision : `${decision} ${value.join("/")} ${from ?? ""}`;

if (process.env.BUDGET_FIXTURES !== undefined && existsSync(folder)) {
  describe("all real sources together", () => {
    let votes: ReadonlyMap<string, Vote>;
    before(async () => {
      votes = await voteOnAll();
    });

    it("come to a verdict on every price", () => {
      const counts: Record<string, number> = {};
      for (const { question, verdict } of votes.values())
        if (question.service_tier === "standard" && question.time_of_day === null)
          counts[verdict.status] = (counts[verdict.status] ?? 0) + 1;
      const beside = Object.entries(COUNTED).map(
        ([status, before]) => `${status} ${counts[status]} (${before})`,
      );
      console.log(
        `        standard tier, beside prices.md: ${beside.join(", ")}; ${votes.size} in all tiers`,
      );
      for (const [status, before] of Object.entries(COUNTED))
        expect(counts[status], status).to.be.within(before * 0.9, before * 1.35);
    });

    const { conflicts } = JSON.parse(readFileSync(join(folder, "conflicts.json"), "utf8")) as {
      conflicts: readonly RecordedConflict[];
    };
    it("are recorded in 25 conflicts", () => expect(conflicts).to.have.length(25));
    for (const { key, sources, expected_by_rule: recorded } of conflicts) {
      const [otherwise, why] = OTHERWISE[key] ?? [];
      it(`decide ${key}${why === undefined ? "" : `, otherwise than recorded: ${why}`}`, () => {
        // Where the sources' names are read as several models, the first source's is the one that is recorded.
        const [first] = Object.values(sources);
        const named = identifyModel(first!.raw_provider, first!.raw_id);
        const vote = votes.get(pricedThingKey({ ...named, service_tier: "standard", time_of_day: null }));
        expect(vote && toText(vote.verdict, recorded)).to.equal(otherwise ?? recordedText(recorded));
      });
    }
  });
}
