import {
  accepted,
  costOfTokens,
  decideAllocation,
  costOfTokensAtDearest,
  rejected,
  toViolationWire,
  type AllocationCheck,
  type AllocationCreate,
  type Alternative,
  type BudgetAllocation,
  type Decision,
  type Grant,
  type HoldRequest,
  type NanoUsd,
  type Outcome,
  type PolicyWarning,
  type ProviderPricing,
  type Refusal,
  type RequestDimensions,
} from "@budget/domain";
import { overrideReason } from "./alerts.ts";
import type { Batch } from "./batch.ts";
import type { Catalog } from "./catalog.ts";
import type { Command, Preview, Target } from "./command.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import {
  DEFAULT_PRIORITY,
  dimensionsOf,
  invalid,
  tokensOf,
  whyNotChargeable,
  whyUndecidable,
} from "./requests.ts";

const HOUR_MS = 3_600_000;
/** How long a hold lasts when its request does not say. */
const DEFAULT_HOLD_MS = HOUR_MS;
/** The longest hold. */
export const MAX_HOLD_MS = 30 * 24 * HOUR_MS;

/** A request with everything filled in that decides about it. */
interface ResolvedRequest {
  readonly budget_id: string;
  readonly dimensions: RequestDimensions;
  readonly target: Target;
  readonly hold: HoldRequest;
  readonly expiration_time_ms: number;
}

