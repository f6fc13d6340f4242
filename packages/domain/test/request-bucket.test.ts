import { expect } from "chai";
import fc from "fast-check";
import {
  LEASE_MS,
  LEASE_PERIOD_MS,
  draw,
  fullBucket,
  leasePeriodOf,
  refill,
  settleLease,
  waitForRequest,
  wholeRequests,
  type RequestBucket,
  type RequestRate,
} from "../src/request-bucket.ts";

const T0 = 1_700_000_000_000;
const RATE: RequestRate = { per_second: 100, burst: 200 };

const rates = fc.record({
  per_second: fc.integer({ min: 1, max: 2000 }),
  burst: fc.integer({ min: 1, max: 3000 }),
});

/** One of the servers that draw from one bucket: it uses leases while it may, and reports what it did now and then. */
class Server {
  leases: { period: number; until_ms: number; left: number; used: number }[] = [];

  use(most: number, now_ms: number): number {
    let used = 0;
    for (const lease of this.leases.filter(({ until_ms }) => now_ms < until_ms)) {
      const taken = Math.min(most - used, lease.left);
      lease.left -= taken;
      lease.used += taken;
      used += taken;
    }
    return used;
  }

  /** @returns what may go on at once */
  ask(
    bucket: RequestBucket,
    wanted: { now: number; ahead: number },
    now_ms: number,
  ): [RequestBucket, number] {
    const reports = this.leases.map((lease) => {
      const unused = now_ms < lease.until_ms ? 0 : lease.left;
      return { period: lease.period, used: lease.used, unused };
    });
    this.leases = this.leases
      .filter(({ until_ms }) => now_ms < until_ms)
      .map((lease) => ({ ...lease, used: 0 }));
    const drawn = draw(reports.reduce(settleLease, bucket), wanted);
    if (drawn.ahead > 0)
      this.leases.push({
        period: leasePeriodOf(now_ms),
        until_ms: now_ms + LEASE_MS,
        left: drawn.ahead,
        used: 0,
      });
    return [drawn.bucket, drawn.now];
  }
}

const steps = fc.array(
  fc.record({
    after_ms: fc.oneof(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 3 * LEASE_PERIOD_MS })),
    server: fc.nat(2),
    does: fc.constantFrom("asks", "uses", "dies"),
    now: fc.nat(300),
    ahead: fc.nat(300),
  }),
  { maxLength: 60 },
);

