import { BudgetClient, type Page } from "@budget/client-js";
import { ADMIN_KEY } from "./server-process.ts";
import { DEFAULT_TENANT_ID, verifyTenant } from "@budget/engine";
import { openDatabase, type Database } from "@budget/repositories";
import type { Books, Entry } from "./books.ts";
import { eachOf } from "./caller.ts";
import { compare } from "./compare.ts";
import type { Random } from "./random.ts";
import { readHeld, readRows } from "./rows.ts";
import type { Station } from "./station.ts";

/** What a look at the database and at the server gave. */
export interface Findings {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly wrong: readonly string[];
  readonly verify_differences: readonly string[];
  /** Tokens that are held though everything is settled or released. */
  readonly held_tokens: number;
}

export interface CheckOptions {
  readonly station: Station;
  readonly books: Books;
  /** What the contexts of these books begin with. */
  readonly prefix: string;
  /** Rows of all rounds of the station so far, these not counted: what an earlier round made must not vanish later. */
  readonly before: { readonly allocations: number; readonly usage_records: number };
  readonly random: Random;
}

/** Holds the books against the database, by plain SQL and by a recount, and against what the server answers. */
export async function check(
  options: CheckOptions,
): Promise<Findings & { readonly rows: CheckOptions["before"] }> {
  const { station, books, prefix, before } = options;
  const database = openDatabase({ url: station.database_url, pool_size: 2 });
  try {
    const comparison = compare(books.entries, await readRows(database, prefix));
    const report = await verifyTenant(database, DEFAULT_TENANT_ID, { now: () => Date.now() });
    const rows = {
      allocations: before.allocations + comparison.expected.allocations,
      usage_records: before.usage_records + comparison.expected.usage_records,
    };
    const counted = { allocations: report.allocations_checked, usage_records: report.usage_records_checked };
    return {
      lost: [...comparison.lost, ...(await missingOverHttp(options))],
      doubled: [...comparison.doubled, ...books.contradictions],
      wrong: [...comparison.wrong, ...miscounts(rows, counted), ...rejections(books)],
      verify_differences: report.differences.map(
        ({ subject, field, recorded, recounted }) =>
          `${subject}: ${field} is ${recorded}, recounted ${recounted}`,
      ),
      held_tokens: await heldTokens(database, station),
      rows,
    };
  } finally {
    await database.close();
  }
}

function miscounts(expected: CheckOptions["before"], counted: CheckOptions["before"]): readonly string[] {
  return (["allocations", "usage_records"] as const).flatMap((what) =>
    expected[what] === counted[what]
      ? []
      : [`there are ${counted[what]} ${what} of all rounds, and should be ${expected[what]}`],
  );
}

/** The load asks for nothing that could be refused. */
const rejections = (books: Books): readonly string[] =>
  books.entries
    .filter(({ status }) => status === "rejected")
    .map(({ operation, reason }) => `${operation.kind} ${operation.name} was rejected: ${reason}`);

const SAMPLE = 12;

/** Asks the server for some of what was acknowledged; all of it is read from the database. */
async function missingOverHttp({ station, books, random }: CheckOptions): Promise<readonly string[]> {
  const client = new BudgetClient({ base_url: station.server.url, api_key: ADMIN_KEY });
  const missing: string[] = [];
  const look = async ({ operation, id }: Entry, get: (id: string) => Promise<unknown>): Promise<void> => {
    try {
      await get(id);
    } catch (error) {
      missing.push(`${operation.kind} ${operation.name}, asked for as ${id}: ${String(error)}`);
    }
  };
  await eachOf(sample(books.acknowledged("allocate"), random), 4, (entry) =>
    look(entry, (id) => client.allocations.get(id)),
  );
  await eachOf(sample(books.acknowledged("use"), random), 4, (entry) =>
    look(entry, (id) => client.usage.get(id)),
  );
  return missing;
}

export const sample = <T>(from: readonly T[], random: Random, size = SAMPLE): readonly T[] =>
  from.length <= size ? from : Array.from({ length: size }, () => random.pick(from));

/** Everything is settled or released, so each of these must be 0: balances, live allocations, what the server says. */
async function heldTokens(database: Database, station: Station): Promise<number> {
  const held = await readHeld(database);
  const client = new BudgetClient({ base_url: station.server.url, api_key: ADMIN_KEY });
  let said = 0;
  for (const budget_id of [station.budgets.hot, station.budgets.below]) {
    const { items }: Page<{ tokens_held: number; cost_held: number }> =
      await client.budgets.summary(budget_id);
    for (const { tokens_held, cost_held } of items) said += tokens_held + cost_held;
  }
  return Math.max(held.tokens, said, held.cost_nano_usd > 0n ? 1 : 0, held.active_allocations);
}
