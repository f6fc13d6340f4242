import { expect } from "chai";
import { ConfigurationError, SETTINGS, readConfiguration } from "../src/index.ts";

const DEFAULTS = {
  port: 8013,
  host: "localhost",
  database_url: "sqlite:./data/budget.db",
  log_level: "INFO",
  environment: "development",
  price_update_interval_min: 360,
  prices_file: "",
};

describe("the configuration", () => {
  it("is the default where nobody says anything", () => {
    expect(readConfiguration({})).to.deep.equal(DEFAULTS);
    const empty = Object.fromEntries(SETTINGS.map(({ variable }) => [variable, ""]));
    expect(readConfiguration(empty)).to.deep.equal(DEFAULTS);
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
    ["BUDGET_LOG_LEVEL", "debug", { log_level: "DEBUG" }],
    ["BUDGET_LOG_LEVEL", "ERROR", { log_level: "ERROR" }],
    ["BUDGET_LOG_LEVEL", "Warning", { log_level: "WARNING" }],
    ["BUDGET_ENV", "production", { environment: "production" }],
    ["PRICE_UPDATE_INTERVAL", "0", { price_update_interval_min: 0 }],
    ["BUDGET_PRICES_FILE", "./prices.yaml", { prices_file: "./prices.yaml" }],
  ] as const;
  for (const [variable, value, expected] of RIGHT) {
    it(`takes ${variable}=${value}`, () => {
      expect(readConfiguration({ [variable]: value })).to.deep.equal({ ...DEFAULTS, ...expected });
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
    ["BUDGET_HOST", "a b"],
    ["BUDGET_DATABASE_URL", "mysql://user:secret@host/name"],
    ["BUDGET_DATABASE_URL", "sqlite:"],
    ["BUDGET_DATABASE_URL", "postgres://"],
    ["BUDGET_DATABASE_URL", "./secret.db"],
    ["BUDGET_LOG_LEVEL", "TRACE"],
    ["BUDGET_ENV", "Production"],
    ["BUDGET_ENV", "test"],
    ["PRICE_UPDATE_INTERVAL", "-1"],
    ["PRICE_UPDATE_INTERVAL", "1.5"],
    ["PRICE_UPDATE_INTERVAL", "daily"],
  ] as const;
  for (const [variable, value] of WRONG) {
    it(`refuses ${variable}=${value}, says what would be right, and keeps passwords to itself`, () => {
      const read = () => readConfiguration({ [variable]: value });
      expect(read).to.throw(ConfigurationError, `${variable} must be `);
      expect(read).to.not.throw("secret");
    });
  }

  it("has a default for every setting that the setting itself takes", () => {
    for (const { variable, default_value, isValid } of SETTINGS) {
      expect(isValid(default_value), variable).to.equal(true);
    }
  });
});
