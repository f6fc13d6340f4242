import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Logger } from "@budget/domain";
import { DEFAULT_TENANT_ID, createEngine, prepareFirstStart, type Engine } from "@budget/engine";
import { readBundledCatalogue } from "@budget/price-sources";
import { migrate, openDatabase, type Database } from "@budget/repositories";
import { v7 } from "uuid";

export const CONTEXT = { tenant_id: DEFAULT_TENANT_ID };
export const clock = { now: () => Date.now() };
const secrets = { bytes: (count: number) => randomBytes(count) };
export const ids = { next: (at_ms: number) => v7({ msecs: at_ms }) };

const complain: Logger["error"] = (component, message, fields) => console.error(component, message, fields);
const silent = () => undefined;
const logger: Logger = { error: complain, warning: complain, info: silent, debug: silent };

/** A database for a benchmark, with the engine on it. */
export interface Setup {
  readonly database: Database;
  readonly engine: Engine;
  close(): Promise<void>;
}

export async function openSetup(url: string): Promise<Setup> {
  const database = openDatabase({ url, pool_size: 40 });
  await migrate(database);
  const readPrices = async () => (await readBundledCatalogue()).drafts;
  await prepareFirstStart({ database, clock, ids, readPrices });
  const timers = { every: () => silent };
  const engine = createEngine({ database, clock, ids, secrets, timers, logger });
  return {
    database,
    engine,
    async close() {
      await engine.stop();
      await database.close();
    },
  };
}

/** Makes budgets with two enforced policies each, a daily one on tokens and a monthly one on cost, that never refuse. */
export async function makeBudgets(engine: Engine, count: number): Promise<readonly string[]> {
  const budget_ids: string[] = [];
  for (let index = 0; index < count; index += 1) {
    const budget = await engine.budgets.create(CONTEXT, { name: `bench ${index}` });
    if (!budget.ok) throw new Error(budget.rejection.detail);
    const { budget_id } = budget.value;
    const limits = [
      { period: "daily" as const, token_limit: 1_000_000_000_000 },
      { period: "monthly" as const, cost_limit: 1_000_000_000 },
    ];
    for (const limit of limits) {
      const policy = await engine.policies.create(CONTEXT, { budget_id, type: "enforce", ...limit });
      if (!policy.ok) throw new Error(policy.rejection.detail);
    }
    budget_ids.push(budget_id);
  }
  return budget_ids;
}

/** A folder that is gone when the benchmark ends. */
export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "budget-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Takes the names in turn. */
export function inTurn(names: readonly string[]): () => string {
  let next = 0;
  return () => {
    next = (next + 1) % names.length;
    return names[next]!;
  };
}
