export { AlertRepository } from "./alert-repository.ts";
export { AllocationRepository } from "./allocation-repository.ts";
export { ApiKeyRepository } from "./api-key-repository.ts";
export { AuditRepository, hashOfEntry } from "./audit-repository.ts";
export { BudgetRepository } from "./budget-repository.ts";
export {
  isTransient,
  isUnavailable,
  openDatabase,
  type Database,
  type DatabaseOptions,
  type PoolState,
} from "./database.ts";
export { DatabaseError, type DatabaseErrorCode } from "./database-error.ts";
export { describeConnectionFailure, type ConnectionFailure } from "./connection-failure.ts";
export { isConnectionLoss } from "./connection-loss.ts";
export { dataFolder } from "./data-folder.ts";
export { DecisionRepository } from "./decision-repository.ts";
export { EventRepository, FIRST_POSITION } from "./event-repository.ts";
export { ensureUsagePartitions, migrate, migrationState, type MigrationState } from "./migrate.ts";
export {
  ImportedRecordRepository,
  type ImportedKind,
  type ImportedRecord,
} from "./imported-record-repository.ts";
export { PolicyRepository, type PolicyWithBalance } from "./policy-repository.ts";
export { PriceRepository, type CatalogVersion } from "./price-repository.ts";
export type { Page } from "./query.ts";
export type { EventPosition, StoredBudget, StoredEvent, StoredPolicy, StoredTenant } from "./rows.ts";
export { readServerState, type ServerState } from "./server-state.ts";
export { backUpDatabase, rekeyDatabase, restoreDatabase, type SqliteFile } from "./sqlite-backup.ts";
export { EMPTY_POSTGRES, checkPostgresRestore, type RestoreRules } from "./postgres-restore.ts";
export { RateLimitRepository, type RateLimitKey, type StoredRequestBucket } from "./rate-limit-repository.ts";
export { ALL_TENANTS, type TenantScope } from "./tenant-scope.ts";
export { TenantRepository } from "./tenant-repository.ts";
export { mayHaveCommitted, type Transaction } from "./transaction.ts";
export { UsageRecordRepository, type CallFilters, type UsageRecordPage } from "./usage-record-repository.ts";
export {
  UsageRollupRepository,
  type DailyUsage,
  type UsageRollupFilters,
  type UsageSpan,
  type UsageSums,
} from "./usage-rollup-repository.ts";
export { claimJobRun } from "./job-runs.ts";
export { deleteOlder } from "./retention.ts";
export {
  Ledger,
  LedgerSession,
  alertRaised,
  listBalances,
  readCatalogVersions,
  type BalanceKey,
  type IdempotencyRecord,
  type LedgerChanges,
  type NewAllocation,
} from "./ledger.ts";
export { correctAllocations, correctBalances, correctRollups } from "./correct.ts";
export {
  countLiveAllocations,
  countRows,
  findAllocationMismatches,
  findDoubledRecords,
  findRollupMismatches,
  recountPolicy,
  type AllocationMismatch,
  type RollupMismatch,
} from "./recount.ts";
export {
  OutputSketchRepository,
  type OutputSketchKey,
  type StoredOutputSketch,
} from "./output-sketch-repository.ts";
export { ModelRepository } from "./model-repository.ts";
export { PriceObservationRepository } from "./price-observation-repository.ts";
export { PriceReviewRepository, type ReviewFilters } from "./price-review-repository.ts";
export type { KeptObservation } from "./price-rows.ts";
export { PriceRunRepository } from "./price-run-repository.ts";
export { PriceSourceRepository } from "./price-source-repository.ts";
export { SecretBox, SecretError, type SecretErrorCode, type SecretPlace } from "./secret-box.ts";
export { SourceCredentialRepository } from "./source-credential-repository.ts";
