import type { CountedPolicy } from "@budget/domain";
import type { Engine } from "@budget/engine";
import { isUnavailable, type Database } from "@budget/repositories";
import type { PriceMonitor, PriceSourceStatus } from "@budget/services";
import { Gauge, type Registry } from "prom-client";

/** What is asked how it is, each time that somebody wants to know. */
export interface Watched {
  readonly engine: Pick<Engine, "policies" | "tenants" | "waiting">;
  readonly monitor: Pick<PriceMonitor, "sources" | "reviews">;
  readonly database: Pick<Database, "poolState">;
  readonly now: () => number;
}

/** As many policies have metrics of their own, the oldest first; those of the rest are summed as `other`. */
export const MAX_NAMED_POLICIES = 100;
const OTHER = "other";

const NANO_PER_USD = 1e9;
/** For people and alerts to look at: what is charged is counted exactly, elsewhere. */
const usd = (nano_usd: bigint): number => Number(nano_usd) / NANO_PER_USD;

/** What policies measure, in tokens and in USD. */
const POLICY_MEASURES = [
  "used_tokens",
  "held_tokens",
  "limit_tokens",
  "used_usd",
  "held_usd",
  "limit_usd",
] as const;
type PolicyMeasure = (typeof POLICY_MEASURES)[number];

const POLICY_HELP: Readonly<Record<PolicyMeasure, string>> = {
  used_tokens: "Tokens that a policy counts as used in its window.",
  held_tokens: "Tokens that live allocations hold from a policy.",
  limit_tokens: "The limit of a policy on tokens.",
  used_usd: "What a policy counts as spent in its window.",
  held_usd: "What live allocations hold from a policy.",
  limit_usd: "The limit of a policy on cost.",
};

const measured = ({ policy, balance }: CountedPolicy): Readonly<Record<PolicyMeasure, number | null>> => ({
  used_tokens: balance.used_tokens,
  held_tokens: balance.held_tokens,
  limit_tokens: policy.token_limit,
  used_usd: usd(balance.used_cost_nano_usd),
  held_usd: usd(balance.held_cost_nano_usd),
  limit_usd: policy.cost_limit_nano_usd === null ? null : usd(policy.cost_limit_nano_usd),
});

type PolicyLabel = "policy_id" | "budget_id" | "period";

/** Metrics that are not counted as things happen, but read when somebody looks. */
export class Gauges {
  readonly #policies: ReadonlyMap<PolicyMeasure, Gauge<PolicyLabel>>;
  readonly #queue: Gauge;
  readonly #sourceAge: Gauge<"source">;
  readonly #sourceInterval: Gauge<"source">;
  readonly #reviews: Gauge;
  readonly #connections: Gauge<"state">;
  readonly #pending: Gauge;
  readonly #isUp: Gauge;

  constructor(registers: Registry[]) {
    const gauge = <T extends string>(name: string, help: string, ...labelNames: T[]): Gauge<T> =>
      new Gauge({ name, help, labelNames, registers });
    this.#policies = new Map(
      POLICY_MEASURES.map((measure) => [
        measure,
        gauge(`budget_policy_${measure}`, POLICY_HELP[measure], "policy_id", "budget_id", "period"),
      ]),
    );
    this.#queue = gauge("budget_queue_commands", "Commands that wait for a transaction of the ledger.");
    this.#sourceAge = gauge(
      "budget_price_source_age_seconds",
      "How long ago a source of prices was read; +Inf where it never was.",
      "source",
    );
    this.#sourceInterval = gauge(
      "budget_price_source_interval_seconds",
      "How often a source of prices is to be read.",
      "source",
    );
    this.#reviews = gauge("budget_price_reviews_open", "Prices that wait for a person to decide.");
    this.#connections = gauge(
      "budget_database_connections",
      "Connections to the database, used and free.",
      "state",
    );
    this.#pending = gauge(
      "budget_database_connections_pending",
      "Who waits for a connection to the database.",
    );
    this.#isUp = gauge(
      "budget_database_up",
      "Whether the database answered when it was asked for these metrics.",
    );
  }

  /** Asks everything anew. Where the database does not answer, what only it knows is left out. */
  async read(watched: Watched): Promise<void> {
    const { engine, database } = watched;
    this.#queue.set(engine.waiting());
    const { used, free, pending } = database.poolState();
    this.#connections.set({ state: "used" }, used);
    this.#connections.set({ state: "free" }, free);
    this.#pending.set(pending);
    try {
      await this.#ask(watched);
      this.#isUp.set(1);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      for (const gauge of [...this.#policies.values(), this.#sourceAge, this.#sourceInterval]) gauge.reset();
      // A gauge without labels would be 0 again.
      this.#reviews.remove();
      this.#isUp.set(0);
    }
  }

  async #ask({ engine, monitor, now }: Watched): Promise<void> {
    const tenants = await engine.tenants.list();
    const [counted, sources, reviews] = await Promise.all([
      Promise.all(tenants.map(({ tenant_id }) => engine.policies.counted({ tenant_id }))),
      monitor.sources(),
      monitor.reviews({ status: "open", limit: 1 }),
    ]);
    this.#setPolicies(counted.flat());
    this.#setSources(sources, now());
    this.#reviews.set(reviews.total);
  }

  #setPolicies(counted: readonly CountedPolicy[]): void {
    const named = counted.slice(0, MAX_NAMED_POLICIES).map((one) => ({ ...one, values: measured(one) }));
    const others = counted.slice(MAX_NAMED_POLICIES).map(measured);
    for (const [measure, gauge] of this.#policies) {
      gauge.reset();
      for (const { policy, values } of named) {
        const { policy_id, budget_id, period } = policy;
        const value = values[measure];
        if (value !== null) gauge.set({ policy_id, budget_id, period }, value);
      }
      // Limits of several policies make no limit.
      if (others.length === 0 || measure.startsWith("limit")) continue;
      const sum = others.reduce((total, values) => total + (values[measure] ?? 0), 0);
      gauge.set({ policy_id: OTHER, budget_id: OTHER, period: OTHER }, sum);
    }
  }

  #setSources(sources: readonly PriceSourceStatus[], now_ms: number): void {
    this.#sourceAge.reset();
    this.#sourceInterval.reset();
    for (const { source, read_at_ms, interval_ms } of sources) {
      this.#sourceAge.set({ source }, read_at_ms === null ? Infinity : (now_ms - read_at_ms) / 1000);
      this.#sourceInterval.set({ source }, interval_ms / 1000);
    }
  }
}
