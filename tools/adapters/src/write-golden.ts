import { mkdir, writeFile } from "node:fs/promises";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { APOLLO_CASES } from "./apollo-cases.ts";
import { goldenFile, playCase } from "./apollo-golden.ts";
import { TestBudget } from "./test-budget.ts";

/** Writes the golden files anew, for somebody to read what changed. */
const [sqlite] = TEST_DATABASES;
if (sqlite === undefined) throw new Error("There is no database to play on.");
await mkdir(new URL(".", goldenFile("any")), { recursive: true });
for (const one of APOLLO_CASES) {
  const budget = await TestBudget.open(sqlite, "engine");
  const exchanges = await playCase(one, budget);
  await budget.close();
  await writeFile(goldenFile(one.name), `${JSON.stringify(exchanges, null, 2)}\n`);
}
