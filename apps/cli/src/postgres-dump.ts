import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { pipeline } from "node:stream/promises";
import { runProgram, startProgram } from "./postgres-programs.ts";
import type { World } from "./session.ts";

type Environment = World["environment"];

/**
 * Has `pg_dump` write a PostgreSQL database into a new file that `pg_restore` reads. A server may run meanwhile.
 * @throws Error where there is no `pg_dump`, or with what it says
 */
export async function dumpPostgres(url: string, file: string, environment: Environment): Promise<void> {
  const { address, env } = withoutPassword(url, environment);
  if (existsSync(file)) throw new Error(`${file} is there already. Name a file that is not, or delete it.`);
  const partial = `${file}.partial`;
  rmSync(partial, { force: true });
  // It is nobody else's to read.
  writeFileSync(partial, "", { mode: 0o600 });
  try {
    await runProgram(
      "pg_dump",
      [
        "--format=custom",
        "--enable-row-security",
        "--no-owner",
        "--no-privileges",
        `--file=${partial}`,
        address,
      ],
      // Row-level security holds for the role that dumps as well: the rows of all tenants are asked for.
      { ...env, PGOPTIONS: `${environment.PGOPTIONS ?? ""} -c budget.all_tenants=on`.trim() },
    );
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

/** The lines of the table of migrations, as `pg_restore` writes them: an id, a name, and what else there is. */
const MIGRATION = /^\d+\t([^\t\n]+)\t/gm;

/**
 * The names of the migrations that were applied to what a file of `pg_dump` holds, in order.
 * @throws Error where there is no `pg_restore`, or with what it says
 */
export async function migrationsIn(file: string, environment: Environment): Promise<readonly string[]> {
  const options = ["--data-only", "--table=schema_migrations", "--file=-", file];
  const written = await runProgram("pg_restore", options, environment);
  return [...written.matchAll(MIGRATION)].map(([, name = ""]) => name);
}

/**
 * Has `pg_restore` and `psql` put a file of `pg_dump` into a PostgreSQL database, in one transaction. It is committed
 * only when `pg_restore` has written all of it without a mistake: whoever of the three is killed, the database is as it
 * was, or as the backup.
 * @param before statements that the transaction begins with
 * @throws Error where a program is not there, or with what it says
 */
export async function restorePostgres(
  url: string,
  file: string,
  before: readonly string[],
  environment: Environment,
): Promise<void> {
  const { address, env } = withoutPassword(url, environment);
  const options = ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", `--dbname=${address}`];
  const psql = await startProgram("psql", options, env);
  const restore = await startProgram("pg_restore", ["--no-owner", "--no-privileges", "--file=-", file], env);
  // Whoever does not listen any more says why when it ends.
  psql.stdin.on("error", () => undefined);
  restore.stdin.end();
  psql.stdout.resume();
  psql.stdin.write(["BEGIN", ...before, ""].join(";\n"));
  await pipeline(restore.stdout, psql.stdin, { end: false }).catch(() => restore.kill());
  const isComplete = await restore.ended;
  // At the end of what it reads, psql leaves a transaction that was not committed, and PostgreSQL rolls it back.
  psql.stdin.end(isComplete.problem === null ? "COMMIT;\n" : "");
  const isCommitted = await psql.ended;
  const problem = isCommitted.problem ?? isComplete.problem;
  if (problem !== null) throw new Error(`${problem} The database is as it was, or as the backup.`);
}

/** Other users see the arguments of a process, but not its environment. */
function withoutPassword(
  url: string,
  environment: Environment,
): { readonly address: string; readonly env: Environment } {
  const parts = new URL(url);
  const password = decodeURIComponent(parts.password) || (parts.searchParams.get("password") ?? "");
  parts.password = "";
  parts.searchParams.delete("password");
  return { address: parts.href, env: { ...environment, ...(password !== "" && { PGPASSWORD: password }) } };
}
