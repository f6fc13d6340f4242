export { canonicalText } from "./canonical-text.ts";
export type { HistoryPart, HistorySource, OnProgress, RowReading } from "./history-source.ts";
export { NO_MAPPING, type Mapping } from "./mapping.ts";
export {
  compareTotals,
  moveIn,
  type MoveOptions,
  type MoveReport,
  type MovedPart,
  type MovedPolicy,
  type MovedUsage,
  type ReconcileOptions,
} from "./move-in.ts";
export type { Amounts, ReconciledGroup, Reconciliation } from "./reconcile.ts";
export { RowFields } from "./row-fields.ts";
export { SourceError } from "./source-error.ts";
export { TimeReader, timeRemarks, type TimeCounts } from "./time-reader.ts";
export { UsageTotals, type CountableUsage } from "./usage-totals.ts";
