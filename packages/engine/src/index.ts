export type { Retention } from "./background-jobs.ts";
export { createEngine, type EngineOptions } from "./create-engine.ts";
export {
  type AccessManager,
  type AlertManager,
  type AllocationManager,
  type AuditVerification,
  type BudgetManager,
  type CommandContext,
  type Engine,
  type NewKey,
  type Page,
  type PolicyManager,
  type PriceManager,
  type RepriceReport,
  type TrackingManager,
  type UsageInput,
  type UsagePage,
  type VerifyDifference,
  type VerifyReport,
} from "./engine.ts";
export { createHistoryImporter, type HistoryImporterOptions } from "./history/create-history-importer.ts";
export {
  importHistoricPrices,
  type HistoricPrice,
  type HistoricPriceImport,
  type HistoricSpan,
} from "./history/import-prices.ts";
export { MOST_METADATA_CHARACTERS } from "./history/usage-from-draft.ts";
export { MAX_CALL_COST_NANO_USD } from "./record-usage.ts";
export type {
  HistoryImport,
  EndedShadow,
  HistoryImporter,
  PolicyDraft,
  PolicyImport,
  PreparedBudget,
  UnimportedRow,
  UnimportedRows,
  UsageDraft,
  UsageImportReport,
  WantedBudget,
} from "./history/history-importer.ts";
export { DEFAULT_TENANT_ID, prepareFirstStart, type FirstStartOptions } from "./first-start.ts";
export { repairTenant } from "./repair.ts";
export { rotateSecrets, type SecretRotation } from "./rotate-secrets.ts";
export { verifyTenant } from "./verify.ts";
export { MIN_SAMPLES, OutputEstimates, type OutputEstimate } from "./output-estimates.ts";
export {
  adminKeyState,
  adoptAdminKey,
  hasAdminKey,
  newKeyText,
  type AdminKeyOptions,
  type AdminKeyRefusal,
  type AdminKeyState,
} from "./first-key.ts";
