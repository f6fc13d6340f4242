import { spawn } from "node:child_process";
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { World } from "./session.ts";

/**
 * Has `pg_dump` write a PostgreSQL database into a new file that `pg_restore` reads. A server may run meanwhile.
 * @throws Error where there is no `pg_dump`, or with what it says
 */
export async function dumpPostgres(
  url: string,
  file: string,
  environment: World["environment"],
): Promise<void> {
  const { address, password } = withoutPassword(url);
  if (existsSync(file)) throw new Error(`${file} is there already. Name a file that is not, or delete it.`);
  // Other users see the arguments of a process, but not its environment.
  const env = {
    ...environment,
    ...(password !== "" && { PGPASSWORD: password }),
    // Row-level security holds for the role that dumps as well: the rows of all tenants are asked for.
    PGOPTIONS: `${environment.PGOPTIONS ?? ""} -c budget.all_tenants=on`.trim(),
  };
  const partial = `${file}.partial`;
  const arguments_ = [
    "--format=custom",
    "--enable-row-security",
    "--no-owner",
    "--no-privileges",
    `--file=${partial}`,
    address,
  ];
  rmSync(partial, { force: true });
  // It is nobody else's to read.
  writeFileSync(partial, "", { mode: 0o600 });
  try {
    const { code, said } = await run("pg_dump", arguments_, env);
    if (code !== 0) throw new Error(`pg_dump failed: ${said.trim()}`);
    renameSync(partial, file);
  } finally {
    rmSync(partial, { force: true });
  }
}

function withoutPassword(url: string): { readonly address: string; readonly password: string } {
  const parts = new URL(url);
  const password = decodeURIComponent(parts.password) || (parts.searchParams.get("password") ?? "");
  parts.password = "";
  parts.searchParams.delete("password");
  return { address: parts.href, password };
}

function run(
  command: string,
  arguments_: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ readonly code: number | null; readonly said: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, arguments_, { env, stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (data) => (said += String(data)));
    child.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        error.code === "ENOENT"
          ? new Error(
              `A PostgreSQL database is backed up by ${command}, which is not on the PATH. Install PostgreSQL's client ` +
                "programs, of the server's version or a later one.",
            )
          : error,
      ),
    );
    child.once("close", (code) => resolve({ code, said }));
  });
}
