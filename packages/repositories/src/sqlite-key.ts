import BetterSqlite from "better-sqlite3";
import { DatabaseError } from "./database-error.ts";

/** What the driver's types leave out, because they are those of the driver without encryption. */
interface Encrypting {
  key(key: Buffer): void;
  rekey(key: Buffer): void;
}

const encrypting = (connection: BetterSqlite.Database): Encrypting => connection as unknown as Encrypting;

/** Tells a new connection the key of its file; an empty one means that the file is not encrypted. */
export function useKey(connection: BetterSqlite.Database, key: string): void {
  if (key !== "") encrypting(connection).key(Buffer.from(key));
}

/** Encrypts the file of a connection anew; an empty key takes encryption away. Not safe under `kill -9`. */
export const changeKey = (connection: BetterSqlite.Database, key: string): void =>
  encrypting(connection).rekey(Buffer.from(key));

/** How long a tool waits for another process that writes the file. */
const BUSY_TIMEOUT_MS = 1000;

/**
 * Opens a SQLite file that is there, and reads from it.
 * @throws DatabaseError where the key is wrong, missing, or not needed
 */
export function openSqliteFile(
  filename: string,
  key: string,
  options: BetterSqlite.Options = {},
): BetterSqlite.Database {
  const connection = openIfReadable(filename, key, options);
  if (connection !== undefined) return connection;
  throw keyError(filename, key);
}

/** Undefined where the file cannot be read by this key. */
function openIfReadable(
  filename: string,
  key: string,
  options: BetterSqlite.Options,
): BetterSqlite.Database | undefined {
  const connection = new BetterSqlite(filename, {
    fileMustExist: true,
    timeout: BUSY_TIMEOUT_MS,
    ...options,
  });
  try {
    useKey(connection, key);
    // No key is checked before something is read.
    connection.prepare("SELECT count(*) FROM sqlite_schema").get();
    return connection;
  } catch (error) {
    connection.close();
    if ((error as { code?: string }).code === "SQLITE_NOTADB") return undefined;
    throw error;
  }
}

function keyError(filename: string, key: string): DatabaseError {
  if (key === "") {
    return new DatabaseError(
      "key_missing",
      `${filename} is encrypted, or no SQLite database. Set BUDGET_DATABASE_KEY to the key that it was encrypted with.`,
    );
  }
  // Only SQLite may look into the file: to open and close it otherwise would give up the locks that this process has on it.
  const plain = openIfReadable(filename, "", {});
  plain?.close();
  return plain === undefined
    ? new DatabaseError(
        "key_wrong",
        `BUDGET_DATABASE_KEY is not the key of ${filename}. Set it to the key that the file was encrypted with.`,
      )
    : new DatabaseError(
        "not_encrypted",
        `BUDGET_DATABASE_KEY is set, but ${filename} is not encrypted. Leave the key out, or encrypt the file: leave ` +
          "it out, set BUDGET_DATABASE_NEW_KEY to it, and run `budget db rekey`.",
      );
}