describe("a bucket of requests", () => {
  it("lets through the burst and the rate over any span at most, whatever its servers do", () => {
    fc.assert(
      fc.property(rates, steps, (rate, played) => {
        const servers = [new Server(), new Server(), new Server()];
        let bucket = fullBucket(rate, T0);
        let now_ms = T0;
        const passed: { at_ms: number; count: number }[] = [];
        for (const { after_ms, server: which, does, now, ahead } of played) {
          now_ms += after_ms;
          const server = servers[which]!;
          let count = 0;
          if (does === "uses") count = server.use(now, now_ms);
          else if (does === "dies") servers[which] = new Server();
          else [bucket, count] = server.ask(refill(bucket, rate, now_ms), { now, ahead }, now_ms);
          passed.push({ at_ms: now_ms, count });
        }
        for (const [index, first] of passed.entries()) {
          let sum = 0;
          for (const { at_ms, count } of passed.slice(index)) {
            sum += count;
            expect(sum * 1000).to.be.at.most(rate.burst * 1000 + rate.per_second * (at_ms - first.at_ms));
          }
        }
      }),
      { numRuns: 2000 },
    );
  });

  it("gives a server that is alone all of its rate, to the request", () => {
    fc.assert(
      fc.property(rates, fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 40 }), (rate, waits) => {
        let bucket = fullBucket(rate, T0);
        let now_ms = T0;
        let passed = 0;
        for (const after_ms of [0, ...waits]) {
          now_ms += after_ms;
          const drawn = draw(refill(bucket, rate, now_ms), { now: rate.burst, ahead: 0 });
          bucket = drawn.bucket;
          passed += drawn.now;
        }
        const most = rate.burst + Math.floor((rate.per_second * (now_ms - T0)) / 1000);
        // Less only where so long a wait was more than the burst.
        const isWhole = waits.every((wait_ms) => (wait_ms * rate.per_second) / 1000 <= rate.burst - 1);
        if (isWhole) expect(passed).to.equal(most);
        else expect(passed).to.be.at.most(most);
      }),
      { numRuns: 1000 },
    );
  });

  it("is the same at a later instant, however often it is looked at before", () => {
    fc.assert(
      fc.property(
        rates,
        fc.nat(3000),
        fc.nat(200),
        fc.nat(200),
        fc.array(fc.nat(1500), { minLength: 1, maxLength: 6 }),
        (rate, left, leased, leased_before, waits) => {
          const room = rate.burst - leased - leased_before;
          fc.pre(room >= 0);
          const start = { left_milli: Math.min(left, room) * 1000, at_ms: T0, leased, leased_before };
          let step = start;
          for (const wait_ms of waits) step = refill(step, rate, step.at_ms + wait_ms);
          expect(step).to.deep.equal(refill(start, rate, step.at_ms));
        },
      ),
    );
  });

  it("has a request when it says that it has, and not before", () => {
    fc.assert(
      fc.property(rates, fc.nat(999), (rate, left_milli) => {
        const empty = { ...fullBucket(rate, T0), left_milli };
        const wait_ms = waitForRequest(empty, rate);
        expect(wait_ms).to.be.greaterThan(0);
        expect(wholeRequests(refill(empty, rate, T0 + wait_ms))).to.be.at.least(1);
        expect(wholeRequests(refill(empty, rate, T0 + wait_ms - 1))).to.equal(0);
      }),
    );
  });

  it("leaves half of what is left to others, and takes back what was not used", () => {
    const drawn = draw(fullBucket(RATE, T0), { now: 20, ahead: 300 });
    expect([drawn.now, drawn.ahead, wholeRequests(drawn.bucket)]).to.deep.equal([20, 90, 90]);
    const report = { period: leasePeriodOf(T0), used: 30, unused: 60 };
    const settled = settleLease(refill(drawn.bucket, RATE, T0 + LEASE_MS), report);
    expect([wholeRequests(settled), settled.leased]).to.deep.equal([170, 0]);
    expect(wholeRequests(refill(settled, RATE, T0 + LEASE_MS + 300))).to.equal(200);
  });

  it("hears nothing of a lease that it has forgotten, nor of more than was leased", () => {
    const { bucket } = draw(fullBucket(RATE, T0), { now: 0, ahead: 50 });
    const report = { period: leasePeriodOf(T0), used: 0, unused: 50 };
    const later = refill(bucket, RATE, T0 + 2 * LEASE_PERIOD_MS + 500);
    expect(later).to.deep.include({ left_milli: 200_000, leased: 0, leased_before: 0 });
    expect(settleLease(later, report)).to.equal(later);
    const twice = [report, report].reduce(settleLease, bucket);
    expect(twice).to.deep.include({ left_milli: 200_000, leased: 0 });
  });

  it("goes on where a clock was put back, and gains nothing by it", () => {
    const { bucket } = draw(fullBucket(RATE, T0), { now: 200, ahead: 0 });
    const back = refill(bucket, RATE, T0 - 3_600_000);
    expect(wholeRequests(back)).to.equal(0);
    expect(wholeRequests(refill(back, RATE, T0 - 3_600_000 + 100))).to.equal(10);
  });

  it("holds no more than a burst that became smaller", () => {
    const smaller = { per_second: 100, burst: 10 };
    expect(wholeRequests(refill(fullBucket(RATE, T0), smaller, T0))).to.equal(10);
  });
});
