import { changeBy, isSplit, type NanoUsd, type RepriceRequest, type UsageRecord } from "@budget/domain";
import {
  AuditRepository,
  UsageRecordRepository,
  type CallFilters,
  type LedgerSession,
  type Transaction,
} from "@budget/repositories";
import { Batch, balanceKeys } from "./batch.ts";
import type { Catalog } from "./catalog.ts";
import type { Target } from "./command.ts";
import type { CommandContext, RepriceReport, RepricedSums } from "./engine.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { bookableCost, type BookableCost } from "./record-usage.ts";

/** Records that are looked at in one transaction, during which nothing of the tenant is decided. */
const RECORDS_AT_ONCE = 200;

/** A cost that proved wrong, and what it should be. */
interface Repriced {
  readonly record: UsageRecord;
  readonly pricing_id: string;
  /** With whatever set it right before. */
  readonly booked: Costs;
  readonly right: Costs;
}

type Costs = Pick<
  UsageRecord,
  "input_cost_nano_usd" | "output_cost_nano_usd" | "other_cost_nano_usd" | "total_cost_nano_usd"
>;

const minus = (a: Costs, b: Costs): Costs => ({
  input_cost_nano_usd: a.input_cost_nano_usd - b.input_cost_nano_usd,
  output_cost_nano_usd: a.output_cost_nano_usd - b.output_cost_nano_usd,
  other_cost_nano_usd: a.other_cost_nano_usd - b.other_cost_nano_usd,
  total_cost_nano_usd: a.total_cost_nano_usd - b.total_cost_nano_usd,
});

const plus = (a: Costs, b: Costs): Costs => ({
  input_cost_nano_usd: a.input_cost_nano_usd + b.input_cost_nano_usd,
  output_cost_nano_usd: a.output_cost_nano_usd + b.output_cost_nano_usd,
  other_cost_nano_usd: a.other_cost_nano_usd + b.other_cost_nano_usd,
  total_cost_nano_usd: a.total_cost_nano_usd + b.total_cost_nano_usd,
});

const isNothing = (costs: Costs): boolean =>
  costs.input_cost_nano_usd === 0n && costs.output_cost_nano_usd === 0n && costs.other_cost_nano_usd === 0n;

/**
 * What a call costs at the price that is in force at an instant, for its hour of the day. Undefined where there is none,
 * or where not all is known that was used, or what it costs: the cost of a part would take the place of what was booked for the whole.
 */
function rightCost(
  { prices }: Catalog,
  record: UsageRecord,
  at_ms: number,
): { readonly cost: BookableCost; readonly pricing_id: string } | undefined {
  const match = prices.find(record, at_ms, record.timestamp_ms);
  if (match === undefined || !isSplit(record)) return undefined;
  const { cost, unpriced_units } = bookableCost(record.usage, match);
  return unpriced_units.length > 0 ? undefined : { cost, pricing_id: match.price.pricing_id };
}

class Sums {
  readonly #rows = new Map<string, RepricedSums>();

  add(key: string, { booked, right }: Repriced): void {
    const sum = this.#rows.get(key) ?? { key, records: 0, booked_nano_usd: 0n, repriced_nano_usd: 0n };
    this.#rows.set(key, {
      key,
      records: sum.records + 1,
      booked_nano_usd: sum.booked_nano_usd + booked.total_cost_nano_usd,
      repriced_nano_usd: sum.repriced_nano_usd + right.total_cost_nano_usd,
    });
  }

  get rows(): readonly RepricedSums[] {
    const size = ({ booked_nano_usd, repriced_nano_usd }: RepricedSums): NanoUsd => {
      const difference = repriced_nano_usd - booked_nano_usd;
      return difference < 0n ? -difference : difference;
    };
    return [...this.#rows.values()].sort((a, b) => (size(a) < size(b) ? 1 : size(a) > size(b) ? -1 : 0));
  }
}

/** Some of the records that are looked at, in id order. */
interface Part {
  readonly checked: number;
  readonly unpriced: number;
  readonly repriced: readonly Repriced[];
  /** Where the next part begins; null where there is none. */
  readonly after_id: string | null;
}

interface Repricing {
  readonly runner: LedgerRunner;
  readonly context: CommandContext;
  readonly filters: CallFilters;
  readonly at_ms: number;
}

