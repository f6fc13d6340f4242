import { expect } from "chai";
import fc from "fast-check";
import type { FileProblem } from "../src/operator-file.ts";
import { readPriceFile } from "../src/price-file.ts";
import { SOURCE_NAMES, createPriceSources, priceSourcesOff } from "../src/sources.ts";
import { amountsOf } from "./support.ts";

function read(text: string) {
  const outcome = readPriceFile("prices.yaml", text, SOURCE_NAMES);
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.problems));
  return outcome.file;
}

function problemsOf(text: string): readonly FileProblem[] {
  const outcome = readPriceFile("prices.yaml", text, SOURCE_NAMES);
  return outcome.ok ? [] : outcome.problems;
}

const EVERYTHING = `
prices:
  - provider: Amazon-Bedrock
    model: us.acme.large-v1:0
    scope: 1-month-commitment
    service_tier: BATCH
    time_of_day: { start: "16:30", end: 00:30:15 }
    effective_date: 2026-09-01
    end_date: 2027-01-01T02:00:00+02:00
    input_cost_per_million: 0.1
    output_cost_per_million: "10"
    components:
      - { unit: cache_read_tokens, cost_per_million: 1.25e-2 }
      - { unit: web_searches, cost_per_unit: 0.01 }
      - { unit: input_tokens, cost_per_million: 0.2, above_input_tokens: 272000 }
  - { provider: local, model: small, input_cost_per_million: 0, output_cost_per_million: 0 }
markups:
  - { provider: x-ai, percent: 12.5 }
  - { provider: x-ai, model: Grok-9, percent: "-99" }
`;

describe("custom prices", () => {
  it("are read with all that a price has", () => {
    const { prices: reading, markups } = read(EVERYTHING);
    const [full, free] = reading.observations;
    expect(full).to.deep.include({
      provider: "bedrock",
      model: "acme.large",
      scope: "us/1-month-commitment",
      service_tier: "batch",
      time_of_day: { start: "16:30:00", end: "00:30:15" },
      effective_ms: Date.parse("2026-09-01T00:00:00Z"),
      end_ms: Date.parse("2027-01-01T00:00:00Z"),
      price_type: "token",
      name: "Amazon-Bedrock/us.acme.large-v1:0",
    });
    expect(full && amountsOf(full)).to.deep.equal([
      "input_tokens 0.1",
      "output_tokens 10",
      "cache_read_tokens 0.0125",
      "web_searches 10000",
      "input_tokens>272000 0.2",
    ]);
    expect(free).to.deep.include({
      scope: "",
      service_tier: "standard",
      time_of_day: null,
      effective_ms: null,
      end_ms: null,
    });
    expect(free && amountsOf(free)).to.deep.equal(["input_tokens 0", "output_tokens 0"]);
    expect(markups).to.deep.equal([
      { provider: "xai", model: null, markup_ppm: 125_000 },
      { provider: "xai", model: "grok-9", markup_ppm: -990_000 },
    ]);
  });

  it("are JSON as well, indented with tabs", () => {
    const row = { provider: "acme", model: "one", input_cost_per_million: 3 };
    const { prices: reading } = read(JSON.stringify({ prices: [row] }, null, "\t"));
    expect(reading.observations.map(amountsOf)).to.deep.equal([["input_tokens 3"]]);
  });

  it("are read by the text of their numbers, and keep it as evidence", () => {
    const { prices: reading } = read(
      "prices: [{provider: acme, model: 4.10, components: [{unit: requests, cost_per_unit: 0.123456789012345}," +
        "{unit: input_tokens, cost_per_million: 9007199254.740993}]}]",
    );
    const [price] = reading.observations;
    expect(price?.model).to.equal("4.10");
    expect(price?.components.map(({ amount_femto_usd }) => amount_femto_usd)).to.deep.equal([
      123_456_789_012_345n,
      9_007_199_254_740_993_000n,
    ]);
    expect(JSON.stringify(price?.raw)).to.include('"9007199254.740993"');
  });

  it("may repeat what has an anchor", () => {
    const { prices: reading } = read(
      "prices:\n" +
        "- {provider: acme, model: one, components: &c [{unit: requests, cost_per_unit: 1}]}\n" +
        "- {provider: acme, model: two, components: *c}\n",
    );
    expect(reading.observations.map(amountsOf)).to.deep.equal([["requests 1000000"], ["requests 1000000"]]);
    expect(reading.observations[1]?.raw).to.deep.equal({
      provider: "acme",
      model: "two",
      components: [{ unit: "requests", cost_per_unit: "1" }],
    });
  });

  it("may follow each other in time", () => {
    const at = (day: string) =>
      `- {provider: acme, model: one, effective_date: ${day}, input_cost_per_million: 1}`;
    expect(
      read(["prices:", at("2026-01-01"), at("2026-02-01")].join("\n")).prices.observations,
    ).to.have.length(2);
  });

  it("may be none", () => {
    expect(read("prices: []")).to.deep.include({ markups: [] });
  });
});

