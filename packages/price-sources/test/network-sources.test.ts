import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { SourceCredential } from "@budget/domain";
import { expect } from "chai";
import { DEFAULT_FETCH_OPTIONS } from "../src/fetch-source.ts";
import { NO_PRICE_FILE } from "../src/price-file.ts";
import type { LastRead } from "../src/price-source.ts";
import { createPriceSources } from "../src/sources.ts";

interface Answer {
  readonly status: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const NEVER_READ: LastRead = { etag: null, last_modified: null };
const PAGE = `<h2>Acme</h2>
  <h3>One</h3><p>Input: $1 / MTok</p><p>Output: $2 / MTok</p>
  <h3>Two</h3><p>Input: $3 / MTok</p>
  <h3>Three</h3><p>Input: $5 / MTok</p>`;
const html = (body: string, more: Record<string, string> = {}): Answer => ({
  status: 200,
  body,
  headers: { "content-type": "text/html; charset=utf-8", ...more },
});
const json = (value: unknown): Answer => ({
  status: 200,
  body: JSON.stringify(value),
  headers: { "content-type": "application/json" },
});

describe("a source on the network", () => {
  let server: Server;
  let origin: string;
  let answers: Record<string, Answer>;
  let asked: string[];
  let credentials_seen = new Set<string | undefined>();
  before(async () => {
    server = createServer((request, response) => {
      const path = request.url ?? "";
      asked.push(path);
      credentials_seen.add(request.headers.authorization);
      const isKnown = request.headers["if-none-match"] === answers[path]?.headers?.etag;
      const answer = answers[path] ?? { status: 404 };
      response.writeHead(isKnown && answer.headers?.etag !== undefined ? 304 : answer.status, answer.headers);
      response.end(isKnown && answer.headers?.etag !== undefined ? undefined : answer.body);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  });
  beforeEach(() => {
    asked = [];
    answers = {};
  });

  /** Reads a source from the test's server. */
  function read(
    name: string,
    path: string,
    last: LastRead = NEVER_READ,
    credential: SourceCredential | null = null,
  ) {
    const settings = {
      source: name,
      enabled: true,
      address: origin + path,
      allow_http: true,
      allow_private_addresses: true,
    };
    const file = { ...NO_PRICE_FILE, sources: [settings] };
    const sources = createPriceSources(1000, file, {
      ...DEFAULT_FETCH_OPTIONS,
      retries: 0,
      timeout_ms: 5000,
    });
    const source = sources.find((one) => one.name === name);
    if (source === undefined) throw new Error(`There is no source ${name}.`);
    return source.read(last, credential);
  }

  it("that is a page is read where robots.txt says nothing, and only where it changed", async () => {
    answers["/pricing"] = html(PAGE, { etag: '"7"' });
    const first = await read("pretrained_ai", "/pricing");
    if (first.status !== "read") throw new Error(JSON.stringify(first));
    expect(first.reading.observations.map(({ provider, model }) => `${provider}/${model}`)).to.deep.equal([
      "acme/one",
      "acme/two",
      "acme/three",
    ]);
    expect(asked).to.deep.equal(["/robots.txt", "/pricing"]);
    expect(await read("pretrained_ai", "/pricing", first)).to.deep.equal({ status: "not_modified" });
  });

  const REFUSED: readonly [what: string, robots: Answer, detail: RegExp][] = [
    [
      "all robots",
      { status: 200, body: "User-agent: *\nDisallow: /" },
      /does not allow budget-price-monitor/,
    ],
    [
      "this one",
      { status: 200, body: "User-agent: budget-price-monitor\nDisallow: /pricing" },
      /does not allow budget-price-monitor/,
    ],
    ["nobody knows whom", { status: 500 }, /Whether robots may read it is not known/],
  ];
  for (const [what, robots, detail] of REFUSED) {
    it(`that is a page is not read where its robots.txt keeps out ${what}`, async () => {
      answers["/robots.txt"] = robots;
      answers["/pricing"] = html(PAGE);
      const outcome = await read("pretrained_ai", "/pricing");
      expect(outcome).to.include({ status: "failed", fault: "HTTP" });
      expect(outcome.status === "failed" && outcome.detail).to.match(detail);
      expect(asked).to.deep.equal(["/robots.txt"]);
    });
  }

  it("that is a page is read where robots.txt keeps out others", async () => {
    answers["/robots.txt"] = {
      status: 200,
      body: "User-agent: nosy\nDisallow: /\n\nUser-agent: *\nAllow: /",
    };
    answers["/pricing"] = html(PAGE);
    expect((await read("pretrained_ai", "/pricing")).status).to.equal("read");
  });

  it("that is a page says what it found where that is no page of prices", async () => {
    answers["/"] = html(
      "<table><tr><th>Vendor</th><th>Product</th></tr><tr><td>a</td><td>b</td></tr></table>",
    );
    const changed = await read("llm_prices_page", "/");
    expect(changed).to.deep.include({ status: "failed", fault: "MISSING_REQUIRED" });
    expect(changed.status === "failed" && changed.detail).to.contain("the headers are Vendor, Product");
    answers["/"] = json({ prices: [] });
    expect(await read("llm_prices_page", "/")).to.include({ status: "failed", fault: "HTTP" });
    answers["/"] = html("x".repeat(3 * 1024 * 1024));
    expect(await read("llm_prices_page", "/")).to.include({ status: "failed", fault: "TOO_BIG" });
    answers["/"] = { status: 503 };
    expect(await read("llm_prices_page", "/")).to.include({ status: "failed", fault: "HTTP" });
  });

  it("that has a file for each provider is read as a whole, or not at all", async () => {
    const priced = (cents: number) => ({
      default: {},
      "model-one": { pricing_config: { pay_as_you_go: { request_token: { price: cents } } } },
    });
    const providers = ["openai", "anthropic", "google", "groq", "x-ai", "cohere", "deepseek", "bedrock"];
    const others = [
      "azure-openai",
      "fireworks-ai",
      "mistral-ai",
      "perplexity-ai",
      "together-ai",
      "vertex-ai",
    ];
    for (const provider of [...providers, ...others]) answers[`/${provider}.json`] = json(priced(0.0001));
    const read_all = await read("portkey", "/{provider}.json");
    if (read_all.status !== "read") throw new Error(JSON.stringify(read_all));
    expect(read_all.reading.observations).to.have.length(14);
    delete answers["/groq.json"];
    expect(await read("portkey", "/{provider}.json")).to.include({ status: "failed", fault: "HTTP" });
    answers["/groq.json"] = { status: 200, body: "{", headers: { "content-type": "application/json" } };
    expect(await read("portkey", "/{provider}.json")).to.include({ status: "failed", fault: "NOT_READABLE" });
  });

  it("that has a credential is asked with it, and what it repeats of that is not told", async () => {
    const credential = { header: "Authorization", value: "Bearer sk-0123456789" };
    for (const [name, path] of [
      ["litellm", "/litellm.json"],
      ["pretrained_ai", "/pricing"],
      ["portkey", "/{provider}.json"],
    ] as const) {
      credentials_seen = new Set();
      await read(name, path, NEVER_READ, credential);
      expect(credentials_seen, name).to.deep.equal(new Set([credential.value]));
    }
    const said = "<p>Bearer sk-0123456789 is not welcome: sk-0123456789</p>";
    for (const answer of [html(said), { ...json({}), body: `"${said}"` }]) {
      answers["/litellm.json"] = answer;
      const outcome = await read("litellm", "/litellm.json", NEVER_READ, credential);
      expect(outcome.status).to.equal("failed");
      expect(JSON.stringify(outcome)).to.not.contain("0123456789");
    }
  });

  it("that is JSON is read from the address that the operator gives", async () => {
    answers["/litellm.json"] = json({
      "gpt-9": { litellm_provider: "openai", input_cost_per_token: 0.000001, mode: "chat" },
    });
    const outcome = await read("litellm", "/litellm.json");
    expect(outcome.status === "read" && outcome.reading.observations).to.have.length(1);
    answers["/litellm.json"] = json({});
    expect(await read("litellm", "/litellm.json")).to.include({ status: "failed", fault: "EMPTY" });
  });
});
