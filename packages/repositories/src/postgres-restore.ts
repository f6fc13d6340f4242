import type { Database } from "./database.ts";
import { DatabaseError } from "./database-error.ts";
import { MIGRATION_LOCK, migrationState, refuseUnknownMigrations } from "./migrate.ts";
import * as tables from "./tables.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";

/** All that the migrations make; partitions go with their tables, and sequences too. */
const TABLES = [
  ...Object.values(tables).map(({ name }) => name),
  "job_runs",
  "schema_migrations",
  "schema_migrations_lock",
];

/**
 * What a transaction on PostgreSQL begins with that puts a backup in the place of Budget's tables. A server that starts
 * meanwhile waits for its end. Tables that are not Budget's stay.
 */
export const EMPTY_POSTGRES: readonly string[] = [
  "SET client_min_messages = warning",
  `SELECT pg_advisory_xact_lock(${MIGRATION_LOCK})`,
  `DROP TABLE IF EXISTS ${TABLES.join(", ")} CASCADE`,
];

export interface RestoreRules {
  /** Whether what the database holds may be replaced. */
  readonly force: boolean;
  /** Whether others may be connected. */
  readonly ignore_connections: boolean;
}

/**
 * Looks whether a backup may take the place of what a PostgreSQL database holds.
 * @param file what people know the backup by
 * @param migrations those that were applied to what is in the backup, in order
 * @throws DatabaseError that says what stands against it
 */
export async function checkPostgresRestore(
  database: Database,
  file: string,
  migrations: readonly string[],
  { force, ignore_connections }: RestoreRules,
): Promise<void> {
  refuseUnknownMigrations(file, migrations);
  const { unknown } = await migrationState(database);
  if (unknown.length > 0) {
    throw new DatabaseError(
      "unusable_file",
      `The database has a schema that this version of Budget does not know (${unknown.join(", ")}). Restore with the ` +
        "version that made it, or into an empty database.",
    );
  }
  if (!force && (await database.knex.schema.hasTable("schema_migrations"))) {
    throw new DatabaseError(
      "exists",
      "There is a database of Budget at BUDGET_DATABASE_URL. Give --force to replace it.",
    );
  }
  const others = await countOthers(database);
  if (others === 0 || ignore_connections) return;
  throw new DatabaseError(
    "in_use",
    `Others are connected to the database (${others}). Stop all servers first: they would go on with what they remember. ` +
      "Give --ignore-connections where none of these is a server.",
  );
}

/** Roles that may not look at others see of them only that they are there. */
async function countOthers(database: Database): Promise<number> {
  const [row] = await database.snapshot(ALL_TENANTS, (transaction) =>
    transaction.query(
      "SELECT COUNT(*) AS total FROM pg_stat_activity WHERE datname = current_database() " +
        "AND pid <> pg_backend_pid() AND COALESCE(backend_type, 'client backend') = 'client backend'",
      [],
    ),
  );
  return Number(row?.total);
}
