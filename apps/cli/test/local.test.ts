import { TEST_DATABASES } from "@budget/repositories/testing";
import { expect } from "chai";
import { startTestServer, type } from "./support.ts";

for (const kind of TEST_DATABASES) {
  describe(`commands on the database itself, on ${kind.name}`, () => {
    it("bring the schema up to date, once", async () => {
      const database = await kind.open({ file: true, empty: true });
      const environment = { BUDGET_DATABASE_URL: database.url };
      try {
        const first = await type(["db", "migrate"], environment);
        expect([first.code, first.stderr]).to.deep.equal([0, ""]);
        expect(first.stdout).to.match(/^Applied: 0001-foundation/);
        const second = await type(["db", "migrate", "--json"], environment);
        expect(JSON.parse(second.stdout)).to.deep.equal({ applied: [] });
      } finally {
        await database.close();
      }
    });

    it("recount beside a running server, and fail where a balance differs", async () => {
      const database = await kind.open({ file: true });
      const server = await startTestServer(database.url);
      const environment = {
        BUDGET_DATABASE_URL: database.url,
        BUDGET_URL: `http://127.0.0.1:${server.port}`,
      };
      try {
        await type(["set-limit", "--period", "daily", "--tokens", "100"], environment);
        const request = ["--context", "c", "--component", "x", "--tokens", "40"];
        expect((await type(["allocate", "create", ...request], environment)).code).to.equal(0);
        const clean = await type(["verify"], environment);
        expect(clean.code).to.equal(0);
        expect(clean.stdout).to.equal(
          "Recounted: 1 policies, 1 allocations, 0 usage records. No difference.\n",
        );
        await database.knex("balances").update({ held_tokens: 41 });
        const wrong = await type(["verify"], environment);
        expect(wrong.code).to.equal(1);
        expect(wrong.stdout)
          .to.match(/held_tokens +41 +40/)
          .and.to.contain("1 difference.");
        const repaired = await type(["verify", "--repair"], environment);
        expect(repaired.code).to.equal(0);
        expect(repaired.stdout)
          .to.match(/held_tokens +41 +40/)
          .and.to.match(/1 repaired\.\nRecounted: .* No difference\.\n$/);
        const json = await type(["verify", "--repair", "--json"], environment);
        expect(JSON.parse(json.stdout)).to.deep.include({ differences: [], repaired: [] });
        expect((await type(["allocate", "create", ...request], environment)).code).to.equal(0);
      } finally {
        await server.stop();
        await database.close();
      }
    });
  });
}
