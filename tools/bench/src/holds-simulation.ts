import {
  NOTHING,
  STANDARD_TERMS,
  addHeld,
  addUsed,
  bookOnAllocation,
  decideAllocation,
  holdChange,
  holdOf,
  overageOf,
  windowAt,
  type Amount,
  type Balance,
  type BudgetAllocation,
  type BudgetPolicy,
  type HoldEstimate,
  type NanoUsd,
} from "@budget/domain";
import { DEFAULT_TENANT_ID, type OutputEstimates } from "@budget/engine";

/** Calls of one kind that agents make side by side on one budget. */
export interface Workload {
  readonly agents: number;
  readonly limit_nano_usd: NanoUsd;
  /** What a call of so many tokens costs, the input first. */
  readonly costOf: (tokens: number) => NanoUsd;
  readonly input_tokens: number;
  readonly max_output_tokens: number;
  /** Outputs are log-normal: the median, and the deviation of their logarithm. */
  readonly median_output_tokens: number;
  readonly sigma: number;
  /** Share of calls that run to the maximum, besides those that the distribution sends there. */
  readonly share_at_maximum: number;
  /** Calls that were learned from before the budget's first. */
  readonly calls_before: number;
}

/** How many output tokens a call holds. */
export interface Strategy {
  readonly name: string;
  /** The quantile that is held; null holds the maximum. */
  readonly share: number | null;
  /**
   * Tokens that a call asks for in addition, up to the maximum, when its output comes to the end of its hold; null where
   * it never asks.
   */
  readonly extend_by: number | null;
  /** Whether a call that is refused more tokens ends there; else it goes on, and what it makes is overage. */
  readonly stops_when_refused: boolean;
}

/** What came of one budget, from the first call until nothing fits any more. Shares are of the limit. */
export interface Run {
  /** Calls that fit into the limit, had their costs been known beforehand. */
  readonly ideal_calls: number;
  readonly calls: number;
  readonly calls_with_overage: number;
  /** Calls whose answer ends before its end. */
  readonly calls_cut_short: number;
  readonly calls_that_waited: number;
  readonly used_at_first_refusal: number;
  readonly calls_at_first_refusal: number;
  /** Refused requests while less than this share of the limit was used. */
  readonly refusals_below: Readonly<Record<Threshold, number>>;
  readonly minutes_to_95: number | null;
  /** Above 1 where overage passed the limit. */
  readonly used_at_end: number;
}

export const THRESHOLDS = [0.5, 0.8, 0.95] as const;
export type Threshold = (typeof THRESHOLDS)[number];

/** Time until the first token, and for each one after it. */
const FIRST_TOKEN_MS = 500;
const TOKEN_MS = 12.5;
/** How long an agent works between two calls, and how long it waits when it was refused. */
const PAUSE_MS = 1000;
const RETRY_MS = 5000;
/** Agents begin one after the other. */
const START_SPREAD_MS = 10_000;
const ACCOUNT = {
  provider: "openai",
  model: "gpt-4o",
  component: "simulation",
  task_type: "chat",
  ...STANDARD_TERMS,
};
const KIND = { tenant_id: DEFAULT_TENANT_ID, ...ACCOUNT };
/** Makes the calls before a budget's first others than its own. */
const SEED_BEFORE = 0x5eed;
const WINDOW = windowAt("total", "UTC", 0);

/** Numbers from 0 to 1 that look random and are the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The output tokens of the calls of a run, in the order that they are granted in: the same for every strategy. */
function outputsOf(workload: Workload, seed: number): (call: number) => number {
  const { max_output_tokens, median_output_tokens, sigma, share_at_maximum } = workload;
  const random = randomNumbers(seed);
  const outputs: number[] = [];
  const draw = (): number => {
    const atMaximum = random() < share_at_maximum;
    // Box and Muller's way from two even numbers to a normal one.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    if (atMaximum) return max_output_tokens;
    const tokens = Math.round(median_output_tokens * Math.exp(sigma * normal));
    return Math.min(max_output_tokens, Math.max(1, tokens));
  };
  return (call) => {
    while (outputs.length <= call) outputs.push(draw());
    return outputs[call]!;
  };
}

interface LiveCall {
  output_tokens: number;
  readonly first_token_ms: number;
  allocation: BudgetAllocation;
  /** How far the output may go before the call asks for more; infinite where it does not or was refused. */
  asks_at_tokens: number;
}

interface Agent {
  next_ms: number;
  call: LiveCall | null;
  waiting: boolean;
}

