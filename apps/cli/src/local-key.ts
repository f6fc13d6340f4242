import { join } from "node:path";
import { dataFolder } from "@budget/repositories";
import { UsageError } from "./exit-codes.ts";
import { readLocalConfiguration } from "./local-configuration.ts";
import type { World } from "./session.ts";

const DEFAULT_FILE = "config.yaml";
const DEFAULT_DATABASE_URL = "sqlite:./data/budget.db";

type LocalWorld = Pick<World, "environment" | "readFile">;

/** Where a server in development that is started here leaves its admin key: beside its database. */
export const adminKeyFile = (database_url: string): string => join(dataFolder(database_url), "admin.key");

/**
 * The admin key that a server in development left beside the database.
 * @returns undefined where there is none, or where the configuration is wrong, so that nobody knows where to look
 */
export async function readLocalKey(world: LocalWorld): Promise<string | undefined> {
  try {
    return (await world.readFile(adminKeyFile(await databaseUrlOf(world)))).trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined && !(error instanceof UsageError)) throw error;
    return undefined;
  }
}

/** Where nothing is said, the configuration need not be loaded, which takes longer than most commands. */
async function databaseUrlOf(world: LocalWorld): Promise<string> {
  const { BUDGET_DATABASE_URL: said = "", BUDGET_CONFIG_FILE: file = "" } = world.environment;
  if (said !== "") return said;
  if (!(await isThere(world, file || DEFAULT_FILE))) return DEFAULT_DATABASE_URL;
  return (await readLocalConfiguration(world)).configuration.database_url;
}

const isThere = (world: LocalWorld, file: string): Promise<boolean> =>
  world.readFile(file).then(
    () => true,
    () => false,
  );
