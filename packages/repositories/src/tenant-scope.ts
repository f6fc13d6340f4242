/** Every tenant: for work on the whole installation, which nobody's request asks for. */
export const ALL_TENANTS = Symbol("all tenants");

/**
 * Whose rows a transaction sees and changes: a tenant's, or those of a few. It also sees, and does not change, what all
 * tenants share. On PostgreSQL the database holds it to that, whatever its statements ask for.
 */
export type TenantScope = string | readonly string[] | typeof ALL_TENANTS;
