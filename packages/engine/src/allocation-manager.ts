import {
  accepted,
  familyOf,
  type AllocationCheck,
  type AllocationCreate,
  type AllocationExtend,
  type AllocationQuery,
  type BudgetAllocation,
  type DecisionOutcome,
  type ExplainedDecision,
  type Grant,
  type LearnedOutput,
  type Outcome,
  type Quantile,
} from "@budget/domain";
import { AllocationRepository, DecisionRepository } from "@budget/repositories";
import { AllocateCommand, CheckCommand } from "./allocate.ts";
import type { AllocationManager, CommandContext, Page } from "./engine.ts";
import { ExtendCommand } from "./extend.ts";
import { idempotentRequest, isReplay } from "./idempotency.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import type { OutputEstimates } from "./output-estimates.ts";
import { ReleaseCommand } from "./release.ts";
import { dimensionsOf, notFound } from "./requests.ts";

/** @param loaded resolves when the estimates know what was learned before this engine */
export function createAllocationManager(
  runner: LedgerRunner,
  outputs: OutputEstimates,
  loaded: Promise<void>,
): AllocationManager {
  const repository = new AllocationRepository(runner.database);
  const decisions = new DecisionRepository(runner.database);
  const { clock, ids, meter } = runner;

  /** What a request's `estimate` stands for; null where it names no model, or too few calls were seen. */
  async function learnedFor(
    { tenant_id }: CommandContext,
    input: AllocationCreate,
    estimate: Quantile,
  ): Promise<LearnedOutput | null> {
    await loaded;
    const { provider, model, component, task_type } = dimensionsOf(input);
    if (provider === null || model === null) return null;
    const key = { tenant_id, provider, model: familyOf(model) ?? model, component, task_type };
    const learned = outputs.quantile(key, Number(estimate.slice(1)) / 100);
    return learned === null ? null : { quantile: estimate, ...learned };
  }

  return {
    async allocate(context: CommandContext, input: AllocationCreate): Promise<Outcome<Grant>> {
      const { estimate } = input;
      // Nearly all requests ask for no estimate, and go on without waiting a turn.
      const learned = estimate === undefined ? null : await learnedFor(context, input, estimate);
      const idempotency = idempotentRequest(context, "allocation.create", input);
      const command = new AllocateCommand(input, learned, ids.next(clock.now()), idempotency, context);
      const outcome = await runner.submit(context.tenant_id, command);
      meter.decided(decisionOf(outcome));
      return outcome;
    },

    async check(context: CommandContext, input: AllocationCreate): Promise<Outcome<AllocationCheck>> {
      const { estimate } = input;
      const learned = estimate === undefined ? null : await learnedFor(context, input, estimate);
      return runner.submit(context.tenant_id, new CheckCommand(input, learned));
    },

    async extend(
      context: CommandContext,
      allocation_id: string,
      input: AllocationExtend,
    ): Promise<Outcome<Grant>> {
      // An extension makes nothing that has an id, so that without a key a second attempt would extend again.
      const idempotency_key = context.idempotency_key ?? `extension ${ids.next(clock.now())}`;
      const body = { allocation_id, ...input };
      const idempotency = idempotentRequest({ ...context, idempotency_key }, "allocation.extend", body);
      const command = new ExtendCommand(allocation_id, input, idempotency, context);
      const outcome = await runner.submit(context.tenant_id, command);
      meter.decided(decisionOf(outcome));
      return outcome;
    },

    release(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>> {
      const idempotency = idempotentRequest(context, "allocation.release", { allocation_id });
      return runner.submit(context.tenant_id, new ReleaseCommand(allocation_id, idempotency));
    },

    async get(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>> {
      const allocation = await repository.getById(context.tenant_id, allocation_id, clock.now());
      return allocation === null ? notFound("allocation", allocation_id) : accepted(allocation);
    },

    async explain(context: CommandContext, decision_id: string): Promise<Outcome<ExplainedDecision>> {
      const decision = await decisions.getById(context.tenant_id, decision_id);
      return decision === null ? notFound("decision", decision_id) : accepted(decision);
    },

    list(context: CommandContext, query: AllocationQuery): Promise<Page<BudgetAllocation>> {
      return repository.list(context.tenant_id, query, clock.now());
    },
  };
}

function decisionOf(outcome: Outcome<Grant>): DecisionOutcome {
  if (isReplay(outcome)) return "replayed";
  if (outcome.ok) return "granted";
  return outcome.rejection.code === "insufficient_budget" ? "refused" : "rejected";
}
