import type { Entry } from "./books.ts";
import { allocationOf } from "./operation.ts";
import type { AllocationRow, Rows, UsageRow } from "./rows.ts";

/** What is wrong with the rows, one text for each thing. */
export interface Comparison {
  /** Acknowledged, and not there. */
  readonly lost: readonly string[];
  /** There more often than was asked for. */
  readonly doubled: readonly string[];
  /** There with other values than were acknowledged, or though nobody was told so. */
  readonly wrong: readonly string[];
  /** How many rows there should be. Requests without a key that nobody answered may or may not have made theirs. */
  readonly expected: { readonly allocations: number; readonly usage_records: number };
}

/**
 * Holds what senders were told against the rows that are there, row by row, which says more than counts and sums: each
 * request that was acknowledged has made exactly one row, with the values acknowledged, and no other row is there.
 */
export function compare(entries: readonly Entry[], rows: Rows): Comparison {
  const comparison = { lost: [] as string[], doubled: [] as string[], wrong: [] as string[] };
  const extended = tokensAdded(entries);
  const allocations = byName(rows.allocations);
  const usage_records = byName(rows.usage_records);
  let made_allocations = 0;
  let made_usage_records = 0;

  for (const entry of entries) {
    const { operation, status } = entry;
    if (operation.kind !== "allocate" && operation.kind !== "use") continue;
    const found = (operation.kind === "allocate" ? allocations : usage_records).get(operation.name) ?? [];
    const what = `${operation.kind} ${operation.name}`;
    if (found.length > 1) comparison.doubled.push(`${what}: ${found.map(({ id }) => id).join(" and ")}`);
    if (status === "rejected" && found.length > 0)
      comparison.wrong.push(`${what} was rejected, and is there`);
    if (status === "acknowledged") {
      const row = found.find(({ id }) => id === entry.id);
      if (row === undefined) comparison.lost.push(`${what}, acknowledged as ${entry.id}`);
      else comparison.wrong.push(...differences(what, valuesExpected(entry, extended), valuesOf(row)));
    }
    const made = status === "acknowledged" ? 1 : Math.min(found.length, 1);
    if (operation.kind === "allocate") made_allocations += made;
    else made_usage_records += made;
  }
  comparison.wrong.push(...strangers(entries, rows));
  return {
    ...comparison,
    expected: { allocations: made_allocations, usage_records: made_usage_records },
  };
}

function byName<R extends AllocationRow | UsageRow>(rows: readonly R[]): ReadonlyMap<string, readonly R[]> {
  return Map.groupBy(rows, ({ name }) => name);
}

/** The tokens that acknowledged extensions have added, by allocation. */
function tokensAdded(entries: readonly Entry[]): ReadonlyMap<string, number> {
  const added = new Map<string, number>();
  for (const { operation, status } of entries) {
    if (operation.kind !== "extend" || status !== "acknowledged") continue;
    const { allocation_id, additional_tokens } = operation;
    added.set(allocation_id, (added.get(allocation_id) ?? 0) + additional_tokens);
  }
  return added;
}

type Values = Readonly<Record<string, string>>;

function valuesExpected(
  { operation, id, cost_nano_usd }: Entry,
  extended: ReadonlyMap<string, number>,
): Values {
  switch (operation.kind) {
    case "allocate":
      return { tokens: String(operation.tokens + (extended.get(id) ?? 0)) };
    case "use":
      return {
        tokens: String(operation.input_tokens + operation.output_tokens),
        cost_nano_usd: String(cost_nano_usd),
        allocation_id: allocationOf(operation) ?? "",
      };
    default:
      return {};
  }
}

const valuesOf = (row: AllocationRow | UsageRow): Values =>
  "allocation_id" in row
    ? {
        tokens: String(row.tokens),
        cost_nano_usd: String(row.cost_nano_usd),
        allocation_id: row.allocation_id,
      }
    : { tokens: String(row.tokens) };

const differences = (what: string, expected: Values, found: Values): readonly string[] =>
  Object.entries(expected).flatMap(([field, value]) =>
    found[field] === value ? [] : [`${what}: ${field} is ${found[field] ?? "missing"}, and was ${value}`],
  );

/** Rows that no request of the round asked for. */
function strangers(entries: readonly Entry[], rows: Rows): readonly string[] {
  const names = new Set(entries.map(({ operation }) => operation.name));
  return [...rows.allocations, ...rows.usage_records]
    .filter(({ name }) => !names.has(name))
    .map(({ name, id }) => `row ${id} was made by ${name || "nobody"}, which was never sent`);
}
