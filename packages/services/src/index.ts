export {
  createPriceMonitor,
  type PriceMonitor,
  type PriceMonitorOptions,
  type PriceSourceStatus,
} from "./price-monitor.ts";
export type { LastRead, PriceSource, SourceRead } from "./price-source.ts";
