import { SHARED_TENANT_ID } from "@budget/domain";
import { ALL_TENANTS, type TenantScope } from "./tenant-scope.ts";

/**
 * Row-level security, which PostgreSQL alone has: a transaction names tenants, and every other row is for it as if it
 * were not there. What is named ends with the transaction, so that it never goes to whom a pool gives the connection next.
 */

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The statement that names the tenants of the transaction that it is in.
 * @throws Error where an id is none: it becomes part of the statement's text
 */
export function nameTenants(scope: TenantScope): string {
  if (scope === ALL_TENANTS) return "SET LOCAL budget.all_tenants = 'on'";
  const tenant_ids = typeof scope === "string" ? [scope] : scope;
  for (const tenant_id of tenant_ids) {
    if (!UUID.test(tenant_id)) throw new Error(`${JSON.stringify(tenant_id)} is not the id of a tenant.`);
  }
  return `SET LOCAL budget.tenant_ids = '{${tenant_ids.join(",")}}'`;
}

// Each is worked out once for a statement, and not once for a row. A setting that was set in an earlier transaction of
// the connection is empty and not null.
const NAMED = "(SELECT nullif(current_setting('budget.tenant_ids', true), '')::uuid[])";
const ALL_NAMED = "(SELECT current_setting('budget.all_tenants', true) = 'on')";

/** A row passes where its tenant is named. Where none is, nothing passes. */
const PASSES = `tenant_id = ANY (${NAMED}::uuid[]) OR ${ALL_NAMED}`;

/** The tables that have rows which every tenant sees. */
const SHARED_TABLES: readonly string[] = ["tenants", "prices", "model_aliases", "alerts"];

/** What a migration runs after it has made a table with a `tenant_id`, on PostgreSQL. The owner is no exception. */
export function secureRows(table: string): readonly string[] {
  const statements = [
    `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
    `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
    `CREATE POLICY named_tenants ON ${table} USING (${PASSES}) WITH CHECK (${PASSES})`,
  ];
  if (!SHARED_TABLES.includes(table)) return statements;
  const shared = `tenant_id = '${SHARED_TENANT_ID}' AND cardinality(${NAMED}) > 0`;
  return [...statements, `CREATE POLICY shared_rows ON ${table} FOR SELECT USING (${shared})`];
}

/** Takes back what {@link secureRows} has done. */
export const unsecureRows = (table: string): readonly string[] => [
  ...(SHARED_TABLES.includes(table) ? [`DROP POLICY shared_rows ON ${table}`] : []),
  `DROP POLICY named_tenants ON ${table}`,
  `ALTER TABLE ${table} NO FORCE ROW LEVEL SECURITY`,
  `ALTER TABLE ${table} DISABLE ROW LEVEL SECURITY`,
];

/** Selects the `name` of every table with a `tenant_id`, partitions among them. */
export const TENANT_TABLES = `SELECT c.oid::regclass::text AS name FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id' AND NOT a.attisdropped
  WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
  ORDER BY c.relname COLLATE "C"`;
