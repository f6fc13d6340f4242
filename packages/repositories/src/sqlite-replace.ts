import type BetterSqlite from "better-sqlite3";
import {
  chmodSync,
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { dirname } from "node:path";
import { DatabaseError } from "./database-error.ts";
import { openSqliteFile } from "./sqlite-key.ts";
import { holdFile } from "./sqlite-lock.ts";

/** What SQLite keeps beside a database while somebody uses it. */
const COMPANIONS = ["-wal", "-shm", "-journal"];

/**
 * Puts another file in the place of a database, while nobody else uses it. Whenever the process is killed, the database
 * is the old one or the new one; what it then leaves beside it is deleted by the next replacement.
 * @param key of the database that is there, if one is
 * @param write writes the new file to a path; it is given a connection to the present database, where there is one
 * @throws DatabaseError where the database is in use or its key is wrong; whatever `write` throws
 */
export function replaceSqliteFile(
  filename: string,
  key: string,
  write: (copy: string, present: BetterSqlite.Database | undefined) => void,
): void {
  const copy = `${filename}.new`;
  const previous = `${filename}.previous`;
  const release = holdFile(filename);
  try {
    removeSqliteFile(copy);
    // A second name of the present database, or one that was replaced already.
    rmSync(previous, { force: true });
    const present = existsSync(filename) ? openAlone(filename, key) : undefined;
    try {
      if (present === undefined) refuseOrphans(filename);
      createPrivately(copy);
      write(copy, present);
      if (present !== undefined) {
        takeOver(filename, copy);
        linkSync(filename, previous);
      }
      putInPlace(copy, filename);
      rmSync(previous, { force: true });
    } finally {
      // Until here it kept others from writing to a file that is about to go.
      present?.close();
    }
  } finally {
    removeSqliteFile(copy);
    release();
  }
}

/** Makes an empty file that nobody but its owner reads. */
export const createPrivately = (path: string): void => closeSync(openSync(path, "wx", 0o600));

/** Gives a finished file its name, on the disk as well. No connection to it may be open. */
export function putInPlace(path: string, filename: string): void {
  sync(path);
  renameSync(path, filename);
  sync(dirname(filename));
}

/** Deletes a database that nobody uses, if it is there, and what SQLite left beside it. */
export function removeSqliteFile(filename: string): void {
  for (const path of [filename, ...COMPANIONS.map((companion) => filename + companion)])
    rmSync(path, { force: true });
}

/**
 * Opens a database, folds its log into the file, so that the file is all of it, and keeps every other process from it
 * until the connection is closed.
 */
function openAlone(filename: string, key: string): BetterSqlite.Database {
  const connection = openSqliteFile(filename, key);
  try {
    connection.pragma("journal_mode = DELETE");
    connection.pragma("locking_mode = EXCLUSIVE");
    connection.exec("BEGIN EXCLUSIVE; COMMIT");
    return connection;
  } catch (error) {
    connection.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new DatabaseError("in_use", `Another program uses ${filename}. Try again when it has ended.`);
  }
}

/** SQLite would take the log of another database for that of the new one. */
function refuseOrphans(filename: string): void {
  const orphan = COMPANIONS.map((companion) => filename + companion).find((path) => existsSync(path));
  if (orphan === undefined) return;
  throw new DatabaseError(
    "exists",
    `There is ${orphan}, but not the database that it belongs to. Move it to where that database is, or away.`,
  );
}

/** The new file belongs to whom the old one belonged to: root may have typed the command. */
function takeOver(filename: string, copy: string): void {
  const { mode, uid, gid } = statSync(filename);
  const own = statSync(copy);
  if (own.uid !== uid || own.gid !== gid) chownSync(copy, uid, gid);
  chmodSync(copy, mode);
}

function sync(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
