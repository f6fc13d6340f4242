import { randomBytes } from "node:crypto";
import { SecretBox, openDatabase, type Database, type DatabaseOptions } from "@budget/repositories";
import { UsageError } from "./exit-codes.ts";
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

/**
 * The keys of a server that is started here for secrets in columns.
 * @throws UsageError where the configuration is wrong, or has no key
 */
export async function secretBoxOf(world: World): Promise<SecretBox> {
  const { configuration } = await readLocalConfiguration(world);
  const box = SecretBox.of(configuration.secret_keys, { bytes: (count) => randomBytes(count) });
  if (box !== null) return box;
  throw new UsageError(
    "BUDGET_SECRET_KEYS is not set. It needs the key that secrets are to have, such as " +
      '"2026-11:$(openssl rand -base64 32)", and behind it those that they have, divided by commas.',
  );
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
