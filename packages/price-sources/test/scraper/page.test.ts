import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { JSDOM } from "jsdom";
import { gridOf } from "../../src/scraper/grid.ts";
import { LLM_PRICES_PAGE, PRETRAINED_AI, type PageLayout } from "../../src/scraper/layout.ts";
import { readPricePage } from "../../src/scraper/page.ts";
import { visibleText } from "../../src/scraper/visible-text.ts";
import type { PriceComponent } from "@budget/domain";
import { amountsOf } from "../support.ts";

const FEW: PageLayout = { ...LLM_PRICES_PAGE, least_rows: 1 };

function reading(html: string, layout: PageLayout = FEW) {
  const outcome = readPricePage(html, layout);
  if (!outcome.ok) throw new Error(`${outcome.fault}: ${outcome.detail}`);
  return outcome.reading;
}

const faultOf = (html: string, layout: PageLayout = FEW) => {
  const outcome = readPricePage(html, layout);
  return outcome.ok ? "ok" : `${outcome.fault}: ${outcome.detail}`;
};

const byUnit = (components: readonly PriceComponent[] = []): Record<string, string> =>
  Object.fromEntries(amountsOf({ components }).map((line) => line.split(" ") as [string, string]));

const pricesOf = (html: string, layout: PageLayout = FEW) =>
  Object.fromEntries(
    reading(html, layout).observations.map((one) => [`${one.provider}/${one.model}`, byUnit(one.components)]),
  );

const row = (...cells: readonly string[]) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
const table = (header: readonly string[], ...rows: readonly string[]) =>
  `<table><tr>${header.map((cell) => `<th>${cell}</th>`).join("")}</tr>${rows.join("")}</table>`;
const HEADER = ["Provider", "Model", "Input", "Output"];

