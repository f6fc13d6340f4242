import { createHash } from "node:crypto";
import type { AuditDraft, AuditEntry, AuditQuery } from "@budget/domain";
import type { Database } from "./database.ts";
import type { Row, Select } from "./dialect.ts";
import { readPage, whereEqual, type Page } from "./query.ts";
import * as tables from "./tables.ts";
import type { Transaction } from "./transaction.ts";

/** What the first entry has in place of the hash of the one before it. */
const NO_HASH = "0".repeat(64);

const jsonOrNull = (value: object | null): string | null => (value === null ? null : JSON.stringify(value));
const objectOrNull = (value: unknown): object | null =>
  value === null ? null : (JSON.parse(value as string) as object);

/** The text that an entry's hash is made of: every field in one order, so that no two entries have the same. */
const textOf = ({ actor, ...entry }: Omit<AuditEntry, "hash">): string =>
  JSON.stringify([
    entry.previous_hash,
    entry.tenant_id,
    entry.sequence,
    entry.at_ms,
    entry.kind,
    actor.key_id,
    actor.name,
    actor.origin,
    actor.request_id,
    entry.action,
    entry.subject_id,
    jsonOrNull(entry.before),
    jsonOrNull(entry.after),
  ]);

/** The hash that an entry should have. */
export const hashOfEntry = (entry: Omit<AuditEntry, "hash">): string =>
  createHash("sha256").update(textOf(entry)).digest("hex");

const entryFromRow = (row: Row): AuditEntry => ({
  tenant_id: row.tenant_id as string,
  sequence: Number(row.sequence),
  kind: row.kind as AuditEntry["kind"],
  actor: {
    key_id: row.key_id as string | null,
    name: row.actor as string,
    origin: row.origin as string,
    request_id: row.request_id as string,
  },
  action: row.action as string,
  subject_id: row.subject_id as string,
  before: objectOrNull(row.before_json),
  after: objectOrNull(row.after_json),
  at_ms: Number(row.at_ms),
  previous_hash: row.previous_hash as string,
  hash: row.hash as string,
});

const entryToRow = ({ actor, before, after, ...entry }: AuditEntry): Row => ({
  ...entry,
  key_id: actor.key_id,
  actor: actor.name,
  origin: actor.origin,
  request_id: actor.request_id,
  before_json: jsonOrNull(before),
  after_json: jsonOrNull(after),
});

/** The record of changes and denials: written once, each entry chained to the one before it. */
export class AuditRepository {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Writes entries at the end of a tenant's record; others that write to it wait until the transaction ends. */
  async append(transaction: Transaction, tenant_id: string, drafts: readonly AuditDraft[]): Promise<void> {
    if (drafts.length === 0) return;
    await transaction.insertMissing(tables.auditHeads, [{ tenant_id, sequence: 0, hash: NO_HASH }]);
    const [head] = await transaction.lockByKeys(tables.auditHeads, [{ tenant_id }]);
    let sequence = Number(head?.sequence);
    let hash = head?.hash as string;
    const entries = drafts.map((draft): AuditEntry => {
      const unhashed = { ...draft, tenant_id, sequence: (sequence += 1), previous_hash: hash };
      const entry = { ...unhashed, hash: hashOfEntry(unhashed) };
      ({ hash } = entry);
      return entry;
    });
    await transaction.insert(tables.auditEntries, entries.map(entryToRow));
    await transaction.update(tables.auditHeads, [{ tenant_id, sequence, hash }]);
  }

  /** Newest first. */
  list(
    tenant_id: string,
    { kind, key_id, subject_id, action, ...page }: AuditQuery,
  ): Promise<Page<AuditEntry>> {
    const select = whereEqual(this.#of(tenant_id), { kind, key_id, subject_id, action });
    return readPage(this.#database.reader(tenant_id), select.orderBy("sequence", "desc"), page, entryFromRow);
  }

  /** Entries after one, oldest first. */
  async after(
    transaction: Transaction,
    tenant_id: string,
    sequence: number,
    limit: number,
  ): Promise<readonly AuditEntry[]> {
    const select = this.#of(tenant_id).where("sequence", ">", sequence).orderBy("sequence").limit(limit);
    return (await transaction.run(select)).map(entryFromRow);
  }

  /** What the record says its last entry is. */
  async head(
    transaction: Transaction,
    tenant_id: string,
  ): Promise<{ readonly sequence: number; readonly hash: string }> {
    const [row] = await transaction.query("SELECT sequence, hash FROM audit_heads WHERE tenant_id = $1", [
      tenant_id,
    ]);
    return { sequence: Number(row?.sequence ?? 0), hash: (row?.hash as string | undefined) ?? NO_HASH };
  }

  #of(tenant_id: string): Select {
    return this.#database.knex<Row, Row[]>("audit_entries").where({ tenant_id });
  }
}
