import type { Rejection } from "@budget/domain";
import { TenantRepository, type Database, type LedgerSession } from "@budget/repositories";

const WHAT_HELPS = {
  max_budgets: { what: "budgets", action: "Delete one that is no longer needed" },
  max_keys: { what: "keys", action: "Revoke one that is no longer needed" },
};

/**
 * Why a tenant may have no more of something, or null where it may. The session is exclusive, so nobody makes another
 * one meanwhile.
 */
export async function whyTooMany(
  database: Database,
  { transaction, tenant_id }: LedgerSession,
  limit: keyof typeof WHAT_HELPS,
  count: () => number | Promise<number>,
): Promise<Rejection | null> {
  const tenant = await new TenantRepository(database).getById(tenant_id, transaction);
  const most = tenant?.limits[limit] ?? null;
  if (most === null) return null;
  const present = await count();
  if (present < most) return null;
  const { what, action } = WHAT_HELPS[limit];
  return {
    code: "tenant_limit_reached",
    detail:
      `This tenant has ${present} ${what} and may have ${most} (${limit}). ${action}, or let an admin of the ` +
      "installation raise the limit.",
  };
}
