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

    /** Starts a server, and asks it at once. */
    async function firstAnswer(input_cost_per_million: number): Promise<Found> {
      const own = [
        { provider: "acme", model: "local-7b", input_cost_per_million, output_cost_per_million: 8 },
      ];
      const outcome = readPriceFile("prices.json", JSON.stringify({ prices: own }), SOURCE_NAMES);
      if (!outcome.ok) throw new Error("The prices are wrong.");
      const server = await startServer(
        { ...CONFIGURATION, database_url: test_database.url, prices: outcome.file },
        logger,
      );
      try {
        const url = `http://127.0.0.1:${server.port}/api/prices`;
        const answer = await fetchAsAdmin(`${url}/current`, {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ provider: "acme", model: "local-7b" }),
        });
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
  });
}