/** One price whose lines are given; its first line is the second of the file. */
const price = (...lines: readonly string[]): string =>
  ["prices:", "- provider: acme", "  model: one", ...lines.map((line) => `  ${line}`)].join("\n");
const PRICED = "input_cost_per_million: 1";

const MISTAKES: readonly [what: string, text: string, line: number, pointer: string, detail: RegExp][] = [
  ["an empty file", "", 1, "", /It takes prices, markups/],
  ["no fields", "{}", 1, "", /must have at least one of prices, markups, sources, tolerance_percent/],
  ["an unknown part", "prices: []\nprize: []", 2, "/prize", /no field "prize"/],
  ["a list that is none", "prices: 3", 1, "/prices", /must be a list/],
  ["a list that is empty text", "prices:\n", 1, "/prices", /must be a list/],
  ["a row that is none", "prices:\n- 3", 2, "/prices/0", /must have fields/],
  [
    "a misspelt field",
    price("input_cost_per_milion: 1", PRICED),
    4,
    "/prices/0/input_cost_per_milion",
    /It takes/,
  ],
  ["a field with a name that no field has", price('"a/b~": 1', PRICED), 4, "/prices/0", /no such field/],
  ["an inherited name", price("constructor: 1", PRICED), 4, "/prices/0/constructor", /no field/],
  ["no model", "prices:\n- {provider: acme, input_cost_per_million: 1}", 2, "/prices/0", /model is missing/],
  [
    "an empty name",
    "prices:\n- {provider: ' ', model: a, input_cost_per_million: 1}",
    2,
    "/prices/0/provider",
    /text/,
  ],
  [
    "a name that is no text",
    "prices:\n- {provider: true, model: a, input_cost_per_million: 1}",
    2,
    "/prices/0/provider",
    /boolean/,
  ],
  [
    "half a character",
    'prices:\n- {provider: "\\ud800", model: a, input_cost_per_million: 1}',
    2,
    "/prices/0/provider",
    /text/,
  ],
  ["no price", price(), 2, "/prices/0", /It has no price/],
  ["no components", price("components: []"), 2, "/prices/0", /It has no price/],
  [
    "an amount in words",
    price("input_cost_per_million: free"),
    4,
    "/prices/0/input_cost_per_million",
    /decimal number/,
  ],
  [
    "an amount with a sign",
    price("input_cost_per_million: $3"),
    4,
    "/prices/0/input_cost_per_million",
    /decimal number/,
  ],
  ["a negative amount", price("input_cost_per_million: -1"), 4, "/prices/0/input_cost_per_million", /from 0/],
  [
    "no number",
    price("input_cost_per_million: .nan"),
    4,
    "/prices/0/input_cost_per_million",
    /decimal number/,
  ],
  ["a huge amount", price("input_cost_per_million: 1e10"), 4, "/prices/0/input_cost_per_million", /9223/],
  [
    "too many decimals",
    price("input_cost_per_million: 1e-10"),
    4,
    "/prices/0/input_cost_per_million",
    /9 decimals/,
  ],
  ["an empty amount", price("input_cost_per_million:"), 4, "/prices/0/input_cost_per_million", /is null/],
  [
    "an unknown unit",
    price("components:", "- {unit: tokens, cost_per_unit: 1}"),
    5,
    "/prices/0/components/0/unit",
    /input_tokens/,
  ],
  ["no cost", price("components:", "- {unit: requests}"), 5, "/prices/0/components/0", /either/],
  [
    "two costs",
    price("components:", "- {unit: requests, cost_per_unit: 1, cost_per_million: 1}"),
    5,
    "/prices/0/components/0",
    /either/,
  ],
  [
    "half a token",
    price("components:", "- {unit: requests, cost_per_unit: 1, above_input_tokens: 0.5}"),
    5,
    "/prices/0/components/0/above_input_tokens",
    /whole number/,
  ],
  [
    "a unit twice",
    price(PRICED, "components:", "- {unit: input_tokens, cost_per_unit: 1}"),
    6,
    "/prices/0/components/0",
    /at \/prices\/0\/input_cost_per_million/,
  ],
  ["an unknown tier", price("service_tier: slow", PRICED), 4, "/prices/0/service_tier", /standard, batch/],
  [
    "no day of the calendar",
    price("effective_date: 2026-02-30", PRICED),
    4,
    "/prices/0/effective_date",
    /a day such as/,
  ],
  [
    "an instant on no day",
    price("effective_date: 2026-02-30T10:00:00Z", PRICED),
    4,
    "/prices/0/effective_date",
    /a day such as/,
  ],
  [
    "an instant without an offset",
    price("effective_date: 2026-02-20T10:00:00", PRICED),
    4,
    "/prices/0/effective_date",
    /a day such as/,
  ],
  [
    "an end before its beginning",
    price("effective_date: 2026-02-02", "end_date: 2026-02-02", PRICED),
    5,
    "/prices/0/end_date",
    /later/,
  ],
  [
    "half of the hours",
    price('time_of_day: {start: "16:30"}', PRICED),
    4,
    "/prices/0/time_of_day",
    /end is missing/,
  ],
  [
    "an hour that is none",
    price('time_of_day: {start: "24:00", end: "01:00"}', PRICED),
    4,
    "/prices/0/time_of_day/start",
    /16:30/,
  ],
  [
    "no hours",
    price('time_of_day: {start: "01:00", end: "01:00:00"}', PRICED),
    4,
    "/prices/0/time_of_day",
    /no hours/,
  ],
  [
    "the same price twice",
    `${price(PRICED)}\n- {provider: ACME, model: acme/one, input_cost_per_million: 2}`,
    5,
    "/prices/1",
    /same as \/prices\/0/,
  ],
  ["a markup without a percentage", "markups:\n- provider: acme", 2, "/markups/0", /percent is missing/],
  [
    "a markup below free",
    "markups:\n- {provider: acme, percent: -99.1}",
    2,
    "/markups/0/percent",
    /-99 to 1000/,
  ],
  [
    "a markup above all sense",
    "markups:\n- {provider: acme, percent: 1000.0001}",
    2,
    "/markups/0/percent",
    /-99 to 1000/,
  ],
  [
    "a markup that is too fine",
    "markups:\n- {provider: acme, percent: 0.00001}",
    2,
    "/markups/0/percent",
    /4 decimals/,
  ],
  [
    "a markup twice",
    "markups:\n- {provider: xai, percent: 1}\n- {provider: x-ai, percent: 2}",
    3,
    "/markups/1",
    /same as \/markups\/0/,
  ],
  [
    "a markup of one region",
    "markups:\n- {provider: aws, model: eu.acme.one, percent: 1}",
    2,
    "/markups/0",
    /acme\.one/,
  ],
  ["a field twice", price(PRICED, PRICED), 5, "", /unique/],
  [
    "a field twice, by an alias",
    "prices:\n- {provider: &p provider, model: a, *p : b, input_cost_per_million: 1}",
    2,
    "/prices/0/null",
    /no field/,
  ],
  ["a bracket that is open", "prices: [", 1, "", /end with a \]/],
  ["two documents", "prices: []\n---\nprices: []", 2, "", /one document/],
  ["an unknown tag", "prices: !secret []", 1, "", /Unresolved tag/],
  ["an alias of nothing", "prices: *none", 1, "", /no anchor &none/],
  ["a list within itself", "prices: &p [*p]", 1, "/prices/0", /must have fields/],
  ["nesting without an end", "[".repeat(50_000), 1, "", /./],
];

