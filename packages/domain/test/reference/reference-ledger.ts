import type { BudgetPolicy, RejectionCode, RequestDimensions, Violation } from "../../src/index.ts";
import { windowLabel } from "./reference-windows.ts";

/** What a token costs, in nano-USD. */
export interface ReferencePrice {
  readonly input: bigint;
  readonly output: bigint;
}

interface ReferenceBudget {
  parent_budget_id: string | null;
  is_active: boolean;
  is_deleted: boolean;
}

/** Tokens and cost that are used or held. */
export interface ReferenceAmount {
  readonly tokens: number;
  readonly cost: bigint;
}

export interface ReferenceAllocation extends RequestDimensions {
  readonly budget_id: string;
  readonly context_id: string;
  readonly priority: number;
  /** Undefined where any token may be output. */
  readonly input_tokens: number | undefined;
  tokens_allocated: number;
  tokens_used: number;
  cost_allocated: bigint;
  cost_used: bigint;
  status: "active" | "settled" | "released" | "expired";
  expires_at_ms: number;
}

interface ReferenceUsage extends RequestDimensions, ReferenceAmount {
  readonly budget_id: string;
  readonly context_id: string;
  readonly at_ms: number;
}

export interface ReferenceRequest extends RequestDimensions {
  readonly budget_id: string;
  readonly context_id: string;
  readonly tokens: number;
  readonly min_tokens: number;
  /** Undefined where any token may be output. */
  readonly input_tokens: number | undefined;
  readonly priority: number;
  readonly expires_at_ms: number;
}

export interface ReferenceUsageRequest extends Partial<RequestDimensions> {
  readonly allocation_id: string | undefined;
  readonly budget_id: string | undefined;
  readonly context_id: string | undefined;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly final: boolean;
}

/** An answer, as far as it is compared: a code, and what it says. */
export type ReferenceAnswer =
  | { readonly code: Exclude<RejectionCode, "insufficient_budget"> }
  | { readonly code: "ok"; readonly [what: string]: unknown }
  | {
      readonly code: "insufficient_budget";
      /** Policy, measure and code of each, in order. */
      readonly violations: readonly string[];
      readonly tokens_that_fit: number;
      /** Whether waiting helps. */
      readonly has_reset: boolean;
    };

interface Reading {
  readonly policy: BudgetPolicy;
  readonly measure: "tokens" | "cost";
  readonly used: bigint;
  readonly held: bigint;
  readonly requested: bigint | null;
  readonly limit: bigint;
}

const NOTHING: ReferenceAmount = { tokens: 0, cost: 0n };
const DIMENSIONS = ["tier", "provider", "model", "component", "task_type"] as const;
const CRITICAL = 10;

const ok = (what: Readonly<Record<string, unknown>> = {}): ReferenceAnswer => ({ ...what, code: "ok" });
const add = (left: ReferenceAmount, right: ReferenceAmount): ReferenceAmount => ({
  tokens: left.tokens + right.tokens,
  cost: left.cost + right.cost,
});

export const isPerContext = ({ period }: Pick<BudgetPolicy, "period">): boolean =>
  period === "per_session" || period === "per_task";

/**
 * The rules of Budget without any cleverness. What happened is kept in lists, and every question is answered by going
 * through them from the start: there is no balance that could be wrong, no order of writes, no cache. The engine on a
 * real database is compared with it.
 */
export class ReferenceLedger {
  now_ms: number;
  readonly budgets = new Map<string, ReferenceBudget>();
  readonly policies = new Map<string, BudgetPolicy>();
  readonly allocations = new Map<string, ReferenceAllocation>();
  readonly #usage: ReferenceUsage[] = [];
  readonly #prices: ReadonlyMap<string, ReferencePrice>;

  /** @param prices by `provider/model` */
  constructor(now_ms: number, prices: ReadonlyMap<string, ReferencePrice>) {
    this.now_ms = now_ms;
    this.#prices = prices;
  }

  /** Lets time pass; what has come to its end holds nothing any more. */
  advanceTo(now_ms: number): void {
    this.now_ms = now_ms;
    for (const allocation of this.allocations.values()) {
      if (allocation.status === "active" && allocation.expires_at_ms <= now_ms) allocation.status = "expired";
    }
  }

