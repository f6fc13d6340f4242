import { expect } from "chai";
import { NO_PRICE_FILE } from "@budget/price-sources";
import { SETTINGS } from "../src/index.ts";
import { mistakesOf, read } from "./support.ts";

const DEFAULTS = {
  port: 8013,
  host: "localhost",
  database_url: "sqlite:./data/budget.db",
  database_key: "",
  secret_keys: [],
  log_level: "INFO",
  log_levels: new Map(),
  environment: "development",
  price_update_interval_min: 360,
  prices: NO_PRICE_FILE,
  admin_key: "",
  allowed_hosts: [],
  cors_origins: [],
  rate_limit: { per_second: 100, burst: 200 },
  trusted_proxies: [],
  retention: {
    refusals_ms: 30 * 86_400_000,
    idempotency_keys_ms: 7 * 86_400_000,
    events_ms: 30 * 86_400_000,
  },
};

describe("the environment", () => {
  it("leaves the defaults where it says nothing", async () => {
    expect((await read({})).configuration).to.deep.equal(DEFAULTS);
    const empty = Object.fromEntries(SETTINGS.map(({ variable }) => [variable, ""]));
    expect((await read({ environment: empty })).configuration).to.deep.equal(DEFAULTS);
  });

  const RIGHT = [
    ["BUDGET_PORT", "0", { port: 0 }],
    ["BUDGET_PORT", "65535", { port: 65_535 }],
    ["BUDGET_HOST", "0.0.0.0", { host: "0.0.0.0" }],
    ["BUDGET_HOST", "::1", { host: "::1" }],
    ["BUDGET_HOST", "budget.example.org", { host: "budget.example.org" }],
    ["BUDGET_DATABASE_URL", "sqlite::memory:", { database_url: "sqlite::memory:" }],
    ["BUDGET_DATABASE_URL", "postgres://u:p@h:1/n", { database_url: "postgres://u:p@h:1/n" }],
    ["BUDGET_DATABASE_URL", "postgresql://h/n", { database_url: "postgresql://h/n" }],
    ["BUDGET_DATABASE_KEY", "sixteen letters!", { database_key: "sixteen letters!" }],
    [
      "BUDGET_SECRET_KEYS",
      `new:${"A".repeat(43)}=,old:${"/".repeat(42)}8=`,
      {
        secret_keys: [
          { key_id: "new", key: new Uint8Array(32) },
          { key_id: "old", key: new Uint8Array(32).fill(255) },
        ],
      },
    ],
    ["BUDGET_LOG_LEVEL", "debug", { log_level: "DEBUG" }],
    ["BUDGET_LOG_LEVEL", "ERROR", { log_level: "ERROR" }],
    ["BUDGET_LOG_LEVEL", "Warning", { log_level: "WARNING" }],
    [
      "BUDGET_LOG_LEVELS",
      "allocation=DEBUG, api=warning",
      {
        log_levels: new Map([
          ["allocation", "DEBUG"],
          ["api", "WARNING"],
        ]),
      },
    ],
    ["BUDGET_ENV", "production", { environment: "production" }],
    ["PRICE_UPDATE_INTERVAL", "0", { price_update_interval_min: 0 }],
    ["BUDGET_ALLOWED_HOSTS", "budget.example.com,[::1]", { allowed_hosts: ["budget.example.com", "[::1]"] }],
    ["BUDGET_CORS_ORIGINS", "https://a.example", { cors_origins: ["https://a.example"] }],
    ["BUDGET_RATE_LIMIT", "0", { rate_limit: { per_second: 0, burst: 200 } }],
    ["BUDGET_TRUST_PROXY", "10.0.0.0/8,loopback", { trusted_proxies: ["10.0.0.0/8", "loopback"] }],
    ["BUDGET_KEEP_REFUSALS", "2", { retention: { ...DEFAULTS.retention, refusals_ms: 172_800_000 } }],
    [
      "BUDGET_KEEP_IDEMPOTENCY_KEYS",
      "1",
      { retention: { ...DEFAULTS.retention, idempotency_keys_ms: 86_400_000 } },
    ],
    ["BUDGET_KEEP_EVENTS", "1", { retention: { ...DEFAULTS.retention, events_ms: 86_400_000 } }],
    ["BUDGET_LOG_LEVELS", "policy=debug", { log_levels: new Map([["policy", "DEBUG"]]) }],
  ] as const;
  for (const [variable, value, expected] of RIGHT) {
    it(`takes ${variable}=${value}`, async () => {
      const { configuration } = await read({ environment: { [variable]: value } });
      expect(configuration).to.deep.equal({ ...DEFAULTS, ...expected });
    });
  }

  const WRONG = [
    ["BUDGET_DATABASE_URL", "postgres://u:pa/ss@h:5432/db"],
    ["BUDGET_PORT", "65536"],
    ["BUDGET_PORT", "-1"],
    ["BUDGET_PORT", "80.5"],
    ["BUDGET_PORT", "0x50"],
    ["BUDGET_PORT", "http"],
    ["BUDGET_PORT", " 80"],
    ["BUDGET_HOST", "http://localhost"],
    ["BUDGET_SECRET_KEYS", `secret:${"A".repeat(40)}`],
    ["BUDGET_SECRET_KEYS", `secret:${"A".repeat(43)}=,secret:${"B".repeat(43)}=`],
    ["BUDGET_HOST", "a b"],
    ["BUDGET_DATABASE_URL", "mysql://user:secret@host/name"],
    ["BUDGET_DATABASE_URL", "sqlite:"],
    ["BUDGET_DATABASE_URL", "postgres://"],
    ["BUDGET_DATABASE_URL", "./secret.db"],
    ["BUDGET_DATABASE_KEY", "fifteen letters"],
    ["BUDGET_KEEP_REFUSALS", "0"],
    ["BUDGET_KEEP_EVENTS", "1.5"],
    ["BUDGET_LOG_LEVEL", "TRACE"],
    ["BUDGET_LOG_LEVELS", "allocation"],
    ["BUDGET_LOG_LEVELS", "allocation=LOUD"],
    ["BUDGET_LOG_LEVELS", "everything=DEBUG"],
    ["BUDGET_LOG_LEVELS", "api=DEBUG,api=ERROR"],
    ["BUDGET_LOG_LEVELS", "api=DEBUG=ERROR"],
    ["BUDGET_LOG_LEVELS", "api=DEBUG,"],
    ["BUDGET_LOG_LEVELS", "api=TRACE"],
    ["BUDGET_ENV", "Production"],
    ["BUDGET_ENV", "test"],
    ["PRICE_UPDATE_INTERVAL", "-1"],
    ["PRICE_UPDATE_INTERVAL", "1.5"],
    ["PRICE_UPDATE_INTERVAL", "daily"],
  ] as const;
  for (const [variable, value] of WRONG) {
    it(`refuses ${variable}=${value}, says what would be right, and keeps passwords to itself`, async () => {
      const mistakes = await mistakesOf({ environment: { [variable]: value } });
      const expected = SETTINGS.find((setting) => setting.variable === variable)?.expected;
      expect(mistakes).to.deep.equal([`${variable} must be ${expected}.`]);
      expect(mistakes.join()).to.not.contain("secret");
    });
  }

  it("is told all of its mistakes at once", async () => {
    const environment = { BUDGET_PORT: "http", BUDGET_ENV: "moon" };
    expect(await mistakesOf({ environment })).to.have.length(2);
  });

  it("has a default for every setting that the setting itself takes", () => {
    for (const { variable, default_value, isValid } of SETTINGS) {
      // Nothing at all is read as nothing, and held to no rule.
      expect(default_value === "" || isValid(default_value), variable).to.equal(true);
    }
  });
});
