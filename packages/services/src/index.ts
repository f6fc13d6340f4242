export type { ReviewDecision } from "./decide-review.ts";
export type { PriceEvidence } from "./price-evidence.ts";
export type { PriceByHand } from "./prices-by-hand.ts";
export {
  LONGEST_RUN_MS,
  createPriceMonitor,
  type PriceMonitor,
  type PriceSourceStatus,
  type SetByHand,
} from "./price-monitor.ts";
export { createPerformRun, type PerformRun, type PriceRunOptions } from "./price-run.ts";
export { startPriceMonitoring, type ScheduleOptions } from "./schedule.ts";
export { createSourceCredentials, type SourceCredentials } from "./source-credentials.ts";
