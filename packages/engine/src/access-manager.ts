import {
  ROLES,
  accepted,
  changeBy,
  isAlive,
  rejected,
  toKeyWire,
  type ApiKey,
  type AuditDraft,
  type Clock,
  type FoundKey,
  type IdSource,
  type KeyCreate,
  type Outcome,
  type SecretSource,
} from "@budget/domain";
import {
  ALL_TENANTS,
  ApiKeyRepository,
  AuditRepository,
  BudgetRepository,
  Ledger,
  isUnavailable,
  type Database,
  type LedgerSession,
  type Transaction,
} from "@budget/repositories";
import type { AccessManager, CommandContext, NewKey } from "./engine.ts";
import { SECRET_BYTES, hashOfSecret, keyText, opens, readKeyText } from "./key-text.ts";
import { notFound, invalid } from "./requests.ts";
import { whyTooMany } from "./tenant-limits.ts";
import { verifyAudit } from "./verify-audit.ts";

export interface AccessOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly secrets: SecretSource;
}

/** For how long a key is taken for what it was when it was read: a revocation binds everywhere within this. */
const READ_AGAIN_AFTER_MS = 500;
/** How often the ids of all keys are read at most. */
const LIST_AGAIN_AFTER_MS = 1000;
/** Keys that are remembered; those of guessers push each other out. */
const MOST_REMEMBERED = 10_000;
/** Denials that wait to be written; of a flood of them the rest is counted. */
const MOST_DENIALS = 1000;
const MINUTE_MS = 60_000;

/** A key, or that there is none, and when it was asked for. */
interface Remembered {
  readonly read_at_ms: number;
  readonly key: Promise<FoundKey | null>;
}

interface Denial {
  readonly tenant_id: string;
  readonly draft: AuditDraft;
}

