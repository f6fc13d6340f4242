import { expect } from "chai";
import fc from "fast-check";
import { mistakesOf, read } from "./support.ts";

const inFile = (text: string) => ({ files: { "config.yaml": text, "own.yaml": "markups: []" } });

const SECRET_KEY = "hunter2".padEnd(43, "A");
const ADMIN_KEY = `bgt_${"0".repeat(32)}_${"hunter2".padEnd(43, "A")}`;

const EVERYTHING = `environment: production
server:
  port: 9000
  host: "::"
  admin_key: ${ADMIN_KEY}
  allowed_hosts: "a.example,[::1]"
  cors_origins: https://a.example
  rate_limit: 5
  rate_burst: 6
  trusted_proxies: 10.0.0.0/8,loopback
database:
  url: postgres://budget:hunter2@db.example.com:5432/budget?sslmode=verify-full
  key: hunter2 that nobody guesses
  secret_keys: "new:${SECRET_KEY}"
log:
  level: warning
  levels: { policy: DEBUG }
prices:
  update_interval_minutes: 60
  tolerance_percent: 2
  prices:
    - { provider: acme, model: large, input_cost_per_million: 0.5 }
  markups:
    - { provider: openai, percent: 5 }
  sources:
    - { source: portkey, enabled: true }
retention: { refusals_days: 1, idempotency_keys_days: 2, events_days: 3 }
`;

describe("the configuration file", () => {
  it("says all that the environment says, and all there is about prices", async () => {
    const { prices, ...others } = (await read(inFile(EVERYTHING))).configuration;
    expect(others).to.deep.equal({
      port: 9000,
      host: "::",
      database_url: "postgres://budget:hunter2@db.example.com:5432/budget?sslmode=verify-full",
      database_key: "hunter2 that nobody guesses",
      secret_keys: [{ key_id: "new", key: new Uint8Array(Buffer.from(SECRET_KEY, "base64")) }],
      log_level: "WARNING",
      log_levels: new Map([["policy", "DEBUG"]]),
      environment: "production",
      price_update_interval_min: 60,
      admin_key: ADMIN_KEY,
      allowed_hosts: ["a.example", "[::1]"],
      cors_origins: ["https://a.example"],
      rate_limit: { per_second: 5, burst: 6 },
      trusted_proxies: ["10.0.0.0/8", "loopback"],
      retention: { refusals_ms: 86_400_000, idempotency_keys_ms: 2 * 86_400_000, events_ms: 3 * 86_400_000 },
    });
    expect(prices).to.deep.include({
      path: "config.yaml",
      markups: [{ provider: "openai", model: null, markup_ppm: 50_000 }],
      sources: [{ source: "portkey", enabled: true }],
      tolerance_ppm: 20_000,
    });
    expect(prices.prices.observations).to.have.length(1);
  });

  it("has several values as a list, or divided by commas as in the environment", async () => {
    const lists =
      "server:\n  allowed_hosts:\n    - a.example\n    - '[::1]'\n" +
      "  cors_origins: [https://a.example, https://b.example]\n  trusted_proxies: &near [10.0.0.0/8, loopback]\n" +
      "log: { levels: { policy: DEBUG, api: WARNING } }\n";
    const texts =
      "server:\n  allowed_hosts: 'a.example,[::1]'\n  cors_origins: https://a.example,https://b.example\n" +
      "  trusted_proxies: 10.0.0.0/8,loopback\nlog: { levels: 'policy=DEBUG,api=WARNING' }\n";
    const [listed, written] = [await read(inFile(lists)), await read(inFile(texts))];
    expect(listed.configuration).to.deep.equal(written.configuration);
    expect(listed.configuration).to.deep.include({
      allowed_hosts: ["a.example", "[::1]"],
      cors_origins: ["https://a.example", "https://b.example"],
      trusted_proxies: ["10.0.0.0/8", "loopback"],
    });
    const shown = ({ settings }: typeof listed) => settings.map(({ path, shown }) => `${path} ${shown}`);
    expect(shown(listed)).to.deep.equal(shown(written));
    expect(shown(listed)).to.include("server.allowed_hosts a.example,[::1]");
  });

  it("may have an empty list, which says that there are none", async () => {
    const { configuration, settings } = await read(inFile("server: { allowed_hosts: [] }"));
    expect(configuration.allowed_hosts).to.deep.equal([]);
    expect(settings.find(({ path }) => path === "server.allowed_hosts")?.origin).to.equal("config.yaml:1");
  });

  it("may be JSON, under another name", async () => {
    const environment = { BUDGET_CONFIG_FILE: "/etc/budget.json" };
    const files = { "/etc/budget.json": JSON.stringify({ server: { port: 9000 } }) };
    expect((await read({ environment, files })).configuration.port).to.equal(9000);
  });

  for (const [what, text] of [
    ["be empty", ""],
    ["have comments only", "# server:\n#   port: 1\n"],
  ] as const) {
    it(`may ${what}`, async () => {
      expect((await read(inFile(text))).configuration.port).to.equal(8013);
    });
  }

  it("is there where it is named", async () => {
    const environment = { BUDGET_CONFIG_FILE: "budget.yaml" };
    expect(await mistakesOf({ environment })).to.deep.equal([
      "BUDGET_CONFIG_FILE: The file budget.yaml cannot be read (ENOENT).",
    ]);
  });

  it("counts less than the environment, and more than the defaults", async () => {
    const environment = { BUDGET_PORT: "9001", BUDGET_LOG_LEVEL: "" };
    const { settings, configuration } = await read({ environment, ...inFile(EVERYTHING) });
    expect(configuration).to.include({ port: 9001, host: "::", log_level: "WARNING" });
    const origins = Object.fromEntries(settings.map(({ path, origin }) => [path, origin]));
    expect(origins).to.include({
      "server.port": "BUDGET_PORT",
      "server.host": "config.yaml:4",
      "log.level": "config.yaml:16",
      "log.levels": "config.yaml:17",
      "prices.prices": "config.yaml:22",
      "prices.file": "default",
    });
  });

  it("is checked also where the environment says otherwise", async () => {
    const given = { environment: { BUDGET_PORT: "1" }, ...inFile("server: { port: http }") };
    expect(await mistakesOf(given)).to.have.length(1);
  });

  it("changes nothing about prices by its layout and by other settings", async () => {
    const hashOf = async (text: string) => (await read(inFile(text))).configuration.prices.content_hash;
    const first = await hashOf("prices: { tolerance_percent: 2 }");
    expect(await hashOf("server: { port: 1 }\nprices:\n  # the same\n  tolerance_percent: 2\n")).to.equal(
      first,
    );
    expect(await hashOf("prices: { tolerance_percent: 3 }")).to.not.equal(first);
    expect(await hashOf("prices: { update_interval_minutes: 3 }")).to.equal("");
  });
});

