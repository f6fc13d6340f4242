import { parseUsdToNano } from "@budget/domain";
import type pg from "pg";
import {
  NOTHING,
  type AllocationChange,
  type AllocationState,
  type AllocationStatus,
  type Amount,
  type Facts,
  type LedgerEvent,
  type Period,
  type PolicyChange,
  type Refusal,
  type UsageChange,
  type Violation,
} from "./facts.ts";

/** The history is read in parts, so that the text of a long run is never in memory all at once. */
const ROWS_AT_ONCE = 20_000;

/** Every value comes as text, so that no 64-bit integer loses digits. */
type TextRow = Readonly<Record<string, string | null>>;

/** Reads what the replay needs. Nothing reads `balances`: the product's counters are what is being checked. */
export async function readFacts(client: pg.Client): Promise<Facts> {
  const events: LedgerEvent[] = [];
  await readInParts(client, "events", "sequence", EVENT_COLUMNS, (row) => events.push(toEvent(row)));

  const allocations: AllocationChange[] = [];
  const usage: UsageChange[] = [];
  const policies: PolicyChange[] = [];
  const rewritten_usage: string[] = [];
  const servers = new Map<string, string>();
  await readInParts(client, "proof_history", "serial", "*", (row) => {
    servers.set(text(row, "transaction_id"), text(row, "server"));
    switch (text(row, "source")) {
      case "allocation":
        return allocations.push(toAllocationChange(row));
      case "usage":
        return usage.push(toUsageChange(row));
      case "policy":
        return policies.push(toPolicyChange(row));
      case "rewritten usage":
        return rewritten_usage.push(text(row, "subject_id"));
      default:
        return undefined;
    }
  });

  const budgets = await select(client, "SELECT budget_id, parent_budget_id FROM budgets");
  const rows = await select(client, `SELECT allocation_id, ${STATE_COLUMNS} FROM allocations`);
  const [sum] = await select(
    client,
    `SELECT COUNT(*) AS records, COALESCE(SUM(total_tokens), 0) AS tokens,
       COALESCE(SUM(total_cost_nano_usd), 0) AS cost FROM usage_records`,
  );
  return {
    parents: new Map(budgets.map((row) => [text(row, "budget_id"), row.parent_budget_id ?? null])),
    events,
    allocations,
    usage,
    policies,
    rewritten_usage,
    servers,
    final_allocations: new Map(rows.map((row) => [text(row, "allocation_id"), toState(row, "")])),
    final_usage: {
      records: count(sum!, "records"),
      tokens: amount(sum!, "tokens"),
      cost: amount(sum!, "cost"),
    },
    token_price_nano_usd: tokenPrice(allocations),
  };
}

const EVENT_COLUMNS =
  "sequence, transaction_id, event_type, budget_id, subject_id, created_at_ms, " +
  "CASE WHEN event_type = 'allocation.refused' THEN payload END AS payload";

const STATE_COLUMNS =
  "status, expiration_time_ms, tokens_allocated, cost_allocated_nano_usd, tokens_used, cost_used_nano_usd";

async function readInParts(
  client: pg.Client,
  table: string,
  order: string,
  columns: string,
  take: (row: TextRow) => unknown,
): Promise<void> {
  for (let last = "0"; ;) {
    const rows = await select(
      client,
      `SELECT ${columns} FROM ${table} WHERE ${order} > $1 ORDER BY ${order} LIMIT ${ROWS_AT_ONCE}`,
      [last],
    );
    if (rows.length === 0) return;
    for (const row of rows) take(row);
    last = text(rows.at(-1)!, order);
  }
}

async function select(client: pg.Client, sql: string, values: readonly string[] = []): Promise<TextRow[]> {
  const types = { getTypeParser: () => (value: string) => value };
  return (await client.query<TextRow>({ text: sql, values: [...values], types })).rows;
}

function text(row: TextRow, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new Error(`Column ${column} is empty.`);
  return value;
}

const count = (row: TextRow, column: string): number => Number(text(row, column));
const amount = (row: TextRow, column: string): bigint => BigInt(text(row, column));

