import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { SourceFault } from "@budget/domain";
import { DEFAULT_FETCH_OPTIONS, NO_PRICE_FILE, createPriceSources } from "@budget/price-sources";
import { PriceRepository } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { TestMonitor } from "./support.ts";

/** Dollars for a million tokens, by the name of the model. */
type Amounts = Readonly<Record<string, { readonly input: number; readonly output: number }>>;
type Answer = (response: ServerResponse, path: string) => void;

const MODELS = Array.from({ length: 10 }, (_, index) => `gpt-${index}x`);
const RIGHT: Amounts = Object.fromEntries(
  MODELS.map((name, index) => [name, { input: 1 + index, output: 4 + 4 * index }]),
);
const FIRST = MODELS[0]!;
const withFirst = (input: number, output: number): Amounts => ({ ...RIGHT, [FIRST]: { input, output } });

const json =
  (value: unknown): Answer =>
  (response) => {
    response.setHeader("content-type", "application/json").end(JSON.stringify(value));
  };
const html =
  (body: string): Answer =>
  (response) => {
    response.setHeader("content-type", "text/html; charset=utf-8").end(body);
  };

const models = (amounts: Amounts) => Object.entries(amounts);

/** The same prices in the form of each source. */
const FORMS = {
  models_dev: (amounts: Amounts): Answer =>
    json({
      openai: {
        models: Object.fromEntries(models(amounts).map(([id, cost]) => [id, { id, cost }])),
      },
    }),
  litellm: (amounts: Amounts): Answer =>
    json(
      Object.fromEntries(
        models(amounts).map(([name, { input, output }]) => [
          name,
          {
            litellm_provider: "openai",
            mode: "chat",
            input_cost_per_token: input / 1e6,
            output_cost_per_token: output / 1e6,
          },
        ]),
      ),
    ),
  llm_prices_page: (
    amounts: Amounts,
    headers = ["Input ($ / 1M tokens)", "Output ($ / 1M tokens)"],
  ): Answer =>
    html(
      `<table><tr><th>Provider</th><th>Model</th>${headers.map((one) => `<th>${one}</th>`).join("")}</tr>${models(
        amounts,
      )
        .map(
          ([name, { input, output }]) =>
            `<tr><td>OpenAI</td><td>${name}</td><td>$${input}</td><td>$${output}</td></tr>`,
        )
        .join("")}</table>`,
    ),
} as const;
type SourceName = keyof typeof FORMS;
const NAMES = Object.keys(FORMS) as SourceName[];

const half = (amounts: Amounts): Amounts => Object.fromEntries(models(amounts).slice(0, 5));

const cutShort: Answer = (response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": "1000" });
  response.write('{"gpt-0x": {');
  response.destroy();
};

/** What a source may do, and what the run says of it. Nothing of it changes what is charged. */
const HOSTILE: readonly [what: string, source: SourceName, answer: Answer, fault: SourceFault][] = [
  ["answers 500", "litellm", (response) => response.writeHead(500).end("{}"), "HTTP"],
  ["never answers", "litellm", () => undefined, "HTTP"],
  ["hangs up in the middle", "litellm", cutShort, "HTTP"],
  [
    "sends half of its JSON",
    "litellm",
    (response) => response.end('{"gpt-0x": {"input_cost'),
    "NOT_READABLE",
  ],
  ["sends a page instead of JSON", "models_dev", html("<html>Sign in</html>"), "NOT_READABLE"],
  ["sends JSON of another form", "models_dev", json({ openai: [1, 2, 3] }), "MISSING_REQUIRED"],
  ["sends 50 MB", "models_dev", (response) => response.end(Buffer.alloc(50 * 1024 * 1024, 32)), "TOO_BIG"],
  [
    "sends 50 MB that are packed small",
    "models_dev",
    (response) =>
      response.setHeader("content-encoding", "gzip").end(gzipSync(Buffer.alloc(50 * 1024 * 1024, 32))),
    "TOO_BIG",
  ],
  [
    "redirects in a circle",
    "litellm",
    (response, path) => response.writeHead(302, { location: path }).end(),
    "HTTP",
  ],
  [
    "renames the headers of its table",
    "llm_prices_page",
    FORMS.llm_prices_page(RIGHT, ["Reading", "Writing"]),
    "MISSING_REQUIRED",
  ],
  ["lost half of its rows", "llm_prices_page", FORMS.llm_prices_page(half(RIGHT)), "LOW_ROWS"],
  ["lost half of its models", "litellm", FORMS.litellm(half(RIGHT)), "LOW_ROWS"],
];