describe("a page with a table of prices", () => {
  it("is read row by row, each with the unit that it says", () => {
    const html = table(
      [...HEADER, "Context"],
      row("OpenAI", "Alpha 1", "$0.004/1K tokens", "$0.02/1K tokens", "128K"),
      row("Mistral AI", "beta-embed", "$0.5 per 1M", "—", "8K"),
      row("Acme Labs", "Gamma", "Free", "Free", "8K"),
    );
    expect(pricesOf(html)).to.deep.equal({
      "openai/alpha-1": { input_tokens: "4", output_tokens: "20" },
      "mistral/beta-embed": { input_tokens: "0.5" },
      "acme-labs/gamma": { input_tokens: "0", output_tokens: "0" },
    });
  });

  it("takes the unit from the header, the caption, or the layout, in this order", () => {
    const rows = row("acme", "one", "$2", "$4");
    const perThousand = ["Provider", "Model", "Input per 1K tokens", "Output per 1K tokens"];
    expect(pricesOf(table(perThousand, rows))["acme/one"]).to.deep.equal({
      input_tokens: "2000",
      output_tokens: "4000",
    });
    const captioned = table(HEADER, rows).replace("<table>", "<table><caption>USD per 1M tokens</caption>");
    expect(pricesOf(captioned)["acme/one"]).to.deep.equal({ input_tokens: "2", output_tokens: "4" });
    const configured: PageLayout = { ...FEW, terms: { scale: 6 } };
    expect(pricesOf(table(HEADER, rows), configured)["acme/one"]?.input_tokens).to.equal("2");
    expect(faultOf(table(HEADER, rows))).to.match(/^UNIT_UNKNOWN: .*"Input" is "\$2"/);
  });

  it("sets aside what is no price, and says why", () => {
    const html = table(
      HEADER,
      row("acme", "one", "$1 / MTok", "$2 / MTok"),
      row("acme", "yuan", "¥2 / MTok", "¥8 / MTok"),
      row("acme", "sales", "Contact sales", ""),
      row("acme", "least", "from $3 / MTok", "$9 / MTok"),
      row("acme", "plain", "3 / MTok", "9 / MTok"),
      row("acme", "nothing", "—", "—"),
      row("", "whose", "$1 / MTok", "$2 / MTok"),
    );
    const { observations, set_aside } = reading(html);
    expect(observations.map(({ model }) => model)).to.deep.equal(["one"]);
    expect(
      Object.fromEntries(set_aside.map(({ name, reason }) => [name.split("/").at(-1), reason])),
    ).to.deep.equal({
      yuan: "other_currency",
      sales: "unreadable_cell",
      least: "no_price",
      plain: "currency_unknown",
      nothing: "no_price",
      whose: "provider_unknown",
    });
  });

  it("is read as people see it: no footnotes, nothing hidden, nothing struck through", () => {
    const html = table(
      HEADER,
      row(
        "acme",
        "One (<a href='#'>retired</a>, except here)",
        "<s>$9 / MTok</s> $0.25 / MTok<sup>1</sup>",
        "<span style='display: none'>$7</span><del>$3</del>$1 / MTok<span hidden>!</span>",
      ),
    );
    expect(pricesOf(html)).to.deep.equal({ "acme/one": { input_tokens: "0.25", output_tokens: "1" } });
    expect(reading(html).observations[0]?.raw).to.deep.equal({
      Provider: "acme",
      Model: "One (retired, except here)",
      Input: "$0.25 / MTok",
      Output: "$1 / MTok",
    });
  });

  it("has caches, two prices in a cell, and context tiers", () => {
    const html =
      table(
        [
          "Provider",
          "Model",
          "Base input tokens",
          "5m cache writes",
          "1h cache writes",
          "Cache hits and refreshes",
          "Output",
        ],
        row("acme", "one", "$10 / MTok", "$12.50 / MTok", "$20 / MTok", "$1 / MTok", "$50 / MTok"),
      ) +
      table(["Provider", "Model", "Input / output (per 1M)"], row("acme", "two", "$3 / $15")) +
      table(HEADER, row("acme", "three", "$1 (≤ 200k)<br>$2 (> 200k) per 1M", "$8 / 1M"));
    expect(pricesOf(html)).to.deep.equal({
      "acme/one": {
        input_tokens: "10",
        cache_write_tokens: "12.5",
        cache_write_1h_tokens: "20",
        cache_read_tokens: "1",
        output_tokens: "50",
      },
      "acme/two": { input_tokens: "3", output_tokens: "15" },
      "acme/three": { input_tokens: "1", "input_tokens>200000": "2", output_tokens: "8" },
    });
  });

  it("may name its provider in the heading above it", () => {
    const header = ["Model", "Input per 1M", "Output per 1M"];
    const html = `<h2>OpenAI</h2>${table(header, row("A", "$1", "$2"))}<h2>Acme</h2>${table(header, row("B", "$3", "$4"))}`;
    expect(Object.keys(pricesOf(html))).to.deep.equal(["openai/a", "acme/b"]);
  });
});

const TRANSPOSED = `<table>
  <tr><td colspan="2">MODEL</td><td>swift<sup>(1)</sup></td><td>deep</td></tr>
  <tr><td colspan="2">CONTEXT LENGTH</td><td colspan="2">1M</td></tr>
  <tr><td rowspan="4">1M INPUT TOKENS</td><td>OFF-PEAK</td><td>$1</td><td>$5</td></tr>
  <tr><td>PEAK</td><td>$2</td><td>$6</td></tr>
</table>`;
const HOURS: PageLayout = {
  ...FEW,
  provider: "acme",
  hours: {
    "off-peak": { start: "16:30:00", end: "00:30:00" },
    peak: { start: "00:30:00", end: "16:30:00" },
  },
};

describe("a page with a model in each column", () => {
  it("is read by the labels of its rows, for the hours that the layout knows", () => {
    const { observations } = reading(TRANSPOSED, HOURS);
    expect(
      observations.map(({ model, time_of_day, components }) => [
        model,
        time_of_day?.start,
        byUnit(components).input_tokens,
      ]),
    ).to.deep.equal([
      ["swift", "16:30:00", "1"],
      ["swift", "00:30:00", "2"],
      ["deep", "16:30:00", "5"],
      ["deep", "00:30:00", "6"],
    ]);
  });

  it("makes no price of hours that nobody knows", () => {
    const outcome = readPricePage(TRANSPOSED, { ...HOURS, hours: {} });
    expect(outcome.ok).to.equal(false);
  });
});