describe("a file about prices", () => {
  const files = { "prices.yaml": "\ntolerance_percent: 3\n", "config.yaml": "prices: { file: prices.yaml }" };

  it("is named by the configuration file or the environment", async () => {
    const environment = { BUDGET_PRICES_FILE: "prices.yaml" };
    for (const given of [{ files }, { environment, files: { ...files, "config.yaml": "" } }]) {
      const { configuration, settings } = await read(given);
      expect(configuration.prices).to.include({ path: "prices.yaml", tolerance_ppm: 30_000 });
      expect(settings.at(-1)).to.include({ path: "prices.tolerance_percent", origin: "prices.yaml:2" });
    }
  });

  it("goes before what the configuration file says, where the environment names it", async () => {
    const environment = { BUDGET_PRICES_FILE: "prices.yaml" };
    const given = { environment, files: { ...files, "config.yaml": "prices: { tolerance_percent: 5 }" } };
    expect((await read(given)).configuration.prices.tolerance_ppm).to.equal(30_000);
  });

  it("is told its mistakes, by its own name", async () => {
    const given = { files: { ...files, "prices.yaml": "tolerance_percent: 50" } };
    expect(await mistakesOf(given)).to.deep.equal([
      "prices.yaml:1:20: /tolerance_percent: It is 50; it must be from 0 to 10.",
    ]);
    expect(await mistakesOf(inFile("\nprices: { file: prices.yaml }"))).to.deep.equal([
      "config.yaml:2: The file prices.yaml cannot be read (ENOENT).",
    ]);
    expect(await mistakesOf({ environment: { BUDGET_PRICES_FILE: "none.yaml" } })).to.deep.equal([
      "BUDGET_PRICES_FILE: The file none.yaml cannot be read (ENOENT).",
    ]);
    const large = { ...files, "prices.yaml": `#${"x".repeat(10 * 1024 * 1024)}` };
    expect(await mistakesOf({ files: large })).to.deep.equal([
      "config.yaml:1: The file prices.yaml has more than 10485760 bytes.",
    ]);
  });
});

