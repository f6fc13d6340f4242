export {
  ReferenceLedger,
  isPerContext,
  type ReferenceAllocation,
  type ReferenceAmount,
  type ReferenceAnswer,
  type ReferencePrice,
  type ReferenceRequest,
  type ReferenceUsageRequest,
} from "./reference-ledger.ts";
export { windowLabel } from "./reference-windows.ts";
