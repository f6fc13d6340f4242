import { expect } from "chai";
import { NO_PRICE_FILE } from "@budget/price-sources";
import { SETTINGS } from "../src/index.ts";
import { mistakesOf, read } from "./support.ts";

const DEFAULTS = {
  port: 8013,
  host: "localhost",
  database_url: "sqlite:./data/budget.db",
  log_level: "INFO",
  log_levels: new Map(),
  environment: "development",
  price_update_interval_min: 360,
  prices: NO_PRICE_FILE,
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
    ["BUDGET_LOG_LEVEL", "debug", { log_level: "DEBUG" }],
    ["BUDGET_LOG_LEVEL", "ERROR", { log_level: "ERROR" }],
    ["BUDGET_LOG_LEVEL", "Warning", { log_level: "WARNING" }],
    ["BUDGET_ENV", "production", { environment: "production" }],
    ["PRICE_UPDATE_INTERVAL", "0", { price_update_interval_min: 0 }],
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
    ["BUDGET_HOST", "a b"],
    ["BUDGET_DATABASE_URL", "mysql://user:secret@host/name"],
    ["BUDGET_DATABASE_URL", "sqlite:"],
    ["BUDGET_DATABASE_URL", "postgres://"],
    ["BUDGET_DATABASE_URL", "./secret.db"],
    ["BUDGET_LOG_LEVEL", "TRACE"],
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
      expect(default_value === "" || isValid(default_value), variable).to.equal(true);
    }
  });
});
