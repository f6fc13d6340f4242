import type { AuditEntry } from "@budget/domain";
import { AuditRepository, hashOfEntry, type Database } from "@budget/repositories";
import type { AuditVerification } from "./engine.ts";

const ENTRIES_AT_ONCE = 500;

/** What is wrong with an entry where another one should be; null where nothing is. */
function wrongWith(entry: AuditEntry, sequence: number, previous_hash: string): string | null {
  if (entry.sequence !== sequence) return `Entry ${sequence} is missing.`;
  if (entry.previous_hash !== previous_hash) return "It does not follow the entry before it.";
  return hashOfEntry(entry) === entry.hash ? null : "It is not as it was written.";
}

/**
 * Works every hash of a tenant's record out anew, on one state of the database. Whoever can write the database could
 * write all hashes anew as well: that only shows by a head that was kept elsewhere.
 */
export function verifyAudit(database: Database, tenant_id: string): Promise<AuditVerification> {
  const audit = new AuditRepository(database);
  return database.snapshot(tenant_id, async (transaction) => {
    const head = await audit.head(transaction, tenant_id);
    let entries = 0;
    let last_hash = "0".repeat(64);
    for (;;) {
      const part = await audit.after(transaction, tenant_id, entries, ENTRIES_AT_ONCE);
      for (const entry of part) {
        const what = wrongWith(entry, entries + 1, last_hash);
        if (what !== null) return { entries, intact: false, first_wrong: entries + 1, what, head: head.hash };
        entries += 1;
        last_hash = entry.hash;
      }
      if (part.length < ENTRIES_AT_ONCE) break;
    }
    const isCut = entries !== head.sequence || last_hash !== head.hash;
    return isCut
      ? {
          entries,
          intact: false,
          first_wrong: entries + 1,
          what: "Entries at the end are missing.",
          head: head.hash,
        }
      : { entries, intact: true, first_wrong: null, what: "", head: head.hash };
  });
}
