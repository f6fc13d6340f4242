import { randomBytes } from "node:crypto";
import {
  DEFAULT_VERIFICATION_RULES,
  type Logger,
  type Markup,
  type Outcome,
  type PriceComponent,
  type PriceObservation,
  type ProviderPricing,
  type PriceRun,
  type SourceCredential,
  type SourceReading,
  type UsageUnit,
} from "@budget/domain";
import { prepareFirstStart } from "@budget/engine";
import {
  AlertRepository,
  PriceRepository,
  PriceReviewRepository,
  SecretBox,
  type Database,
} from "@budget/repositories";
import type { TEST_DATABASES, TestDatabase } from "@budget/repositories/testing";
import { v7 } from "uuid";
import type { LastRead, PriceSource, SourceRead } from "@budget/price-sources";
import { createPriceMonitor, type PriceMonitor } from "../src/index.ts";

export const START_MS = Date.parse("2026-11-23T09:30:00.000Z");
export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const TENANT_ID = "00000000-0000-7000-8000-000000000001";
/** Whoever changes something in a test. */
export const BY = {
  tenant_id: TENANT_ID,
  actor: { key_id: null, name: "ada", origin: "127.0.0.1", request_id: "r-1" },
};

/** Amounts in dollars for a million tokens. */
export const components = (
  amounts: Partial<Record<UsageUnit, number>>,
  above_input_tokens = 0,
): readonly PriceComponent[] =>
  Object.entries(amounts).map(([unit, dollars]) => ({
    unit: unit as UsageUnit,
    amount_femto_usd: BigInt(Math.round(dollars * 1e9)),
    above_input_tokens,
  }));

/** Amounts in dollars for a million tokens, in the order that they stand in. */
export const dollarsOf = (said: readonly PriceComponent[]): readonly number[] =>
  said.map(({ amount_femto_usd }) => Number(amount_femto_usd) / 1e9);

/** A price of `acme`'s model for input and output, in dollars for a million tokens. */
export const says = (
  model: string,
  input: number,
  output: number,
  more: Partial<PriceObservation> = {},
): PriceObservation => ({
  provider: "acme",
  model,
  scope: "",
  service_tier: "standard",
  time_of_day: null,
  effective_ms: null,
  end_ms: null,
  price_type: "token",
  components: components({ input_tokens: input, output_tokens: output }),
  name: `acme/${model}`,
  raw: { model, input, output },
  ...more,
});

export const reading = (
  observations: readonly PriceObservation[],
  more: Partial<SourceReading> = {},
): SourceReading => ({ observations, aliases: [], capabilities: [], set_aside: [], ...more });

/** A source that says what the test wants next. */
export class TestSource implements PriceSource {
  readonly name: string;
  readonly lineage: string;
  readonly trust_ppm: number;
  readonly interval_ms = HOUR_MS;
  readonly address: string;
  readonly asked: LastRead[] = [];
  /** What it was asked with last. */
  credential: SourceCredential | null = null;
  answer: SourceRead = { status: "not_modified" };

  constructor(name: string, trust_ppm: number, lineage = name) {
    this.name = name;
    this.trust_ppm = trust_ppm;
    this.lineage = lineage;
    this.address = `https://${name}.example/prices`;
  }

  says(...observations: readonly PriceObservation[]): void {
    this.saysAll(reading(observations));
  }

  saysAll(said: SourceReading): void {
    const content_hash = `hash of ${said.observations.length}`;
    this.answer = {
      status: "read",
      reading: said,
      etag: `"${said.observations.length}"`,
      last_modified: null,
      content_hash,
    };
  }

  fails(fault: Extract<SourceRead, { status: "failed" }>["fault"], detail = "It does not."): void {
    this.answer = { status: "failed", fault, detail };
  }

  read(last: LastRead, credential: SourceCredential | null): Promise<SourceRead> {
    this.credential = credential;
    this.asked.push({ etag: last.etag, last_modified: last.last_modified });
    return Promise.resolve(this.answer);
  }
}

