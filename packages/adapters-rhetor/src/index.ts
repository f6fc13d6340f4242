export {
  createTokenCounter,
  type TokenCount,
  type TokenCounter,
  type TokenCounterOptions,
} from "./token-counter.ts";