describe("a mistake in custom prices", () => {
  for (const [what, text, line, pointer, detail] of MISTAKES) {
    it(`is named with its line: ${what}`, () => {
      const [problem] = problemsOf(text);
      expect(problem).to.include(pointer === "" ? {} : { line, pointer });
      if (line > 1) expect(problem?.line).to.equal(line);
      expect(problem?.line).to.be.at.least(1);
      expect(problem?.column).to.be.at.least(1);
      expect(problem?.detail).to.match(detail);
    });
  }

  it("is one of several, and none of the file is read", () => {
    const text = `${price(PRICED)}\n- {provider: acme, input_cost_per_million: x}\nmarkups: [{percent: 5000}]`;
    expect(problemsOf(text).map(({ line, column, pointer }) => [line, column, pointer])).to.deep.equal([
      [5, 3, "/prices/1"],
      [5, 44, "/prices/1/input_cost_per_million"],
      [6, 11, "/markups/0"],
      [6, 21, "/markups/0/percent"],
    ]);
  });

  it("is too many aliases", () => {
    const aliases = (count: number) => `prices: [${"*a, ".repeat(count)}]\nmarkups: &a []`;
    expect(problemsOf(aliases(1))[0]?.detail).to.match(/no anchor/);
    const bomb = ["prices: [&a [x]", ...Array.from({ length: 101 }, () => "*a")].join(", ");
    expect(problemsOf(`${bomb}]`).map(({ detail }) => detail)).to.deep.equal([
      "There are more than 100 aliases; write the values themselves.",
    ]);
  });

  it("never throws, whatever the file holds", () => {
    const words = fc.constantFrom(
      "prices",
      "markups",
      "provider",
      "model",
      "components",
      "unit",
      "percent",
      "time_of_day",
      "start",
      "effective_date",
      "2026-09-01",
      "input_tokens",
      "cost_per_unit",
      "&a",
      "*a",
      "<<",
      "!!float",
      "- ",
      ": ",
      "\n",
      "\n  ",
      "{",
      "}",
      "[",
      "]",
      ",",
      "'",
      '"',
      "? ",
      "| ",
      "0.1",
      "-1",
      ".inf",
      "0x1F",
      "1e400",
      "%YAML 1.1",
      "---",
      "__proto__",
      "\t",
      "~",
      "null",
      "true",
    );
    const text = fc.oneof(
      fc.array(words, { maxLength: 40 }).map((parts) => parts.join("")),
      fc.json(),
      fc.string(),
      fc
        .tuple(fc.nat(EVERYTHING.length), fc.nat(8), words)
        .map(([at, length, word]) => EVERYTHING.slice(0, at) + word + EVERYTHING.slice(at + length)),
    );
    fc.assert(
      fc.property(text, (file) => {
        const outcome = readPriceFile("prices.yaml", file, SOURCE_NAMES);
        if (outcome.ok)
          expect(() => JSON.stringify(outcome.file.prices.observations.map(({ raw }) => raw))).to.not.throw();
        else expect(outcome.problems).to.not.be.empty;
      }),
      { numRuns: 2000 },
    );
  });
});

