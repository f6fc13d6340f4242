import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";

/**
 * Backs a PostgreSQL database up and restores it by the command line, and kills that, pg_restore or psql in the middle:
 * the database must be the one before or the backup. It needs PostgreSQL's client programs on the PATH, and a server of
 * a version that they can read: TEST_POSTGRES_URL, whose user may create databases.
 */

const MAIN = fileURLToPath(new URL("../../../apps/cli/src/main.ts", import.meta.url));
const ROUNDS = 30;
const ROWS = 200_000;
const MORE_ROWS = 5;
const VICTIMS = ["node", "pg_restore", "psql"];

const server_url = process.env.TEST_POSTGRES_URL;
if (server_url === undefined) throw new Error("Set TEST_POSTGRES_URL to a PostgreSQL server for this.");
const administrator = new pg.Client({ connectionString: server_url });
const name = `budget_restore_${process.pid}`;
const url = Object.assign(new URL(server_url), { pathname: `/${name}` }).href;

const folder = mkdtempSync(join(tmpdir(), "budget-restore-"));
const file = join(folder, "budget.dump");

function budget(...words: readonly string[]) {
  const child = spawn(process.execPath, ["--conditions=budget-source", MAIN, ...words], {
    env: { ...process.env, BUDGET_DATABASE_URL: url },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr.on("data", (text) => (said += String(text)));
  const ended = once(child, "close").then(([code]) => ({ code: code as number | null, said }));
  return { child, ended };
}

async function succeed(...words: readonly string[]): Promise<void> {
  const { code, said } = await budget(...words).ended;
  if (code !== 0) throw new Error(`budget ${words.join(" ")} ended with ${code}: ${said}`);
}

async function query(sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

const addRows = (count: number) =>
  query(
    `INSERT INTO events (tenant_id, event_type, subject_id, payload, created_at_ms)
     SELECT '00000000-0000-7000-8000-000000000001', 'test', '00000000-0000-7000-8000-000000000001', repeat('long ', 20), 0 FROM generate_series(1, ${count})`,
  );

async function countRows(): Promise<number> {
  const [row] = await query("SELECT count(*)::int AS count FROM events");
  return Number(row?.count);
}

/** The processes of a family by the names of their programs, itself included. */
function familyOf(pid: number): ReadonlyMap<string, number> {
  const found = new Map([["node", pid]]);
  for (const one of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const [, program = "", parent = ""] =
        /^\d+ \((.*)\) . (\d+)/.exec(readFileSync(`/proc/${one}/stat`, "utf8")) ?? [];
      if (Number(parent) === pid) found.set(program, Number(one));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** Waits until nobody but those who administer is connected: PostgreSQL ends what the dead have left in its own time. */
async function quiet(): Promise<void> {
  const others = `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = '${name}'`;
  for (;;) {
    const { rows } = await administrator.query<{ count: number }>(others);
    if (rows[0]?.count === 0) return;
    await delay(20);
  }
}

/** Restores, and returns how many milliseconds it takes from the start of psql on. */
async function restoreAndKill(
  victim: string | null,
  after_ms: number,
): Promise<{ fate: string; took_ms: number }> {
  const { child, ended } = budget("db", "restore", file, "--force");
  while (child.exitCode === null && !familyOf(child.pid!).has("psql")) await delay(1);
  const began_ms = performance.now();
  let fate = "not met";
  if (victim !== null) {
    await delay(after_ms);
    const pid = child.exitCode === null ? familyOf(child.pid!).get(victim) : undefined;
    if (pid !== undefined) process.kill(pid, "SIGKILL");
    if (pid !== undefined) fate = "killed";
  }
  const { code, said } = await ended;
  if (fate === "not met" && code !== 0) throw new Error(said);
  const took_ms = performance.now() - began_ms;
  await quiet();
  return { fate, took_ms };
}

await administrator.connect();
try {
  await administrator.query(`CREATE DATABASE ${name}`);
  await succeed("db", "migrate");
  await addRows(ROWS);
  await succeed("db", "backup", file);
  const whole_ms = (await restoreAndKill(null, 0)).took_ms;
  console.log(`A restore of ${ROWS} events takes ${Math.round(whole_ms)} ms.`);
  const seen: Record<string, number> = {};
  for (let round = 0; round < ROUNDS; round += 1) {
    await addRows(MORE_ROWS);
    const victim = VICTIMS[round % VICTIMS.length]!;
    const { fate } = await restoreAndKill(victim, (1.1 * whole_ms * round) / ROUNDS);
    const rows = await countRows();
    if (rows !== ROWS && rows !== ROWS + MORE_ROWS) throw new Error(`Round ${round}: ${rows} events.`);
    await succeed("verify");
    const outcome = `${victim} ${fate}: ${rows === ROWS ? "the backup" : "the one before"}`;
    seen[outcome] = (seen[outcome] ?? 0) + 1;
    await succeed("db", "restore", file, "--force");
    if ((await countRows()) !== ROWS)
      throw new Error(`Round ${round}: the restore after it is not the backup.`);
  }
  console.table(seen);
} finally {
  await administrator.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
  await administrator.end();
  rmSync(folder, { recursive: true });
}
