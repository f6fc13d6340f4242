import {
  rejected,
  type DecisionRecord,
  type Outcome,
  type Refusal,
  type StoredRefusal,
} from "@budget/domain";
import type { Batch } from "./batch.ts";

/** Keeps a refusal with the decision behind it, and answers it. */
export function refuse(
  batch: Batch,
  asked: Omit<StoredRefusal, "tenant_id" | "decision" | "created_at_ms">,
  decision: DecisionRecord,
  refusal: Refusal,
): Outcome<never> {
  const { refusal_id } = asked;
  const { tenant_id } = batch.catalog;
  batch.addRefusal({ ...asked, tenant_id, decision, created_at_ms: batch.now_ms }, refusal);
  return rejected({ ...refusal, refusal_id });
}