/** The same agents, calls and times for each strategy of one seed. */
export function simulate(
  workload: Workload,
  strategy: Strategy,
  estimates: OutputEstimates,
  seed: number,
): Run {
  const outputBefore = outputsOf(workload, SEED_BEFORE ^ seed);
  for (let call = 0; call < workload.calls_before; call += 1) estimates.observe(KIND, outputBefore(call));
  return new Simulation(workload, strategy, estimates, seed).run();
}

class Simulation {
  readonly #workload: Workload;
  readonly #strategy: Strategy;
  readonly #estimates: OutputEstimates;
  readonly #outputOf: (call: number) => number;
  readonly #policy: BudgetPolicy;
  readonly #agents: readonly Agent[];
  #balance: Balance = EMPTY_BALANCE;
  #now_ms = 0;
  #granted = 0;
  #completed = 0;
  #with_overage = 0;
  #cut_short = 0;
  #waited = 0;
  #refusals_below: Record<Threshold, number> = { 0.5: 0, 0.8: 0, 0.95: 0 };
  #first_refusal: { readonly used: number; readonly calls: number } | null = null;
  #at_95_ms: number | null = null;

  constructor(workload: Workload, strategy: Strategy, estimates: OutputEstimates, seed: number) {
    this.#workload = workload;
    this.#strategy = strategy;
    this.#estimates = estimates;
    this.#outputOf = outputsOf(workload, seed);
    this.#policy = { ...POLICY, cost_limit_nano_usd: workload.limit_nano_usd };
    this.#agents = Array.from({ length: workload.agents }, (_, index) => ({
      next_ms: (index * START_SPREAD_MS) / workload.agents,
      call: null,
      waiting: false,
    }));
  }

  run(): Run {
    for (;;) {
      const agent = this.#agents.reduce((first, one) => (one.next_ms < first.next_ms ? one : first));
      this.#now_ms = agent.next_ms;
      if (agent.call !== null) this.#goOn(agent, agent.call);
      else if (!this.#ask(agent) && this.#agents.every(({ call }) => call === null)) return this.#result();
    }
  }

  /** @returns whether the call was granted */
  #ask(agent: Agent): boolean {
    const { input_tokens } = this.#workload;
    const tokens = input_tokens + this.#outputToHold();
    const holdFor = (count: number): HoldEstimate => ({
      tokens: count,
      cost_nano_usd: this.#workload.costOf(count),
    });
    const decision = this.#decide(tokens, holdFor);
    if (!decision.granted) {
      this.#noteRefusal();
      agent.waiting = true;
      agent.next_ms = this.#now_ms + RETRY_MS;
      return false;
    }
    const allocation = {
      ...ALLOCATION,
      input_tokens: null,
      tokens_allocated: decision.hold.tokens,
      cost_allocated_nano_usd: decision.hold.cost_nano_usd ?? 0n,
    };
    this.#balance = addHeld(this.#balance, holdChange(null, allocation));
    if (agent.waiting) this.#waited += 1;
    agent.waiting = false;
    agent.call = {
      output_tokens: this.#outputOf(this.#granted),
      first_token_ms: this.#now_ms + FIRST_TOKEN_MS,
      allocation,
      asks_at_tokens: this.#strategy.extend_by === null ? Infinity : tokens - input_tokens,
    };
    this.#granted += 1;
    agent.next_ms = nextOf(agent.call);
    return true;
  }

  /** The call is over, or has come to the end of its hold. */
  #goOn(agent: Agent, call: LiveCall): void {
    if (call.output_tokens <= call.asks_at_tokens) {
      this.#settle(call);
      agent.call = null;
      agent.next_ms = this.#now_ms + PAUSE_MS;
    } else {
      this.#extend(call);
      agent.next_ms = nextOf(call);
    }
  }

  #extend(call: LiveCall): void {
    const held_to = call.asks_at_tokens;
    const wanted = Math.min(this.#strategy.extend_by ?? 0, this.#workload.max_output_tokens - held_to);
    const extended = (tokens: number): BudgetAllocation => {
      const tokens_allocated = call.allocation.tokens_allocated + tokens;
      return {
        ...call.allocation,
        tokens_allocated,
        cost_allocated_nano_usd: this.#workload.costOf(tokens_allocated),
      };
    };
    const decision = this.#decide(wanted, (tokens) => holdChange(call.allocation, extended(tokens)));
    if (decision.granted) {
      this.#balance = addHeld(this.#balance, decision.hold as Amount);
      call.allocation = extended(wanted);
      call.asks_at_tokens = held_to + wanted;
    } else if (this.#strategy.stops_when_refused) {
      call.output_tokens = held_to;
      this.#cut_short += 1;
    } else {
      call.asks_at_tokens = Infinity;
    }
  }

  #settle({ allocation, output_tokens }: LiveCall): void {
    const tokens = this.#workload.input_tokens + output_tokens;
    const usage: Amount = { tokens, cost_nano_usd: this.#workload.costOf(tokens) };
    if (overageOf(usage, holdOf(allocation)).cost_nano_usd > 0n) this.#with_overage += 1;
    const settled = bookOnAllocation(allocation, usage, true, this.#now_ms);
    this.#balance = addUsed(addHeld(this.#balance, holdChange(allocation, settled)), usage);
    this.#estimates.observe(KIND, output_tokens);
    this.#completed += 1;
    if (this.#at_95_ms === null && this.#used() >= 0.95) this.#at_95_ms = this.#now_ms;
  }

  #outputToHold(): number {
    const { share } = this.#strategy;
    const { max_output_tokens } = this.#workload;
    if (share === null) return max_output_tokens;
    return this.#estimates.quantile(KIND, share)?.output_tokens ?? max_output_tokens;
  }

  #decide(tokens: number, holdFor: (tokens: number) => HoldEstimate) {
    const now_ms = this.#now_ms;
    const request = { tokens, min_tokens: tokens, now_ms, priority: ALLOCATION.priority, holdFor };
    return decideAllocation(request, [{ policy: this.#policy, balance: this.#balance, window: WINDOW }]);
  }

  #noteRefusal(): void {
    const used = this.#used();
    this.#first_refusal ??= { used, calls: this.#completed };
    for (const threshold of THRESHOLDS) if (used < threshold) this.#refusals_below[threshold] += 1;
  }

  #used(): number {
    return Number(this.#balance.used_cost_nano_usd) / Number(this.#workload.limit_nano_usd);
  }

  #result(): Run {
    const { held_tokens, held_cost_nano_usd } = this.#balance;
    if (held_tokens !== NOTHING.tokens || held_cost_nano_usd !== NOTHING.cost_nano_usd) {
      throw new Error(`Without a live call ${held_tokens} tokens are held.`);
    }
    return {
      ideal_calls: this.#idealCalls(),
      calls: this.#completed,
      calls_with_overage: this.#with_overage,
      calls_cut_short: this.#cut_short,
      calls_that_waited: this.#waited,
      used_at_first_refusal: this.#first_refusal?.used ?? this.#used(),
      calls_at_first_refusal: this.#first_refusal?.calls ?? this.#completed,
      refusals_below: this.#refusals_below,
      minutes_to_95: this.#at_95_ms === null ? null : this.#at_95_ms / 60_000,
      used_at_end: this.#used(),
    };
  }

  #idealCalls(): number {
    const { limit_nano_usd, input_tokens, costOf } = this.#workload;
    let spent = 0n;
    for (let call = 0; ; call += 1) {
      spent += costOf(input_tokens + this.#outputOf(call));
      if (spent > limit_nano_usd) return call;
    }
  }
}

