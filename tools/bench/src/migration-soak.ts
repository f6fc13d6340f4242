import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { openDatabase } from "@budget/repositories";
import { startPostgres } from "@budget/repositories/testing";
import { Command, Option } from "commander";
import { machine } from "./report.ts";
import { fillRhetor } from "./rhetor-file.ts";
import { temporaryFolder } from "./setup.ts";

/**
 * Moves gigabytes of usage in through the real command, kills it in the middle, runs it again, and checks the totals and
 * what memory it took: `pnpm soak:migration`.
 */

const options = new Command("soak:migration")
  .description("Moves generated usage in, with a kill -9 in the middle.")
  .addOption(new Option("--system <name>").choices(["apollo", "rhetor"]).default("apollo"))
  .addOption(new Option("--database <name>").choices(["sqlite", "postgres"]).default("sqlite"))
  .option("--megabytes <n>", "size of what is generated", Number, 2048)
  .parse()
  .opts<{ system: "apollo" | "rhetor"; database: "sqlite" | "postgres"; megabytes: number }>();

const MAIN = fileURLToPath(new URL("../../../apps/cli/dist/main.js", import.meta.url));
const MOST_MEMORY_MB = 300;
/** The kill comes when so much is read. */
const KILL_AT_PERCENT = 40;
const SAMPLE_MS = 100;

const MODELS = ["openai/gpt-4o", "openai/gpt-4-turbo", "anthropic/claude-3-opus-20240229", "ollama/llama3"];
const COMPONENTS = ["rhetor", "ergon", "codex", "apollo", "athena", "synthesis"];
const SPAN_MS = 300 * 86_400_000;

interface Expected {
  readonly records: number;
  readonly total_tokens: number;
  readonly cost: number;
}

/** A limit that counts all of it. */
const policyOf = (period: string) => ({
  policy_id: period,
  type: "warn",
  period,
  tier: null,
  component: null,
  task_type: null,
  limit: 1_000_000_000_000,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  start_date: "2026-01-01T00:00:00",
  end_date: null,
  enabled: true,
  metadata: {},
});

/** A usage file as Apollo writes it, and a second one that has the last of its records again. */
async function fillApollo(folder: string, bytes: number, now_ms: number): Promise<Expected> {
  mkdirSync(folder);
  const policies = JSON.stringify(["daily", "per_session"].map(policyOf));
  await once(createWriteStream(join(folder, "budget_policies.json")).end(policies), "close");
  const file = createWriteStream(join(folder, "usage_records_1.json"));
  let records = 0;
  let total_tokens = 0;
  let last = "";
  for (let written = 0; written < bytes; records += 1) {
    const [provider, model] = (MODELS[records % MODELS.length] ?? "").split("/");
    const tokens_used = 1 + (records % 5000);
    const record = {
      record_id: `${String(records).padStart(8, "0")}-5d73-4b82-b204-4ab699b23085`,
      allocation_id: "b34b0938-4ac3-4a04-a2de-88e44e4344e0",
      context_id: `ctx-${records % 1000}`,
      component: COMPONENTS[records % COMPONENTS.length],
      provider,
      model,
      task_type: "analysis",
      tokens_used,
      usage_type: ["input", "output", "total"][records % 3],
      timestamp: timeOf(records, now_ms),
      operation_id: `op-${records}`,
      metadata: {},
    };
    last = JSON.stringify(record, null, 2);
    const text = `${records === 0 ? "[" : ","}\n${last}`;
    total_tokens += tokens_used;
    written += text.length;
    if (!file.write(text)) await once(file, "drain");
  }
  await once(file.end("]"), "close");
  await once(createWriteStream(join(folder, "usage_records_2.json")).end(`[${last}]`), "close");
  return { records, total_tokens, cost: 0 };
}

/** Rows go on from day to day, as they do in a real file. */
function timeOf(index: number, now_ms: number): string {
  return new Date(now_ms - SPAN_MS + ((index * 4000) % SPAN_MS)).toISOString().slice(0, 23);
}

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly seconds: number;
  readonly peak_mb: number;
  readonly progress_lines: number;
}

