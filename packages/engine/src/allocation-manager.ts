import {
  accepted,
  type AllocationCheck,
  type AllocationCreate,
  type AllocationExtend,
  type AllocationQuery,
  type BudgetAllocation,
  type Grant,
  type Outcome,
} from "@budget/domain";
import { AllocationRepository } from "@budget/repositories";
import { AllocateCommand, CheckCommand } from "./allocate.ts";
import type { AllocationManager, CommandContext, Page } from "./engine.ts";
import { ExtendCommand } from "./extend.ts";
import { idempotentRequest } from "./idempotency.ts";
import type { LedgerRunner } from "./ledger-runner.ts";
import { ReleaseCommand } from "./release.ts";
import { notFound } from "./requests.ts";

export function createAllocationManager(runner: LedgerRunner): AllocationManager {
  const repository = new AllocationRepository(runner.database);
  const { clock, ids } = runner;
  return {
    allocate(context: CommandContext, input: AllocationCreate): Promise<Outcome<Grant>> {
      const idempotency = idempotentRequest(context, "allocation.create", input);
      return runner.submit(context.tenant_id, new AllocateCommand(input, ids.next(clock.now()), idempotency));
    },

    check(context: CommandContext, input: AllocationCreate): Promise<Outcome<AllocationCheck>> {
      return runner.submit(context.tenant_id, new CheckCommand(input));
    },

    extend(context: CommandContext, allocation_id: string, input: AllocationExtend): Promise<Outcome<Grant>> {
      const idempotency = idempotentRequest(context, "allocation.extend", { allocation_id, ...input });
      return runner.submit(context.tenant_id, new ExtendCommand(allocation_id, input, idempotency));
    },

    release(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>> {
      const idempotency = idempotentRequest(context, "allocation.release", { allocation_id });
      return runner.submit(context.tenant_id, new ReleaseCommand(allocation_id, idempotency));
    },

    async get(context: CommandContext, allocation_id: string): Promise<Outcome<BudgetAllocation>> {
      const allocation = await repository.getById(context.tenant_id, allocation_id, clock.now());
      return allocation === null ? notFound("allocation", allocation_id) : accepted(allocation);
    },

    list(context: CommandContext, query: AllocationQuery): Promise<Page<BudgetAllocation>> {
      return repository.list(context.tenant_id, query, clock.now());
    },
  };
}
