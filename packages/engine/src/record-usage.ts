import {
  NOTHING,
  accepted,
  bookOnAllocation,
  costOf,
  familyOf,
  holdOf,
  matchesModel,
  overageOf,
  rejected,
  tierOf,
  validateUsage,
  type Amount,
  type BudgetAllocation,
  type Outcome,
  type PriceMatch,
  type PriceTerms,
  type ProviderPricing,
  type RequestDimensions,
  type UsageQuantities,
  type UsageCost,
  type UsageRecord,
} from "@budget/domain";
import type { OutputSketchKey } from "@budget/repositories";
import { targetOf, type Batch } from "./batch.ts";
import type { Catalog } from "./catalog.ts";
import type { Command, Preview, Target } from "./command.ts";
import type { UsageInput } from "./engine.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import { estimatedBy, isTooLow, priceOfUsage, termsOf } from "./hold-cost.ts";
import { DEFAULT_TASK_TYPE, invalid, notFound } from "./requests.ts";

/** Whom a usage is charged to, and what it was. */
interface Charge extends RequestDimensions, PriceTerms {
  readonly provider: string;
  readonly model: string;
  readonly budget_id: string;
  readonly context_id: string;
}

/** Books what a call really used: in full, whatever the limits say, and whatever became of its allocation. */
export class RecordUsageCommand implements Command<UsageRecord> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[];
  readonly creates: { readonly record_id: string };
  readonly #input: UsageInput;
  #observation: OutputObservation | null = null;

  /** @param record_id the id that the record will have */
  constructor(input: UsageInput, record_id: string, idempotency: IdempotentRequest | null) {
    this.#input = input;
    this.allocation_ids = input.allocation_id === undefined ? [] : [input.allocation_id];
    this.creates = { record_id };
    this.idempotency = idempotency;
  }

  /** What can be learned from the call; null where it was not booked by this command, or is not over. */
  get observation(): OutputObservation | null {
    return this.#observation;
  }

  targets({ catalog, allocations }: Preview): readonly Target[] {
    const charge = chargeOf(catalog, this.#input, allocations.get(this.#input.allocation_id ?? ""));
    return charge.ok ? [usageTarget(catalog, charge.value)] : [];
  }

  execute(batch: Batch): Outcome<UsageRecord> {
    const { record_id } = this.creates;
    const committed = batch.usage_records.get(record_id);
    if (committed !== undefined) return accepted(committed);

    const input = this.#input;
    const allocation = batch.allocations.get(input.allocation_id ?? "");
    if (input.allocation_id !== undefined && allocation === undefined) {
      return notFound("allocation", input.allocation_id);
    }
    const charge = chargeOf(batch.catalog, input, allocation);
    if (!charge.ok) return charge;
    const quantities = quantitiesOf(input);
    if (!quantities.ok) return quantities;
    const match = priceOfUsage(batch.catalog, charge.value, batch.now_ms);
    const priced = bookableCost(quantities.value, match);
    if (priced.cost.total_cost_nano_usd > MAX_CALL_COST_NANO_USD) return TOO_DEAR;

    // From here on the usage is booked and everything must succeed.
    const target = usageTarget(batch.catalog, charge.value);
    const held = allocation === undefined ? NOTHING : heldFor(batch, allocation, target);
    const record = newRecord(
      batch,
      record_id,
      input,
      charge.value,
      quantities.value,
      priced.cost,
      match?.price,
      held,
    );
    this.#observation = observe(record, allocation, input.final ?? false);
    if (allocation !== undefined) settle(batch, allocation, record, input.final ?? false);
    const unpriced = unpricedOf(record, priced.unpriced_units, match);
    batch.addUsage(record, target, unpriced);
    return accepted(record);
  }
}

/** How many output tokens one whole call of a kind made. */
export interface OutputObservation {
  readonly key: OutputSketchKey;
  readonly output_tokens: number;
}

/** A call is known as a whole where one record books it: without an allocation, or as its first and last record. */
function observe(
  record: UsageRecord,
  allocation: BudgetAllocation | undefined,
  final: boolean,
): OutputObservation | null {
  if (allocation !== undefined && !(final && allocation.tokens_used === 0)) return null;
  const { tenant_id, provider, model, component, task_type, output_tokens } = record;
  return {
    key: { tenant_id, provider, model: familyOf(model) ?? model, component, task_type },
    output_tokens,
  };
}

