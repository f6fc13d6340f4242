import {
  NO_LIMITS,
  SHARED_TENANT_ID,
  accepted,
  changeBy,
  newTenant,
  toTenantWire,
  type Clock,
  type IdSource,
  type Tenant,
} from "@budget/domain";
import {
  AuditRepository,
  Ledger,
  TenantRepository,
  type Database,
  type Transaction,
} from "@budget/repositories";
import type { CommandContext, TenantManager } from "./engine.ts";
import { makeTenant } from "./first-start.ts";
import { notFound, staleVersion } from "./requests.ts";

export interface TenantOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
}

/** Ids of every tenant that has budgets of its own. */
export async function tenantIds(database: Database): Promise<readonly string[]> {
  const tenants = await new TenantRepository(database).getAll(MOST_TENANTS, 0);
  return tenants.map(({ tenant_id }) => tenant_id).filter((tenant_id) => tenant_id !== SHARED_TENANT_ID);
}

/** One installation has as many; more would want a list in pages. */
const MOST_TENANTS = 10_000;

export function createTenantManager({ database, clock, ids }: TenantOptions): TenantManager {
  const tenants = new TenantRepository(database);
  const audit = new AuditRepository(database);
  const ledger = new Ledger(database);
  /** Puts a change into the record of the tenant whose admin made it. */
  const writeChange = (
    transaction: Transaction,
    context: CommandContext,
    before: Tenant | null,
    after: Tenant,
    at_ms: number,
  ): Promise<void> => {
    const change = {
      action: before === null ? "tenant.created" : "tenant.updated",
      subject_id: after.tenant_id,
      before: before && toTenantWire(before),
      after: toTenantWire(after),
      at_ms,
    };
    return audit.append(transaction, context.tenant_id, [changeBy(context, change)]);
  };

  const find = async (tenant_id: string, transaction?: Transaction): Promise<Tenant | null> =>
    tenant_id === SHARED_TENANT_ID ? null : tenants.getById(tenant_id, transaction);

  return {
    async create(context, { name, limits = {} }) {
      const now_ms = clock.now();
      const tenant = newTenant(ids.next(now_ms), name, now_ms, { ...NO_LIMITS, ...limits });
      await ledger.transaction(
        tenant.tenant_id,
        "exclusive",
        async ({ transaction }) => {
          await makeTenant(transaction, database, tenant, ids.next(now_ms));
          await writeChange(transaction, context, null, tenant, now_ms);
        },
        context.tenant_id,
      );
      return accepted(tenant);
    },

    update: (context, tenant_id, { name, limits = {} }, expected_version) =>
      ledger.transaction(
        tenant_id,
        "exclusive",
        async ({ transaction }) => {
          const before = await find(tenant_id, transaction);
          if (before === null) return notFound("tenant", tenant_id);
          if (expected_version !== null && expected_version !== before.version)
            return staleVersion(before.version);
          const after: Tenant = {
            ...before,
            name: name ?? before.name,
            limits: { ...before.limits, ...limits },
            version: before.version + 1,
          };
          await tenants.update(transaction, after);
          await writeChange(transaction, context, before, after, clock.now());
          return accepted(after);
        },
        context.tenant_id,
      ),

    async get(tenant_id) {
      const tenant = await find(tenant_id);
      return tenant === null ? notFound("tenant", tenant_id) : accepted(tenant);
    },

    async list() {
      const all = await tenants.getAll(MOST_TENANTS, 0);
      return all.filter(({ tenant_id }) => tenant_id !== SHARED_TENANT_ID);
    },
  };
}
