import { readFile } from "node:fs/promises";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { readExample, runExample } from "../src/read-example.ts";
import { ADMIN_KEY, TestBudget } from "../src/test-budget.ts";

describe("the example of a README", () => {
  for (const name of ["adapters-apollo", "adapters-rhetor"]) {
    it(`of ${name} prints what it says`, async () => {
      const readme = new URL(`../../../packages/${name}/README.md`, import.meta.url);
      const example = readExample(await readFile(readme, "utf8"));
      expect(example.prints).to.not.equal("");
      const budget = await TestBudget.open(TEST_DATABASES[0]!, "http");
      try {
        const given = { base_url: budget.base_url, api_key: ADMIN_KEY };
        expect(await runExample(example, given)).to.equal(example.prints);
      } finally {
        await budget.close();
      }
    });
  }
});