  createBudget(budget_id: string, parent_budget_id: string | null): ReferenceAnswer {
    if (parent_budget_id !== null && !this.#exists(parent_budget_id)) return { code: "budget_not_found" };
    this.budgets.set(budget_id, { parent_budget_id, is_active: true, is_deleted: false });
    return ok();
  }

  updateBudget(
    budget_id: string,
    change: { readonly parent_budget_id?: string | null; readonly is_active?: boolean },
  ): ReferenceAnswer {
    const budget = this.budgets.get(budget_id);
    if (budget === undefined || budget.is_deleted) return { code: "budget_not_found" };
    const parent = change.parent_budget_id;
    if (parent !== undefined && parent !== null) {
      if (!this.#exists(parent)) return { code: "budget_not_found" };
      if (this.#lineage(parent).includes(budget_id)) return { code: "invalid_value" };
    }
    if (parent !== undefined) budget.parent_budget_id = parent;
    if (change.is_active !== undefined) budget.is_active = change.is_active;
    return ok();
  }

  deleteBudget(budget_id: string): ReferenceAnswer {
    const budget = this.budgets.get(budget_id);
    if (budget === undefined || budget.is_deleted) return { code: "budget_not_found" };
    for (const child of this.budgets.values()) {
      if (child.parent_budget_id === budget_id && !child.is_deleted) return { code: "budget_has_children" };
    }
    budget.is_deleted = true;
    for (const policy of this.policies.values()) {
      if (policy.budget_id === budget_id) this.policies.delete(policy.policy_id);
    }
    return ok();
  }

  putPolicy(policy: BudgetPolicy): ReferenceAnswer {
    if (!this.#exists(policy.budget_id)) return { code: "budget_not_found" };
    const isLimited = policy.token_limit !== null || policy.cost_limit_nano_usd !== null;
    if (policy.type !== "log" && !isLimited) return { code: "invalid_value" };
    this.policies.set(policy.policy_id, policy);
    return ok();
  }

  deletePolicy(policy_id: string): ReferenceAnswer {
    return this.policies.delete(policy_id) ? ok() : { code: "policy_not_found" };
  }

  /** What allocating would be answered; nothing is changed. */
  check(request: ReferenceRequest): ReferenceAnswer {
    if (request.min_tokens > request.tokens || request.expires_at_ms <= this.now_ms)
      return { code: "invalid_value" };
    const wrong = this.#whyNotChargeable(request.budget_id) ?? this.#whyUndecidable(request);
    if (wrong !== null) return { code: wrong };
    return this.#decide(request, request, (tokens) => ({
      tokens,
      cost: this.#costOfHold(request, tokens, request.input_tokens),
    }));
  }

  allocate(allocation_id: string, request: ReferenceRequest): ReferenceAnswer {
    const answer = this.check(request);
    if (answer.code !== "ok") return answer;
    const { tier, provider, model, component, task_type } = request;
    const { budget_id, context_id, priority, input_tokens } = request;
    const tokens = answer.tokens as number;
    this.allocations.set(allocation_id, {
      ...{ tier, provider, model, component, task_type, budget_id, context_id, priority, input_tokens },
      tokens_allocated: tokens,
      tokens_used: 0,
      cost_allocated: this.#costOfHold(request, tokens, request.input_tokens) ?? 0n,
      cost_used: 0n,
      status: "active",
      expires_at_ms: request.expires_at_ms,
    });
    return answer;
  }

  extend(
    allocation_id: string,
    additional_tokens: number | undefined,
    expires_at_ms: number | undefined,
  ): ReferenceAnswer {
    const allocation = this.allocations.get(allocation_id);
    if (allocation === undefined) return { code: "allocation_not_found" };
    if (allocation.status !== "active") return { code: "allocation_not_active" };
    if (expires_at_ms !== undefined && expires_at_ms <= this.now_ms) return { code: "invalid_value" };
    let answer = ok({ tokens: allocation.tokens_allocated, warnings: [] });
    if (additional_tokens !== undefined) {
      const wrong = this.#whyNotChargeable(allocation.budget_id) ?? this.#whyUndecidable(allocation);
      if (wrong !== null) return { code: wrong };
      const isPriced = this.#priceOf(allocation) !== undefined;
      const extended = (tokens: number): ReferenceAllocation => ({
        ...allocation,
        tokens_allocated: allocation.tokens_allocated + tokens,
        // The tokens are output, or where that is not known, could be.
        cost_allocated:
          allocation.cost_allocated +
          (this.#costOfHold(allocation, tokens, allocation.input_tokens === undefined ? undefined : 0) ?? 0n),
      });
      const before = this.#holdOf(allocation);
      const asked = { ...allocation, tokens: additional_tokens, min_tokens: additional_tokens };
      const decision = this.#decide(allocation, asked, (tokens) => {
        const after = this.#holdOf(extended(tokens));
        return { tokens: after.tokens - before.tokens, cost: isPriced ? after.cost - before.cost : null };
      });
      if (decision.code !== "ok") return decision;
      Object.assign(allocation, extended(additional_tokens));
      answer = ok({ tokens: allocation.tokens_allocated, warnings: decision.warnings });
    }
    if (expires_at_ms !== undefined) allocation.expires_at_ms = expires_at_ms;
    return answer;
  }

