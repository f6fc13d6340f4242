import type { Role } from "@budget/domain";

/** Who may call a route: everybody, or keys of these roles. */
export type Access = "everybody" | readonly Role[];

const ADMIN: Access = ["admin"];
const OPERATORS: Access = ["operator", "admin"];
/** Reads that an agent has no need of. */
const READERS: Access = ["viewer", "operator", "admin"];
/** Reads that an agent needs as well: an agent that is bound to budgets sees those alone. */
const ALL: Access = ["viewer", "agent", "operator", "admin"];
/** Asks for tokens, and books what was used. */
const SPENDERS: Access = ["agent", "operator", "admin"];

/**
 * Who may do what: the one table that requests are checked by, that the documentation is made from, and that the tests
 * call every route by. A route that is not in it is not served.
 */
export const ACCESS: Readonly<Record<string, Access>> = {
  getHealth: "everybody",
  getApiHealth: "everybody",
  getReadiness: "everybody",

  allocate: SPENDERS,
  allocateBatch: SPENDERS,
  checkAllocation: SPENDERS,
  extendAllocation: SPENDERS,
  releaseAllocation: SPENDERS,
  getAllocation: ALL,
  explainAllocation: ALL,
  listAllocations: READERS,
  listContextAllocations: READERS,

  recordUsage: SPENDERS,
  recordUsageBatch: SPENDERS,
  getUsageRecord: READERS,
  listUsageRecords: READERS,
  listUsageSummaries: READERS,
  summariseUsage: READERS,
  analyseUsage: READERS,

  listBudgets: READERS,
  getDefaultBudget: READERS,
  getBudget: ALL,
  summariseBudget: ALL,
  listBudgetPolicies: ALL,
  listBudgetAllocations: READERS,
  createBudget: OPERATORS,
  updateBudget: OPERATORS,
  deleteBudget: OPERATORS,

  listPolicies: READERS,
  getPolicy: READERS,
  createPolicy: OPERATORS,
  updatePolicy: OPERATORS,
  deletePolicy: OPERATORS,

  listAlerts: READERS,
  getAlert: READERS,
  acknowledgeAlert: OPERATORS,
  checkAlerts: OPERATORS,
  // The metrics, which are no part of the JSON API.
  readMetrics: READERS,

  // Each type of message is held to the operation that it stands for.
  sendMessage: ALL,

  listPrices: ALL,
  getCurrentPrice: ALL,
  calculateCost: ALL,
  getPriceHistory: ALL,
  getPriceEvidence: READERS,
  recommendModels: READERS,
  getPriceCoverage: READERS,
  listPriceRuns: READERS,
  listPriceSources: READERS,
  listPriceReviews: READERS,
  updatePrices: OPERATORS,
  resetPriceSourceTrust: OPERATORS,
  setSourceCredential: OPERATORS,
  removeSourceCredential: OPERATORS,
  decidePriceReview: OPERATORS,
  setPriceByHand: OPERATORS,
  withdrawPriceByHand: OPERATORS,
  repriceUsage: OPERATORS,

  listKeys: ADMIN,
  getKey: ADMIN,
  createKey: ADMIN,
  rotateKey: ADMIN,
  revokeKey: ADMIN,
  listTenants: ADMIN,
  createTenant: ADMIN,
  getTenant: ADMIN,
  updateTenant: ADMIN,
  createTenantKey: ADMIN,
  listAuditEntries: ADMIN,
  verifyAudit: ADMIN,
};

/**
 * What concerns all tenants: prices, which are the same for all, and the tenants themselves. Only keys of the first
 * one, which is the installation's own, may do these.
 */
export const OF_THE_INSTALLATION: ReadonlySet<string> = new Set([
  "readMetrics",
  "listTenants",
  "createTenant",
  "getTenant",
  "updateTenant",
  "createTenantKey",
  "updatePrices",
  "resetPriceSourceTrust",
  "setSourceCredential",
  "removeSourceCredential",
  "decidePriceReview",
  "setPriceByHand",
  "withdrawPriceByHand",
]);

/** Who may call a route. A route that nobody put into the table is a mistake of ours. */
export function accessTo(operation_id: string): Access {
  const access = ACCESS[operation_id];
  if (access === undefined) throw new Error(`Nobody may call ${operation_id}: it is not in access.ts.`);
  return access;
}
