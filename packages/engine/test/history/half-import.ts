import { once } from "node:events";
import { openDatabase } from "@budget/repositories";
import { createHistoryImporter, type UsageDraft } from "../../src/index.ts";
import { CONTEXT, START_MS } from "../support.ts";
import { RHETOR, ids, usageDraft } from "./drafts.ts";

/**
 * A process that imports rows into a budget. When it has written half of them it says so, and stands still until it is
 * told to go on, or is killed. Arguments: the URL of the database, the budget, and how many rows there are.
 */
const [url = "", budget_id = "", count = ""] = process.argv.slice(2);
const database = openDatabase({ url });
const importer = createHistoryImporter({ database, clock: { now: () => START_MS }, ids });

async function* rows(): AsyncGenerator<UsageDraft> {
  for (let index = 0; index < Number(count); index += 1) {
    if (index * 2 === Number(count)) {
      process.stdout.write("half of it is written\n");
      await once(process.stdin, "data");
    }
    yield usageDraft(String(index));
  }
}

await importer.import(CONTEXT, RHETOR, { dry_run: false }, (history) =>
  history.importUsage(budget_id, rows()),
);
await database.close();
process.exit(0);
