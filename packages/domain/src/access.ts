import type { Tenant, TenantLimits } from "./entities.ts";
import type { RequestRate } from "./request-bucket.ts";
import type { AuditEntryWire, KeyWire, TenantWire } from "./schemas/access.ts";
import { isoTime } from "./wire.ts";

export const ROLES = ["viewer", "agent", "operator", "admin"] as const;
/**
 * What a key may do. A viewer reads; an agent asks for tokens and books usage; an operator also keeps budgets, policies
 * and prices; an admin also keeps keys, and reads the record of changes.
 */
export type Role = (typeof ROLES)[number];

/** What lets a program in. Its secret is not kept, only the hash that a secret is compared with. */
export interface ApiKey {
  readonly tenant_id: string;
  /** Public: it is in the text of the key, in lists and in the record of changes. */
  readonly key_id: string;
  readonly name: string;
  readonly owner: string;
  readonly role: Role;
  /** The budgets that an agent is bound to; it may use all of the tenant's where there are none. */
  readonly budget_ids: readonly string[];
  /** The components that an agent is bound to, in lower case; all where there are none. */
  readonly components: readonly string[];
  /** SHA-256 of the secret, in hexadecimal. */
  readonly secret_sha256: string;
  /** The secret before the last rotation, and the first instant that it opens nothing at; null where there is none. */
  readonly previous_sha256: string | null;
  readonly previous_until_ms: number | null;
  readonly created_at_ms: number;
  /** The first instant that it no longer opens anything at; null where it stays. */
  readonly expires_at_ms: number | null;
  readonly revoked_at_ms: number | null;
  /** When it was last used, to the minute; null where it never was. */
  readonly last_used_at_ms: number | null;
}

/** A key as a request finds it, with what its tenant is held to. */
export interface FoundKey extends ApiKey {
  /** Null where the tenant's requests are not limited. */
  readonly tenant_requests_per_second: number | null;
}

/** Who does something, and from where: what the record of changes says of it. */
export interface Actor {
  /** Null where nobody was let in, and for what is done on the database itself. */
  readonly key_id: string | null;
  readonly name: string;
  /** The address that the request came from; empty where there was none. */
  readonly origin: string;
  /** Empty where there was no request. */
  readonly request_id: string;
}

/** A change, or an access that was denied, before it has its place in the record. */
export interface AuditDraft {
  readonly kind: "change" | "denial";
  readonly actor: Actor;
  /** What was done or tried, such as `budget.updated`. */
  readonly action: string;
  /** What it was done to; empty where that is nothing of ours. */
  readonly subject_id: string;
  /** As the thing is shown to callers; null where there was, or is, none. */
  readonly before: object | null;
  readonly after: object | null;
  readonly at_ms: number;
}

/** An entry of a tenant's record. Each has the hash of the one before it, so nothing can be changed or taken out unseen. */
export interface AuditEntry extends AuditDraft {
  readonly tenant_id: string;
  /** From 1, without gaps. */
  readonly sequence: number;
  /** 64 zeros for the first entry. */
  readonly previous_hash: string;
  readonly hash: string;
}

/** Whether a key opens anything at an instant. */
export const isAlive = ({ expires_at_ms, revoked_at_ms }: ApiKey, now_ms: number): boolean =>
  (expires_at_ms === null || now_ms < expires_at_ms) && (revoked_at_ms === null || now_ms < revoked_at_ms);

const isoTimeOrNull = (at_ms: number | null): string | null => (at_ms === null ? null : isoTime(at_ms));

/** A key as it is shown: never with its secret or the hash of it. */
export const toKeyWire = (key: ApiKey): KeyWire => ({
  key_id: key.key_id,
  name: key.name,
  owner: key.owner,
  role: key.role,
  budget_ids: [...key.budget_ids],
  components: [...key.components],
  created_at: isoTime(key.created_at_ms),
  expires_at: isoTimeOrNull(key.expires_at_ms),
  revoked_at: isoTimeOrNull(key.revoked_at_ms),
  last_used_at: isoTimeOrNull(key.last_used_at_ms),
});

/** Of a tenant that may have as much as it likes. */
export const NO_LIMITS: TenantLimits = { max_budgets: null, max_keys: null, requests_per_second: null };

export const newTenant = (
  tenant_id: string,
  name: string,
  created_at_ms: number,
  limits = NO_LIMITS,
): Tenant => ({ tenant_id, name, limits, created_at_ms, version: 1 });

/** The requests that all keys of a tenant may make together. */
export const tenantRate = (requests_per_second: number): RequestRate => ({
  per_second: requests_per_second,
  burst: 2 * requests_per_second,
});

export const toTenantWire = ({ tenant_id, name, limits, created_at_ms }: Tenant): TenantWire => ({
  tenant_id,
  name,
  limits,
  created_at: isoTime(created_at_ms),
});

export const toAuditEntryWire = (entry: AuditEntry): AuditEntryWire => ({
  sequence: entry.sequence,
  at: isoTime(entry.at_ms),
  kind: entry.kind,
  key_id: entry.actor.key_id,
  actor: entry.actor.name,
  origin: entry.actor.origin,
  request_id: entry.actor.request_id,
  action: entry.action,
  subject_id: entry.subject_id,
  before: entry.before,
  after: entry.after,
  previous_hash: entry.previous_hash,
  hash: entry.hash,
});

/** Who a change is recorded under: the tenant whose record it is, and who made it. */
export interface ChangedBy {
  readonly tenant_id: string;
  readonly actor?: Actor;
}

/** Whoever works on the database itself, or where a caller did not say who it is. */
const NOBODY: Actor = { key_id: null, name: "local", origin: "", request_id: "" };

/** What the record says of a change: what the thing was, and what it is. */
export const changeBy = (
  { actor = NOBODY }: Pick<ChangedBy, "actor">,
  change: Pick<AuditDraft, "action" | "subject_id" | "before" | "after" | "at_ms">,
): AuditDraft => ({ kind: "change", actor, ...change });
