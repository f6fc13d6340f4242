import {
  accepted,
  changeBy,
  decideAllocation,
  decisionRecord,
  rejected,
  type AllocationCheck,
  type AllocationCreate,
  type Alternative,
  type BudgetAllocation,
  type ChangedBy,
  type Decision,
  type Grant,
  type HoldEstimate,
  type HoldRequest,
  type LearnedOutput,
  type Outcome,
  type PolicyWarning,
  type PriceTerms,
  type RequestDimensions,
} from "@budget/domain";
import { overrideReason } from "./alerts.ts";
import type { Batch } from "./batch.ts";
import type { Catalog } from "./catalog.ts";
import type { Command, Preview, Target } from "./command.ts";
import { estimateCost, priceOf, termsOf } from "./hold-cost.ts";
import type { IdempotentRequest } from "./idempotency.ts";
import { refuse } from "./refusals.ts";
import { readRequestedTokens } from "./requested-tokens.ts";
import { DEFAULT_PRIORITY, dimensionsOf, invalid, whyNotChargeable, whyUndecidable } from "./requests.ts";

const HOUR_MS = 3_600_000;
/** How long a hold lasts when its request does not say. */
const DEFAULT_HOLD_MS = HOUR_MS;
/** The longest hold. */
export const MAX_HOLD_MS = 30 * 24 * HOUR_MS;

/** A request with everything filled in that decides about it. */
interface ResolvedRequest {
  readonly budget_id: string;
  readonly dimensions: RequestDimensions;
  readonly terms: PriceTerms;
  readonly target: Target;
  readonly hold: HoldRequest;
  readonly input_tokens: number | undefined;
  readonly learned: LearnedOutput | null;
  readonly expiration_time_ms: number;
}

/** Holds tokens and their estimated cost, or says why they do not fit. */
export class AllocateCommand implements Command<Grant> {
  readonly idempotency: IdempotentRequest | null;
  readonly allocation_ids: readonly string[] = [];
  readonly creates: { readonly allocation_id: string };
  readonly #input: AllocationCreate;
  readonly #learned: LearnedOutput | null;
  readonly #by: Pick<ChangedBy, "actor">;

  /**
   * @param learned what the request's `estimate` stands for
   * @param allocation_id the id that the allocation will have
   * @param by who asks, for the record of limits that are passed
   */
  constructor(
    input: AllocationCreate,
    learned: LearnedOutput | null,
    allocation_id: string,
    idempotency: IdempotentRequest | null,
    by: Pick<ChangedBy, "actor">,
  ) {
    this.#input = input;
    this.#learned = learned;
    this.#by = by;
    this.creates = { allocation_id };
    this.idempotency = idempotency;
  }