/** Runs the command; kills it where it says that it is so far. */
async function migrate(place: string, url: string, kill_at_percent: number): Promise<Ran> {
  const begin = performance.now();
  const words = ["migrate", options.system, place, "--time-zone", "UTC", "--json"];
  const child = spawn(process.execPath, [MAIN, ...words], {
    env: { ...process.env, BUDGET_DATABASE_URL: url },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  let stdout = "";
  let progress_lines = 0;
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    process.stderr.write(chunk);
    progress_lines += 1;
    const [, percent = "0"] = /importing.* (\d+) %/.exec(chunk.toString()) ?? [];
    if (Number(percent) >= kill_at_percent) child.kill("SIGKILL");
  });
  let peak_mb = 0;
  while (child.exitCode === null && child.signalCode === null) {
    peak_mb = Math.max(peak_mb, peakMemory(child.pid ?? 0));
    await pause(SAMPLE_MS);
  }
  const [code] = await ended;
  return { code, stdout, seconds: (performance.now() - begin) / 1000, peak_mb, progress_lines };
}

/** The most memory that a process has had in RAM so far, as the kernel counts it. */
function peakMemory(pid: number): number {
  try {
    const [, kib] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kib ?? 0) / 1024;
  } catch {
    return 0;
  }
}

async function countRecords(url: string): Promise<number> {
  const database = openDatabase({ url, answer_timeout_ms: 600_000 });
  try {
    const [row] = await database.knex("usage_records").count<{ count: unknown }[]>({ count: "*" });
    return Number(row?.count ?? 0);
  } finally {
    await database.close();
  }
}

function check(what: string, found: unknown, wanted: unknown): void {
  if (found !== wanted) throw new Error(`${what} is ${String(found)}, and should be ${String(wanted)}.`);
}

interface Report {
  readonly usage: readonly { readonly imported: number; readonly merged: number }[];
  readonly reconciliation: {
    readonly differences: number;
    readonly ours: { readonly records: number; readonly total_tokens: number; readonly cost: number };
  };
}

async function soak(folder: string, url: string): Promise<void> {
  const now_ms = Date.now();
  const bytes = options.megabytes * 2 ** 20;
  const place = join(folder, options.system === "apollo" ? "apollo" : "rhetor.db");
  const expected =
    options.system === "apollo"
      ? await fillApollo(place, bytes, now_ms)
      : fillRhetor(place, bytes, {
          models: MODELS,
          components: COMPONENTS,
          timeOf: (row) => timeOf(row, now_ms),
        });
  const file = options.system === "apollo" ? join(place, "usage_records_1.json") : place;
  console.log(`${options.system}: ${expected.records} rows, ${Math.round(statSync(file).size / 2 ** 20)} MB`);

  const killed = await migrate(place, url, KILL_AT_PERCENT);
  check("how the first run ended", killed.code, null);
  console.log(`killed after ${killed.seconds.toFixed(0)} s, peak ${killed.peak_mb.toFixed(0)} MB`);
  check("what the killed run left", await countRecords(url), 0);

  const whole = await migrate(place, url, Infinity);
  check("the exit code", whole.code, 0);
  const { usage, reconciliation } = JSON.parse(whole.stdout) as Report;
  const imported = usage.reduce((sum, part) => sum + part.imported, 0);
  check("imported", imported, expected.records);
  check(
    "merged",
    usage.reduce((sum, part) => sum + part.merged, 0),
    options.system === "apollo" ? 1 : 0,
  );
  check("differences", reconciliation.differences, 0);
  check("records", reconciliation.ours.records, expected.records);
  check("tokens", reconciliation.ours.total_tokens, expected.total_tokens);
  check("cost", reconciliation.ours.cost, expected.cost);
  console.log(
    `resumed: ${whole.seconds.toFixed(0)} s, ${Math.round(imported / whole.seconds)} rows/s with the comparison, ` +
      `peak ${whole.peak_mb.toFixed(0)} MB, ${whole.progress_lines} lines of progress`,
  );
  const peak_mb = Math.max(killed.peak_mb, whole.peak_mb);
  if (peak_mb >= MOST_MEMORY_MB) throw new Error(`It took ${peak_mb.toFixed(0)} MB of memory.`);
  console.log(`Nothing lost, nothing doubled, under ${MOST_MEMORY_MB} MB. ${machine()}`);
}

const folder = temporaryFolder();
const server = options.database === "postgres" ? await startPostgres({ durable: true }) : null;
try {
  await soak(folder.path, server?.url ?? `sqlite:${join(folder.path, "budget.db")}`);
} finally {
  await server?.stop();
  folder.remove();
}