/** Holds tokens and their estimated cost, or says why they do not fit. */
export class AllocateCommand implements Command<Grant> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[] = [];
  readonly creates: { readonly allocation_id: string };
  readonly #input: AllocationCreate;

  /** @param allocation_id the id that the allocation will have */
  constructor(input: AllocationCreate, allocation_id: string, idempotency: IdempotentRequest | null) {
    this.#input = input;
    this.creates = { allocation_id };
    this.idempotency = idempotency;
  }

  targets({ catalog }: Preview): readonly Target[] {
    return targetsOf(catalog, this.#input);
  }

  execute(batch: Batch): Outcome<Grant> {
    const { allocation_id } = this.creates;
    const committed = batch.allocations.get(allocation_id);
    if (committed !== undefined) return accepted({ allocation: committed, warnings: [], alternatives: [] });

    const resolved = resolve(batch.catalog, this.#input, batch.now_ms);
    if (!resolved.ok) return resolved;
    const request = resolved.value;
    const counted = batch.counted(request.target);
    const decision = decideAllocation(request.hold, counted);
    if (!decision.granted) {
      addRefusalEvent(batch, request.budget_id, allocation_id, this.#input, decision.refusal);
      return rejected(decision.refusal);
    }

    // From here on the allocation is granted and everything must succeed.
    const allocation = newAllocation(batch, allocation_id, this.#input, request);
    batch.putAllocation(allocation, "allocation.granted");
    raiseOverrides(batch, decision.warnings, request.target.context_id);
    return accepted({
      allocation,
      warnings: decision.warnings,
      alternatives: alternativesFor(batch.catalog, request, decision, batch.now_ms),
    });
  }
}

/** Decides like {@link AllocateCommand}, under the same locks, and changes nothing. */
export class CheckCommand implements Command<AllocationCheck> {
  readonly idempotency = null;
  readonly allocation_ids: readonly string[] = [];
  readonly creates = {};
  readonly #input: AllocationCreate;

  constructor(input: AllocationCreate) {
    this.#input = input;
  }

  targets({ catalog }: Preview): readonly Target[] {
    return targetsOf(catalog, this.#input);
  }

  execute(batch: Batch): Outcome<AllocationCheck> {
    const resolved = resolve(batch.catalog, this.#input, batch.now_ms);
    if (!resolved.ok) return resolved;
    const request = resolved.value;
    const decision = decideAllocation(request.hold, batch.counted(request.target));
    return accepted({
      tokens_requested: request.hold.tokens,
      cost_nano_usd: request.hold.cost_nano_usd,
      warnings: decision.granted ? decision.warnings : [],
      alternatives: alternativesFor(batch.catalog, request, decision, batch.now_ms),
      refusal: decision.granted ? null : decision.refusal,
    });
  }
}

function targetsOf(catalog: Catalog, input: AllocationCreate): readonly Target[] {
  const budget_id = input.budget_id ?? catalog.budgets.default_budget_id;
  if (budget_id === null) return [];
  return [
    {
      policies: catalog.budgets.policiesCounting(budget_id, dimensionsOf(input)),
      context_id: input.context_id,
    },
  ];
}

function resolve(catalog: Catalog, input: AllocationCreate, now_ms: number): Outcome<ResolvedRequest> {
  if ((input.input_tokens === undefined) !== (input.max_output_tokens === undefined)) {
    const absent = input.input_tokens === undefined ? "input_tokens" : "max_output_tokens";
    return invalid(`/${absent}`, "input_tokens and max_output_tokens are given together, or neither.");
  }
  if (input.tokens_allocated !== undefined && input.input_tokens !== undefined) {
    return invalid(
      "/tokens_allocated",
      "Give tokens_allocated, or input_tokens with max_output_tokens, not both.",
    );
  }
  const tokens = tokensOf(input);
  if (tokens === 0) return invalid("/input_tokens", "At least one token must be asked for.");
  const expiration = expirationOf(input, now_ms);
  if (!expiration.ok) return expiration;
  const budget_id = input.budget_id ?? catalog.budgets.default_budget_id;
  if (budget_id === null)
    return invalid("/budget_id", "There is no default budget, so a budget_id is needed.");
  const unchargeable = whyNotChargeable(catalog, budget_id);
  if (unchargeable !== null) return rejected(unchargeable);
  const dimensions = dimensionsOf(input);
  const undecidable = whyUndecidable(catalog, budget_id, dimensions);
  if (undecidable !== null) return rejected(undecidable);

  const price = priceOf(catalog, dimensions, now_ms);
  const costOfHold = (count: number) => estimateCost(price, count, input.input_tokens);
  return accepted({
    budget_id,
    dimensions,
    target: {
      policies: catalog.budgets.policiesCounting(budget_id, dimensions),
      context_id: input.context_id,
    },
    expiration_time_ms: expiration.value,
    hold: {
      tokens,
      cost_nano_usd: costOfHold(tokens),
      priority: input.priority ?? DEFAULT_PRIORITY,
      costOfTokens: costOfHold,
    },
  });
}

function expirationOf(input: Pick<AllocationCreate, "expiration_time">, now_ms: number): Outcome<number> {
  if (input.expiration_time === undefined) return accepted(now_ms + DEFAULT_HOLD_MS);
  return readExpiration(input.expiration_time, now_ms);
}

/** Reads the end of a hold: later than now, and within 30 days. */
export function readExpiration(expiration_time: string, now_ms: number): Outcome<number> {
  const at_ms = Date.parse(expiration_time);
  if (at_ms > now_ms && at_ms <= now_ms + MAX_HOLD_MS) return accepted(at_ms);
  return invalid(
    "/expiration_time",
    `expiration_time must be later than now and within 30 days; it was ${expiration_time}.`,
  );
}

/** The price in force for a request; undefined where it names no model, or nobody knows one. */
export function priceOf(
  catalog: Catalog,
  { provider, model }: Pick<RequestDimensions, "provider" | "model">,
  now_ms: number,
): ProviderPricing | undefined {
  if (provider === null || model === null) return undefined;
  return catalog.prices.find(provider, model, now_ms)?.price;
}

/**
 * What holding tokens costs: exact where the input is known, the rest being output; else every token at the dearest
 * token price of the model.
 */
export function estimateCost(
  price: ProviderPricing | undefined,
  tokens: number,
  input_tokens: number | undefined,
): NanoUsd | null {
  if (price === undefined) return null;
  if (input_tokens === undefined) return costOfTokensAtDearest(price, tokens);
  const input = Math.min(tokens, input_tokens);
  return costOfTokens(price, input, tokens - input);
}

function newAllocation(
  batch: Batch,
  allocation_id: string,
  input: AllocationCreate,
  request: ResolvedRequest,
): BudgetAllocation {
  return {
    tenant_id: batch.catalog.tenant_id,
    allocation_id,
    budget_id: request.budget_id,
    context_id: input.context_id,
    ...request.dimensions,
    tokens_allocated: request.hold.tokens,
    tokens_used: 0,
    cost_allocated_nano_usd: request.hold.cost_nano_usd ?? 0n,
    cost_used_nano_usd: 0n,
    priority: request.hold.priority,
    status: "active",
    creation_time_ms: batch.now_ms,
    expiration_time_ms: request.expiration_time_ms,
    closed_at_ms: null,
    metadata: input.metadata ?? {},
  };
}

/** Cheaper models for the same tokens, where a policy has come to its action threshold or refuses. */
function alternativesFor(
  catalog: Catalog,
  request: ResolvedRequest,
  decision: Decision,
  now_ms: number,
): readonly Alternative[] {
  const wanted = !decision.granted || decision.action_reached;
  const { provider, model } = request.dimensions;
  if (!wanted || provider === null || model === null) return [];
  // The split is not known from a number of tokens alone; half and half ranks models well enough to name cheaper ones.
  const output_tokens = Math.floor(request.hold.tokens / 2);
  const tokens = { input_tokens: request.hold.tokens - output_tokens, output_tokens };
  return catalog.prices.cheaperAlternatives(provider, model, tokens, now_ms);
}

/** Raises an alert on each policy that critical priority passed. */
export function raiseOverrides(batch: Batch, warnings: readonly PolicyWarning[], context_id: string): void {
  for (const { code, policy } of warnings) {
    if (code === "priority_override")
      batch.raiseAlert(policy, context_id, overrideReason(policy, context_id));
  }
}

/** Tells listeners what was refused. */
export function addRefusalEvent(
  batch: Batch,
  budget_id: string,
  allocation_id: string,
  input: Pick<AllocationCreate, "context_id" | "component">,
  refusal: Refusal,
): void {
  batch.addEvent("allocation.refused", budget_id, allocation_id, {
    budget_id,
    context_id: input.context_id,
    component: input.component,
    tokens_that_fit: refusal.tokens_that_fit,
    violations: refusal.violations.map(toViolationWire),
  });
}
