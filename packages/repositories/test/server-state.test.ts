import { expect } from "chai";
import { readServerState } from "../src/server-state.ts";
import { TEST_DATABASES } from "./harness/test-databases.ts";

const MINUTE_MS = 60_000;

for (const kind of TEST_DATABASES) {
  it(`${kind.name} says what it is, and what its clock shows where that is one of its own`, async () => {
    const test = await kind.open({ empty: true });
    try {
      const { product, time_ms } = await readServerState(test.database);
      expect(product).to.match(kind.name === "sqlite" ? /^SQLite 3\.\d+/ : /^PostgreSQL \d+/);
      if (kind.name === "sqlite") expect(time_ms).to.equal(null);
      else expect(time_ms).to.be.closeTo(Date.now(), MINUTE_MS);
    } finally {
      await test.close();
    }
  });
}
