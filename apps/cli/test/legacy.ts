import { ALL_TENANTS, openDatabase } from "@budget/repositories";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder for the old systems' files of one test. */
export class Legacy {
  readonly folder = mkdtempSync(join(tmpdir(), "budget-legacy-"));
  readonly apollo = join(this.folder, "apollo");
  readonly rhetor = join(this.folder, "rhetor.db");

  remove(): void {
    rmSync(this.folder, { recursive: true });
  }

  writeApollo(files: Readonly<Record<string, unknown>>): void {
    mkdirSync(this.apollo, { recursive: true });
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(this.apollo, name), typeof content === "string" ? content : JSON.stringify(content));
  }

  /** Adds rows to Rhetor's database; makes it where it is not there. */
  async writeRhetor(usage: readonly object[], settings: readonly object[] = []): Promise<void> {
    const database = openDatabase({ url: `sqlite:${this.rhetor}` });
    const { knex } = database;
    await knex.raw(`CREATE TABLE IF NOT EXISTS usage (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT,
      provider TEXT, model TEXT, component TEXT, task_type TEXT, input_tokens INTEGER, output_tokens INTEGER,
      cost REAL, metadata TEXT)`);
    await knex.raw(`CREATE TABLE IF NOT EXISTS budget_settings (id INTEGER PRIMARY KEY AUTOINCREMENT, period TEXT,
      provider TEXT, limit_amount REAL, enforcement TEXT, start_date TEXT, active INTEGER)`);
    await database.transaction(ALL_TENANTS, async (transaction) => {
      for (const [table, rows] of [
        ["usage", usage],
        ["budget_settings", settings],
      ] as const)
        for (const row of rows) {
          const columns = Object.keys(row);
          const marks = columns.map((_name, index) => `$${index + 1}`);
          const sql = `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${marks.join(", ")})`;
          await transaction.query(sql, Object.values(row) as (string | number | null)[]);
        }
    });
    await knex.raw("PRAGMA journal_mode = DELETE");
    await database.close();
  }
}

export const policy = (policy_id: string, change: object = {}) => ({
  policy_id,
  type: "warn",
  period: "daily",
  tier: "local_lightweight",
  component: null,
  task_type: null,
  limit: 1_000_000,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  start_date: "2026-03-01T10:43:23.608494",
  end_date: null,
  enabled: true,
  metadata: {},
  ...change,
});

export const record = (record_id: string, change: object = {}) => ({
  record_id,
  allocation_id: "a1",
  context_id: "ctx-7",
  component: "codex",
  provider: "openai",
  model: "gpt-4o",
  task_type: "analysis",
  tokens_used: 100,
  usage_type: "input",
  timestamp: "2026-03-02T08:41:52",
  operation_id: "op-1",
  metadata: {},
  ...change,
});

export const usageRow = (change: object = {}) => ({
  timestamp: "2026-03-02T08:41:52.117306",
  provider: "openai",
  model: "gpt-4-turbo",
  component: "rhetor",
  task_type: "chat",
  input_tokens: 9443,
  output_tokens: 3919,
  cost: 0.21200000000000002,
  metadata: "{}",
  ...change,
});

export const setting = (change: object = {}) => ({
  period: "daily",
  provider: "all",
  limit_amount: 5,
  enforcement: "warn",
  start_date: "2026-03-01T10:43:23.654904",
  active: 1,
  ...change,
});
