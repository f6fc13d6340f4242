import { SHARED_TENANT_ID, changeBy, type Clock } from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  SourceCredentialRepository,
  type Database,
  type SecretBox,
} from "@budget/repositories";
import { DEFAULT_TENANT_ID } from "./first-start.ts";

/** What a rotation found. */
export interface SecretRotation {
  /** The name of the key that all secrets have now. */
  readonly key_id: string;
  /** How many secrets there are. */
  readonly secrets: number;
  /** Those that had another key. */
  readonly resealed: number;
}

/**
 * Encrypts every secret of the database with the first key, in one transaction, beside running servers: killed at any
 * moment, each secret has the key of before or the first one, all of them the same way.
 * @throws SecretError, with everything left as it was, where one cannot be decrypted
 */
export function rotateSecrets(database: Database, box: SecretBox, clock: Clock): Promise<SecretRotation> {
  // Whoever sets a credential has the same lock.
  return new Ledger(database).transaction(
    SHARED_TENANT_ID,
    "exclusive",
    async ({ transaction }) => {
      const counts = await new SourceCredentialRepository(database).reseal(transaction, box);
      const rotation = { key_id: box.key_id, ...counts };
      if (counts.resealed > 0) {
        const change = { action: "secrets.rotated", subject_id: box.key_id, before: null, after: rotation };
        const draft = changeBy({}, { ...change, at_ms: clock.now() });
        await new AuditRepository(database).append(transaction, DEFAULT_TENANT_ID, [draft]);
      }
      return rotation;
    },
    DEFAULT_TENANT_ID,
  );
}