describe("a page with cards", () => {
  it("is read by its headings and lines", () => {
    const html = `<h2>OpenAI</h2>
      <div><div><h3>Alpha 4</h3><p>Input: $2.50 per 1M tokens</p><p>Output: $10.00 per 1M tokens</p><p>Fast and wise</p></div>
      <div><h3>Alpha 4 mini</h3><span>Prompt $0.00015 / 1K tokens</span><span>Completion $0.0006 / 1K tokens</span></div></div>
      <h2>Acme</h2><div><h3>Beta 4.5</h3><p>Input: $1 / MTok</p><p>Cached input: $0.1 / MTok</p><p>Output: $5 / MTok</p></div>`;
    expect(pricesOf(html, PRETRAINED_AI)).to.deep.equal({
      "openai/alpha-4": { input_tokens: "2.5", output_tokens: "10" },
      "openai/alpha-4-mini": { input_tokens: "0.15", output_tokens: "0.6" },
      "acme/beta-4.5": { input_tokens: "1", cache_read_tokens: "0.1", output_tokens: "5" },
    });
  });
});

describe("a page that is no page of prices", () => {
  const one = row("acme", "one", "$1 / MTok", "$2 / MTok");
  const FAULTS: readonly [what: string, html: string, expected: RegExp, layout?: PageLayout][] = [
    ["nothing", "", /^EMPTY/],
    ["text", "<p>We moved.</p>", /^EMPTY/],
    [
      "scripts that would fill it",
      "<div id=root></div><script>document.body.innerHTML = '<table>'</script>",
      /^EMPTY/,
    ],
    [
      "changed headers",
      table(["Vendor", "Product", "Preis Eingabe", "Preis Ausgabe"], one),
      /^MISSING_REQUIRED: .*headers are Vendor, Product, Preis Eingabe, Preis Ausgabe/,
    ],
    ["too few rows", table(HEADER, one), /^LOW_ROWS: There are 1 prices, and at least 3/, LLM_PRICES_PAGE],
    ["no unit", table(HEADER, row("acme", "one", "$1", "$2")), /^UNIT_UNKNOWN/],
    [
      "elements that are nested without end",
      `<h3>one</h3>${"<div>".repeat(40_000)}`,
      /^NOT_READABLE: Its elements are nested more than 500 deep\.$/,
    ],
    ["elements that are nested by their styles", `<p>${"<b><i><u>".repeat(20_000)}`, /^NOT_READABLE/],
    ["tables that are nested without end", "<table><tr><td>".repeat(14_000), /^NOT_READABLE/],
    ["no price at all", table(HEADER, row("acme", "one", "ask", "us")), /^EMPTY/],
  ];
  for (const [what, html, expected, layout] of FAULTS) {
    it(`has ${what}`, () => {
      expect(faultOf(html, layout)).to.match(expected);
    });
  }

  it("is bounded, however much it spans, repeats and nests", () => {
    const wide = `<table><tr><td colspan="100000" rowspan="100000">Model</td></tr>${"<tr><td>x</td></tr>".repeat(3000)}</table>`;
    const grid = gridOf(new JSDOM(wide).window.document.querySelector("table")!);
    expect(grid.rows).to.have.length(2000);
    expect(Math.max(...grid.rows.map((cells) => cells.length))).to.be.at.most(41);
    const deep = "<div>".repeat(5000) + "$1" + "</div>".repeat(5000);
    expect(visibleText(new JSDOM(`<p>${deep}</p>`).window.document.body)).to.equal("$1");
    const long = table(HEADER, row("acme", "x".repeat(500_000), "1 ".repeat(300_000), "$1 / MTok"));
    expect(faultOf(long)).to.match(/^EMPTY/);
  });

  it("may be nested 500 deep, and is read in time that grows with its size", () => {
    // The document and its body are around them.
    const within = (depth: number, inside: string) =>
      "<div>".repeat(depth - 2) + inside + "</div>".repeat(depth - 2);
    const prices = table(HEADER, one);
    // A table has its body, its rows and their cells inside.
    expect(faultOf(within(496, prices))).to.equal("ok");
    expect(faultOf(within(497, prices))).to.match(/^NOT_READABLE/);
    const lines = "<p>Nothing.</p>".repeat(2_000);
    expect(faultOf(prices + "<h3>two</h3>" + within(499, lines))).to.equal("ok");
  });

  it("reads the rows of a table without those of tables in it", () => {
    const inner = table(HEADER, row("acme", "inside", "$3 / MTok", "$4 / MTok"));
    const outer = table(HEADER, one, row(inner, "", "", ""));
    expect(Object.keys(pricesOf(outer))).to.deep.equal(["acme/one", "acme/inside"]);
  });

  it("never makes the reader throw", () => {
    const pieces = fc.constantFrom(
      "<table>",
      "</table>",
      "<tr>",
      "<td>",
      "<td rowspan=3>",
      "<td colspan=9>",
      "<th>Model",
      "<th>Input",
      "<th>Provider",
      "<h2>acme</h2>",
      "<h3>one</h3>",
      "<p>Input: $1 / MTok</p>",
      "$2 / MTok",
      "free",
      "<s>",
      "<caption>USD",
      "1M INPUT TOKENS",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        const outcome = readPricePage(parts.join(""), FEW);
        if (outcome.ok) expect(outcome.reading.observations).to.not.be.empty;
      }),
      { numRuns: 150 },
    );
  });
});

