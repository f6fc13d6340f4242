import type { ImportSource, ImportedTotals, PolicyType } from "@budget/domain";
import type { Row } from "./dialect.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";
import { byDayAndNames } from "./usage-rollup-repository.ts";

const DAY_MS = 86_400_000;

/** What a row of an older system became. */
export type ImportedKind = "usage" | "policy";

/** A row of an older system, and what it became here. */
export interface ImportedRecord {
  readonly kind: ImportedKind;
  readonly source_id: string;
  /** The usage record or policy that it became. */
  readonly record_id: string;
  /** Of the row as it was read. */
  readonly content_sha256: string;
  /** Whether the older system booked a cost, which then stays. */
  readonly booked_cost: boolean;
  /** Of a policy the row as it was read; else null. */
  readonly original: string | null;
  /** The type that a policy has when its shadow ends; null for usage, and where there is no shadow. */
  readonly shadowed_type: PolicyType | null;
}

/** What came from older systems. A row is written once, with what it became, and found again by its id there. */
export class ImportedRecordRepository {
  /** Those of the ids that are there, by id. */
  async find(
    transaction: Transaction,
    tenant_id: string,
    source: ImportSource,
    kind: ImportedKind,
    source_ids: readonly string[],
  ): Promise<ReadonlyMap<string, Pick<ImportedRecord, "record_id" | "content_sha256">>> {
    const { system, name: source_name } = source;
    const rows = await transaction.getByKeys(
      tables.importedRecords,
      source_ids.map((source_id) => ({ tenant_id, system, source_name, kind, source_id })),
    );
    return new Map(
      rows.map((row) => [
        row.source_id as string,
        { record_id: row.record_id as string, content_sha256: row.content_sha256 as string },
      ]),
    );
  }

  create(
    transaction: Transaction,
    tenant_id: string,
    { system, name: source_name }: ImportSource,
    records: readonly ImportedRecord[],
  ): Promise<void> {
    return transaction.insert(
      tables.importedRecords,
      records.map((record): Row => ({ tenant_id, system, source_name, ...record })),
    );
  }

  /**
   * What a source's usage adds up to, by day in UTC, provider, model and component, in this order. It is added up some
   * rows at a time: to group millions at once they would all have to be sorted first.
   */
  async totals(
    transaction: Transaction,
    tenant_id: string,
    source: ImportSource,
  ): Promise<readonly ImportedTotals[]> {
    const totals = new Map<string, ImportedTotals>();
    let after: string | undefined = BEFORE_ALL_IDS;
    while (after !== undefined) {
      const last = await lastOfPart(transaction, tenant_id, source, after);
      for (const row of await sumsOfPart(transaction, tenant_id, source, after, last ?? AFTER_ALL_IDS))
        addTo(totals, totalsFromRow(row));
      after = last;
    }
    // Databases order text by rules of their own.
    return [...totals.values()].sort(byDayAndNames);
  }

  /** The policies of a source that are in shadow, with the types that they get when it ends; by id. */
  async shadowed(
    transaction: Transaction,
    tenant_id: string,
    source: ImportSource,
  ): Promise<readonly { readonly policy_id: string; readonly type: PolicyType }[]> {
    const rows = await transaction.query(
      `SELECT record_id, shadowed_type FROM imported_records
       WHERE tenant_id = $1 AND system = $2 AND source_name = $3 AND kind = 'policy'
         AND shadowed_type IS NOT NULL
       ORDER BY record_id`,
      [tenant_id, source.system, source.name],
    );
    return rows.map((row) => ({
      policy_id: row.record_id as string,
      type: row.shadowed_type as PolicyType,
    }));
  }

  /** Forgets that these policies of a source are in shadow. */
  async endShadow(
    transaction: Transaction,
    tenant_id: string,
    source: ImportSource,
    policy_ids: readonly string[],
  ): Promise<void> {
    await transaction.query(
      `UPDATE imported_records SET shadowed_type = NULL
       WHERE tenant_id = $1 AND system = $2 AND source_name = $3 AND kind = 'policy'
         AND ${transaction.dialect.inList("record_id", "$4", "uuid")}`,
      [tenant_id, source.system, source.name, policy_ids],
    );
  }
}

const ROWS_AT_ONCE = 20_000;
const BEFORE_ALL_IDS = "00000000-0000-0000-0000-000000000000";
const AFTER_ALL_IDS = "ffffffff-ffff-ffff-ffff-ffffffffffff";

/** The id that a full part ends with; undefined where so few rows are left that they are the last part. */
async function lastOfPart(
  transaction: Transaction,
  tenant_id: string,
  source: ImportSource,
  after_id: string,
): Promise<string | undefined> {
  const [row] = await transaction.query(
    `SELECT record_id FROM imported_records
     WHERE tenant_id = $1 AND system = $2 AND source_name = $3 AND kind = 'usage' AND record_id > $4
     ORDER BY record_id LIMIT 1 OFFSET ${ROWS_AT_ONCE - 1}`,
    [tenant_id, source.system, source.name, after_id],
  );
  return row?.record_id as string | undefined;
}

function sumsOfPart(
  transaction: Transaction,
  tenant_id: string,
  source: ImportSource,
  after_id: string,
  last_id: string,
): Promise<readonly Row[]> {
  return transaction.query(
    `SELECT u.timestamp_ms / ${DAY_MS} AS day, u.provider, u.model, u.component, COUNT(*) AS records,
       SUM(u.input_tokens) AS input_tokens, SUM(u.output_tokens) AS output_tokens,
       SUM(u.total_tokens) AS total_tokens, SUM(u.total_cost_nano_usd) AS cost_nano_usd
     FROM imported_records i
     JOIN usage_records u ON u.tenant_id = i.tenant_id AND u.record_id = i.record_id
     WHERE i.tenant_id = $1 AND i.system = $2 AND i.source_name = $3 AND i.kind = 'usage'
       AND i.record_id > $4 AND i.record_id <= $5
     GROUP BY 1, 2, 3, 4`,
    [tenant_id, source.system, source.name, after_id, last_id],
  );
}

function addTo(totals: Map<string, ImportedTotals>, part: ImportedTotals): void {
  const key = JSON.stringify([part.day_start_ms, part.provider, part.model, part.component]);
  const before = totals.get(key);
  totals.set(key, before === undefined ? part : sumOf(before, part));
}

const sumOf = (a: ImportedTotals, b: ImportedTotals): ImportedTotals => ({
  ...a,
  records: a.records + b.records,
  input_tokens: a.input_tokens + b.input_tokens,
  output_tokens: a.output_tokens + b.output_tokens,
  total_tokens: a.total_tokens + b.total_tokens,
  cost_nano_usd: a.cost_nano_usd + b.cost_nano_usd,
});

const totalsFromRow = (row: Row): ImportedTotals => ({
  day_start_ms: Number(row.day) * DAY_MS,
  provider: row.provider as string,
  model: row.model as string,
  component: row.component as string,
  records: Number(row.records),
  input_tokens: Number(row.input_tokens),
  output_tokens: Number(row.output_tokens),
  total_tokens: Number(row.total_tokens),
  cost_nano_usd: BigInt(row.cost_nano_usd as string | bigint),
});
