import { ALL_TENANTS, type Database } from "@budget/repositories";
import { dumpPostgres } from "./dump-postgres.ts";
import { dumpSqlite } from "./dump-sqlite.ts";

const HEADER = "-- Written by `pnpm schema:dump` from the migrations; `pnpm schema:check` compares it.\n\n";

/** The schema of a database as text, the same on every machine. */
export function dumpSchema(database: Database): Promise<string> {
  const dump = database.dialect.name === "sqlite" ? dumpSqlite : dumpPostgres;
  return database.snapshot(ALL_TENANTS, async (transaction) => HEADER + (await dump(transaction)));
}
