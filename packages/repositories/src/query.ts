import type { Reader } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import type { Transaction } from "./transaction.ts";

/** A part of a list, in the list's order. */
export interface Page<T> {
  readonly items: readonly T[];
  /** How many there are in all, beyond this page. */
  readonly total: number;
}

/** Which page of a list is wanted, as the query schemas say it. */
export interface PageQuery {
  /** From 1, which is also meant where it is left out. */
  readonly page?: number;
  /** At most so many on a page; 20 where it is left out. */
  readonly limit?: number;
}

const DEFAULT_LIMIT = 20;

/** The row that a statement finds. */
export async function readOne<T>(reader: Reader, select: Select, decode: (row: Row) => T): Promise<T | null> {
  const [row] = await reader.run(select);
  return row === undefined ? null : decode(row);
}

/** Keeps the rows whose columns have these values; a value that is undefined keeps every row. */
export function whereEqual(
  select: Select,
  values: Readonly<Record<string, string | number | boolean | undefined>>,
): Select {
  for (const [column, value] of Object.entries(values)) {
    if (value !== undefined) void select.where(column, value);
  }
  return select;
}

/** How many rows a page has at most, and how many come before it. */
export function rangeOf({ page = 1, limit = DEFAULT_LIMIT }: PageQuery): { limit: number; offset: number } {
  return { limit, offset: (page - 1) * limit };
}

/** One page of a statement that has its order already, and how many rows it has in all. */
export async function readPage<T>(
  reader: Reader,
  select: Select,
  page: PageQuery,
  decode: (row: Row) => T,
): Promise<Page<T>> {
  const { limit, offset } = rangeOf(page);
  const total = await countOf(reader, select);
  const rows = await reader.run(select.clone().limit(limit).offset(offset));
  return { items: rows.map(decode), total };
}

/** How many rows a statement answers in all. */
export async function countOf(reader: Reader, select: Select): Promise<number> {
  const [row] = await reader.run(select.clone().clearOrder().count<Row[]>({ total: "*" }));
  return Number(row?.total);
}

/**
 * Writes the one row that `select` is for.
 * @throws Error where there is no such row: whoever changes a row has read it in the same transaction
 */
export async function updateOne(
  transaction: Transaction,
  select: Select,
  row: Row,
  what: string,
): Promise<void> {
  const changed = await transaction.run(select.update(row));
  if (changed !== 1) throw new Error(`There is no ${what} to change.`);
}
