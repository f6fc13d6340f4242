import type pg from "pg";

/** What a table has come to in a run. */
export interface TableSize {
  readonly table: string;
  readonly rows: number;
  /** With indexes and what is kept beside the table, partitions included. */
  readonly bytes: number;
}

/**
 * How large the product's tables are, the largest first. Vacuum is off on the run's server, so old versions of rows that
 * were changed are still there: on a server that vacuums, tables come to less.
 */
export async function readSizes(client: pg.Client): Promise<readonly TableSize[]> {
  const { rows } = await client.query<{ table: string; bytes: string }>(
    `SELECT top.relname AS table, SUM(pg_total_relation_size(part.relid)) AS bytes
     FROM pg_class top CROSS JOIN LATERAL pg_partition_tree(top.oid) part
     WHERE top.relnamespace = 'public'::regnamespace AND top.relkind = 'p'
     GROUP BY top.relname
     UNION ALL
     SELECT relname, pg_total_relation_size(oid) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND NOT relispartition
       AND relname <> 'proof_history'`,
  );
  const sizes: TableSize[] = [];
  for (const { table, bytes } of rows) {
    const counted = await client.query<{ rows: string }>(`SELECT COUNT(*) AS rows FROM ${table}`);
    sizes.push({ table, rows: Number(counted.rows[0]!.rows), bytes: Number(bytes) });
  }
  return sizes.sort((left, right) => right.bytes - left.bytes);
}