  release(allocation_id: string): ReferenceAnswer {
    const allocation = this.allocations.get(allocation_id);
    if (allocation === undefined) return { code: "allocation_not_found" };
    if (allocation.status !== "active" && allocation.status !== "released")
      return { code: "allocation_not_active" };
    allocation.status = "released";
    return ok({ tokens: allocation.tokens_allocated });
  }

  recordUsage(request: ReferenceUsageRequest): ReferenceAnswer {
    const allocation =
      request.allocation_id === undefined ? undefined : this.allocations.get(request.allocation_id);
    if (request.allocation_id !== undefined && allocation === undefined)
      return { code: "allocation_not_found" };
    const budget_id = allocation?.budget_id ?? request.budget_id ?? "";
    if (allocation === undefined && !this.#exists(budget_id)) return { code: "budget_not_found" };
    const pick = <N extends keyof RequestDimensions>(name: N) => request[name] ?? allocation?.[name];
    if ((pick("provider") ?? null) === null || (pick("model") ?? null) === null)
      return { code: "invalid_value" };
    const dimensions = Object.fromEntries(
      DIMENSIONS.map((name) => [name, pick(name)]),
    ) as unknown as RequestDimensions;
    const price = this.#priceOf(dimensions);
    const usage: ReferenceUsage = {
      ...dimensions,
      budget_id,
      context_id: allocation?.context_id ?? request.context_id ?? "",
      tokens: request.input_tokens + request.output_tokens,
      cost:
        price === undefined
          ? 0n
          : BigInt(request.input_tokens) * price.input + BigInt(request.output_tokens) * price.output,
      at_ms: this.now_ms,
    };
    const held = allocation === undefined ? NOTHING : this.#heldFor(allocation, usage);
    this.#usage.push(usage);
    if (allocation !== undefined) {
      allocation.tokens_used += usage.tokens;
      allocation.cost_used += usage.cost;
      if (request.final && allocation.status === "active") allocation.status = "settled";
    }
    return ok({
      cost: usage.cost,
      overage_tokens: Math.max(0, usage.tokens - held.tokens),
      overage_cost: usage.cost > held.cost ? usage.cost - held.cost : 0n,
    });
  }

  /** What a policy has used in the window of now, in one context where it counts by context. */
  used(policy: BudgetPolicy, context_id: string): ReferenceAmount {
    const window = windowLabel(policy.period, policy.time_zone, this.now_ms);
    let sum = NOTHING;
    for (const usage of this.#usage) {
      if (!this.#counts(policy, usage)) continue;
      if (isPerContext(policy) && usage.context_id !== context_id) continue;
      if (windowLabel(policy.period, policy.time_zone, usage.at_ms) === window) sum = add(sum, usage);
    }
    return sum;
  }

  /** What live allocations keep from a policy. */
  held(policy: BudgetPolicy, context_id: string): ReferenceAmount {
    let sum = NOTHING;
    for (const allocation of this.allocations.values()) {
      if (!this.#counts(policy, allocation)) continue;
      if (isPerContext(policy) && allocation.context_id !== context_id) continue;
      sum = add(sum, this.#holdOf(allocation));
    }
    return sum;
  }

  #exists(budget_id: string): boolean {
    return this.budgets.get(budget_id)?.is_deleted === false;
  }

  /** A budget and those above it. */
  #lineage(budget_id: string): readonly string[] {
    const parent = this.budgets.get(budget_id)?.parent_budget_id ?? null;
    return [budget_id, ...(parent === null ? [] : this.#lineage(parent))];
  }

  #counts(policy: BudgetPolicy, what: RequestDimensions & { readonly budget_id: string }): boolean {
    return (
      this.#lineage(what.budget_id).includes(policy.budget_id) &&
      DIMENSIONS.every(
        (name) => policy[name] === null || policy[name] === what[name] || isSnapshot(policy, name, what),
      )
    );
  }

  #isInForce({ enabled, end_ms }: BudgetPolicy): boolean {
    return enabled && (end_ms === null || this.now_ms < end_ms);
  }

  #policiesCounting(what: RequestDimensions & { readonly budget_id: string }): readonly BudgetPolicy[] {
    return [...this.policies.values()]
      .filter((policy) => this.#counts(policy, what))
      .sort((left, right) => (left.policy_id < right.policy_id ? -1 : 1));
  }

  #holdOf(allocation: ReferenceAllocation): ReferenceAmount {
    if (allocation.status !== "active") return NOTHING;
    const { tokens_allocated, tokens_used, cost_allocated, cost_used } = allocation;
    return {
      tokens: Math.max(0, tokens_allocated - tokens_used),
      cost: cost_allocated > cost_used ? cost_allocated - cost_used : 0n,
    };
  }

  #heldFor(allocation: ReferenceAllocation, usage: ReferenceUsage): ReferenceAmount {
    const holding = this.#policiesCounting(allocation);
    const isCovered = this.#policiesCounting(usage).every((policy) => holding.includes(policy));
    return isCovered ? this.#holdOf(allocation) : NOTHING;
  }

