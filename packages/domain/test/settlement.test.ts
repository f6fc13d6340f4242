import { expect } from "chai";
import fc from "fast-check";
import {
  addHeld,
  addUsed,
  balanceInWindow,
  bookOnAllocation,
  closeAllocation,
  holdChange,
  holdOf,
  overageOf,
  type BudgetAllocation,
} from "../src/index.ts";
import { makeAllocation, makeBalance } from "./make.ts";

describe("settlement", () => {
  it("holds what is allocated and not used yet", () => {
    const allocation = makeAllocation({ tokens_used: 400, cost_used_nano_usd: 4_000_000n });
    expect(holdOf(allocation)).to.deep.equal({ tokens: 600, cost_nano_usd: 6_000_000n });
  });

  it("never holds less than nothing, in tokens and in cost apart", () => {
    const allocation = makeAllocation({ tokens_used: 1200, cost_used_nano_usd: 4_000_000n });
    expect(holdOf(allocation)).to.deep.equal({ tokens: 0, cost_nano_usd: 6_000_000n });
  });

  for (const status of ["settled", "released", "expired"] as const) {
    it(`holds nothing once it is ${status}`, () => {
      const closed = closeAllocation(makeAllocation(), status, 7);
      expect(closed).to.include({ status, closed_at_ms: 7 });
      expect(holdOf(closed)).to.deep.equal({ tokens: 0, cost_nano_usd: 0n });
    });
  }

  it("closes once: a later close changes nothing", () => {
    const released = closeAllocation(makeAllocation(), "released", 7);
    expect(closeAllocation(released, "expired", 9)).to.equal(released);
  });

  it("books usage that comes after the end in full", () => {
    const expired = closeAllocation(makeAllocation(), "expired", 7);
    const booked = bookOnAllocation(expired, { tokens: 5000, cost_nano_usd: 1n }, true, 9);
    expect(booked).to.include({
      status: "expired",
      closed_at_ms: 7,
      tokens_used: 5000,
      cost_used_nano_usd: 1n,
    });
  });

  it("settles with the last usage", () => {
    const booked = bookOnAllocation(makeAllocation(), { tokens: 10, cost_nano_usd: 1n }, true, 9);
    expect(booked).to.include({ status: "settled", closed_at_ms: 9, tokens_used: 10 });
  });

  it("finds the overage in tokens and cost apart", () => {
    expect(overageOf({ tokens: 120, cost_nano_usd: 50n }, { tokens: 100, cost_nano_usd: 80n })).to.deep.equal(
      {
        tokens: 20,
        cost_nano_usd: 0n,
      },
    );
  });

  it("starts used anew when the window turns, and keeps what is held", () => {
    const balance = makeBalance({ used_tokens: 5, used_cost_nano_usd: 6n, held_tokens: 7, alerts_raised: 3 });
    expect(balanceInWindow(balance, { start_ms: 10, end_ms: 20 })).to.deep.include({
      window_start_ms: 10,
      used_tokens: 0,
      used_cost_nano_usd: 0n,
      held_tokens: 7,
      alerts_raised: 0,
    });
  });

  it("never goes back to an earlier window", () => {
    const balance = makeBalance({ window_start_ms: 10, used_tokens: 5 });
    expect(balanceInWindow(balance, { start_ms: 0, end_ms: 10 })).to.equal(balance);
  });

  it("keeps held equal to the live holds, and used to the usage, through any history", () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constant("use" as const),
        tokens: fc.nat(500),
        cost: fc.nat(500),
        final: fc.boolean(),
      }),
      fc.record({ kind: fc.constantFrom("release" as const, "expire" as const) }),
    );
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(1000), fc.array(step, { maxLength: 12 }), (tokens, cost, steps) => {
        let allocation: BudgetAllocation = makeAllocation({
          tokens_allocated: tokens,
          cost_allocated_nano_usd: BigInt(cost),
        });
        let balance = addHeld(makeBalance(), holdChange(null, allocation));
        let used = 0;
        for (const one of steps) {
          let next = allocation;
          if (one.kind === "use") {
            const amount = { tokens: one.tokens, cost_nano_usd: BigInt(one.cost) };
            next = bookOnAllocation(allocation, amount, one.final, 1);
            balance = addUsed(balance, amount);
            used += one.tokens;
          } else {
            next = closeAllocation(allocation, one.kind === "release" ? "released" : "expired", 1);
          }
          balance = addHeld(balance, holdChange(allocation, next));
          allocation = next;
        }
        const held = holdOf(allocation);
        expect(balance.held_tokens).to.equal(held.tokens);
        expect(balance.held_cost_nano_usd).to.equal(held.cost_nano_usd);
        expect(balance.used_tokens).to.equal(used);
        if (allocation.status !== "active") expect(balance.held_tokens).to.equal(0);
      }),
    );
  });
});
