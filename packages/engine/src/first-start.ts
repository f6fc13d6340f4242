import {
  SHARED_TENANT_ID,
  newTenant,
  type Clock,
  type IdSource,
  type PriceDraft,
  type Tenant,
} from "@budget/domain";
import {
  BudgetRepository,
  Ledger,
  PriceRepository,
  TenantRepository,
  type Database,
  type Transaction,
} from "@budget/repositories";

/** The tenant of a server that serves one organisation. */
export const DEFAULT_TENANT_ID = "00000000-0000-7000-8000-000000000001";

export interface FirstStartOptions {
  /** Migrated already. */
  readonly database: Database;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Read only where no price is stored yet. */
  readonly readPrices: () => readonly PriceDraft[] | Promise<readonly PriceDraft[]>;
}

/**
 * Makes what every start needs and only the first one finds missing: the shared prices, the default tenant, and its
 * default budget. Servers that start together do it once.
 * @returns how many prices were stored
 */
export async function prepareFirstStart(options: FirstStartOptions): Promise<number> {
  const { database, clock, ids } = options;
  const tenants = new TenantRepository(database);
  const now_ms = clock.now();
  const ledger = new Ledger(database);
  await ledger.transaction(DEFAULT_TENANT_ID, "exclusive", async ({ transaction }) => {
    if ((await tenants.getById(DEFAULT_TENANT_ID, transaction)) !== null) return;
    const tenant = newTenant(DEFAULT_TENANT_ID, "default", now_ms);
    await makeTenant(transaction, database, tenant, ids.next(now_ms));
  });
  return ledger.transaction(SHARED_TENANT_ID, "exclusive", async ({ transaction }) => {
    if ((await tenants.getById(SHARED_TENANT_ID, transaction)) !== null) return 0;
    await tenants.create(transaction, newTenant(SHARED_TENANT_ID, "shared", now_ms));
    const catalog_version = await tenants.bumpCatalogVersion(transaction, SHARED_TENANT_ID);
    const drafts = await options.readPrices();
    const prices = drafts.map((draft) => ({
      ...draft,
      tenant_id: SHARED_TENANT_ID,
      pricing_id: ids.next(now_ms),
      evidence: [],
      markup_ppm: 0,
      created_at_ms: now_ms,
    }));
    await new PriceRepository(database).insertMany(transaction, prices, catalog_version);
    return prices.length;
  });
}

/** Writes a tenant with the budget that its requests are charged to which name none. */
export async function makeTenant(
  transaction: Transaction,
  database: Database,
  tenant: Tenant,
  budget_id: string,
): Promise<void> {
  const { tenant_id, created_at_ms } = tenant;
  const tenants = new TenantRepository(database);
  await tenants.create(transaction, tenant);
  const catalog_version = await tenants.bumpCatalogVersion(transaction, tenant_id);
  await new BudgetRepository(database).create(
    transaction,
    {
      tenant_id,
      budget_id,
      parent_budget_id: null,
      name: "default",
      description: "Charged by requests that name no budget.",
      owner: "",
      is_active: true,
      metadata: {},
      creation_time_ms: created_at_ms,
      updated_at_ms: created_at_ms,
      deleted_at_ms: null,
      version: 1,
    },
    catalog_version,
  );
  await tenants.setDefaultBudget(transaction, tenant_id, budget_id);
}