  #priceOf({ provider, model }: Pick<RequestDimensions, "provider" | "model">): ReferencePrice | undefined {
    return this.#prices.get(`${provider}/${model}`);
  }

  #costOfHold(request: RequestDimensions, tokens: number, input_tokens: number | undefined): bigint | null {
    const price = this.#priceOf(request);
    if (price === undefined) return null;
    const dearest = price.input > price.output ? price.input : price.output;
    if (input_tokens === undefined) return BigInt(tokens) * dearest;
    const input = Math.min(tokens, input_tokens);
    return BigInt(input) * price.input + BigInt(tokens - input) * price.output;
  }

  #whyNotChargeable(budget_id: string): "budget_not_found" | "budget_inactive" | null {
    if (!this.#exists(budget_id)) return "budget_not_found";
    const isOpen = this.#lineage(budget_id).every((id) => {
      const budget = this.budgets.get(id);
      return budget?.is_active === true && !budget.is_deleted;
    });
    return isOpen ? null : "budget_inactive";
  }

  #whyUndecidable(request: RequestDimensions & { readonly budget_id: string }): "dimension_required" | null {
    const lineage = this.#lineage(request.budget_id);
    for (const policy of this.policies.values()) {
      if (!this.#isInForce(policy) || policy.type !== "enforce" || !lineage.includes(policy.budget_id))
        continue;
      // A policy that cannot count the request, whatever it leaves open, asks nothing of it.
      const isOther = DIMENSIONS.some(
        (name) =>
          policy[name] !== null &&
          request[name] !== null &&
          policy[name] !== request[name] &&
          !isSnapshot(policy, name, request),
      );
      if (isOther) continue;
      if (DIMENSIONS.some((name) => policy[name] !== null && request[name] === null))
        return "dimension_required";
      const needsPrice = policy.cost_limit_nano_usd !== null && !policy.allow_unpriced;
      if (needsPrice && (request.provider === null || request.model === null)) return "dimension_required";
    }
    return null;
  }

  #decide(
    what: RequestDimensions & { readonly budget_id: string; readonly context_id: string },
    asked: { readonly tokens: number; readonly min_tokens: number; readonly priority: number },
    holdFor: (tokens: number) => { readonly tokens: number; readonly cost: bigint | null },
  ): ReferenceAnswer {
    const policies = this.#policiesCounting(what).filter((policy) => this.#isInForce(policy));
    const balances = policies.map((policy) => ({
      policy,
      used: this.used(policy, what.context_id),
      held: this.held(policy, what.context_id),
    }));
    const readings = (tokens: number): readonly Reading[] => {
      const hold = holdFor(tokens);
      return balances.flatMap(({ policy, used, held }) => {
        const both: Reading[] = [];
        if (policy.token_limit !== null) {
          const requested = BigInt(hold.tokens);
          const amounts = { used: BigInt(used.tokens), held: BigInt(held.tokens), requested };
          both.push({ policy, measure: "tokens", ...amounts, limit: BigInt(policy.token_limit) });
        }
        if (policy.cost_limit_nano_usd !== null) {
          const amounts = { used: used.cost, held: held.cost, requested: hold.cost };
          both.push({ policy, measure: "cost", ...amounts, limit: policy.cost_limit_nano_usd });
        }
        return both;
      });
    };
    const violating = (tokens: number) =>
      readings(tokens).filter((reading) => isViolated(reading, asked.priority));

    let tokens_that_fit = asked.tokens;
    while (tokens_that_fit > 0 && violating(tokens_that_fit).length > 0) tokens_that_fit -= 1;
    if (tokens_that_fit >= asked.min_tokens) {
      const warnings = readings(tokens_that_fit).flatMap((reading) => warningOf(reading));
      return ok({ tokens: tokens_that_fit, warnings });
    }
    const violations = violating(asked.min_tokens);
    return {
      code: "insufficient_budget",
      violations: violations.map(
        (reading) => `${reading.policy.policy_id} ${reading.measure} ${violationCode(reading)}`,
      ),
      tokens_that_fit,
      has_reset: violations.every(
        ({ policy, held, requested, limit }) =>
          requested !== null && held + requested <= limit && hasEnd(policy),
      ),
    };
  }
}

