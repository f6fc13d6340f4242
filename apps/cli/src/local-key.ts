import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dataFolder } from "@budget/repositories";

const DEFAULT_DATABASE_URL = "sqlite:./data/budget.db";

/** The admin key that a server in development left beside the database; undefined where there is none. */
export function readLocalKey(environment: Readonly<Record<string, string | undefined>>): string | undefined {
  const folder = dataFolder(environment.BUDGET_DATABASE_URL || DEFAULT_DATABASE_URL);
  try {
    return readFileSync(join(folder, "admin.key"), "utf8").trim();
  } catch {
    return undefined;
  }
}