  targets({ catalog }: Preview): readonly Target[] {
    return targetsOf(catalog, this.#input);
  }

  execute(batch: Batch): Outcome<Grant> {
    const { allocation_id } = this.creates;
    const committed = batch.allocations.get(allocation_id);
    if (committed !== undefined) {
      return accepted({ allocation: committed, learned: this.#learned, warnings: [], alternatives: [] });
    }
    const resolved = resolve(batch.catalog, this.#input, this.#learned, batch.now_ms);
    if (!resolved.ok) return resolved;
    const request = resolved.value;
    const { budget_id, dimensions, hold, learned } = request;
    const counted = batch.counted(request.target);
    const decision = decideAllocation(hold, counted);
    const record = decisionRecord(hold, counted, decision, learned);
    if (!decision.granted) {
      const { context_id } = this.#input;
      const asked = { refusal_id: allocation_id, allocation_id: null, budget_id, context_id, ...dimensions };
      return refuse(batch, asked, record, decision.refusal);
    }

    // From here on the allocation is granted and everything must succeed.
    const allocation = newAllocation(batch, allocation_id, this.#input, request, decision.hold);
    batch.addAllocation(allocation, record);
    noteOverrides(batch, this.#by, allocation, decision.warnings);
    return accepted({
      allocation,
      learned,
      warnings: decision.warnings,
      alternatives: alternativesFor(batch.catalog, allocation, hold.tokens, decision, batch.now_ms),
    });
  }
}

/** Decides like {@link AllocateCommand}, under the same locks, and changes nothing. */
export class CheckCommand implements Command<AllocationCheck> {
  readonly idempotency = null;
  readonly allocation_ids: readonly string[] = [];
  readonly creates = {};
  readonly asks_only = true;
  readonly #input: AllocationCreate;
  readonly #learned: LearnedOutput | null;

  constructor(input: AllocationCreate, learned: LearnedOutput | null) {
    this.#input = input;
    this.#learned = learned;
  }

  targets({ catalog }: Preview): readonly Target[] {
    return targetsOf(catalog, this.#input);
  }

  execute(batch: Batch): Outcome<AllocationCheck> {
    const resolved = resolve(batch.catalog, this.#input, this.#learned, batch.now_ms);
    if (!resolved.ok) return resolved;
    const request = resolved.value;
    const { hold, learned, dimensions, terms } = request;
    const wanted = { ...dimensions, ...terms };
    const decision = decideAllocation(hold, batch.peek(request.target));
    return accepted({
      tokens_requested: hold.tokens,
      tokens_granted: decision.granted ? decision.tokens : 0,
      cost_nano_usd: (decision.granted ? decision.hold : hold.holdFor(hold.tokens)).cost_nano_usd,
      learned,
      warnings: decision.granted ? decision.warnings : [],
      alternatives: alternativesFor(batch.catalog, wanted, hold.tokens, decision, batch.now_ms),
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

function resolve(
  catalog: Catalog,
  input: AllocationCreate,
  estimate: LearnedOutput | null,
  now_ms: number,
): Outcome<ResolvedRequest> {
  const asked = readRequestedTokens(input, estimate);
  if (!asked.ok) return asked;
  const expiration = expirationOf(input, now_ms);
  if (!expiration.ok) return expiration;
  const budget_id = input.budget_id ?? catalog.budgets.default_budget_id;
  if (budget_id === null)
    return invalid("/budget_id", "There is no default budget, so a budget_id is needed.");
  const unchargeable = whyNotChargeable(catalog, budget_id);
  if (unchargeable !== null) return rejected(unchargeable);
  const dimensions = dimensionsOf(input);
  const undecidable = whyUndecidable(catalog, budget_id, dimensions, now_ms);
  if (undecidable !== null) return rejected(undecidable);

  const terms = termsOf(input);
  const price = priceOf(catalog, { ...dimensions, ...terms }, now_ms);
  const { tokens, min_tokens, input_tokens, learned } = asked.value;
  return accepted({
    budget_id,
    dimensions,
    terms,
    target: {
      policies: catalog.budgets.policiesCounting(budget_id, dimensions),
      context_id: input.context_id,
    },
    input_tokens,
    learned,
    expiration_time_ms: expiration.value,
    hold: {
      tokens,
      min_tokens,
      now_ms,
      priority: input.priority ?? DEFAULT_PRIORITY,
      holdFor: (count) => ({ tokens: count, cost_nano_usd: estimateCost(price, count, input_tokens) }),
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

function newAllocation(
  batch: Batch,
  allocation_id: string,
  input: AllocationCreate,
  request: ResolvedRequest,
  hold: HoldEstimate,
): BudgetAllocation {
  return {
    tenant_id: batch.catalog.tenant_id,
    allocation_id,
    budget_id: request.budget_id,
    context_id: input.context_id,
    ...request.dimensions,
    ...request.terms,
    input_tokens: request.input_tokens ?? null,
    tokens_allocated: hold.tokens,
    tokens_used: 0,
    cost_allocated_nano_usd: hold.cost_nano_usd ?? 0n,
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
export function alternativesFor(
  catalog: Catalog,
  { provider, model, service_tier, price_scope }: Pick<RequestDimensions, "provider" | "model"> & PriceTerms,
  asked_tokens: number,
  decision: Decision,
  now_ms: number,
): readonly Alternative[] {
  const wanted = !decision.granted || decision.action_reached;
  if (!wanted || provider === null || model === null) return [];
  // The split is not known from a number of tokens alone; half and half ranks models well enough to name cheaper ones.
  const output_tokens = Math.floor(asked_tokens / 2);
  const tokens = { input_tokens: asked_tokens - output_tokens, output_tokens };
  return catalog.prices.cheaperAlternatives({ provider, model, service_tier, price_scope }, tokens, now_ms);
}

/** Where critical priority passed limits: raises an alert on each policy, and puts the grant into the record. */
export function noteOverrides(
  batch: Batch,
  by: Pick<ChangedBy, "actor">,
  { allocation_id, budget_id, context_id, component, priority }: BudgetAllocation,
  warnings: readonly PolicyWarning[],
): void {
  const passed = new Set(
    warnings.flatMap(({ code, policy }) => (code === "priority_override" ? policy : [])),
  );
  if (passed.size === 0) return;
  for (const policy of passed) batch.raiseAlert(policy, context_id, overrideReason(policy, context_id));
  const policy_ids = [...passed].map(({ policy_id }) => policy_id);
  const after = { policy_ids, budget_id, context_id, component, priority };
  const change = { action: "limit.overridden", subject_id: allocation_id, before: null, after };
  batch.addAuditDraft(changeBy(by, { ...change, at_ms: batch.now_ms }));
}
