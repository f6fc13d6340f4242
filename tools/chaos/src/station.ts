import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BudgetClient } from "@budget/client-js";
import type { Cleanup } from "./cleanup.ts";
import type { Random } from "./random.ts";
import { ADMIN_KEY, ServerProcess } from "./server-process.ts";

/** What a fault may know of the load while it strikes. */
export interface Load {
  /** How many attempts were not answered, or not with an answer that settles them, so far. */
  readonly failures: () => number;
}

/** What a fault did, and what should not have been while it lasted. */
export interface Struck {
  readonly what: string;
  readonly broken?: readonly string[];
}

/** Strikes once, and resolves when what it broke works again. */
export type Fault = (random: Random, load: Load) => Promise<Struck>;

/** One server on one database, through all the rounds that strike them. */
export interface Station {
  readonly variant: string;
  readonly server: ServerProcess;
  /** Where clients send their requests. */
  readonly client_url: string;
  /** Where checks read, past whatever stands between the server and its database. */
  readonly database_url: string;
  readonly budgets: Budgets;
  readonly fault: Fault;
  /** Runs before each round, while nothing is asked. */
  readonly prepare: () => Promise<void>;
  close(): Promise<void>;
}

/** One hot budget with limits of its own, and one below it. */
export interface Budgets {
  readonly hot: string;
  readonly below: string;
}

export interface StationParts {
  readonly variant: string;
  readonly database_url: string;
  /** As the server reaches the database, where that is another way. */
  readonly server_database_url?: string;
  /** Where clients reach the server, where that is another way. */
  readonly clientUrlOf?: (server: ServerProcess) => Promise<string>;
  readonly prepare?: () => Promise<void>;
  readonly faultOf: (server: ServerProcess) => Fault;
  /** Ends the database, after the server has ended. */
  readonly close: () => Promise<void>;
}

/** Starts a server on a database that is there, and makes its budgets. */
export async function openStation(cleanup: Cleanup, parts: StationParts): Promise<Station> {
  const folder = mkdtempSync(join(tmpdir(), "budget-chaos-log-"));
  const removeFolder = cleanup.add(() => rmSync(folder, { recursive: true, force: true }));
  const server = await ServerProcess.start(
    parts.server_database_url ?? parts.database_url,
    join(folder, "server.log"),
  );
  const endServer = cleanup.add(() => server.kill());
  return {
    variant: parts.variant,
    server,
    client_url: (await parts.clientUrlOf?.(server)) ?? server.url,
    database_url: parts.database_url,
    budgets: await makeBudgets(server.url),
    fault: parts.faultOf(server),
    prepare: parts.prepare ?? (() => Promise.resolve()),
    async close() {
      await server.stop();
      await endServer();
      await parts.close();
      await removeFolder();
    },
  };
}

const HUGE_TOKEN_LIMIT = 1_000_000_000_000;
const HUGE_COST_LIMIT = "1000000";

/** The limits are never reached: no request may be refused, whatever else happens. */
async function makeBudgets(base_url: string): Promise<Budgets> {
  const client = new BudgetClient({ base_url, api_key: ADMIN_KEY });
  const hot = await client.budgets.create({ name: "hot" });
  const below = await client.budgets.create({ name: "below", parent_budget_id: hot.budget_id });
  for (const [budget, limit] of [
    [hot, { period: "total", token_limit: HUGE_TOKEN_LIMIT }],
    [hot, { period: "daily", cost_limit: HUGE_COST_LIMIT }],
    [below, { period: "per_session", token_limit: HUGE_TOKEN_LIMIT }],
  ] as const) {
    await client.policies.create({ budget_id: budget.budget_id, type: "enforce", ...limit });
  }
  return { hot: hot.budget_id, below: below.budget_id };
}