describe("settings of sources", () => {
  const settings = (lines: string) => read(`sources:\n${lines}`).sources;

  it("are all there is about a source", () => {
    const all = `
  - source: litellm
    enabled: true
    address: http://10.0.0.7/litellm.json
    lineage: ours
    trust: 0.25
    interval_minutes: 90
    allow_http: true
    allow_private_addresses: true
  - { source: openrouter, enabled: false }`;
    expect(settings(all)).to.deep.equal([
      {
        source: "litellm",
        enabled: true,
        address: "http://10.0.0.7/litellm.json",
        lineage: "ours",
        trust_ppm: 250_000,
        interval_ms: 90 * 60_000,
        allow_http: true,
        allow_private_addresses: true,
      },
      { source: "openrouter", enabled: false },
    ]);
  });

  const MISTAKES: readonly [lines: string, expected: RegExp][] = [
    ["- { source: gossip }", /It is gossip; it must be one of genai_prices, models_dev, litellm/],
    ["- { enabled: true }", /source is missing/],
    ["- { source: litellm, enabled: maybe }", /true or false/],
    ["- { source: litellm, address: ftp://prices.example.com }", /an address such as https:/],
    ["- { source: litellm, trust: 1.5 }", /from 0 to 1/],
    ["- { source: litellm, interval_minutes: 0 }", /from 1 to 525600/],
    ["- { source: litellm }\n- { source: litellm }", /leave one of the two out/],
    ["- { source: litellm, intervall: 5 }", /no field "intervall"/],
  ];
  for (const [lines, expected] of MISTAKES) {
    it(`cannot be ${lines}`, () => {
      const [problem] = problemsOf(`sources:\n${lines}`);
      expect(problem?.detail).to.match(expected);
      expect(problem?.line).to.be.greaterThan(1);
    });
  }

  it("has a tolerance of 1 % unless another one is given", () => {
    expect(read("markups: []").tolerance_ppm).to.equal(10_000);
    expect(read("tolerance_percent: 2.5").tolerance_ppm).to.equal(25_000);
    expect(problemsOf("tolerance_percent: 11")[0]?.detail).to.match(/from 0 to 10/);
  });

  const shown = (file: string, interval_ms = 1000) =>
    createPriceSources(interval_ms, read(file)).map(({ name, trust_ppm, lineage, address, ...source }) => ({
      name,
      trust_ppm,
      lineage,
      address,
      interval_ms: source.interval_ms,
    }));
  const namesOf = (file: string, interval_ms = 1000) => shown(file, interval_ms).map(({ name }) => name);

  it("turn sources on and off, and keep the order", () => {
    const standard = ["price_file", "genai_prices", "models_dev", "litellm", "llm_prices", "openrouter"];
    expect(namesOf("markups: []")).to.deep.equal(standard);
    expect(namesOf("sources:\n- { source: litellm, enabled: false }")).to.deep.equal(
      standard.filter((name) => name !== "litellm"),
    );
    expect(namesOf("sources:\n- { source: genai_prices, enabled: false }")).to.not.include("genai_prices");
    expect(namesOf("sources:\n- { source: litellm, enabled: true }", 0)).to.deep.equal([
      "price_file",
      "genai_prices",
    ]);
  });

  it("say why a source is off", () => {
    const whyOff = (file: string, interval_ms: number) =>
      Object.fromEntries(priceSourcesOff(interval_ms, read(file)).map(({ name, why }) => [name, why]));
    const opt_in = "It is read only where the prices file turns it on.";
    const standard = { portkey: opt_in, llm_prices_page: opt_in, pretrained_ai: opt_in };
    expect(whyOff("markups: []", 1000)).to.deep.equal(standard);
    const never = "PRICE_UPDATE_INTERVAL is 0.";
    const turned_off = "It is turned off in the prices file.";
    const lines = "sources:\n- { source: portkey, enabled: true }\n- { source: litellm, enabled: false }";
    expect(whyOff(lines, 0)).to.deep.equal({
      ...standard,
      models_dev: never,
      litellm: turned_off,
      llm_prices: never,
      openrouter: never,
      portkey: never,
    });
    expect(whyOff("sources:\n- { source: genai_prices, enabled: false }", 1000)).to.include({
      genai_prices: turned_off,
    });
  });

  it("take the place of what a source comes with", () => {
    const file =
      "sources:\n- { source: litellm, address: 'https://a.example/p', lineage: a, trust: 0.5, interval_minutes: 2 }";
    expect(shown(file)).to.deep.include({
      name: "litellm",
      trust_ppm: 500_000,
      lineage: "a",
      address: "https://a.example/p",
      interval_ms: 120_000,
    });
  });
});
