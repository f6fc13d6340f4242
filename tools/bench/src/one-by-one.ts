import {
  balanceInWindow,
  decideAllocation,
  decisionRecord,
  addHeld,
  windowAt,
  type BudgetPolicy,
} from "@budget/domain";
import { Ledger, type Database } from "@budget/repositories";
import { CONTEXT, clock, ids, inTurn } from "./setup.ts";

/**
 * The baseline: one transaction for each request, with the same locks, the same decision and the same rows written as
 * ours, as a careful program without gathered commits would do it.
 */
export function allocatingOneByOne(
  database: Database,
  policies: readonly BudgetPolicy[],
  budget_ids: readonly string[],
): () => Promise<void> {
  const ledger = new Ledger(database);
  const nextBudget = inTurn(budget_ids);
  const held = { tokens: 1000, cost_nano_usd: 10_000_000n };
  return () =>
    ledger.transaction(CONTEXT.tenant_id, "shared", async (session) => {
      const now_ms = clock.now();
      const budget_id = nextBudget();
      const counting = policies.filter((policy) => policy.budget_id === budget_id);
      const balances = await session.lockBalances(
        counting.map(({ policy_id }) => ({ policy_id, scope: "" })),
      );
      const counted = counting.map((policy) => {
        const window = windowAt(policy.period, policy.time_zone, now_ms);
        const balance = balances.find(({ policy_id }) => policy_id === policy.policy_id);
        if (balance === undefined) throw new Error(`policy ${policy.policy_id} has no balance`);
        return { policy, window, balance: balanceInWindow(balance, window) };
      });
      const request = {
        tokens: held.tokens,
        min_tokens: held.tokens,
        now_ms,
        priority: 5,
        holdFor: (tokens: number) => ({ tokens, cost_nano_usd: BigInt(tokens) * 10_000n }),
      };
      const decision = decideAllocation(request, counted);
      if (!decision.granted) throw new Error(decision.refusal.detail);
      const allocation_id = ids.next(now_ms);
      session.write({
        balances: counted.map(({ balance }) => addHeld(balance, held)),
        new_allocations: [
          {
            decision: decisionRecord(request, counted, decision, null),
            allocation: {
              tenant_id: CONTEXT.tenant_id,
              allocation_id,
              budget_id,
              context_id: "bench",
              component: "bench",
              tier: "remote_heavyweight",
              provider: "openai",
              model: "gpt-4o",
              task_type: "default",
              service_tier: "standard",
              price_scope: "",
              input_tokens: null,
              tokens_allocated: held.tokens,
              tokens_used: 0,
              cost_allocated_nano_usd: held.cost_nano_usd,
              cost_used_nano_usd: 0n,
              priority: 5,
              status: "active",
              creation_time_ms: now_ms,
              expiration_time_ms: now_ms + 3_600_000,
              closed_at_ms: null,
              metadata: {},
            },
          },
        ],
        changed_allocations: [],
        refusals: [],
        usage_records: [],
        rollups: [],
        alerts: [],
        events: [
          {
            tenant_id: CONTEXT.tenant_id,
            event_type: "allocation.granted",
            budget_id,
            subject_id: allocation_id,
            payload: { allocation_id },
            created_at_ms: now_ms,
          },
        ],
        idempotency_records: [],
      });
    });
}
