import { LEASE_MS, newTenant, type Logger } from "@budget/domain";
import { TenantRepository } from "@budget/repositories";
import { TEST_DATABASES, type TestDatabase } from "@budget/repositories/testing";
import { expect } from "chai";
import type { RequestLimit } from "../src/request-counter.ts";
import { databaseTime, drawFrom, type DrawShared } from "../src/shared-buckets.ts";
import { SharedCounter } from "../src/shared-counter.ts";
import { startServer } from "../src/server.ts";
import { CONFIGURATION, START_MS, fetchAsAdmin } from "./support.ts";

const silent = () => undefined;
const logger: Logger = { error: silent, warning: silent, info: silent, debug: silent };
const TENANT = "01a20000-0000-7000-8000-000000000001";
const RATE = { per_second: 100, burst: 200 };

const postgres = TEST_DATABASES.find(({ name }) => name === "postgres")!;

describe("servers that count together", () => {
  let test: TestDatabase;
  let clock: { now_ms: number };
  let asked: number;
  let isAway: boolean;
  let counters: SharedCounter[];
  let keys = 0;

  const limit = (rate = RATE): RequestLimit => {
    keys += 1;
    const limit_id = `01a20000-0000-7000-8000-${String(keys).padStart(12, "0")}`;
    return { tenant_id: TENANT, limit_id, rate };
  };

  before(async () => {
    test = await postgres.open();
    await test.database.transaction(TENANT, (transaction) =>
      new TenantRepository(test.database).create(transaction, newTenant(TENANT, "x", 0)),
    );
  });
  after(() => test.close());

  beforeEach(() => {
    clock = { now_ms: START_MS };
    asked = 0;
    isAway = false;
    counters = [];
  });
  afterEach(async () => {
    for (const counter of counters) await counter.stop();
  });

  const server = (): SharedCounter => {
    const shared = drawFrom(test.database, () => Promise.resolve(clock.now_ms));
    const draw: DrawShared = (asks) => {
      asked += 1;
      return isAway ? Promise.reject(new Error("away")) : shared(asks);
    };
    const timers = { every: () => silent };
    const counter = new SharedCounter({ draw, now: () => clock.now_ms, timers, logger });
    counters.push(counter);
    return counter;
  };

  /** How many of so many requests at once go on. */
  const passing = async (counter: SharedCounter, of: RequestLimit, count: number): Promise<number> => {
    const all = await Promise.all(Array.from({ length: count }, async () => counter.count(of)));
    await counter.settled();
    return all.filter(({ wait_ms }) => wait_ms === 0).length;
  };

  it("let through one burst together, and use all of it", async () => {
    const [one, two, of] = [server(), server(), limit()];
    const passed = await Promise.all([passing(one, of, 300), passing(two, of, 300)]);
    expect(passed[0] + passed[1]).to.equal(RATE.burst);
    for (const counter of [one, two]) expect(await passing(counter, of, 1)).to.equal(0);
  });

  it("let through the rate together, and use all of it, while both are asked for more", async () => {
    const [one, two, of] = [server(), server(), limit()];
    let passed = 0;
    for (let step = 0; step <= 100; step += 1) {
      const both = await Promise.all([passing(one, of, step === 0 ? 300 : 5), passing(two, of, 5)]);
      passed += both[0] + both[1];
      expect(passed).to.be.at.most(RATE.burst + (RATE.per_second * (clock.now_ms - START_MS)) / 1000);
      clock.now_ms += 37;
    }
    const elapsed_ms = clock.now_ms - 37 - START_MS;
    expect(passed).to.equal(RATE.burst + Math.floor((RATE.per_second * elapsed_ms) / 1000));
  });

  it("never pass the bound, over any span, whoever is asked and how much", async () => {
    const [one, two, of] = [server(), server(), limit({ per_second: 50, burst: 30 })];
    const passed: { at_ms: number; count: number }[] = [];
    for (let step = 0; step < 150; step += 1) {
      // Rests, trickles and floods, on one server, the other, and both.
      clock.now_ms += [5, 40, 7, 600, 1, 90, 300][step % 7]!;
      const count =
        (await passing(one, of, [1, 0, 8, 2, 40, 0][step % 6]!)) +
        (await passing(two, of, [0, 3, 1, 0, 60, 9, 1, 0][step % 8]!));
      passed.push({ at_ms: clock.now_ms, count });
      if (step % 3 === 0) for (const counter of [one, two]) counter.look();
    }
    for (const [index, first] of passed.entries()) {
      let sum = 0;
      for (const { at_ms, count } of passed.slice(index)) {
        sum += count;
        expect(sum).to.be.at.most(of.rate.burst + (of.rate.per_second * (at_ms - first.at_ms)) / 1000);
      }
    }
  });

  it("give one that is alone its whole rate", async () => {
    const [one, of] = [server(), limit()];
    expect(await passing(one, of, 250)).to.equal(200);
    for (let step = 0; step < 100; step += 1) {
      clock.now_ms += 10;
      expect(await passing(one, of, 2)).to.equal(1);
    }
  });

  it("ask far less often than they are asked", async () => {
    const [one, of] = [server(), limit({ per_second: 1000, burst: 2000 })];
    let passed = 0;
    for (let step = 0; step < 1000; step += 1) {
      clock.now_ms += 2;
      const counted = one.count(of);
      passed += (await counted).wait_ms === 0 ? 1 : 0;
    }
    await one.settled();
    expect(passed).to.equal(1000);
    expect(asked).to.be.at.most(100);
    const before = asked;
    await passing(one, of, 5000);
    // One for the first that waits, and one for all that came meanwhile.
    expect(asked - before).to.be.at.most(4);
  });

  it("ask again for whoever comes in the moment of an answer", async () => {
    const [one, of, other] = [server(), limit(), limit()];
    const first = one.count(of);
    const second = Promise.resolve(first).then(() => one.count(other));
    expect((await second).wait_ms).to.equal(0);
  });

  it("ask no more of a bucket that is empty until there is something in it", async () => {
    const [one, of] = [server(), limit()];
    await passing(one, of, 250);
    const before = asked;
    for (let count = 0; count < 100; count += 1)
      expect(await one.count(of)).to.deep.equal({ left: 0, wait_ms: 10 });
    expect(asked).to.equal(before);
    clock.now_ms += 10;
    expect(await passing(one, of, 1)).to.equal(1);
  });

  it("give back what was not used, so that another one finds the whole burst", async () => {
    const [one, two, of] = [server(), server(), limit()];
    for (let count = 0; count < 40; count += 1) await one.count(of);
    await one.settled();
    clock.now_ms += LEASE_MS;
    one.look();
    await one.settled();
    clock.now_ms += 2000;
    expect(await passing(two, of, 250)).to.equal(200);
  });

  it("give back what is left when they stop", async () => {
    const [one, two, of] = [server(), server(), limit()];
    for (let count = 0; count < 40; count += 1) await one.count(of);
    await one.stop();
    expect(await passing(two, of, 250)).to.equal(160);
  });

  it("find the burst of one that was killed again, soon after", async () => {
    const [one, two, of] = [server(), server(), limit()];
    for (let count = 0; count < 40; count += 1) await one.count(of);
    await one.settled();
    counters = [two];
    clock.now_ms += 4000;
    expect(await passing(two, of, 250)).to.equal(200);
  });

  it("count each for itself while the database is away, and not without a bound", async () => {
    const [one, of] = [server(), limit()];
    isAway = true;
    expect(await passing(one, of, 500)).to.equal(200);
    const before = asked;
    clock.now_ms += 100;
    expect(await passing(one, of, 500)).to.equal(10);
    expect(asked).to.equal(before);
    isAway = false;
    clock.now_ms += 1000;
    expect(await passing(one, of, 500)).to.equal(200);
    expect(asked).to.be.greaterThan(before);
  });

  it("go by the clock of the database, which is the same for all", async () => {
    const [row] = await test.database.knex
      .raw<{ rows: { ms: string }[] }>("SELECT extract(epoch FROM clock_timestamp()) * 1000 AS ms")
      .then(({ rows }) => rows);
    const time_ms = await test.database.transaction(TENANT, databaseTime);
    expect(time_ms).to.be.at.least(Math.floor(Number(row?.ms)));
    expect(Number.isInteger(time_ms)).to.equal(true);
  });

  it("are processes with a database between them", async () => {
    const shared = await postgres.open();
    const rate_limit = { per_second: 1, burst: 60 };
    const configuration = { ...CONFIGURATION, database_url: shared.url, rate_limit };
    const servers = [await startServer(configuration, logger), await startServer(configuration, logger)];
    try {
      const began_ms = performance.now();
      const answers = await Promise.all(
        Array.from({ length: 160 }, (_, index) =>
          fetchAsAdmin(`http://127.0.0.1:${servers[index % 2]!.port}/api/budgets`),
        ),
      );
      const elapsed_s = (performance.now() - began_ms) / 1000;
      const passed = answers.filter(({ status }) => status === 200).length;
      expect(new Set(answers.map(({ status }) => status))).to.deep.equal(new Set([200, 429]));
      expect(passed).to.be.at.least(60);
      expect(passed).to.be.at.most(60 + rate_limit.per_second * elapsed_s);
      const refused = answers.find(({ status }) => status === 429)!;
      expect(refused.headers.get("retry-after")).to.equal("1");
      expect(refused.headers.get("ratelimit")).to.equal('"key";r=0;t=1');
    } finally {
      for (const one of servers) await one.stop();
      await shared.close();
    }
  }).timeout(60_000);
});
