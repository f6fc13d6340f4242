import { mkdir, writeFile } from "node:fs/promises";
import { TEST_DATABASES } from "@budget/repositories/testing";
import { APOLLO_CASES } from "./apollo-cases.ts";
import { goldenFile, playCase } from "./apollo-golden.ts";
import { RHETOR_CASES } from "./rhetor-cases.ts";
import { playRhetor, rhetorFile } from "./rhetor-golden.ts";
import { TestBudget } from "./test-budget.ts";

/** Writes the golden files anew, for somebody to read what changed. */
const [sqlite] = TEST_DATABASES;
if (sqlite === undefined) throw new Error("There is no database to play on.");
for (const file of [goldenFile("any"), rhetorFile("any")])
  await mkdir(new URL(".", file), { recursive: true });

/** Plays a case on a Budget of its own, and writes what was said. */
async function write(file: URL, play: (budget: TestBudget) => Promise<unknown>): Promise<void> {
  const budget = await TestBudget.open(sqlite!, "engine");
  const exchanges = await play(budget);
  await budget.close();
  await writeFile(file, `${JSON.stringify(exchanges, null, 2)}\n`);
}

for (const one of APOLLO_CASES) await write(goldenFile(one.name), (budget) => playCase(one, budget));
for (const one of RHETOR_CASES) await write(rhetorFile(one.name), (budget) => playRhetor(one, budget));
