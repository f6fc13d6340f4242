import type { Transaction } from "@budget/repositories";

/** Partitions that are made as time goes by; they are no part of what a migration makes. */
const MONTHLY_PARTITION = "_[0-9]{4}_[0-9]{2}$";

interface Relation {
  readonly oid: string;
  readonly name: string;
  /** Null where it is not divided. */
  readonly partition_key: string | null;
  /** Null where it is no partition. */
  readonly parent: string | null;
  readonly bound: string | null;
}

/** Tables with their columns, constraints, indexes, row-level security and lasting partitions, from the catalogues of PostgreSQL. */
export async function dumpPostgres(transaction: Transaction): Promise<string> {
  const parts: string[] = [];
  for (const relation of await readRelations(transaction)) {
    if (relation.parent === null) {
      parts.push(await tableText(transaction, relation), ...(await indexTexts(transaction, relation.oid)));
    } else {
      parts.push(`CREATE TABLE ${relation.name} PARTITION OF ${relation.parent} ${relation.bound ?? ""};\n`);
    }
    parts.push(...(await securityTexts(transaction, relation)));
  }
  return parts.join("\n");
}

async function readRelations(transaction: Transaction): Promise<readonly Relation[]> {
  const rows = await transaction.query(
    `SELECT c.oid::text AS oid, c.relname AS name, pg_get_partkeydef(c.oid) AS partition_key,
       i.inhparent::regclass::text AS parent, pg_get_expr(c.relpartbound, c.oid) AS bound
     FROM pg_class c LEFT JOIN pg_inherits i ON i.inhrelid = c.oid
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
       AND NOT (c.relispartition AND c.relname ~ $1)
     ORDER BY c.relname COLLATE "C"`,
    [MONTHLY_PARTITION],
  );
  return rows as unknown as Relation[];
}

async function tableText(transaction: Transaction, { oid, name, partition_key }: Relation): Promise<string> {
  const columns = await transaction.query(
    `SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
       pg_get_expr(d.adbin, d.adrelid) AS given
     FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`,
    [oid],
  );
  const constraints = await transaction.query(
    `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
     WHERE conrelid = $1::text::oid AND contype <> 'n' ORDER BY contype DESC, conname COLLATE "C"`,
    [oid],
  );
  const lines = [
    ...columns.map((column) =>
      [
        column.name,
        column.type,
        ...(column.required === true ? ["NOT NULL"] : []),
        ...(column.given === null ? [] : ["DEFAULT", column.given]),
      ].join(" "),
    ),
    ...constraints.map(({ name, definition }) => `CONSTRAINT ${String(name)} ${String(definition)}`),
  ];
  const partitioning = partition_key === null ? "" : ` PARTITION BY ${partition_key}`;
  return `CREATE TABLE ${name} (\n  ${lines.join(",\n  ")}\n)${partitioning};\n`;
}

/** The indexes that do not come with a constraint. */
async function indexTexts(transaction: Transaction, oid: string): Promise<readonly string[]> {
  const rows = await transaction.query(
    `SELECT pg_get_indexdef(i.indexrelid) AS definition FROM pg_index i
     WHERE i.indrelid = $1::text::oid
       AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.conrelid = i.indrelid)
     ORDER BY i.indexrelid::regclass::text COLLATE "C"`,
    [oid],
  );
  return rows.map((row) => `${(row.definition as string).replaceAll("public.", "")};\n`);
}

/** Whose rows a transaction sees, where the table locks them. */
async function securityTexts(transaction: Transaction, { oid, name }: Relation): Promise<readonly string[]> {
  const rows = await transaction.query(
    `SELECT c.relforcerowsecurity AS forced, p.polname AS policy, p.polcmd AS command,
       pg_get_expr(p.polqual, c.oid) AS using, pg_get_expr(p.polwithcheck, c.oid) AS checked
     FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid
     WHERE c.oid = $1::text::oid AND c.relrowsecurity ORDER BY p.polname COLLATE "C"`,
    [oid],
  );
  if (rows.length === 0) return [];
  const forced = rows[0]?.forced === true ? `ALTER TABLE ${name} FORCE ROW LEVEL SECURITY;\n` : "";
  const policies = rows.map(({ policy, command, using, checked }) => {
    const check = typeof checked === "string" ? `\n  WITH CHECK (${checked})` : "";
    const verb = command === "r" ? " FOR SELECT" : "";
    return `CREATE POLICY ${String(policy)} ON ${name}${verb}\n  USING (${String(using)})${check};\n`;
  });
  return [`ALTER TABLE ${name} ENABLE ROW LEVEL SECURITY;\n${forced}${policies.join("")}`];
}