/** Whether something was asked of a dated snapshot of the model that a policy names, and is of it otherwise. */
const isSnapshot = (policy: BudgetPolicy, name: string, what: RequestDimensions): boolean =>
  name === "model" && new RegExp(`^${policy.model}-\\d{4}-\\d\\d-\\d\\d$`).test(what.model ?? "");

const hasEnd = ({ period }: BudgetPolicy): boolean =>
  ["hourly", "daily", "weekly", "monthly"].includes(period);

function isViolated({ policy, used, held, requested, limit }: Reading, priority: number): boolean {
  if (policy.type !== "enforce") return false;
  if (policy.priority_override && priority === CRITICAL) return false;
  if (requested === null) return !policy.allow_unpriced;
  return used + held + requested > limit;
}

const violationCode = ({ measure, requested }: Reading): Violation["code"] =>
  requested === null ? "price_unknown" : measure === "tokens" ? "token_limit" : "cost_limit";

/** What a grant says of a policy: at most one thing for each measure. */
function warningOf({ policy, measure, used, held, requested, limit }: Reading): readonly string[] {
  const say = (code: string) => [`${policy.policy_id} ${measure} ${code}`];
  if (requested === null) return say("price_unknown");
  const after = used + held + requested;
  if (after > limit) return say(policy.type === "enforce" ? "priority_override" : "limit_passed");
  // Shares are compared in hundredths, which the limits of these histories are whole numbers of.
  if (after * 100n >= limit * BigInt(Math.round(policy.action_threshold * 100)))
    return say("action_threshold");
  if (after * 100n >= limit * BigInt(Math.round(policy.warning_threshold * 100)))
    return say("warning_threshold");
  return [];
}
