import { ensureUsagePartitions } from "@budget/repositories";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { readFileSync } from "node:fs";
import { dumpSchema } from "../src/dump.ts";

for (const kind of TEST_DATABASES) {
  describe(`schema dump: ${kind.name}`, () => {
    it("is the committed one", async () => {
      const test = await kind.open();
      const committed = readFileSync(
        new URL(`../../../docs/schema-${kind.name}.sql`, import.meta.url),
        "utf8",
      );
      expect(await dumpSchema(test.database)).to.equal(committed);
      await test.close();
    });

    it("leaves out the partitions of months", async () => {
      const test = await kind.open();
      const before = await dumpSchema(test.database);
      await ensureUsagePartitions(test.database, Date.UTC(2026, 10, 23));
      expect(await dumpSchema(test.database)).to.equal(before);
      await test.close();
    });

    it("shows a new column, a new index and a new table", async () => {
      const test = await kind.open();
      const lines = async () => (await dumpSchema(test.database)).split("\n");
      const before = await lines();
      await test.database.knex.schema.alterTable("tenants", (table) => {
        table.text("motto");
        table.index(["name"], "tenants_by_name");
      });
      await test.database.knex.schema.createTable("another", (table) => {
        table.integer("number").notNullable();
      });
      const added = (await lines()).filter((line) => !before.includes(line)).join("\n");
      expect(added)
        .to.match(/motto text/)
        .and.match(/INDEX tenants_by_name/i)
        .and.match(/TABLE another/i);
      await test.close();
    });
  });
}

describe("schema dump: postgres", () => {
  it("shows a table whose rows are not locked to their tenants any more", async () => {
    const test = await TEST_DATABASES.find(({ name }) => name === "postgres")!.open();
    const before = await dumpSchema(test.database);
    await test.database.knex.raw("ALTER TABLE budgets NO FORCE ROW LEVEL SECURITY");
    const without = before.replace("ALTER TABLE budgets FORCE ROW LEVEL SECURITY;\n", "");
    expect(without).to.not.equal(before);
    expect(await dumpSchema(test.database)).to.equal(without);
    await test.close();
  });
});
