import {
  changeBy,
  isAlive,
  toKeyWire,
  type ApiKey,
  type Clock,
  type IdSource,
  type SecretSource,
} from "@budget/domain";
import {
  ApiKeyRepository,
  AuditRepository,
  Ledger,
  type Database,
  type LedgerSession,
} from "@budget/repositories";
import { DEFAULT_TENANT_ID } from "./first-start.ts";
import { SECRET_BYTES, hashOfSecret, keyText, opens, readKeyText } from "./key-text.ts";

export interface AdminKeyOptions {
  /** With its first tenant. */
  readonly database: Database;
  readonly clock: Clock;
}

/** The text of a key that nobody has yet. */
export const newKeyText = (ids: IdSource, secrets: SecretSource, at_ms: number): string =>
  keyText(ids.next(at_ms), Buffer.from(secrets.bytes(SECRET_BYTES)).toString("base64url"));

/** Whether the first tenant has an admin key that opens something. */
export function hasAdminKey({ database, clock }: AdminKeyOptions): Promise<boolean> {
  const keys = new ApiKeyRepository(database);
  return database.transaction(
    async (transaction) => (await keys.countAlive(transaction, DEFAULT_TENANT_ID, "admin", clock.now())) > 0,
  );
}

/** Why a text cannot be an admin key of the first tenant; `adopted` where it is one. */
export type AdminKeyAdoption = "adopted" | "no_key" | "other_secret" | "ended" | "no_admin";

/**
 * Makes this text an admin key of the first tenant, where it is not one already.
 * @returns `no_key` where it does not have the form of one; `other_secret` where a key with its id has another secret;
 *   `ended` where that is revoked or has expired; `no_admin` where it is of another role or tenant
 */
export function adoptAdminKey(options: AdminKeyOptions, text: string): Promise<AdminKeyAdoption> {
  const { database, clock } = options;
  const parts = readKeyText(text);
  if (parts === null) return Promise.resolve("no_key");
  const keys = new ApiKeyRepository(database);
  return new Ledger(database).transaction(DEFAULT_TENANT_ID, "exclusive", async (session) => {
    const now_ms = clock.now();
    const known = await keys.find(parts.key_id, session.transaction);
    if (known === null) {
      await create(session, options, parts.key_id, parts.secret);
      return "adopted";
    }
    if (!opens(known, parts.secret, now_ms)) return "other_secret";
    if (!isAlive(known, now_ms)) return "ended";
    return known.tenant_id === DEFAULT_TENANT_ID && known.role === "admin" ? "adopted" : "no_admin";
  });
}

async function create(
  { transaction, tenant_id }: LedgerSession,
  { database, clock }: AdminKeyOptions,
  key_id: string,
  secret: string,
): Promise<void> {
  const at_ms = clock.now();
  const key: ApiKey = {
    tenant_id,
    key_id,
    name: "first admin",
    owner: "",
    role: "admin",
    budget_ids: [],
    components: [],
    secret_sha256: hashOfSecret(secret),
    previous_sha256: null,
    previous_until_ms: null,
    created_at_ms: at_ms,
    expires_at_ms: null,
    revoked_at_ms: null,
    last_used_at_ms: null,
  };
  await new ApiKeyRepository(database).create(transaction, key);
  const change = { action: "key.created", subject_id: key_id, before: null, after: toKeyWire(key), at_ms };
  await new AuditRepository(database).append(transaction, tenant_id, [changeBy({}, change)]);
}