/** What tests encrypt secrets with. */
export const TEST_SECRETS = SecretBox.of([{ key_id: "one", key: new Uint8Array(32).fill(1) }], {
  bytes: (count) => randomBytes(count),
});

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };

export interface TestMonitorOptions {
  /** Watched instead of the three test sources. */
  readonly sources?: readonly PriceSource[];
  readonly markups?: readonly Markup[];
  /** Goes on with its database, sources and time, as after a restart with another configuration. */
  readonly before?: TestMonitor | undefined;
}

/** A monitor over three sources on a fresh database, whose time stands still until the test moves it. */
export class TestMonitor {
  readonly test_database: TestDatabase;
  readonly clock = { now_ms: START_MS, now: () => this.clock.now_ms };
  readonly first: TestSource;
  readonly second: TestSource;
  readonly third: TestSource;
  readonly monitor: PriceMonitor;
  /** What others do while a run lets them have the database. */
  whileResting: () => Promise<void> = () => Promise.resolve();

  private constructor(test_database: TestDatabase, { markups = [], sources, before }: TestMonitorOptions) {
    this.test_database = test_database;
    this.clock.now_ms = before?.clock.now_ms ?? START_MS;
    this.first = before?.first ?? new TestSource("first", 900_000);
    this.second = before?.second ?? new TestSource("second", 800_000);
    this.third = before?.third ?? new TestSource("third", 700_000);
    this.monitor = createPriceMonitor({
      database: this.database,
      clock: this.clock,
      ids: { next: (msecs) => v7({ msecs }) },
      logger,
      random: () => 0,
      rest: () => this.whileResting(),
      sources: sources ?? [this.first, this.second, this.third],
      rules: DEFAULT_VERIFICATION_RULES,
      markups,
      secrets: TEST_SECRETS,
    });
  }

  static async open(
    kind: (typeof TEST_DATABASES)[number],
    options: TestMonitorOptions = {},
  ): Promise<TestMonitor> {
    if (options.before !== undefined) return new TestMonitor(options.before.test_database, options);
    const test = new TestMonitor(await kind.open(), options);
    const { database, clock } = test;
    await prepareFirstStart({
      database,
      clock,
      ids: { next: (msecs) => v7({ msecs }) },
      readPrices: () => [],
    });
    return test;
  }

  get database(): Database {
    return this.test_database.database;
  }

  /** Reads all sources a minute later. */
  async run(names?: readonly string[]): Promise<PriceRun> {
    this.clock.now_ms += MINUTE_MS;
    return valueOf(await this.monitor.run("request", names ?? ["first", "second", "third"]));
  }

  /** Prices of a model that every tenant shares, oldest first. */
  async prices(model: string): Promise<readonly ProviderPricing[]> {
    const all = await new PriceRepository(this.database).shared("", 10_000);
    return all
      .filter((price) => price.model === model)
      .sort((a, b) => a.effective_ms - b.effective_ms || (a.pricing_id < b.pricing_id ? -1 : 1));
  }

  /** Input and output of the price in force of a model, in dollars for a million tokens, with its status. */
  async inForce(model: string): Promise<readonly (number | string)[] | null> {
    const price = (await this.prices(model)).find(({ end_ms }) => end_ms === null);
    if (price === undefined) return null;
    return [...dollarsOf(price.components), price.status];
  }

  async reviews(status?: string) {
    const { items } = await new PriceReviewRepository(this.database).list({
      limit: 1000,
      ...(status === undefined ? {} : { status }),
    });
    return items;
  }

  async alerts() {
    return (await new AlertRepository(this.database).getAll(TENANT_ID, 1000, 0)).map(({ kind, message }) => ({
      kind,
      message,
    }));
  }

  close(): Promise<void> {
    return this.test_database.close();
  }
}

export function valueOf<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw new Error(JSON.stringify(outcome.rejection));
  return outcome.value;
}
