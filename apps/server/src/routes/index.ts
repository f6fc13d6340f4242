import { alertRoutes } from "./alerts.ts";
import { allocationRoutes } from "./allocations.ts";
import { auditRoutes } from "./audit.ts";
import { budgetRoutes } from "./budgets.ts";
import { healthRoutes } from "./health.ts";
import { keyRoutes } from "./keys.ts";
import { messageRoutes } from "./messages.ts";
import { policyRoutes } from "./policies.ts";
import { priceEvidenceRoutes } from "./price-evidence.ts";
import { priceMonitoringRoutes } from "./price-monitoring.ts";
import { priceReportRoutes } from "./price-reports.ts";
import { priceSourceRoutes } from "./price-sources.ts";
import { priceRoutes } from "./prices.ts";
import type { Route } from "./route.ts";
import { tenantRoutes } from "./tenants.ts";
import { usageRoutes } from "./usage.ts";

/** Every route of the server; Express, the validation and the OpenAPI document are made from this list. */
export const ROUTES: readonly Route[] = [
  // Express looks at routes in this order: the ones that every call of a model needs come first.
  ...allocationRoutes,
  ...usageRoutes,
  ...budgetRoutes,
  ...policyRoutes,
  ...priceRoutes,
  ...priceMonitoringRoutes,
  ...priceSourceRoutes,
  ...priceEvidenceRoutes,
  ...priceReportRoutes,
  ...alertRoutes,
  ...messageRoutes,
  ...keyRoutes,
  ...auditRoutes,
  ...tenantRoutes,
  ...healthRoutes,
];
