import { openDatabase, type Database, type DatabaseOptions } from "@budget/repositories";
import type { World } from "./session.ts";

export const DEFAULT_DATABASE_URL = "sqlite:./data/budget.db";

/** The database that the environment names, and its key; empty where it is not encrypted. */
export const databaseOf = ({ environment }: World): { readonly url: string; readonly key: string } => ({
  url: environment.BUDGET_DATABASE_URL || DEFAULT_DATABASE_URL,
  key: environment.BUDGET_DATABASE_KEY ?? "",
});

/** Works on the database itself, which need not have a server. */
export async function withDatabase<T>(
  world: World,
  options: Omit<DatabaseOptions, "url" | "key">,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ ...databaseOf(world), ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
