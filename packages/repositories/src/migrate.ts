import type { Knex } from "knex";
import { poolOf, type Database } from "./database.ts";
import { DatabaseError } from "./database-error.ts";
import type { Dialect } from "./dialect.ts";
import * as foundation from "./migrations/0001-foundation.ts";
import * as decisions from "./migrations/0002-decisions.ts";
import * as outputSketches from "./migrations/0003-output-sketches.ts";
import * as jobRuns from "./migrations/0004-job-runs.ts";
import * as priceMonitoring from "./migrations/0005-price-monitoring.ts";
import * as repricing from "./migrations/0006-markups-and-repricing.ts";
import * as observationsStillSaid from "./migrations/0007-observations-still-said.ts";
import * as access from "./migrations/0008-access.ts";
import * as limits from "./migrations/0009-limits.ts";
import * as sourceCredentials from "./migrations/0010-source-credentials.ts";
import * as rowLevelSecurity from "./migrations/0011-row-level-security.ts";
import * as historyImport from "./migrations/0012-history-import.ts";
import { nameTenants, secureRows } from "./row-security.ts";
import { ALL_TENANTS } from "./tenant-scope.ts";
import type { Transaction } from "./transaction.ts";

/** In the order in which they are applied. */
export const MIGRATIONS: readonly { readonly name: string; readonly migration: Knex.Migration }[] = [
  { name: "0001-foundation", migration: foundation },
  { name: "0002-decisions", migration: decisions },
  { name: "0003-output-sketches", migration: outputSketches },
  { name: "0004-job-runs", migration: jobRuns },
  { name: "0005-price-monitoring", migration: priceMonitoring },
  { name: "0006-markups-and-repricing", migration: repricing },
  { name: "0007-observations-still-said", migration: observationsStillSaid },
  { name: "0008-access", migration: access },
  { name: "0009-limits", migration: limits },
  { name: "0010-source-credentials", migration: sourceCredentials },
  { name: "0011-row-level-security", migration: rowLevelSecurity },
  { name: "0012-history-import", migration: historyImport },
];

const TABLE = "schema_migrations";

const source: Knex.MigrationSource<(typeof MIGRATIONS)[number]> = {
  getMigrations: () => Promise.resolve([...MIGRATIONS]),
  getMigrationName: ({ name }) => name,
  getMigration: ({ migration }) =>
    Promise.resolve({
      ...migration,
      // Each migration has a transaction of its own, and its changes are for the rows of all.
      async up(knex: Knex) {
        if ((knex.client as Knex.Client).config.client === "pg") await knex.raw(nameTenants(ALL_TENANTS));
        await migration.up(knex);
      },
    }),
};

/** How the schema of a database differs from the one of this version. */
export interface MigrationState {
  /** To be applied, in order. */
  readonly missing: readonly string[];
  /** Applied by a later version. */
  readonly unknown: readonly string[];
}

/** Compares the schema with the one of this version, and changes nothing. */
export async function migrationState({ knex }: Database): Promise<MigrationState> {
  const known = MIGRATIONS.map(({ name }) => name);
  const rows = (await knex.schema.hasTable(TABLE)) ? await knex<{ name: string }>(TABLE).select("name") : [];
  const applied = new Set(rows.map(({ name }) => name));
  return {
    missing: known.filter((name) => !applied.has(name)),
    unknown: [...applied].filter((name) => !known.includes(name)).sort(),
  };
}

/**
 * Holds a backup to the schemas that this version knows: its own and earlier ones.
 * @param file what people know the backup by
 * @param applied the migrations in it, in order
 * @throws DatabaseError `unusable_file`
 */
export function refuseUnknownMigrations(file: string, applied: readonly string[]): void {
  if (applied.length === 0)
    throw new DatabaseError("unusable_file", `${file} is a backup of a database, but of none of Budget's.`);
  const unknown = applied.find((name, index) => MIGRATIONS[index]?.name !== name);
  if (unknown === undefined) return;
  throw new DatabaseError(
    "unusable_file",
    `${file} has a schema that this version of Budget does not know (${unknown}). Use the version that made it, or a ` +
      "later one.",
  );
}

/** Any number that nobody else uses; it names the lock that migrating servers wait for. */
export const MIGRATION_LOCK = 8_013_000_001;

/**
 * Brings the schema up to date. Servers that start together on one PostgreSQL wait for each other.
 * @returns the names of the migrations that were applied, none where the schema was current
 */
export async function migrate(database: Database): Promise<readonly string[]> {
  const apply = async (knex: Knex): Promise<readonly string[]> => {
    const options = { migrationSource: source, tableName: TABLE };
    // The lock above this one ends with its connection; Knex's own is a row, which a crash would leave behind.
    await knex.migrate.forceFreeMigrationsLock(options);
    const [, applied] = (await knex.migrate.latest(options)) as [number, string[]];
    return applied;
  };
  const { name } = database.dialect;
  return database.patiently((knex) =>
    name === "sqlite" ? apply(knex) : withMigrationLock(database.dialect, knex, apply),
  );
}

/** Runs `work` while no other server migrates. The lock has a connection of its own, so a pool of one is enough. */
async function withMigrationLock<T>(
  dialect: Dialect,
  knex: Knex,
  work: (knex: Knex) => Promise<T>,
): Promise<T> {
  const connection = await poolOf(knex).acquireRawConnection();
  try {
    await dialect.query(connection, "SELECT pg_advisory_lock($1)", [MIGRATION_LOCK]);
    return await work(knex);
  } finally {
    // The lock ends with its connection.
    await poolOf(knex).destroyRawConnection(connection);
  }
}

/**
 * Makes the monthly partitions of usage records for the month of `at_ms` and the two after it, and puts into them what
 * was booked in those months before they were there. On SQLite there are none.
 */
export async function ensureUsagePartitions(database: Database, at_ms: number): Promise<void> {
  if (database.dialect.name === "sqlite") return;
  const first = new Date(at_ms);
  for (let ahead = 0; ahead < 3; ahead += 1) {
    const start = new Date(Date.UTC(first.getUTCFullYear(), first.getUTCMonth() + ahead, 1));
    const end_ms = Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1);
    const name = `usage_records_${start.toISOString().slice(0, 7).replace("-", "_")}`;
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await transaction.query("SELECT pg_advisory_xact_lock($1)", [MIGRATION_LOCK]);
      const [found] = await transaction.query("SELECT to_regclass($1) IS NOT NULL AS exists", [name]);
      if (found?.exists === true) return;
      await transaction.takeTime();
      await createUsagePartition(transaction, name, start.getTime(), end_ms);
    });
  }
}

async function createUsagePartition(
  transaction: Transaction,
  name: string,
  start_ms: number,
  end_ms: number,
): Promise<void> {
  // A partition cannot be attached while the default one holds rows of its span.
  await transaction.query("LOCK TABLE usage_records IN ACCESS EXCLUSIVE MODE", []);
  await transaction.query(`CREATE TABLE ${name} (LIKE usage_records_default INCLUDING DEFAULTS)`, []);
  for (const statement of secureRows(name)) await transaction.query(statement, []);
  await transaction.query(
    `WITH moved AS (
       DELETE FROM usage_records_default WHERE timestamp_ms >= $1 AND timestamp_ms < $2 RETURNING *
     ) INSERT INTO ${name} SELECT * FROM moved`,
    [start_ms, end_ms],
  );
  await transaction.query(
    `ALTER TABLE usage_records ATTACH PARTITION ${name} FOR VALUES FROM (${start_ms}) TO (${end_ms})`,
    [],
  );
}
