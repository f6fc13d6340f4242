import { ALL_TENANTS, type Database } from "@budget/repositories";
import { CONTEXT, type Setup, openSetup } from "./setup.ts";

/** An id in the order of its number, as SQL makes it from `n`. */
function idFrom(database: Database, group: string): string {
  const start = `00000000-0000-7000-${group}-`;
  return database.dialect.name === "postgres"
    ? `('${start}' || lpad(to_hex(n), 12, '0'))::uuid`
    : `printf('${start}%012x', n)`;
}

/** How JavaScript writes what {@link idFrom} makes. */
const idOf = (group: string, n: number): string =>
  `00000000-0000-7000-${group}-${n.toString(16).padStart(12, "0")}`;

const ROWS_AT_ONCE = 250_000;

/** Copies one row so many times, with other values in some columns; they may use `n`, which counts from `first`. */
async function copyRow(
  database: Database,
  table: string,
  key: Readonly<Record<string, string>>,
  changes: Readonly<Record<string, string>>,
  first: number,
  last: number,
): Promise<void> {
  const row = database.knex<Record<string, unknown>, Record<string, unknown>[]>(table).where(key);
  const [found] = await database.reader(ALL_TENANTS).run(row);
  const columns = Object.keys(found ?? {});
  const values = columns.map((column) => changes[column] ?? `t.${column}`);
  const where = Object.keys(key).map((column, index) => `t.${column} = $${index + 1}`);
  await database.transaction(ALL_TENANTS, async (transaction) => {
    await transaction.takeTime();
    for (let from = first; from <= last; from += ROWS_AT_ONCE) {
      const to = Math.min(last, from + ROWS_AT_ONCE - 1);
      const numbers =
        database.dialect.name === "postgres"
          ? `generate_series(${from}::bigint, ${to}::bigint)`
          : `(WITH RECURSIVE s(n) AS (SELECT ${from} UNION ALL SELECT n + 1 FROM s WHERE n < ${to}) SELECT n FROM s)`;
      const series = database.dialect.name === "postgres" ? `${numbers} AS s(n)` : `${numbers} AS s`;
      await transaction.query(
        `INSERT INTO ${table} (${columns.map((column) => `"${column}"`).join(", ")}) ` +
          `SELECT ${values.join(", ")} FROM ${table} t, ${series} WHERE ${where.join(" AND ")}`,
        Object.values(key),
      );
    }
  });
}

/** What a database of a certain size is copied from: one budget with two policies, and one call that it paid for. */
export interface Template {
  readonly budget_id: string;
  readonly policy_ids: readonly string[];
  readonly record_id: string;
}

export async function makeTemplate({ engine }: Setup): Promise<Template> {
  const budget = await engine.budgets.create(CONTEXT, { name: "template" });
  if (!budget.ok) throw new Error(budget.rejection.detail);
  const { budget_id } = budget.value;
  const policy_ids: string[] = [];
  for (const limit of [
    { period: "daily" as const, token_limit: 1_000_000_000_000 },
    { period: "monthly" as const, cost_limit: 1_000_000_000 },
  ]) {
    const policy = await engine.policies.create(CONTEXT, { budget_id, type: "enforce", ...limit });
    if (!policy.ok) throw new Error(policy.rejection.detail);
    policy_ids.push(policy.value.policy_id);
  }
  const call = { budget_id, context_id: "bench", component: "bench", provider: "openai", model: "gpt-4o" };
  const used = await engine.usage.record(CONTEXT, { ...call, input_tokens: 600, output_tokens: 200 });
  if (!used.ok) throw new Error(used.rejection.detail);
  return { budget_id, policy_ids, record_id: used.value.record_id };
}

/** Copies the template's budget, with its policies and their balances, until there are so many. */
export async function fillBudgets(
  database: Database,
  template: Template,
  first: number,
  last: number,
): Promise<void> {
  const { tenant_id } = CONTEXT;
  const budget_id = idFrom(database, "8000");
  await copyRow(
    database,
    "budgets",
    { tenant_id, budget_id: template.budget_id },
    { budget_id },
    first,
    last,
  );
  for (const [index, id] of template.policy_ids.entries()) {
    const policy_id = idFrom(database, index === 0 ? "9000" : "a000");
    await copyRow(database, "policies", { tenant_id, policy_id: id }, { budget_id, policy_id }, first, last);
    await copyRow(database, "balances", { tenant_id, policy_id: id }, { policy_id }, first, last);
  }
}

export const filledBudgetIds = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => idOf("8000", index + 1));

const DAYS_60_MS = 60 * 86_400_000;

/** Copies the template's usage record until there are so many, spread over 60 days and the first budgets. */
export async function fillUsage(database: Database, template: Template, count: number): Promise<void> {
  const key = { tenant_id: CONTEXT.tenant_id, record_id: template.record_id };
  const nth_budget = `n % ${FEWEST_BUDGETS} + 1`;
  const changes = {
    record_id: idFrom(database, "b000"),
    budget_id: idFrom(database, "8000").replace("n)", `${nth_budget})`),
    timestamp_ms: `t.timestamp_ms - (n * 7919) % ${DAYS_60_MS}`,
  };
  await copyRow(database, "usage_records", key, changes, 1, count);
}

/** Usage is spread over these. */
export const FEWEST_BUDGETS = 10;

/** A database with so many usage records, and its first budgets. */
export async function openFilled(
  url: string,
  usage_rows: number,
): Promise<{ setup: Setup; template: Template }> {
  const setup = await openSetup(url);
  const template = await makeTemplate(setup);
  await fillBudgets(setup.database, template, 1, FEWEST_BUDGETS);
  await fillUsage(setup.database, template, usage_rows);
  return { setup, template };
}
