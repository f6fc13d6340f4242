import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DEFAULT_TENANT_ID, prepareFirstStart } from "@budget/engine";
import {
  DatabaseError,
  TenantRepository,
  ensureUsagePartitions,
  migrate,
  migrationState,
  openDatabase,
  type Database,
  type DatabaseOptions,
} from "@budget/repositories";
import { databaseOf } from "../database.ts";
import { UsageError } from "../exit-codes.ts";
import type { World } from "../session.ts";
import { clock, ids } from "./parts.ts";

/** An import of millions of rows has statements that take minutes. */
const ANSWER_TIMEOUT_MS = 6 * 3_600_000;

/**
 * Works on the database that history moves into. A new one is made as at the first start of a server, and one of an
 * older version is brought up to date; where it is only tried, that happens in a file that is deleted afterwards.
 */
export async function withTargetDatabase<T>(
  world: World,
  dry_run: boolean,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const options: DatabaseOptions = { ...(await databaseOf(world)), answer_timeout_ms: ANSWER_TIMEOUT_MS };
  if (await isCurrent(options)) return within(options, work);
  if (!dry_run) {
    if (options.url === "sqlite::memory:")
      throw new UsageError("A database in memory keeps nothing. Name a file in BUDGET_DATABASE_URL.");
    await within({ ...options, exclusive: true }, prepare);
    return within(options, work);
  }
  const folder = mkdtempSync(join(tmpdir(), "budget-dry-run-"));
  try {
    const trial: DatabaseOptions = { ...options, url: `sqlite:${join(folder, "budget.db")}` };
    await within(trial, prepare);
    return await within(trial, work);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function within<T>(options: DatabaseOptions, work: (database: Database) => Promise<T>): Promise<T> {
  const database = openDatabase(options);
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Whether the database is there, of this version, and was started before. */
async function isCurrent(options: DatabaseOptions): Promise<boolean> {
  let database: Database;
  try {
    database = openDatabase({ ...options, must_exist: true });
  } catch (error) {
    if (error instanceof DatabaseError && error.code === "not_found") return false;
    throw error;
  }
  try {
    const { missing, unknown } = await migrationState(database);
    if (unknown.length > 0) {
      throw new Error(
        `The database was made by a later version of Budget (${unknown.join(", ")}). Run that version.`,
      );
    }
    if (missing.length > 0) return false;
    return (await new TenantRepository(database).getById(DEFAULT_TENANT_ID)) !== null;
  } finally {
    await database.close();
  }
}

async function prepare(database: Database): Promise<void> {
  await migrate(database);
  await ensureUsagePartitions(database, clock.now());
  await prepareFirstStart({
    database,
    clock,
    ids,
    readPrices: async () => (await (await import("@budget/price-sources")).readBundledCatalogue()).drafts,
  });
}
