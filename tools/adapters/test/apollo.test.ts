import { readdir } from "node:fs/promises";
import { expect } from "chai";
import { APOLLO_CASES } from "../src/apollo-cases.ts";
import { goldenFile, playCase, readGolden } from "../src/apollo-golden.ts";
import type { Exchange } from "../src/record-exchange.ts";
import { everyWay } from "../src/test-budget.ts";

everyWay("Apollo's calls", (open) => {
  for (const one of APOLLO_CASES) {
    it(`are answered as golden/apollo/${one.name}.json says`, async () => {
      expect(await playCase(one, await open())).to.deep.equal(await readGolden(one.name));
    });
  }
});

describe("the golden files of Apollo's calls", () => {
  it("are those of the cases, and show every call", async () => {
    const files = await readdir(new URL(".", goldenFile("any")));
    expect(files.sort()).to.deep.equal(APOLLO_CASES.map(({ name }) => `${name}.json`).sort());
    const shown = new Set<string>();
    for (const { name } of APOLLO_CASES) {
      for (const { call } of (await readGolden(name)) as Exchange[]) shown.add(call);
    }
    expect([...shown].sort()).to.deep.equal([
      "allocateTokens",
      "getAllocationStatus",
      "getBudgetStatus",
      "getTokenUsageAnalytics",
      "provideModelGuidance",
      "recordTokenUsage",
      "releaseAllocation",
      "setBudgetLimit",
    ]);
  });
});