const usageTarget = (catalog: Catalog, charge: Charge): Target => ({
  policies: catalog.budgets.policiesCounting(charge.budget_id, charge),
  context_id: charge.context_id,
});

/** Puts together what the request says and what its allocation knows. */
function chargeOf(
  catalog: Catalog,
  input: UsageInput,
  allocation: BudgetAllocation | undefined,
): Outcome<Charge> {
  const budget_id = input.budget_id ?? allocation?.budget_id ?? catalog.budgets.default_budget_id;
  if (budget_id === null)
    return invalid("/budget_id", "There is no default budget, so a budget_id is needed.");
  if (allocation !== undefined && budget_id !== allocation.budget_id) {
    return invalid(
      "/budget_id",
      `The allocation belongs to budget ${allocation.budget_id}; leave budget_id out.`,
    );
  }
  if (allocation === undefined && catalog.budgets.budget(budget_id) === undefined) {
    return rejected({
      code: "budget_not_found",
      field: "/budget_id",
      detail: `There is no budget with the id ${budget_id}.`,
    });
  }
  const context_id = allocation?.context_id ?? input.context_id;
  if (context_id === undefined) return required("context_id");
  if (input.context_id !== undefined && input.context_id !== context_id) {
    return invalid("/context_id", `The allocation belongs to context ${context_id}; leave context_id out.`);
  }
  const component = input.component ?? allocation?.component;
  if (component === undefined) return required("component");
  const provider = input.provider ?? allocation?.provider ?? undefined;
  if (provider === undefined) return required("provider");
  const model = input.model ?? allocation?.model ?? undefined;
  if (model === undefined) return required("model");
  const task_type = input.task_type ?? allocation?.task_type ?? DEFAULT_TASK_TYPE;
  const sameModel = provider === allocation?.provider && matchesModel(allocation.model, model);
  const tier = input.tier ?? (sameModel ? allocation.tier : tierOf({ model, component, provider }));
  const terms = termsOf({
    ...(allocation === undefined ? {} : termsOf(allocation)),
    ...(input.service_tier === undefined ? {} : { service_tier: input.service_tier }),
    ...(input.price_scope === undefined ? {} : { price_scope: input.price_scope }),
  });
  return accepted({ budget_id, context_id, component, provider, model, task_type, tier, ...terms });
}

const required = (field: string): Outcome<never> =>
  invalid(`/${field}`, `${field} is needed: name it here, or record against an allocation that names it.`);

/** The quantities of a usage, the totals of input and output among them. */
function quantitiesOf(input: UsageInput): Outcome<UsageQuantities> {
  const { input_tokens, output_tokens } = input;
  if (input.usage === undefined && input_tokens === undefined && output_tokens === undefined) {
    return invalid(
      "/input_tokens",
      "Say what was used: input_tokens and output_tokens, usage by unit, or response.",
    );
  }
  for (const [name, value] of Object.entries({ input_tokens, output_tokens })) {
    if (value !== undefined && input.usage?.[name] !== undefined && input.usage[name] !== value) {
      return invalid(`/usage/${name}`, `${name} is given twice, as ${value} and as ${input.usage[name]}.`);
    }
  }
  const usage = {
    ...input.usage,
    input_tokens: input_tokens ?? input.usage?.input_tokens ?? 0,
    output_tokens: output_tokens ?? input.usage?.output_tokens ?? 0,
  };
  const [problem] = validateUsage(usage);
  if (problem === undefined) return accepted(usage);
  const isNamedAlone = problem.field in input;
  return invalid(isNamedAlone ? `/${problem.field}` : `/usage/${problem.field}`, problem.detail);
}

/**
 * What an allocation holds for a usage: all that it still holds where every policy that counts the usage counts the
 * allocation too, and nothing where one of them does not.
 */
function heldFor(batch: Batch, allocation: BudgetAllocation, usage: Target): Amount {
  const holding = targetOf(batch.catalog, allocation).policies;
  const covered = holding === usage.policies || usage.policies.every((policy) => holding.includes(policy));
  return covered ? holdOf(allocation) : NOTHING;
}

