import {
  NO_METER,
  type AllocationCreate,
  type Logger,
  type Meter,
  type Outcome,
  type PriceDraft,
} from "@budget/domain";
import { TEST_DATABASES, type TestDatabase, type TestDatabaseOptions } from "@budget/repositories/testing";
import { v7 } from "uuid";
import { DEFAULT_TENANT_ID, createEngine, prepareFirstStart, type Engine } from "../src/index.ts";

/** Bytes that are other ones each time, and the same in every run. */
let drawn = 0;
const secrets = { bytes: (count: number) => new Uint8Array(count).fill((drawn += 1)) };

export const CONTEXT = { tenant_id: DEFAULT_TENANT_ID };

/** Monday, in the middle of an hour. */
export const START_MS = Date.parse("2026-11-23T09:30:00.000Z");
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Every input token of `acme/small` costs 1,000 nano-USD, every output token 4,000; `acme/large` ten times that. */
export const PRICES: readonly PriceDraft[] = [draft("small", 1n), draft("large", 10n)];

function draft(model: string, factor: bigint): PriceDraft {
  const amount = (unit: "input_tokens" | "output_tokens" | "cache_read_tokens", nano_usd: bigint) => ({
    unit,
    amount_femto_usd: nano_usd * factor * 1_000_000n,
    above_input_tokens: 0,
  });
  return {
    provider: "acme",
    model,
    price_type: "token",
    scope: "",
    service_tier: "standard",
    time_of_day: null,
    components: [
      amount("input_tokens", 1000n),
      amount("output_tokens", 4000n),
      amount("cache_read_tokens", 100n),
    ],
    effective_ms: 0,
    end_ms: null,
    source: "test",
    status: "provisional",
    verified: false,
  };
}

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

/** An engine on a fresh database, whose time stands still until the test moves it. */
export class TestEngine {
  readonly test_database: TestDatabase;
  readonly engine: Engine;
  readonly clock: { now_ms: number; now(): number };
  /** What the engine asked to be done again and again. */
  readonly repeated: (() => void)[];

  private constructor(
    test_database: TestDatabase,
    engine: Engine,
    clock: TestEngine["clock"],
    repeated: (() => void)[],
  ) {
    this.test_database = test_database;
    this.engine = engine;
    this.clock = clock;
    this.repeated = repeated;
  }

  static async open(
    kind: (typeof TEST_DATABASES)[number],
    options?: TestDatabaseOptions,
  ): Promise<TestEngine> {
    const test_database = await kind.open(options);
    const clock = { now_ms: START_MS, now: () => clock.now_ms };
    await prepareFirstStart({ database: test_database.database, clock, ids, readPrices: () => PRICES });
    return TestEngine.on(test_database, clock);
  }

  /** Another engine on the same database, as a second server is. */
  static on(test_database: TestDatabase, clock: TestEngine["clock"], meter: Meter = NO_METER): TestEngine {
    const repeated: (() => void)[] = [];
    const timers = {
      every(_interval_ms: number, work: () => void) {
        repeated.push(work);
        return silent;
      },
    };
    const { database } = test_database;
    const engine = createEngine({
      database,
      clock,
      ids,
      secrets,
      timers,
      logger,
      meter,
    });
    return new TestEngine(test_database, engine, clock, repeated);
  }

  async close(): Promise<void> {
    await this.engine.stop();
    await this.test_database.close();
  }

  /** A budget with one policy. */
  async budgetWith(
    policy: Omit<Parameters<Engine["policies"]["create"]>[1], "budget_id" | "type" | "period"> & {
      type?: "log" | "warn" | "enforce";
      period?: Parameters<Engine["policies"]["create"]>[1]["period"];
    },
    parent_budget_id: string | null = null,
  ): Promise<{ budget_id: string; policy_id: string }> {
    const { budget_id } = value(
      await this.engine.budgets.create(CONTEXT, { name: "test", parent_budget_id }),
    );
    const input = { budget_id, type: "enforce" as const, period: "daily" as const, ...policy };
    const { policy_id } = value(await this.engine.policies.create(CONTEXT, input));
    return { budget_id, policy_id };
  }

  allocate(budget_id: string, tokens: number, fields: Partial<AllocationCreate> = {}) {
    return this.engine.allocations.allocate(CONTEXT, request(budget_id, tokens, fields));
  }

  /** What the first policy of a budget counts now. */
  async counted(budget_id: string): Promise<{ used: number; held: number; cost: number; cost_held: number }> {
    const [row] = value(await this.engine.budgets.summary(CONTEXT, budget_id, null));
    if (row === undefined) throw new Error("The budget has no policy that counts anything.");
    return {
      used: row.total_tokens_used,
      held: row.tokens_held,
      cost: row.total_cost,
      cost_held: row.cost_held,
    };
  }
}

/** Ids need not follow the test's clock: they only have to sort by when they were made. */
export const ids = { next: () => v7() };

export const request = (
  budget_id: string,
  tokens: number,
  fields: Partial<AllocationCreate> = {},
): AllocationCreate => ({
  budget_id,
  context_id: "context",
  component: "rhetor",
  provider: "acme",
  model: "small",
  tokens_allocated: tokens,
  ...fields,
});

/** What was asked for, or the reason why not as a failure of the test. */
export function value<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new Error(`${outcome.rejection.code}: ${outcome.rejection.detail}`);
}

/** The code of a rejection, or `ok`. */
export const code = (outcome: Outcome<unknown>): string => (outcome.ok ? "ok" : outcome.rejection.code);

/** Runs the same tests on every database. */
export function onEveryDatabase(name: string, tests: (open: () => Promise<TestEngine>) => void): void {
  for (const kind of TEST_DATABASES) {
    describe(`${name} on ${kind.name}`, () => {
      const opened: TestEngine[] = [];
      afterEach(async () => {
        for (const test of opened.splice(0)) await test.close();
      });
      tests(async () => {
        const test = await TestEngine.open(kind);
        opened.push(test);
        return test;
      });
    });
  }
}
