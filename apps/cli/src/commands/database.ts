import { isDatabaseKey } from "@budget/domain";
import { rotateSecrets, type SecretRotation } from "@budget/engine";
import {
  EMPTY_POSTGRES,
  backUpDatabase,
  checkPostgresRestore,
  migrate,
  rekeyDatabase,
  restoreDatabase,
  type RestoreRules,
} from "@budget/repositories";
import type { Command } from "commander";
import { databaseOf, secretBoxOf, withDatabase } from "../database.ts";
import { UsageError } from "../exit-codes.ts";
import { dumpPostgres, migrationsIn, restorePostgres } from "../postgres-dump.ts";
import { printer, type World } from "../session.ts";

const isPostgres = (url: string): boolean => /^postgres(ql)?:/.test(url);

export function addDatabaseCommands(program: Command, world: World): void {
  const print = printer(world);
  const db = program.command("db").description("the database that BUDGET_DATABASE_URL or config.yaml names");

  db.command("migrate")
    .description("bring its schema up to date")
    .action(async (_options: unknown, command: Command) => {
      const applied = await withDatabase(world, { exclusive: true }, migrate);
      const text = applied.length === 0 ? "The schema is up to date." : `Applied: ${applied.join(", ")}`;
      print(command, { applied }, text);
    });

  db.command("rekey")
    .description(
      "encrypt a SQLite file with the key in BUDGET_DATABASE_NEW_KEY; an empty one takes encryption away",
    )
    .option("--new-key-file <path>", "read the new key from a file, - for standard input")
    .action(async ({ newKeyFile }: { newKeyFile?: string }, command: Command) => {
      const new_key = await readNewKey(world, newKeyFile);
      rekeyDatabase(await databaseOf(world), new_key);
      const encrypted = new_key !== "";
      const text = encrypted
        ? "The database has the new key. Set BUDGET_DATABASE_KEY to it before a server starts."
        : "The database is not encrypted any more. Take BUDGET_DATABASE_KEY away before a server starts.";
      print(command, { encrypted }, text);
    });

  db.command("rotate-secrets")
    .description(
      "encrypt all secrets in columns with the first key of BUDGET_SECRET_KEYS, while servers go on",
    )
    .action(async (_options: unknown, command: Command) => {
      const box = await secretBoxOf(world);
      const clock = { now: () => Date.now() };
      const rotation = await withDatabase(world, { must_exist: true }, (database) =>
        rotateSecrets(database, box, clock),
      );
      print(command, rotation, inWords(rotation));
    });

  db.command("backup")
    .description("write all of it into a new file, while servers go on; a SQLite backup has the same key")
    .argument("<file>", "a file that is not there yet")
    .action(async (file: string, _options: unknown, command: Command) => {
      const database = await databaseOf(world);
      if (isPostgres(database.url)) await dumpPostgres(database.url, file, world.environment);
      else backUpDatabase(database, file);
      print(command, { file }, `Written: ${file}`);
    });

  db.command("restore")
    .description("put a backup in the place of the database, while no server runs")
    .argument("<file>", "what `db backup` wrote")
    .option("--force", "replace the database that is there")
    .option("--ignore-connections", "PostgreSQL: although others are connected, none of which is a server")
    .action(async (file: string, options: RestoreOptions, command: Command) => {
      const { force = false, ignoreConnections: ignore_connections = false } = options;
      const database = await databaseOf(world);
      if (isPostgres(database.url)) await restoreIntoPostgres(file, { force, ignore_connections });
      else restoreDatabase(database, file, force);
      print(command, { file }, `Restored: ${file}`);
    });

  async function restoreIntoPostgres(file: string, rules: RestoreRules): Promise<void> {
    const migrations = await migrationsIn(file, world.environment);
    await withDatabase(world, { pool_size: 1 }, (opened) =>
      checkPostgresRestore(opened, file, migrations, rules),
    );
    const { url } = await databaseOf(world);
    await restorePostgres(url, file, EMPTY_POSTGRES, world.environment);
  }
}

interface RestoreOptions {
  readonly force?: boolean;
  readonly ignoreConnections?: boolean;
}

function inWords({ key_id, secrets, resealed }: SecretRotation): string {
  if (resealed > 0)
    return `${resealed} of ${secrets} secrets have the key ${key_id} now, the others had it before.`;
  return secrets === 0
    ? "Nothing to do: there are no secrets."
    : `Nothing to do: all ${secrets} secrets have the key ${key_id}.`;
}

/** A key is no argument, because other users see those. */
async function readNewKey(world: World, path: string | undefined): Promise<string> {
  const given =
    path === undefined
      ? world.environment.BUDGET_DATABASE_NEW_KEY
      : (await world.readFile(path)).replace(/\r?\n$/, "");
  if (given === undefined) {
    throw new UsageError(
      "Set BUDGET_DATABASE_NEW_KEY to the new key, or name a file with --new-key-file. " +
        "An empty key takes encryption away.",
    );
  }
  if (given !== "" && !isDatabaseKey(given)) throw new UsageError("A key must have 16 characters or more.");
  return given;
}