function toState(row: TextRow, prefix: string): AllocationState {
  return {
    status: text(row, `${prefix}status`) as AllocationStatus,
    expiration_time_ms: count(row, `${prefix}expiration_time_ms`),
    allocated: {
      tokens: amount(row, `${prefix}tokens_allocated`),
      cost: amount(row, `${prefix}cost_allocated_nano_usd`),
    },
    used: {
      tokens: amount(row, `${prefix}tokens_used`),
      cost: amount(row, `${prefix}cost_used_nano_usd`),
    },
  };
}

const written = (row: TextRow) => ({
  serial: count(row, "serial"),
  transaction_id: text(row, "transaction_id"),
  budget_id: text(row, "budget_id"),
});

const toAllocationChange = (row: TextRow): AllocationChange => ({
  ...written(row),
  allocation_id: text(row, "subject_id"),
  before: row.before_status === null ? null : toState(row, "before_"),
  after: toState(row, "after_"),
});

const toUsageChange = (row: TextRow): UsageChange => ({
  ...written(row),
  record_id: text(row, "subject_id"),
  allocation_id: row.allocation_id ?? null,
  timestamp_ms: count(row, "timestamp_ms"),
  used: { tokens: amount(row, "total_tokens"), cost: amount(row, "total_cost_nano_usd") },
});

function toPolicyChange(row: TextRow): PolicyChange {
  const period = text(row, "period");
  if (row.limits_dimension === "t" || (period !== "total" && period !== "hourly")) {
    throw new Error("The replay knows policies that count every request, in total or by the hour of UTC.");
  }
  const limit = (column: string): bigint | null => (row[column] === null ? null : amount(row, column));
  return {
    ...written(row),
    policy_id: text(row, "subject_id"),
    period: period satisfies Period,
    limit: { tokens: limit("token_limit"), cost: limit("cost_limit_nano_usd") },
    binds: row.binds === "t",
  };
}

const toEvent = (row: TextRow): LedgerEvent => ({
  sequence: count(row, "sequence"),
  transaction_id: text(row, "transaction_id"),
  event_type: text(row, "event_type"),
  budget_id: row.budget_id ?? null,
  subject_id: text(row, "subject_id"),
  created_at_ms: count(row, "created_at_ms"),
  refusal: row.payload === null || row.payload === undefined ? null : toRefusal(row.payload),
});

/** The parts of a refusal that the replay compares; see `toViolationWire` in the domain. */
interface RefusalPayload {
  readonly tokens_that_fit: number;
  readonly violations: readonly {
    readonly policy_id: string;
    readonly measure: "tokens" | "cost";
    readonly limit: number;
    readonly used: number;
    readonly held: number;
    readonly requested: number | null;
  }[];
}

function toRefusal(payload: string): Refusal {
  const { tokens_that_fit, violations } = JSON.parse(payload) as RefusalPayload;
  return {
    tokens_that_fit: BigInt(tokens_that_fit),
    violations: violations.map(({ policy_id, measure, limit, used, held, requested }): Violation => {
      // The amounts of a run have far fewer than 15 digits, so a JSON number has them exactly.
      const exact = measure === "tokens" ? BigInt : parseUsdToNano;
      return {
        policy_id,
        measure,
        limit: exact(limit),
        used: exact(used),
        held: exact(held),
        requested: requested === null ? null : exact(requested),
      };
    }),
  };
}

/** All requests of a run are for one model, whose tokens have one price while they are held. */
function tokenPrice(allocations: readonly AllocationChange[]): bigint {
  const [first] = allocations;
  if (first === undefined) return NOTHING.cost;
  const price = first.after.allocated.cost / first.after.allocated.tokens;
  const isPriced = ({ tokens, cost }: Amount): boolean => tokens * price === cost;
  const other = allocations.find(({ after }) => !isPriced(after.allocated));
  if (other !== undefined) throw new Error(`Allocation ${other.allocation_id} has another price of a token.`);
  return price;
}
