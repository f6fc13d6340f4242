import { openDatabase, type Database, type DatabaseOptions } from "@budget/repositories";
import { readLocalConfiguration } from "./local-configuration.ts";
import type { World } from "./session.ts";

/**
 * The database of a server that is started here, and its key; empty where it is not encrypted.
 * @throws UsageError where the configuration is wrong
 */
export async function databaseOf(world: World): Promise<{ readonly url: string; readonly key: string }> {
  const { configuration } = await readLocalConfiguration(world);
  return { url: configuration.database_url, key: configuration.database_key };
}

/** Works on the database itself, which need not have a server. */
export async function withDatabase<T>(
  world: World,
  options: Omit<DatabaseOptions, "url" | "key">,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const database = openDatabase({ ...(await databaseOf(world)), ...options });
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
