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

  /** What a source's usage adds up to, by day in UTC, provider, model and component, in this order. */
  async totals(
    transaction: Transaction,
    tenant_id: string,
    source: ImportSource,
  ): Promise<readonly ImportedTotals[]> {
    const rows = await transaction.query(
      `SELECT u.timestamp_ms / ${DAY_MS} AS day, u.provider, u.model, u.component, COUNT(*) AS records,
         SUM(u.input_tokens) AS input_tokens, SUM(u.output_tokens) AS output_tokens,
         SUM(u.total_tokens) AS total_tokens, SUM(u.total_cost_nano_usd) AS cost_nano_usd
       FROM imported_records i
       JOIN usage_records u ON u.tenant_id = i.tenant_id AND u.record_id = i.record_id
       WHERE i.tenant_id = $1 AND i.system = $2 AND i.source_name = $3 AND i.kind = 'usage'
       GROUP BY 1, 2, 3, 4`,
      [tenant_id, source.system, source.name],
    );
    // Databases order text by rules of their own.
    return rows.map(totalsFromRow).sort(byDayAndNames);
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

  /** Forgets that policies of a source are in shadow. */
  async endShadow(transaction: Transaction, tenant_id: string, source: ImportSource): Promise<void> {
    await transaction.query(
      `UPDATE imported_records SET shadowed_type = NULL
       WHERE tenant_id = $1 AND system = $2 AND source_name = $3 AND kind = 'policy'
         AND shadowed_type IS NOT NULL`,
      [tenant_id, source.system, source.name],
    );
  }
}

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
