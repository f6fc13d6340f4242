import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Cleanup } from "./cleanup.ts";

/** A place for a SQLite database, in a folder of its own. */
export interface SqliteFile {
  readonly url: string;
  readonly remove: () => Promise<void>;
}

export function newSqliteFile(cleanup: Cleanup, parent_folder = tmpdir()): SqliteFile {
  const folder = mkdtempSync(join(parent_folder, "budget-chaos-sqlite-"));
  return {
    url: `sqlite:${join(folder, "budget.db")}`,
    remove: cleanup.add(() => rmSync(folder, { recursive: true, force: true })),
  };
}