const folder = join(process.env.BUDGET_FIXTURES ?? "", "price-sources", "html");
const page = (name: string): string => readFileSync(join(folder, name), "utf8");

if (process.env.BUDGET_FIXTURES !== undefined) {
  describe("pages with the structure of real ones", () => {
    it("with a table", () => {
      expect(pricesOf(page("a-tekton-llmprices-expected.html"), LLM_PRICES_PAGE)).to.deep.equal({
        "openai/gpt-4o": { input_tokens: "2.5", output_tokens: "10" },
        "anthropic/claude-sonnet-4-5": { input_tokens: "3", output_tokens: "15" },
        "mistral/mistral-embed": { input_tokens: "0.1" },
        "google/gemma-free": { input_tokens: "0", output_tokens: "0" },
      });
    });

    it("with cards", () => {
      expect(pricesOf(page("b-tekton-pretrained-cards.html"), PRETRAINED_AI)).to.deep.equal({
        "openai/gpt-4o": { input_tokens: "2.5", output_tokens: "10" },
        "openai/gpt-4o-mini": { input_tokens: "0.15", output_tokens: "0.6" },
        "anthropic/claude-haiku-4.5": { input_tokens: "1", output_tokens: "5" },
      });
    });

    it("with footnotes", () => {
      const layout: PageLayout = { ...FEW, provider: "anthropic" };
      expect(pricesOf(page("c-footnotes-anthropic-shape.html"), layout)).to.deep.equal({
        "anthropic/claude-fable-5.1": {
          input_tokens: "10",
          cache_write_tokens: "12.5",
          cache_write_1h_tokens: "20",
          cache_read_tokens: "0.25",
          output_tokens: "50",
        },
        "anthropic/claude-opus-4.1": {
          input_tokens: "15",
          cache_write_tokens: "18.75",
          cache_write_1h_tokens: "30",
          cache_read_tokens: "1.5",
          output_tokens: "75",
        },
      });
    });

    it("with rows for columns", () => {
      const { observations } = reading(page("d-transposed-rowspan-deepseek-shape.html"), {
        ...HOURS,
        provider: "deepseek",
      });
      expect(observations).to.have.length(4);
      const [swift] = observations;
      expect(swift?.model).to.equal("deepseek-flash");
      expect(byUnit(swift?.components)).to.deep.equal({
        cache_read_tokens: "0.003",
        input_tokens: "0.15",
        output_tokens: "0.6",
      });
    });
  });
}
