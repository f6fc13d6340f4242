import { TEST_DATABASES } from "@budget/repositories/testing";
import { runHistories } from "./histories/run-histories.ts";

const COUNT = 1000;
/** Another seed for each run would find more in the long run, and would fail where nothing has changed. */
const SEED = 20_261_123;

for (const kind of TEST_DATABASES) {
  describe(`random histories on ${kind.name}`, () => {
    it(`${COUNT} of 200 steps end as the reference says, after each step`, async () => {
      await runHistories({ kind, count: COUNT, seed: SEED });
    }).timeout(900_000);
  });
}
