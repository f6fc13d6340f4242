import type { Configuration } from "@budget/configuration";
import type { Logger } from "@budget/domain";
import { SOURCE_NAMES, readPriceFile } from "@budget/price-sources";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import { startServer } from "../src/server.ts";
import { CONFIGURATION, fetchAsAdmin } from "./support.ts";

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

interface Found {
  readonly status: number;
  readonly input_cost_per_token: number | undefined;
  readonly runs: number;
}

for (const kind of TEST_DATABASES) {
  describe(`the operator's own prices on ${kind.name}`, () => {
    let test_database: TestDatabase;

    beforeEach(async () => {
      test_database = await kind.open({ file: true });
    });
    afterEach(async () => {
      await test_database.close();
    });

    function priced(input_cost_per_million: number): Configuration {
      const own = [
        { provider: "acme", model: "local-7b", input_cost_per_million, output_cost_per_million: 8 },
      ];
      const outcome = readPriceFile("prices.json", JSON.stringify({ prices: own }), SOURCE_NAMES);
      if (!outcome.ok) throw new Error("The prices are wrong.");
      return { ...CONFIGURATION, database_url: test_database.url, prices: outcome.file };
    }

    const post = (url: string, body: object) =>
      fetchAsAdmin(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });

    /** Starts a server, and asks it at once. */
    async function firstAnswer(input_cost_per_million: number): Promise<Found> {
      const server = await startServer(priced(input_cost_per_million), logger);
      try {
        const url = `http://127.0.0.1:${server.port}/api/prices`;
        const answer = await post(`${url}/current`, { provider: "acme", model: "local-7b" });
        const price = (await answer.json()) as { input_cost_per_token?: number };
        const runs = (await (await fetchAsAdmin(`${url}/runs`)).json()) as { total: number };
        return {
          status: answer.status,
          input_cost_per_token: price.input_cost_per_token,
          runs: runs.total,
        };
      } finally {
        await server.stop();
      }
    }

    it("are charged from the first request on, and read anew only where the file is another one", async () => {
      expect(await firstAnswer(1)).to.deep.equal({ status: 200, input_cost_per_token: 0.000001, runs: 1 });
      expect(await firstAnswer(1)).to.deep.equal({ status: 200, input_cost_per_token: 0.000001, runs: 1 });
      expect(await firstAnswer(2)).to.deep.equal({ status: 200, input_cost_per_token: 0.000002, runs: 2 });
    });

    it("are watched and taken after a reload that could not begin a run", async () => {
      const { knex } = test_database.database;
      const server = await startServer(priced(1), logger);
      try {
        const url = `http://127.0.0.1:${server.port}/api/prices`;
        await knex.schema.renameTable("price_runs", "price_runs_away");
        await server.reload(priced(2));
        await knex.schema.renameTable("price_runs_away", "price_runs");
        expect((await post(`${url}/update`, { sources: ["price_file"] })).status).to.equal(200);
        const answer = await post(`${url}/current`, { provider: "acme", model: "local-7b" });
        expect(await answer.json()).to.include({ input_cost_per_token: 0.000002 });
      } finally {
        await server.stop();
      }
    });
  });
}
