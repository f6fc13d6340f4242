import { expect } from "chai";
import { read } from "./support.ts";

describe("a password in a URL", () => {
  for (const [url, shown] of [
    ["postgres://budget:secret@db:5432/budget", "postgres://budget:***@db:5432/budget"],
    ["postgresql://budget:sec@ret@db/budget", "postgresql://budget:***@db/budget"],
    ["postgres://budget:1/secret@db/budget", "postgres://budget:***@db/budget"],
    ["postgres://budget:1?secret@db/budget", "postgres://budget:***@db/budget"],
    ["postgres://:secret@db/budget", "postgres://:***@db/budget"],
    [
      "postgres://db/budget?user=u&password=secret&sslmode=require",
      "postgres://db/budget?user=u&password=***&sslmode=require",
    ],
    ["postgres://db/budget?sslpassword=secret", "postgres://db/budget?sslpassword=***"],
    ["postgres://db:5432/budget", "postgres://db:5432/budget"],
    ["postgres://budget@db/budget", "postgres://budget@db/budget"],
    ["sqlite:./data/budget.db", "sqlite:./data/budget.db"],
  ] as const) {
    it(`is hidden: ${shown}`, async () => {
      const { settings } = await read({ environment: { BUDGET_DATABASE_URL: url } });
      const setting = settings.find(({ path }) => path === "database.url");
      expect(setting).to.include({ value: url, shown });
    });
  }
});

describe("keys for secrets", () => {
  it("are hidden but for their names", async () => {
    const value = `new:${"A".repeat(43)}=,old:${"B".repeat(43)}=`;
    const { settings } = await read({ environment: { BUDGET_SECRET_KEYS: value } });
    const setting = settings.find(({ path }) => path === "database.secret_keys");
    expect(setting).to.include({ value, shown: "new:***,old:***" });
  });
});
