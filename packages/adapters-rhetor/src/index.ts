export {
  createTokenCounter,
  type TokenCount,
  type TokenCounter,
  type TokenCounterOptions,
} from "./token-counter.ts";
export {
  openRhetorHistory,
  type RhetorHistory,
  type RhetorHistoryOptions,
} from "./migration/rhetor-history.ts";
export type { RhetorRate } from "./migration/rates.ts";