async function readPart(
  { runner, context: { tenant_id }, filters, at_ms }: Repricing,
  after_id: string,
  transaction?: Transaction,
): Promise<Part> {
  const records = new UsageRecordRepository(runner.database);
  const calls = await records.ofCalls(tenant_id, filters, after_id, RECORDS_AT_ONCE, transaction);
  const ids = calls.map(({ record_id }) => record_id);
  const booked = new Map<string, Costs>(calls.map((record) => [record.record_id, record]));
  for (const record of await records.adjusting(tenant_id, ids, transaction)) {
    const id = record.adjusts_record_id ?? "";
    const sum = booked.get(id);
    if (sum !== undefined) booked.set(id, plus(sum, record));
  }
  const bookedElsewhere = await records.bookedElsewhere(tenant_id, ids, transaction);
  const repriced: Repriced[] = [];
  let unpriced = 0;
  for (const record of calls) {
    if (bookedElsewhere.has(record.record_id)) continue;
    const known = rightCost(runner.catalog(tenant_id), record, at_ms);
    const before = booked.get(record.record_id) ?? record;
    if (known === undefined) unpriced += 1;
    else if (!isNothing(minus(known.cost, before)))
      repriced.push({ record, pricing_id: known.pricing_id, booked: before, right: known.cost });
  }
  const isLast = calls.length < RECORDS_AT_ONCE;
  return { checked: calls.length, unpriced, repriced, after_id: isLast ? null : (ids.at(-1) ?? null) };
}

/** Books the differences. The tenant is held alone, so no balance moves meanwhile. */
async function book(
  { runner, context }: Repricing,
  session: LedgerSession,
  repriced: readonly Repriced[],
  reason: Reason,
): Promise<void> {
  if (repriced.length === 0) return;
  const catalog = runner.catalog(context.tenant_id);
  const adjusted = repriced.map((one) => ({
    one,
    target: {
      policies: catalog.budgets.policiesCounting(one.record.budget_id, one.record),
      context_id: one.record.context_id,
    } satisfies Target,
  }));
  const balances = await session.lockBalances(balanceKeys(adjusted.map(({ target }) => target)));
  const now_ms = runner.clock.now();
  const nextId = (at_ms: number): string => runner.ids.next(at_ms);
  const batch = new Batch({ catalog, now_ms, nextId, allocations: [], balances, usage_records: [] });
  for (const { one, target } of adjusted)
    batch.addUsage(adjustmentOf(one, batch.nextId(), reason), target, null);
  const change = {
    action: "usage.repriced",
    subject_id: repriced[0]?.record.record_id ?? "",
    before: null,
    after: { records: repriced.length, ...reason },
    at_ms: now_ms,
  };
  await new AuditRepository(runner.database).append(session.transaction, session.tenant_id, [
    changeBy(context, change),
  ]);
  session.write(batch.changes());
}

/**
 * Works out anew what past usage costs, at the prices that are in force at an instant, and books the differences as
 * records of their own, at the times of the calls. It begins again where it was interrupted: what was set right already
 * is right. What an older system booked stays as it was booked there. Allocations keep what they knew when they were settled.
 */
export async function reprice(
  runner: LedgerRunner,
  context: CommandContext,
  request: RepriceRequest,
): Promise<RepriceReport> {
  const { tenant_id } = context;
  const { dry_run = false, repriced_by, why, provider, model, start_time, end_time, at } = request;
  const repricing: Repricing = {
    runner,
    context,
    filters: {
      start_ms: Date.parse(start_time),
      end_ms: Date.parse(end_time),
      ...(provider === undefined ? {} : { provider }),
      ...(model === undefined ? {} : { model }),
    },
    at_ms: at === undefined ? runner.clock.now() : Date.parse(at),
  };
  await runner.freeExpired(tenant_id);
  const byBudget = new Sums();
  const byModel = new Sums();
  const sums = { records_checked: 0, records_adjusted: 0, records_unpriced: 0, difference_nano_usd: 0n };
  for (let after_id: string | null = ""; after_id !== null;) {
    const from: string = after_id;
    const part: Part = dry_run
      ? await readPart(repricing, from)
      : await runner.exclusively(tenant_id, async (session) => {
          const read = await readPart(repricing, from, session.transaction);
          await book(repricing, session, read.repriced, { repriced_by, why });
          return read;
        });
    sums.records_checked += part.checked;
    sums.records_adjusted += part.repriced.length;
    sums.records_unpriced += part.unpriced;
    for (const one of part.repriced) {
      byBudget.add(one.record.budget_id, one);
      byModel.add(`${one.record.provider}/${one.record.model}`, one);
      sums.difference_nano_usd += one.right.total_cost_nano_usd - one.booked.total_cost_nano_usd;
    }
    after_id = part.after_id;
  }
  return { dry_run, ...sums, budgets: byBudget.rows, models: byModel.rows };
}

/** Who asked for it, and why: kept with every record that it makes. */
type Reason = Pick<RepriceRequest, "repriced_by" | "why">;

/** What sets the cost of a record right: no usage of its own, and the differences of the costs. */
function adjustmentOf(
  { record, pricing_id, booked, right }: Repriced,
  record_id: string,
  { repriced_by, why }: Reason,
): UsageRecord {
  return {
    ...record,
    ...minus(right, booked),
    record_id,
    adjusts_record_id: record.record_id,
    allocation_id: null,
    input_tokens: 0,
    output_tokens: 0,
    total_tokens: 0,
    usage: {},
    cost_components: [],
    pricing_id,
    overage_tokens: 0,
    overage_cost_nano_usd: 0n,
    metadata: { repriced_by, why },
  };
}
