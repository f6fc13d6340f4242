import { mkdir, writeFile } from "node:fs/promises";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { RHETOR_CASES } from "./rhetor-cases.ts";
import { playRhetor, rhetorFile } from "./rhetor-golden.ts";
import { TestBudget } from "./test-budget.ts";

/** Writes the golden files anew, for somebody to read what changed. */
const [sqlite] = TEST_DATABASES;
if (sqlite === undefined) throw new Error("There is no database to play on.");
await mkdir(new URL(".", rhetorFile("any")), { recursive: true });
for (const one of RHETOR_CASES) {
  const budget = await TestBudget.open(sqlite, "engine");
  const exchanges = await playRhetor(one, budget);
  await budget.close();
  await writeFile(rhetorFile(one.name), `${JSON.stringify(exchanges, null, 2)}\n`);
}
