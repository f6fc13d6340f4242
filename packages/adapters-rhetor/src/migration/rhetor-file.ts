import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { SourceError } from "@budget/migration";
import SqliteDatabase, { type Database } from "better-sqlite3";

/** Columns by table, as Rhetor makes them. */
const TABLES = {
  usage: [
    "id",
    "timestamp",
    "provider",
    "model",
    "component",
    "task_type",
    "input_tokens",
    "output_tokens",
    "cost",
    "metadata",
  ],
  budget_settings: ["id", "period", "provider", "limit_amount", "enforcement", "start_date", "active"],
} as const;
type TableName = keyof typeof TABLES;

export type RhetorRow = Readonly<Record<string, unknown>>;

/** Rhetor's Python waits 5 s for the file, so it is never kept from it for long. */
const PAGE_ROWS = 1000;
/** PostgreSQL ends a transaction in which nothing happens for 10 s. */
const LONGEST_WAIT_MS = 5000;
const MAGIC = "SQLite format 3\0";

/** What SQLite says, in words that say what to do; undefined for what is no fault of the file. */
function faultOf(error: unknown, path: string): SourceError | undefined {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (/^SQLITE_(READONLY|CANTOPEN)/.test(code) && hasJournal(path)) return halfWritten(path);
  if (/^SQLITE_(BUSY|LOCKED|PROTOCOL)/.test(code)) {
    return new SourceError(
      `${path} is locked: another program is writing it and did not finish while it was waited for. ` +
        "Stop Rhetor or whatever has the file open, or wait, and run this again.",
    );
  }
  if (/^SQLITE_(CORRUPT|NOTADB|IOERR)/.test(code)) {
    return new SourceError(
      `${path} is damaged (${(error as Error).message}): it was half written or cut off. Nothing of it was imported. ` +
        `Take it from a backup, or save what can be read with \`sqlite3 ${path} .recover\` into a new file.`,
    );
  }
  if (code.startsWith("SQLITE_")) {
    return new SourceError(`${path} cannot be read (${code}: ${(error as Error).message}).`);
  }
  return undefined;
}

function hasJournal(path: string): boolean {
  const journal = `${path}-journal`;
  return existsSync(journal) && statSync(journal).size > 0;
}

const halfWritten = (path: string): SourceError =>
  new SourceError(
    `${path} is half written: the last program that wrote it was stopped in the middle, and left ${path}-journal. ` +
      "Start Rhetor once, which finishes or takes back that write, or take the file from a backup; then run this again.",
  );

/** Rhetor's database, opened to be read only. */
export class RhetorFile {
  readonly #path: string;
  readonly #database: Database;
  /** Rows that come later are not read, so that every look sees the same ones. */
  readonly #last_row: number;

  /**
   * @param longest_wait_ms how long another program that writes it is waited for, each time
   * @throws SourceError where it is not Rhetor's, or cannot be read
   */
  constructor(path: string, longest_wait_ms = LONGEST_WAIT_MS) {
    this.#path = path;
    checkMagic(path);
    this.#database = this.#guarded(
      () => new SqliteDatabase(path, { readonly: true, fileMustExist: true, timeout: longest_wait_ms }),
    );
    try {
      this.#checkTables();
      this.#last_row = Number(this.#one("SELECT max(rowid) AS last FROM usage").last ?? 0);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Limits, in the order in which they were set. */
  settings(): readonly RhetorRow[] {
    const sql = `SELECT ${TABLES.budget_settings.join(", ")} FROM budget_settings ORDER BY rowid`;
    return this.#guarded(() => this.#database.prepare(sql).all()) as RhetorRow[];
  }

  /**
   * Usage, oldest first, a thousand rows at a time: a read that took as long as an import would keep Rhetor from
   * writing.
   * @param onPage is told which share of the rows was read
   */
  *usage(onPage: (share: number) => void): Generator<RhetorRow> {
    const sql =
      `SELECT rowid AS row, ${TABLES.usage.join(", ")} FROM usage ` +
      `WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ${PAGE_ROWS}`;
    const statement = this.#guarded(() => this.#database.prepare(sql));
    let last_read = Number.MIN_SAFE_INTEGER;
    for (;;) {
      const after = last_read;
      const page = this.#guarded(() => statement.all(after, this.#last_row)) as RhetorRow[];
      const last = page.at(-1);
      if (last === undefined) {
        onPage(1);
        return;
      }
      last_read = Number(last.row);
      onPage(last_read / this.#last_row);
      yield* page;
    }
  }

  close(): void {
    this.#database.close();
  }

  #checkTables(): void {
    for (const name of Object.keys(TABLES) as TableName[]) {
      const found = this.#all("SELECT name, pk FROM pragma_table_info(?)", name);
      const wanted = TABLES[name];
      const has = new Set(found.map((column) => column.name));
      const missing = wanted.filter((column) => !has.has(column));
      const problem =
        found.length === 0
          ? `it has no table ${name}`
          : missing.length > 0
            ? `its table ${name} has no column ${missing.join(", ")}`
            : found.some((column) => column.name === "id" && column.pk === 1)
              ? null
              : `the id of its table ${name} is not its primary key`;
      if (problem === null) continue;
      throw new SourceError(
        `${this.#path} is not Rhetor's database: ${problem}. Rhetor's ${name} has ${wanted.join(", ")}.`,
      );
    }
  }

  #all(sql: string, ...parameters: readonly unknown[]): readonly RhetorRow[] {
    return this.#guarded(() => this.#database.prepare(sql).all(...parameters)) as RhetorRow[];
  }

  #one(sql: string): RhetorRow {
    return this.#all(sql)[0] ?? {};
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw faultOf(error, this.#path) ?? error;
    }
  }
}

/** SQLite takes an empty file for a new database, and reads whatever else is there only later. */
function checkMagic(path: string): void {
  const begin = Buffer.alloc(MAGIC.length);
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new SourceError(`${path} cannot be read (${code}). Name the file rhetor.db that Rhetor keeps.`);
  }
  try {
    if (statSync(path).isDirectory()) {
      throw new SourceError(`${path} is a directory. Name the file rhetor.db that Rhetor keeps in it.`);
    }
    readSync(file, begin);
  } finally {
    closeSync(file);
  }
  if (begin.toString("latin1") !== MAGIC) {
    throw new SourceError(`${path} is not a SQLite file. Name the file rhetor.db that Rhetor keeps.`);
  }
}