export function createAccessManager({ database, clock, ids, secrets }: AccessOptions): AccessManager {
  const keys = new ApiKeyRepository(database);
  const audit = new AuditRepository(database);
  const budgets = new BudgetRepository(database);
  const ledger = new Ledger(database);
  const remembered = new Map<string, Remembered>();
  /** Keys that may read what needs no database, as they were when they last did. */
  const lastKnown = new Map<string, FoundKey>();
  const used = new Map<string, number>();
  let listed: { readonly read_at_ms: number; readonly ids: Promise<ReadonlySet<string>> } | null = null;
  let denials: Denial[] = [];
  let dropped = 0;

  function read(key_id: string): Promise<FoundKey | null> {
    const now_ms = clock.now();
    const known = remembered.get(key_id);
    if (known !== undefined && now_ms - known.read_at_ms < READ_AGAIN_AFTER_MS) return known.key;
    const key = keys.find(key_id);
    // A database that is away says nothing about a key.
    key.catch(() => remembered.delete(key_id));
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(key_id, { read_at_ms: now_ms, key });
    return key;
  }

  function allIds(): Promise<ReadonlySet<string>> {
    const now_ms = clock.now();
    if (listed !== null && now_ms - listed.read_at_ms < LIST_AGAIN_AFTER_MS) return listed.ids;
    const read_ids = keys.allIds().then((all) => new Set(all));
    // A database that is away says nothing about keys.
    read_ids.catch(() => (listed = null));
    listed = { read_at_ms: now_ms, ids: read_ids };
    return read_ids;
  }

  /** What was last known of a key, where the database is away. */
  async function readOrRemember(key_id: string): Promise<FoundKey | null> {
    try {
      const key = await read(key_id);
      if (key !== null) lastKnown.set(key_id, key);
      return key;
    } catch (error) {
      const known = lastKnown.get(key_id);
      if (known === undefined || !isUnavailable(error)) throw error;
      return known;
    }
  }

  async function writeAll(denied: readonly Denial[], touched: ReadonlyMap<string, number>): Promise<void> {
    const byTenant = Map.groupBy(denied, ({ tenant_id }) => tenant_id);
    // Keys that were used are of any tenant.
    await database.transaction(ALL_TENANTS, async (transaction) => {
      await keys.touch(transaction, touched);
      // In one order, so that two servers never wait for each other's.
      for (const [tenant_id, ofTenant] of [...byTenant].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const drafts = ofTenant.map(({ draft }) => draft);
        await audit.append(transaction, tenant_id, drafts);
      }
    });
  }

  const newSecret = (): string => Buffer.from(secrets.bytes(SECRET_BYTES)).toString("base64url");

  const writeChange = (
    session: LedgerSession,
    context: CommandContext,
    action: string,
    before: ApiKey | null,
    after: ApiKey,
  ): Promise<void> => {
    const change = {
      action,
      subject_id: after.key_id,
      before: before && toKeyWire(before),
      after: toKeyWire(after),
      at_ms: clock.now(),
    };
    return audit.append(session.transaction, session.tenant_id, [changeBy(context, change)]);
  };

  async function whyNotBound(context: CommandContext, input: KeyCreate): Promise<Outcome<never> | null> {
    const { budget_ids = [], components = [], role } = input;
    if (role !== "agent" && budget_ids.length + components.length > 0)
      return invalid("/role", "Only an agent is bound to budgets and components.");
    for (const [index, budget_id] of budget_ids.entries()) {
      if ((await budgets.getById(context.tenant_id, budget_id)) === null) {
        const detail = `There is no budget with the id ${budget_id}.`;
        return rejected({ code: "budget_not_found", field: `/budget_ids/${index}`, detail });
      }
    }
    return null;
  }

  /** Changes a key that is not revoked, alone, with an entry in the record. */
  async function change(
    context: CommandContext,
    key_id: string,
    action: string,
    toChanged: (key: ApiKey, transaction: Transaction) => Promise<Outcome<ApiKey>>,
  ): Promise<Outcome<ApiKey>> {
    const outcome = await ledger.transaction(context.tenant_id, "exclusive", async (session) => {
      const before = await keys.getById(context.tenant_id, key_id, session.transaction);
      if (before === null) return notFound("key", key_id);
      if (!isAlive(before, clock.now())) return invalid("", `The key ${key_id} opens nothing any more.`);
      const after = await toChanged(before, session.transaction);
      if (!after.ok) return after;
      await keys.update(session.transaction, after.value);
      await writeChange(session, context, action, before, after.value);
      return after;
    });
    remembered.delete(key_id);
    return outcome;
  }

  return {
    async authenticate(text, mayBeOld = false) {
      const parts = readKeyText(text);
      if (parts === null) return null;
      const key = await (mayBeOld ? readOrRemember(parts.key_id) : read(parts.key_id));
      const now_ms = clock.now();
      if (key === null || !opens(key, parts.secret, now_ms) || !isAlive(key, now_ms)) return null;
      used.set(key.key_id, now_ms - (now_ms % MINUTE_MS));
      return key;
    },

    async mayOpen(text) {
      const parts = readKeyText(text);
      if (parts === null) return false;
      try {
        return (await allIds()).has(parts.key_id);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        return true;
      }
    },

    async create(context, input): Promise<Outcome<NewKey>> {
      const now_ms = clock.now();
      const expires_at_ms = input.expires_at === undefined ? null : Date.parse(input.expires_at);
      if (expires_at_ms !== null && expires_at_ms <= now_ms)
        return invalid("/expires_at", "expires_at must be in the future.");
      const unbound = await whyNotBound(context, input);
      if (unbound !== null) return unbound;
      const secret = newSecret();
      const key: ApiKey = {
        tenant_id: context.tenant_id,
        key_id: ids.next(now_ms),
        name: input.name,
        owner: input.owner ?? "",
        role: input.role,
        budget_ids: input.budget_ids ?? [],
        components: input.components ?? [],
        secret_sha256: hashOfSecret(secret),
        previous_sha256: null,
        previous_until_ms: null,
        created_at_ms: now_ms,
        expires_at_ms,
        revoked_at_ms: null,
        last_used_at_ms: null,
      };
      const outcome = await ledger.transaction(context.tenant_id, "exclusive", async (session) => {
        const { transaction, tenant_id } = session;
        const count = () => keys.countAlive(transaction, tenant_id, ROLES, now_ms);
        const tooMany = await whyTooMany(database, session, "max_keys", count);
        if (tooMany !== null) return rejected(tooMany);
        await keys.create(transaction, key);
        await writeChange(session, context, "key.created", null, key);
        return accepted({ key, text: keyText(key.key_id, secret) });
      });
      listed = null;
      return outcome;
    },

    async get({ tenant_id }, key_id) {
      const key = await keys.getById(tenant_id, key_id);
      return key === null ? notFound("key", key_id) : accepted(key);
    },

    list: ({ tenant_id }, query) => keys.list(tenant_id, query),

    async rotate(context, key_id, { overlap_s = 0 }): Promise<Outcome<NewKey>> {
      const secret = newSecret();
      const outcome = await change(context, key_id, "key.rotated", (key) =>
        Promise.resolve(
          accepted({
            ...key,
            secret_sha256: hashOfSecret(secret),
            previous_sha256: key.secret_sha256,
            previous_until_ms: clock.now() + overlap_s * 1000,
          }),
        ),
      );
      return outcome.ok ? accepted({ key: outcome.value, text: keyText(key_id, secret) }) : outcome;
    },

    revoke: (context, key_id) =>
      change(context, key_id, "key.revoked", async (key, transaction) => {
        const now_ms = clock.now();
        if (
          key.role === "admin" &&
          (await keys.countAlive(transaction, key.tenant_id, ["admin"], now_ms)) === 1
        )
          return invalid("", "This is the last admin key. Make another one first, or rotate this one.");
        return accepted({ ...key, revoked_at_ms: now_ms });
      }),

    deny(tenant_id, draft) {
      if (denials.length < MOST_DENIALS) denials.push({ tenant_id, draft: { ...draft, at_ms: clock.now() } });
      else dropped += 1;
    },

    audit: ({ tenant_id }, query) => audit.list(tenant_id, query),

    verifyAudit: ({ tenant_id }) => verifyAudit(database, tenant_id),

    async flush() {
      const [denied, uncounted, touched] = [denials, dropped, new Map(used)];
      denials = [];
      dropped = 0;
      used.clear();
      if (denied.length + touched.size === 0) return;
      try {
        await writeAll(uncounted === 0 ? denied : [...denied, ...droppedAfter(denied, uncounted)], touched);
      } catch (error) {
        // The next flush writes them, or says how many there were.
        const room = MOST_DENIALS - denials.length;
        denials = [...denied.slice(0, room), ...denials];
        dropped += uncounted + Math.max(0, denied.length - room);
        throw error;
      }
    },
  };
}

/** The entry that stands for denials of which there were too many. */
const droppedAfter = (denied: readonly Denial[], count: number): readonly Denial[] =>
  denied
    .slice(-1)
    .map((last) => ({ ...last, draft: { ...last.draft, action: "denials.dropped", after: { count } } }));
