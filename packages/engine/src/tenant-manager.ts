import { SHARED_TENANT_ID, accepted, changeBy, toTenantWire, type Tenant } from "@budget/domain";
import { AuditRepository, Ledger, TenantRepository, type Database } from "@budget/repositories";
import type { Clock, IdSource } from "@budget/domain";
import type { TenantManager } from "./engine.ts";
import { makeTenant } from "./first-start.ts";

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
  return {
    async create(context, { name }) {
      const now_ms = clock.now();
      const tenant: Tenant = { tenant_id: ids.next(now_ms), name, created_at_ms: now_ms };
      await ledger.transaction(
        tenant.tenant_id,
        "exclusive",
        async ({ transaction }) => {
          await makeTenant(transaction, database, tenant, ids.next(now_ms));
          const after = toTenantWire(tenant);
          const change = {
            action: "tenant.created",
            subject_id: tenant.tenant_id,
            before: null,
            after,
            at_ms: now_ms,
          };
          await audit.append(transaction, context.tenant_id, [changeBy(context, change)]);
        },
        context.tenant_id,
      );
      return accepted(tenant);
    },

    async list() {
      const all = await tenants.getAll(MOST_TENANTS, 0);
      return all.filter(({ tenant_id }) => tenant_id !== SHARED_TENANT_ID);
    },

    exists: async (tenant_id) =>
      tenant_id !== SHARED_TENANT_ID && (await tenants.getById(tenant_id)) !== null,
  };
}
