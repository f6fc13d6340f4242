import BetterSqlite from "better-sqlite3";
import { DatabaseError } from "./database-error.ts";

/**
 * Keeps other servers from this file by an exclusive transaction on a file beside it: the operating system gives the
 * lock back however the process ends.
 * @returns gives the lock back
 * @throws DatabaseError `in_use` where another process has it
 */
export function holdFile(filename: string): () => void {
  const lock = new BetterSqlite(`${filename}.server-lock`, { timeout: 0 });
  try {
    lock.pragma("locking_mode = EXCLUSIVE");
    lock.exec("BEGIN EXCLUSIVE");
  } catch (error) {
    lock.close();
    if ((error as { code?: string }).code !== "SQLITE_BUSY") throw error;
    throw new DatabaseError(
      "in_use",
      `Another Budget server uses ${filename}. Stop it, or give this one another BUDGET_DATABASE_URL; ` +
        "several servers share one database only on PostgreSQL.",
    );
  }
  return () => lock.close();
}
