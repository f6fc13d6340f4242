import { BudgetError, InsufficientBudgetError, type BudgetClient } from "@budget/client-js";
import { allPages } from "./all-pages.ts";
import { PortError } from "./port-error.ts";
import type { BudgetPort } from "./port.ts";

/** Budget over HTTP. What the client says of the network and of keys is a {@link PortError} as well. */
export function portOverClient(client: BudgetClient): BudgetPort {
  return {
    defaultBudget: () => answered(client.budgets.getDefault()),
    summary: (budget_id, period) =>
      answered(
        allPages((page) =>
          client.budgets.summary(budget_id, period === undefined ? page : { ...page, period }),
        ),
      ),
    policies: {
      list: (query) => answered(allPages((page) => client.policies.list({ ...query, ...page }))),
      create: (policy) => answered(client.policies.create(policy)),
      update: (policy_id, change) => answered(client.policies.update(policy_id, change)),
    },
    allocations: {
      async create(request) {
        try {
          return { granted: true, grant: await client.allocations.create(request) };
        } catch (error) {
          if (!(error instanceof InsufficientBudgetError)) throw portError(error);
          const { message: detail, refusal_id, violations, tokens_that_fit, resets_at } = error;
          const refusal = { detail, refusal_id, violations: [...violations], tokens_that_fit, resets_at };
          return { granted: false, refusal };
        }
      },
      check: (request) => answered(client.allocations.check(request)),
      get: (allocation_id) => answered(client.allocations.get(allocation_id)),
      list: (query) => answered(allPages((page) => client.allocations.list({ ...query, ...page }))),
      release: (allocation_id) => answered(client.allocations.release(allocation_id)),
    },
    usage: {
      record: (usage) => answered(client.usage.record(usage)),
      summary: (query) => answered(client.usage.summary(query)),
      groups: (query) => answered(allPages((page) => client.usage.groups({ ...query, ...page }))),
      analytics: (query) => answered(allPages((page) => client.usage.analytics({ ...query, ...page }))),
    },
    prices: {
      current: (wanted) => answered(client.prices.current(wanted)),
      cost: (request) => answered(client.prices.cost(request)),
      list: (query) => answered(allPages((page) => client.prices.list({ ...query, ...page }))),
      recommendations: (request) => answered(client.prices.recommendations(request)),
    },
  };
}

async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw portError(error);
  }
}

/** What the client throws as an error of the port; a bug stays what it is. */
const portError = (error: unknown): unknown =>
  error instanceof BudgetError
    ? new PortError(error.code, error.message, error.problem?.field ?? null, { cause: error })
    : error;
