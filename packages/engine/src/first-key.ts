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
  type Transaction,
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
    DEFAULT_TENANT_ID,
    async (transaction) =>
      (await keys.countAlive(transaction, DEFAULT_TENANT_ID, ["admin"], clock.now())) > 0,
  );
}

/** Why a text cannot be an admin key of the first tenant. */
export type AdminKeyRefusal = "no_key" | "other_secret" | "ended" | "no_admin";
/** What a text is to the first tenant: a key of an admin that opens, one that nobody has yet, or none that can be one. */
export type AdminKeyState = "opens" | "new" | AdminKeyRefusal;

/**
 * Looks at a text, and changes nothing.
 * @returns `no_key` where it does not have the form of a key; `other_secret` where a key with its id has another secret;
 *   `ended` where that is revoked or has expired; `no_admin` where it is of another role or tenant
 */
export async function adminKeyState(
  { database, clock }: AdminKeyOptions,
  text: string,
  transaction?: Transaction,
): Promise<AdminKeyState> {
  const parts = readKeyText(text);
  if (parts === null) return "no_key";
  const known = await new ApiKeyRepository(database).find(parts.key_id, transaction);
  if (known === null) return "new";
  const now_ms = clock.now();
  if (!opens(known, parts.secret, now_ms)) return "other_secret";
  if (!isAlive(known, now_ms)) return "ended";
  return known.tenant_id === DEFAULT_TENANT_ID && known.role === "admin" ? "opens" : "no_admin";
}

/**
 * Makes this text an admin key of the first tenant, where it is not one already.
 * @returns `opens` where it is one now, else why it cannot be, as of {@link adminKeyState}
 */
export async function adoptAdminKey(
  options: AdminKeyOptions,
  text: string,
): Promise<Exclude<AdminKeyState, "new">> {
  const parts = readKeyText(text);
  if (parts === null) return "no_key";
  // The transaction below sees the keys of its tenant only, and this one may be another's.
  const state = await adminKeyState(options, text);
  if (state !== "new") return state;
  return new Ledger(options.database).transaction(DEFAULT_TENANT_ID, "exclusive", async (session) => {
    const left = await adminKeyState(options, text, session.transaction);
    if (left !== "new") return left;
    await create(session, options, parts.key_id, parts.secret);
    return "opens";
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
