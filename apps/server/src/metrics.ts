import { DECISION_OUTCOMES, type DecisionOutcome, type Meter } from "@budget/domain";
import { Counter, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { Gauges, type Watched } from "./gauges.ts";
import type { ObservedRequest } from "./observe-requests.ts";

const REQUEST_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BATCH_BUCKETS_S = [0.0005, ...REQUEST_BUCKETS_S];
const BATCH_BUCKETS_COMMANDS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** A metric as prom-client keeps it. */
export interface PrometheusMetric {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly values: readonly {
    readonly value: number;
    readonly labels: Readonly<Record<string, string | number>>;
    /** Which part of a histogram it is. */
    readonly metricName?: string;
  }[];
}

/** What the server counts and measures, as Prometheus reads it. docs/operations.md lists all of it. */
export class Metrics {
  readonly #registry = new Registry();
  /** What the engine is given. */
  readonly meter: Meter;
  readonly #requests: Histogram<"method" | "route" | "status">;
  readonly #gauges: Gauges;

  constructor() {
    const registers = [this.#registry];
    collectDefaultMetrics({ register: this.#registry });
    this.#requests = new Histogram({
      name: "budget_http_request_duration_seconds",
      help: "How long requests took, and with _count how many there were.",
      labelNames: ["method", "route", "status"],
      buckets: REQUEST_BUCKETS_S,
      registers,
    });
    this.meter = createMeter(registers);
    this.#gauges = new Gauges(registers);
  }

  requestEnded({ method, route, status, duration_ms }: ObservedRequest): void {
    this.#requests.observe({ method, route, status }, duration_ms / 1000);
  }

  /** Everything as Prometheus reads it, with what `watched` says now. */
  async text(watched: Watched): Promise<string> {
    await this.#gauges.read(watched);
    return this.#registry.metrics();
  }

  /** The same as objects. */
  async objects(watched: Watched): Promise<readonly PrometheusMetric[]> {
    await this.#gauges.read(watched);
    // Its types say that a type is a number, and leave out the parts of histograms.
    return (await this.#registry.getMetricsAsJSON()) as unknown as readonly PrometheusMetric[];
  }
}

function createMeter(registers: Registry[]): Meter {
  const decisions = new Counter({
    name: "budget_decisions_total",
    help: "Requests to hold tokens, or more of them, by how they were answered.",
    labelNames: ["outcome"],
    registers,
  });
  // A rate can be told from the first one on only where there was a 0 before.
  for (const outcome of DECISION_OUTCOMES) decisions.inc({ outcome }, 0);
  const overloaded = new Counter({
    name: "budget_commands_overloaded_total",
    help: "Commands that were turned away because too many waited.",
    registers,
  });
  const commands = new Histogram({
    name: "budget_batch_commands",
    help: "How many commands one transaction of the ledger took.",
    buckets: BATCH_BUCKETS_COMMANDS,
    registers,
  });
  const duration = new Histogram({
    name: "budget_batch_duration_seconds",
    help: "How long a transaction of the ledger took, other attempts included.",
    buckets: BATCH_BUCKETS_S,
    registers,
  });
  const catalogue = new Counter({
    name: "budget_catalogue_uses_total",
    help: "Transactions that found budgets, policies and prices in memory (hit), or had to read newer ones (refresh).",
    labelNames: ["result"],
    registers,
  });
  for (const result of ["hit", "refresh"]) catalogue.inc({ result }, 0);
  return {
    decided: (outcome: DecisionOutcome) => decisions.inc({ outcome }),
    turnedAway: () => overloaded.inc(),
    batchBegan(count) {
      const began_ms = performance.now();
      commands.observe(count);
      return () => duration.observe((performance.now() - began_ms) / 1000);
    },
    catalogueUsed: (isNewest) => catalogue.inc({ result: isNewest ? "hit" : "refresh" }),
  };
}