/** When a live call needs looking after: at its end, or at the end of its hold. */
const nextOf = ({ first_token_ms, output_tokens, asks_at_tokens }: LiveCall): number =>
  first_token_ms + Math.min(output_tokens, asks_at_tokens) * TOKEN_MS;

const POLICY: BudgetPolicy = {
  tenant_id: DEFAULT_TENANT_ID,
  policy_id: "01930000-0000-7000-8000-000000000002",
  budget_id: "01930000-0000-7000-8000-000000000001",
  type: "enforce",
  period: "total",
  time_zone: "UTC",
  tier: null,
  provider: null,
  model: null,
  component: null,
  task_type: null,
  token_limit: null,
  cost_limit_nano_usd: null,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  enabled: true,
  end_ms: null,
  priority_override: false,
  allow_unpriced: false,
  created_at_ms: 0,
  updated_at_ms: 0,
  version: 1,
};

const EMPTY_BALANCE: Balance = {
  tenant_id: DEFAULT_TENANT_ID,
  policy_id: POLICY.policy_id,
  scope: "",
  window_start_ms: 0,
  used_tokens: 0,
  used_cost_nano_usd: 0n,
  held_tokens: 0,
  held_cost_nano_usd: 0n,
  alerts_raised: 0,
};

const ALLOCATION: BudgetAllocation = {
  tenant_id: DEFAULT_TENANT_ID,
  allocation_id: "01930000-0000-7000-8000-000000000003",
  budget_id: POLICY.budget_id,
  context_id: "simulation",
  tier: "remote_heavyweight",
  ...ACCOUNT,
  input_tokens: null,
  tokens_allocated: 0,
  tokens_used: 0,
  cost_allocated_nano_usd: 0n,
  cost_used_nano_usd: 0n,
  priority: 5,
  status: "active",
  creation_time_ms: 0,
  expiration_time_ms: Number.MAX_SAFE_INTEGER,
  closed_at_ms: null,
  metadata: {},
};
