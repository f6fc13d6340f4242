import type { Transaction } from "@budget/repositories";

/** The statements that SQLite keeps as its schema: each table, followed by its indexes. */
export async function dumpSqlite(transaction: Transaction): Promise<string> {
  const rows = await transaction.query(
    `SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'
     ORDER BY tbl_name, type DESC, name`,
    [],
  );
  return rows.map((row) => `${layOut((row.sql as string).replaceAll("`", ""))};\n`).join("\n");
}

/** Puts each part of a table on a line of its own. */
function layOut(sql: string): string {
  if (!sql.startsWith("CREATE TABLE")) return sql;
  let depth = 0;
  let lines = "";
  for (const [token] of sql.matchAll(/'[^']*'|[(),]\s*|[^'(),]+/g)) {
    const sign = token.trim();
    if (sign === "(") depth += 1;
    if (sign === ")") depth -= 1;
    if (sign === "(" && depth === 1) lines += `${sign}\n  `;
    else if (sign === ")" && depth === 0) lines += `\n${token}`;
    else if (sign === "," && depth === 1) lines += `${sign}\n  `;
    else lines += token;
  }
  return lines;
}
