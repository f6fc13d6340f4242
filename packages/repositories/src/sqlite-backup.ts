import type BetterSqlite from "better-sqlite3";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { DatabaseError } from "./database-error.ts";
import { refuseUnknownMigrations } from "./migrate.ts";
import { changeKey, openSqliteFile } from "./sqlite-key.ts";
import { createPrivately, putInPlace, removeSqliteFile, replaceSqliteFile } from "./sqlite-replace.ts";

/** A SQLite file, and the key that it is encrypted with; empty where it is not. */
export interface SqliteFile {
  /** `sqlite:PATH`. */
  readonly url: string;
  readonly key: string;
}

/**
 * Encrypts a database with another key, encrypts one that was not, or takes encryption away. Whenever it is killed, the
 * database opens with the old key or with the new one, and has all its rows.
 * @param new_key empty takes encryption away
 * @throws DatabaseError where a server runs, there is no database, or the old key is wrong
 */
export function rekeyDatabase({ url, key }: SqliteFile, new_key: string): void {
  const filename = existing(url);
  replaceSqliteFile(filename, key, (copy, present) => {
    if (present === undefined) throw notFound(filename);
    copyInto(present, copy);
    // The copy still has the old key.
    const connection = openSqliteFile(copy, key);
    try {
      changeKey(connection, new_key);
    } finally {
      connection.close();
    }
    check(copy, new_key);
  });
}

/**
 * Writes what the database holds at one moment into a new file, with the same key. A server may run meanwhile.
 * @throws DatabaseError where the file is there already, there is no database, or its key is wrong
 */
export function backUpDatabase({ url, key }: SqliteFile, path: string): void {
  const file = resolve(path);
  if (existsSync(file)) {
    throw new DatabaseError("exists", `${file} is there already. Name a file that is not, or delete it.`);
  }
  const present = openSqliteFile(existing(url), key);
  const partial = `${file}.partial`;
  try {
    removeSqliteFile(partial);
    createPrivately(partial);
    copyInto(present, partial);
    check(partial, key);
    putInPlace(partial, file);
  } finally {
    removeSqliteFile(partial);
    present.close();
  }
}

/**
 * Puts a backup in the place of the database. Whenever it is killed, the database is the old one or the backup.
 * @param database its key is that of the backup, and of the database that is there
 * @param force whether a database that is there may be replaced
 * @throws DatabaseError where a server runs, there is a database and no `force`, or the backup is not sound
 */
export function restoreDatabase({ url, key }: SqliteFile, path: string, force: boolean): void {
  const filename = filenameOf(url);
  const file = resolve(path);
  if (!existsSync(file)) throw new DatabaseError("not_found", `There is no file ${file}.`);
  if (existsSync(filename) && !force) {
    throw new DatabaseError("exists", `There is a database at ${filename}. Give --force to replace it.`);
  }
  check(file, key);
  replaceSqliteFile(filename, key, (copy) => {
    const backup = openSqliteFile(file, key, { readonly: true });
    try {
      copyInto(backup, copy);
    } finally {
      backup.close();
    }
    check(copy, key);
  });
}

/** One unchanging state, in an empty file, with the key of the connection. */
const copyInto = (connection: BetterSqlite.Database, path: string): void => {
  connection.prepare("VACUUM INTO ?").run(path);
};

/** @throws DatabaseError where the file is no sound database of this version of Budget or an earlier one */
function check(file: string, key: string): void {
  const connection = openSqliteFile(file, key, { readonly: true });
  try {
    const [first] = connection.prepare("PRAGMA integrity_check(1)").pluck().all();
    if (first !== "ok") throw new DatabaseError("unusable_file", `${file} is damaged: ${String(first)}.`);
    refuseUnknownSchema(connection, file);
  } finally {
    connection.close();
  }
}

function refuseUnknownSchema(connection: BetterSqlite.Database, file: string): void {
  const hasMigrations = connection
    .prepare("SELECT 1 FROM sqlite_schema WHERE name = 'schema_migrations'")
    .get();
  const applied =
    hasMigrations === undefined
      ? []
      : (connection.prepare("SELECT name FROM schema_migrations ORDER BY id").pluck().all() as string[]);
  refuseUnknownMigrations(file, applied);
}

function existing(url: string): string {
  const filename = filenameOf(url);
  if (existsSync(filename)) return filename;
  throw notFound(filename);
}

const notFound = (filename: string): DatabaseError =>
  new DatabaseError("not_found", `There is no database at ${filename}. Check BUDGET_DATABASE_URL.`);

function filenameOf(url: string): string {
  if (url.startsWith("sqlite:") && url !== "sqlite::memory:") return resolve(url.slice("sqlite:".length));
  throw new DatabaseError(
    "unsupported_url",
    "This needs a database in a SQLite file. Check BUDGET_DATABASE_URL.",
  );
}