/** Each mistake, and how it is told. */
const WRONG: readonly (readonly [string, ...string[]])[] = [
  ["server:\n  port: 80800", "2:9: /server/port: It must be a port number from 0 to 65535."],
  ["server: { port: 80.5 }", "1:17: /server/port: It must be a port number from 0 to 65535."],
  ["server: { port: true }", "1:17: /server/port: It must be a port number from 0 to 65535."],
  ["server: { port: [1] }", "1:17: /server/port: It must be a port number from 0 to 65535."],
  ["server:\n  port:\n", "2:8: /server/port: It must be a port number from 0 to 65535."],
  ['server: { host: "" }', "1:17: /server/host: It must be a host name or an IP address."],
  ["server: { host: a b }", "1:17: /server/host: It must be a host name or an IP address."],
  [
    "server:\n",
    "1:8: /server: It must have fields. It takes port, host, admin_key, allowed_hosts, cors_origins, rate_limit, rate_burst, trusted_proxies.",
  ],
  [
    "server: 8013",
    "1:9: /server: It must have fields. It takes port, host, admin_key, allowed_hosts, cors_origins, rate_limit, rate_burst, trusted_proxies.",
  ],
  [
    "server: { prot: 1 }",
    '1:11: /server/prot: There is no field "prot". It takes port, host, admin_key, allowed_hosts, cors_origins, rate_limit, rate_burst, trusted_proxies.',
  ],
  [
    "database: { url: mysql://u:hunter2@h/n }",
    "1:18: /database/url: It must be a URL that starts with sqlite: or postgres://.",
  ],
  ["log: { level: LOUD }", "1:15: /log/level: It must be ERROR, WARNING, INFO or DEBUG."],
  [
    "log: { levels: { policy: 'DEBUG,api=INFO' } }",
    "1:26: /log/levels/policy: It must be ERROR, WARNING, INFO or DEBUG.",
  ],
  [
    "log: { levels: DEBUG }",
    "1:16: /log/levels: It must be pairs such as allocation=DEBUG,api=WARNING of a component and a level.",
  ],
  [
    "log: { levels: [api=DEBUG] }",
    "1:16: /log/levels: It must have fields. It takes budget_engine, allocation, policy, tracking, price_manager, api, rhetor_adapter, apollo_adapter, notification, reporting, mcp, websocket.",
  ],
  ["log: { levels: { api: LOUD } }", "1:23: /log/levels/api: It must be ERROR, WARNING, INFO or DEBUG."],
  [
    "log: { levels: { apis: INFO } }",
    '1:18: /log/levels/apis: There is no field "apis". It takes budget_engine, allocation, policy, tracking, ' +
      "price_manager, api, rhetor_adapter, apollo_adapter, notification, reporting, mcp, websocket.",
  ],
  [
    "server:\n  allowed_hosts:\n    - a.example\n    - a.example:80\n    - 'b.example,c.example'\n    -\n",
    "4:7: /server/allowed_hosts/1: It must be a host name or an address, without a port.",
    "5:7: /server/allowed_hosts/2: It must be a host name or an address, without a port.",
    "6:6: /server/allowed_hosts/3: It must be a host name or an address, without a port.",
  ],
  [
    "server: { cors_origins: [https://a.example, [https://b.example], https://c.example/] }",
    "1:45: /server/cors_origins/1: It must be an origin such as https://app.example.com.",
    "1:66: /server/cors_origins/2: It must be an origin such as https://app.example.com.",
  ],
  [
    "server: { trusted_proxies: { a: loopback } }",
    "1:28: /server/trusted_proxies: It must be addresses, networks, or loopback, linklocal, uniquelocal, divided by commas.",
  ],
  [
    "server: { trusted_proxies: [loopback, everybody] }",
    "1:39: /server/trusted_proxies/1: It must be an address, a network, or one of loopback, linklocal, uniquelocal.",
  ],
  ["server: { host: [a] }", "1:17: /server/host: It must be a host name or an IP address."],
  ["environment: test", "1:14: /environment: It must be development or production."],
  [
    "prices: { update_interval_minutes: daily }",
    "1:36: /prices/update_interval_minutes: It must be a whole number of minutes from 0 to 525600.",
  ],
  [
    "reporting: { daily: true }",
    '1:1: /reporting: There is no field "reporting". It takes server, database, log, environment, prices, retention.',
  ],
  [
    "prices: { thresholds: 1 }",
    '1:11: /prices/thresholds: There is no field "thresholds". ' +
      "It takes update_interval_minutes, file, prices, markups, sources, tolerance_percent.",
  ],
  [
    "prices:\n  prices:\n    - { provider: acme, input_cost_per_million: -1 }",
    "3:7: /prices/prices/0: model is missing.",
    "3:49: /prices/prices/0/input_cost_per_million: It is -1; it must be from 0 to 9223 USD for one unit.",
  ],
  [
    "prices: { sources: [{ source: nobody }] }",
    "1:31: /prices/sources/0/source: It is nobody; it must be one of genai_prices, models_dev, litellm, " +
      "llm_prices, openrouter, portkey, llm_prices_page, pretrained_ai.",
  ],
  [
    "prices: { file: own.yaml, tolerance_percent: 1, markups: [] }",
    "1:17: /prices/file: Prices stand in a file of their own or here; " +
      "leave out either file or markups, tolerance_percent.",
  ],
  ["- server", "1:1: It must have fields. It takes server, database, log, environment, prices, retention."],
  ["server: { port: 1 }\nserver: { port: 2 }", "2:1: Map keys must be unique"],
  ["---\nserver: { port: 1 }\n---\n", "3:1: A file is one document; take out the line `---`."],
];

