import { readdir } from "node:fs/promises";
import { expect } from "chai";
import type { Exchange } from "../src/record-exchange.ts";
import { RHETOR_CASES } from "../src/rhetor-cases.ts";
import { playRhetor, readRhetorFile, rhetorFile } from "../src/rhetor-golden.ts";
import { everyWay } from "../src/test-budget.ts";

everyWay("Rhetor's calls", (open) => {
  for (const one of RHETOR_CASES) {
    it(`are answered as golden/rhetor/${one.name}.json says`, async () => {
      expect(await playRhetor(one, await open())).to.deep.equal(await readRhetorFile(one.name));
    });
  }
});

describe("the golden files of Rhetor's calls", () => {
  it("are those of the cases, and show every call", async () => {
    const files = await readdir(new URL(".", rhetorFile("any")));
    expect(files.sort()).to.deep.equal(RHETOR_CASES.map(({ name }) => `${name}.json`).sort());
    const shown = new Set<string>();
    for (const { name } of RHETOR_CASES)
      for (const { call, answer } of (await readRhetorFile(name)) as Exchange[])
        if (answer !== undefined) shown.add(call);
    expect([...shown].sort()).to.deep.equal([
      "calculateCost",
      "checkBudget",
      "estimateCost",
      "findCheaperAlternative",
      "getBudgetLimit",
      "getEnforcementPolicy",
      "getModelTiers",
      "getUsageSummary",
      "recordCompletion",
      "routeWithBudgetAwareness",
      "setBudgetLimit",
      "setEnforcementPolicy",
    ]);
  });
});