for (const kind of TEST_DATABASES) {
  describe(`sources over HTTP on ${kind.name}`, () => {
    let server: Server;
    let answers: Record<SourceName, Answer>;
    let test: TestMonitor;

    before(async () => {
      server = createServer(({ url = "" }, response) => {
        const answer = answers[url.slice(1) as SourceName] as Answer | undefined;
        if (answer === undefined) response.writeHead(404).end();
        else answer(response, url);
      });
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    });
    after(async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    });
    beforeEach(async () => {
      answers = {
        models_dev: FORMS.models_dev(RIGHT),
        litellm: FORMS.litellm(RIGHT),
        llm_prices_page: FORMS.llm_prices_page(RIGHT),
      };
      test = await TestMonitor.open(kind, { sources: sources() });
      await test.run(NAMES);
      expect(await charged()).to.deep.equal(
        MODELS.map((name) => [name, RIGHT[name]!.input, RIGHT[name]!.output, "verified"]),
      );
    });
    afterEach(() => test.close());

    /** The sources at the test's server; the later two copy from each other where `lineage` is theirs. */
    function sources(lineage?: string) {
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const settings = NAMES.map((source, index) => ({
        source,
        enabled: true,
        address: `${origin}/${source}`,
        allow_http: true,
        allow_private_addresses: true,
        ...(lineage === undefined || index === 0 ? {} : { lineage }),
      }));
      const file = { ...NO_PRICE_FILE, sources: settings };
      const options = { ...DEFAULT_FETCH_OPTIONS, retries: 0, timeout_ms: 3000 };
      return createPriceSources(1000, file, options).filter(({ name }) => NAMES.includes(name as SourceName));
    }

    /** Every price in force, in dollars for a million tokens, with its status. */
    async function charged(): Promise<readonly unknown[]> {
      const prices = await new PriceRepository(test.database).sharedNow(test.clock.now_ms);
      return prices
        .map(({ model, components, status }) => [
          model,
          ...components.map(({ amount_femto_usd }) => Number(amount_femto_usd) / 1e9),
          status,
        ])
        .sort();
    }

    for (const [what, source, answer, fault] of HOSTILE) {
      it(`one that ${what} is not believed, and what is charged stays`, async () => {
        const before = await charged();
        answers[source] = answer;
        const run = await test.run(NAMES);
        const reports = run.report!.sources.map(({ source: name, outcome, fault: why }) => [
          name,
          outcome,
          why,
        ]);
        expect(reports).to.deep.equal(
          NAMES.map((name) => (name === source ? [name, "failed", fault] : [name, "read", null])),
        );
        expect(await charged()).to.deep.equal(before);
        expect(await test.reviews()).to.deep.equal([]);
        const [state] = (await test.monitor.sources()).filter(({ source: name }) => name === source);
        expect(state).to.deep.include({ failures: 1, fault });
        answers[source] = FORMS[source](RIGHT);
        expect((await test.run(NAMES)).report!.sources.map(({ outcome }) => outcome)).to.deep.equal([
          "read",
          "read",
          "read",
        ]);
      });
    }

    for (const source of NAMES) {
      it(`${source} with a price that is 1000 times too high changes nothing`, async () => {
        const before = await charged();
        answers[source] = FORMS[source](withFirst(1000, 4000));
        const run = await test.run(NAMES);
        expect(run.report!.sources.find(({ source: name }) => name === source)).to.deep.include({
          outcome: "read",
          changed: 1,
          rejected: 1,
        });
        expect(await charged()).to.deep.equal(before);
        expect(await test.reviews()).to.deep.equal([]);
      });
    }

    it("two of one lineage that agree on a wrong price are one voice against the third", async () => {
      const copies = await TestMonitor.open(kind, { sources: sources("one hand"), before: test });
      answers.litellm = FORMS.litellm(withFirst(2, 8));
      answers.llm_prices_page = FORMS.llm_prices_page(withFirst(2, 8));
      const before = await charged();
      await copies.run(NAMES);
      await copies.run(NAMES);
      expect(await charged()).to.deep.equal(before);
      const reviews = await copies.reviews();
      expect(
        reviews.map(({ kind: why, model, candidates }) => [why, model, candidates.length]),
      ).to.deep.equal([["conflict", FIRST, 3]]);
      expect((await copies.alerts()).map(({ kind: what }) => what)).to.deep.equal(["price_review"]);
    });
  });
}
