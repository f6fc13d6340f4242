import {
  AllocationCreateSchema,
  AllocationQuerySchema,
  AllocationSchema,
  BudgetSchema,
  BudgetSummaryQuerySchema,
  CostRequestSchema,
  CurrentPriceRequestSchema,
  PolicyCreateSchema,
  PolicyQuerySchema,
  PolicySchema,
  PolicyUpdateSchema,
  PriceQuerySchema,
  RecommendationRequestSchema,
  UsageAnalyticsQuerySchema,
  UsageCreateSchema,
  UsageSummaryListQuerySchema,
  UsageSummaryQuerySchema,
  toAllocationCheckWire,
  toAllocationWire,
  toBudgetWire,
  toCostWire,
  toCurrentPriceWire,
  toGrantWire,
  toPolicyWire,
  toProviderPricingWire,
  toRefusalWire,
  toUsageRecordWire,
  type AllocationCreate,
  type AllocationQuery,
  type CostRequest,
  type CurrentPriceRequest,
  type Outcome,
  type Period,
  type PolicyCreate,
  type PolicyQuery,
  type PolicyUpdate,
  type PriceQuery,
  type RecommendationRequest,
  type UsageAnalyticsQuery,
  type UsageCreate,
  type UsageSummaryListQuery,
  type UsageSummaryQuery,
} from "@budget/domain";
import type { CommandContext, Engine } from "@budget/engine";
import { Type } from "typebox";
import { allPages } from "./all-pages.ts";
import { PortError } from "./port-error.ts";
import type { Allocated, BudgetPort } from "./port.ts";
import { requestReader } from "./read-request.ts";

const { budget_id } = BudgetSchema.properties;
const { policy_id } = PolicySchema.properties;
const { allocation_id } = AllocationSchema.properties;

const readBudgetId = requestReader<{ budget_id: string }>(Type.Object({ budget_id }));
const readPolicyId = requestReader<{ policy_id: string }>(Type.Object({ policy_id }));
const readAllocationId = requestReader<{ allocation_id: string }>(Type.Object({ allocation_id }));
const readSummary = requestReader<{ period?: Period }>(BudgetSummaryQuerySchema);
const readPolicyQuery = requestReader<PolicyQuery>(PolicyQuerySchema);
const readPolicy = requestReader<PolicyCreate>(PolicyCreateSchema);
const readPolicyChange = requestReader<PolicyUpdate>(PolicyUpdateSchema);
const readAllocation = requestReader<AllocationCreate>(AllocationCreateSchema);
const readAllocationQuery = requestReader<AllocationQuery>(AllocationQuerySchema);
const readUsage = requestReader<Omit<UsageCreate, "response">>(
  Type.Omit(UsageCreateSchema, ["response"], { additionalProperties: false }),
);
const readUsageSummary = requestReader<UsageSummaryQuery>(UsageSummaryQuerySchema);
const readUsageGroups = requestReader<UsageSummaryListQuery>(UsageSummaryListQuerySchema);
const readAnalytics = requestReader<UsageAnalyticsQuery>(UsageAnalyticsQuerySchema);
const readCurrentPrice = requestReader<CurrentPriceRequest>(CurrentPriceRequestSchema);
const readCost = requestReader<CostRequest>(CostRequestSchema);
const readPriceQuery = requestReader<PriceQuery>(PriceQuerySchema);
const readRecommendation = requestReader<RecommendationRequest>(RecommendationRequestSchema);

/** Budget in this process. What is thrown and is no {@link PortError} is a database that is away, or a bug. */
export function portOverEngine(engine: Engine, context: CommandContext): BudgetPort {
  return {
    async defaultBudget() {
      return toBudgetWire(await engine.budgets.getDefault(context));
    },
    async summary(id, period) {
      const { budget_id } = readBudgetId({ budget_id: id });
      const wanted = readSummary(period === undefined ? {} : { period }).period ?? null;
      return valueOf(await engine.budgets.summary(context, budget_id, wanted));
    },
    policies: {
      async list(query) {
        const wanted = readPolicyQuery(query);
        const all = await allPages((page) => engine.policies.list(context, { ...wanted, ...page }));
        return all.map(toPolicyWire);
      },
      async create(policy) {
        return toPolicyWire(valueOf(await engine.policies.create(context, readPolicy(policy))));
      },
      async update(id, change) {
        const { policy_id } = readPolicyId({ policy_id: id });
        const changed = await engine.policies.update(context, policy_id, readPolicyChange(change), null);
        return toPolicyWire(valueOf(changed));
      },
    },
    allocations: {
      async create(request): Promise<Allocated> {
        const outcome = await engine.allocations.allocate(context, readAllocation(request));
        if (outcome.ok) return { granted: true, grant: toGrantWire(outcome.value) };
        const { rejection } = outcome;
        if (rejection.code !== "insufficient_budget") throw portError(rejection);
        return { granted: false, refusal: { detail: rejection.detail, ...toRefusalWire(rejection) } };
      },
      async check(request) {
        return toAllocationCheckWire(
          valueOf(await engine.allocations.check(context, readAllocation(request))),
        );
      },
      async get(id) {
        const { allocation_id } = readAllocationId({ allocation_id: id });
        return toAllocationWire(valueOf(await engine.allocations.get(context, allocation_id)));
      },
      async list(query) {
        const wanted = readAllocationQuery(query);
        const all = await allPages((page) => engine.allocations.list(context, { ...wanted, ...page }));
        return all.map(toAllocationWire);
      },
      async release(id) {
        const { allocation_id } = readAllocationId({ allocation_id: id });
        return toAllocationWire(valueOf(await engine.allocations.release(context, allocation_id)));
      },
    },
    usage: {
      async record(usage) {
        return toUsageRecordWire(valueOf(await engine.usage.record(context, readUsage(usage))));
      },
      async summary(query) {
        return engine.usage.summary(context, readUsageSummary(query));
      },
      async groups(query) {
        return engine.usage.groups(context, readUsageGroups(query));
      },
      async analytics(query) {
        return engine.usage.analytics(context, readAnalytics(query));
      },
    },
    prices: {
      async current(wanted) {
        return toCurrentPriceWire(valueOf(await engine.prices.current(context, readCurrentPrice(wanted))));
      },
      async cost(request) {
        const { usage, at, ...wanted } = readCost(request);
        const at_ms = at === undefined ? undefined : Date.parse(at);
        const { cost, match } = valueOf(await engine.prices.cost(context, wanted, usage, at_ms));
        return { ...toCostWire(cost), price: toCurrentPriceWire(match) };
      },
      async list(query) {
        const wanted = readPriceQuery(query);
        const all = await allPages((page) => engine.prices.list(context, { ...wanted, ...page }));
        return all.map(toProviderPricingWire);
      },
      async recommendations(request) {
        return valueOf(await engine.prices.recommendations(context, readRecommendation(request)));
      },
    },
  };
}

function valueOf<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw portError(outcome.rejection);
}

const portError = (rejection: { code: string; detail: string; field?: string }): PortError =>
  new PortError(rejection.code, rejection.detail, rejection.field ?? null);