/** No call costs as much: it is a mistake of whoever reports it, and a few of them would not fit the sums. */
export const MAX_CALL_COST_NANO_USD = 1_000_000n * 1_000_000_000n;

const TOO_DEAR = invalid(
  "/usage",
  "The usage would cost more than 1000000 USD, which no call does; check the quantities.",
);

function newRecord(
  batch: Batch,
  record_id: string,
  input: UsageInput,
  charge: Charge,
  usage: UsageQuantities,
  cost: BookableCost,
  price: ProviderPricing | undefined,
  held: Amount,
): UsageRecord {
  const input_tokens = usage.input_tokens ?? 0;
  const output_tokens = usage.output_tokens ?? 0;
  const total_tokens = input_tokens + output_tokens;
  const { total_cost_nano_usd } = cost;
  const overage = overageOf({ tokens: total_tokens, cost_nano_usd: total_cost_nano_usd }, held);
  return {
    tenant_id: batch.catalog.tenant_id,
    record_id,
    allocation_id: input.allocation_id ?? null,
    ...charge,
    input_tokens,
    output_tokens,
    total_tokens,
    usage,
    input_cost_nano_usd: cost.input_cost_nano_usd,
    output_cost_nano_usd: cost.output_cost_nano_usd,
    other_cost_nano_usd: cost.other_cost_nano_usd,
    total_cost_nano_usd,
    cost_components: cost.components,
    pricing_id: price?.pricing_id ?? null,
    overage_tokens: overage.tokens,
    overage_cost_nano_usd: overage.cost_nano_usd,
    adjusts_record_id: null,
    timestamp_ms: batch.now_ms,
    operation_id: input.operation_id ?? null,
    request_id: input.request_id ?? null,
    user_id: input.user_id ?? null,
    metadata: input.metadata ?? {},
  };
}

/** The costs of a usage, of what is known of them. */
export type BookableCost = Omit<UsageCost, "ok">;

const NO_COST: BookableCost = {
  input_cost_nano_usd: 0n,
  output_cost_nano_usd: 0n,
  other_cost_nano_usd: 0n,
  total_cost_nano_usd: 0n,
  components: [],
};

/**
 * The cost of what the price knows. Usage is booked even where its price does not know a unit: what happened is never
 * dropped, and the units without a price are told apart so that an alert can name them.
 */
export function bookableCost(
  usage: UsageQuantities,
  match: PriceMatch | undefined,
): {
  readonly cost: BookableCost;
  /** What the price does not know; booked as quantities, without a cost. */
  readonly unpriced_units: readonly string[];
} {
  if (match === undefined)
    return { cost: NO_COST, unpriced_units: Object.keys(usage).filter((unit) => usage[unit] !== 0) };
  const unpriced_units: string[] = [];
  for (let known = usage; ;) {
    const outcome = costOf(known, match.price);
    if (outcome.ok) return { cost: estimatedBy(match, outcome), unpriced_units };
    // Without a part that has no price, the whole that it was part of may be found to have none either.
    const { units } = outcome;
    unpriced_units.push(...units);
    known = Object.fromEntries(Object.entries(known).filter(([unit]) => !units.includes(unit)));
  }
}

/** What nobody knows the price of, in words for an alert; null where all of it is known, or estimated high enough. */
function unpricedOf(
  { service_tier, price_scope }: PriceTerms,
  units: readonly string[],
  match: PriceMatch | undefined,
): string | null {
  if (units.length > 0) return `without a cost for ${units.join(", ")}`;
  if (match === undefined || !isTooLow(match, { service_tier, price_scope })) return null;
  return `at the standard price instead of that of the service tier ${service_tier}`;
}

function settle(batch: Batch, allocation: BudgetAllocation, record: UsageRecord, final: boolean): void {
  const amount = { tokens: record.total_tokens, cost_nano_usd: record.total_cost_nano_usd };
  const booked = bookOnAllocation(allocation, amount, final, batch.now_ms);
  const settled = booked.status === "settled" && allocation.status === "active";
  batch.changeAllocation(booked, settled ? "allocation.settled" : null);
}
