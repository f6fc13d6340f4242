import SqliteDatabase from "better-sqlite3";

/** What rows are made of. */
export interface RhetorRows {
  /** As provider/model. */
  readonly models: readonly string[];
  readonly components: readonly string[];
  readonly timeOf: (row: number) => string;
}

const ROWS_AT_ONCE = 10_000;

/**
 * Makes a `rhetor.db` of about this size.
 * @returns what its rows add up to; the cost in dollars
 */
export function fillRhetor(
  path: string,
  bytes: number,
  { models, components, timeOf }: RhetorRows,
): { readonly records: number; readonly total_tokens: number; readonly cost: number } {
  const database = new SqliteDatabase(path);
  database.pragma("journal_mode = OFF");
  database.pragma("synchronous = OFF");
  database.exec(`
    CREATE TABLE usage (id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, provider TEXT, model TEXT,
      component TEXT, task_type TEXT, input_tokens INTEGER, output_tokens INTEGER, cost REAL, metadata TEXT);
    CREATE TABLE budget_settings (id INTEGER PRIMARY KEY AUTOINCREMENT, period TEXT, provider TEXT,
      limit_amount REAL, enforcement TEXT, start_date TEXT, active INTEGER);`);
  const insert = database.prepare(
    `INSERT INTO usage (timestamp, provider, model, component, task_type, input_tokens, output_tokens, cost, metadata)
     VALUES (?, ?, ?, ?, 'chat', ?, ?, ?, ?)`,
  );
  let records = 0;
  let total_tokens = 0;
  let hundred_thousandths = 0;
  const add = database.transaction(() => {
    for (let count = 0; count < ROWS_AT_ONCE; count += 1, records += 1) {
      const [provider, model] = (models[records % models.length] ?? "").split("/");
      const input = 500 + (records % 9000);
      const output = 100 + (records % 3000);
      const metadata = JSON.stringify({
        request: records,
        prompt: "p".repeat(200),
        session: `s-${records % 500}`,
      });
      insert.run(
        timeOf(records),
        provider,
        model,
        components[records % components.length],
        input,
        output,
        (input + 3 * output) / 100_000,
        metadata,
      );
      total_tokens += input + output;
      hundred_thousandths += input + 3 * output;
    }
  });
  const pages = (): number => Number(database.pragma("page_count", { simple: true })) * 4096;
  while (pages() < bytes) add();
  database.close();
  return { records, total_tokens, cost: hundred_thousandths / 100_000 };
}
