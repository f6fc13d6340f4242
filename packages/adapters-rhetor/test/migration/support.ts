import SqliteDatabase, { type Database } from "better-sqlite3";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const NOW_MS = Date.parse("2026-11-27T00:00:00Z");

/** As Rhetor makes its tables. */
export const SCHEMA = `
  CREATE TABLE usage (
    id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, provider TEXT, model TEXT, component TEXT, task_type TEXT,
    input_tokens INTEGER, output_tokens INTEGER, cost REAL, metadata TEXT
  );
  CREATE TABLE budget_settings (
    id INTEGER PRIMARY KEY AUTOINCREMENT, period TEXT, provider TEXT, limit_amount REAL, enforcement TEXT,
    start_date TEXT, active INTEGER
  );`;

export const USAGE = {
  timestamp: "2026-03-01T09:03:26.117306" as unknown,
  provider: "openai" as unknown,
  model: "gpt-4-turbo" as unknown,
  component: "rhetor" as unknown,
  task_type: "chat" as unknown,
  input_tokens: 9443 as unknown,
  output_tokens: 3919 as unknown,
  cost: 0.21200000000000002 as unknown,
  metadata: '{"request": 1}' as unknown,
};

export const SETTING = {
  period: "daily" as unknown,
  provider: "all" as unknown,
  limit_amount: 5 as unknown,
  enforcement: "enforce" as unknown,
  start_date: "2026-11-23T10:43:23.654904" as unknown,
  active: 1 as unknown,
};

export function insert(database: Database, table: string, rows: readonly object[]): void {
  database.transaction(() => {
    for (const row of rows) {
      const names = Object.keys(row);
      const marks = names.map(() => "?").join(", ");
      const statement = database.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${marks})`);
      statement.run(...Object.values(row));
    }
  })();
}

/** A file that `make` fills, for as long as `work` runs. */
export async function withFile<T>(
  make: (database: Database) => void,
  work: (path: string, folder: string) => T | Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "budget-rhetor-"));
  const path = join(folder, "rhetor.db");
  try {
    const database = new SqliteDatabase(path);
    make(database);
    database.close();
    return await work(path, folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A file as Rhetor keeps it. */
export const withRows = <T>(
  usage: readonly object[],
  settings: readonly object[],
  work: (path: string, folder: string) => T | Promise<T>,
): Promise<T> =>
  withFile((database) => {
    database.exec(SCHEMA);
    insert(database, "usage", usage);
    insert(database, "budget_settings", settings);
  }, work);
