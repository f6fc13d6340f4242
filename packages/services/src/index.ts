export type { ReviewDecision } from "./decide-review.ts";
export {
  createPriceMonitor,
  type PriceMonitor,
  type PriceMonitorOptions,
  type PriceSourceStatus,
} from "./price-monitor.ts";
export { startPriceMonitoring, type ScheduleOptions } from "./schedule.ts";