describe("a mistake in the configuration file", () => {
  for (const [text, ...mistakes] of WRONG) {
    it(`is told with its place: ${text.replaceAll("\n", " ⏎ ")}`, async () => {
      const told = await mistakesOf(inFile(text));
      expect(told).to.have.members(mistakes.map((mistake) => `config.yaml:${mistake}`));
    });
  }

  const URL_OF_DATABASE = "postgres://budget:hunter2@db/budget";
  for (const text of [
    `database: { url: "${URL_OF_DATABASE}`,
    `database: ${URL_OF_DATABASE} }`,
    `database: [${URL_OF_DATABASE}`,
    `database: { url: > ${URL_OF_DATABASE} }`,
    `database:\n  url: |${URL_OF_DATABASE}\n`,
    `database:\n  url: "${URL_OF_DATABASE}" "${URL_OF_DATABASE}"\n`,
    `database:\n  url: !<${URL_OF_DATABASE}> x\n`,
    `database:\n  url: "\\${URL_OF_DATABASE}"\n`,
    `database:\n\turl: ${URL_OF_DATABASE}\n`,
    `%TAG ${URL_OF_DATABASE}\n---\n`,
    `database: { ${URL_OF_DATABASE} }`,
    `database: { url: mysql${URL_OF_DATABASE} }`,
    `database: { url: { password: ${URL_OF_DATABASE} } }`,
    `server: { port: "${URL_OF_DATABASE}" }`,
    `environment: ${URL_OF_DATABASE}`,
  ]) {
    it(`does not repeat a password: ${text.replaceAll("\n", " ⏎ ")}`, async () => {
      const told = await mistakesOf(inFile(text));
      expect(told).to.not.be.empty;
      expect(told.join("\n")).to.not.contain("hunter2");
    });
  }

  it("is told without a password, whatever is torn out of a file or put into it", async () => {
    const words = fc.constantFrom(
      "",
      "{",
      "}",
      "[",
      "]",
      '"',
      "'",
      "- ",
      ": ",
      ": &a",
      " *a",
      "|",
      ">",
      "!",
      "%",
      "#",
      "\n",
      "\t",
    );
    const torn = fc
      .tuple(fc.nat(EVERYTHING.length), fc.nat(12), words)
      .map(([at, length, word]) => EVERYTHING.slice(0, at) + word + EVERYTHING.slice(at + length));
    await fc.assert(
      fc.asyncProperty(torn, async (text) => {
        expect((await mistakesOf(inFile(text))).join("\n")).to.not.contain("hunter2");
      }),
      { numRuns: 2000 },
    );
  });

  it("is told of aliases that go round in circles", async () => {
    expect(await mistakesOf(inFile("log: &a { level: INFO, levels: *a }"))).to.have.length(2);
  });
});
