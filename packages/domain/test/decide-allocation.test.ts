import { expect } from "chai";
import fc from "fast-check";
import { decideAllocation, type CountedPolicy, type Decision, type HoldRequest } from "../src/index.ts";
import { makeBalance, makePolicy } from "./make.ts";

const DAY_END_MS = 86_400_000;
const NOW_MS = 40_000_000;

/** Every token costs 10 nano-USD, unless the price is unknown. */
const request = (tokens: number, fields: Partial<HoldRequest> = {}): HoldRequest => ({
  tokens,
  min_tokens: tokens,
  now_ms: NOW_MS,
  priority: 5,
  holdFor: (count) => ({ tokens: count, cost_nano_usd: BigInt(count) * 10n }),
  ...fields,
});

const unpriced: Partial<HoldRequest> = { holdFor: (tokens) => ({ tokens, cost_nano_usd: null }) };
const free: Partial<HoldRequest> = { holdFor: (tokens) => ({ tokens, cost_nano_usd: 0n }) };

const counted = (
  policy: Partial<CountedPolicy["policy"]>,
  balance: Partial<CountedPolicy["balance"]> = {},
  end_ms: number | null = DAY_END_MS,
): CountedPolicy => ({
  policy: makePolicy(policy),
  balance: makeBalance(balance),
  window: { start_ms: 0, end_ms },
});

const verdict = (decision: Decision): string =>
  decision.granted
    ? `granted ${decision.warnings.map(({ code, measure }) => `${code}:${measure}`).join(" ")}`.trim()
    : `refused ${decision.refusal.violations.map(({ code }) => code).join(" ")}; ${decision.refusal.tokens_that_fit} fit`;

describe("decideAllocation", () => {
  const cases: readonly [string, HoldRequest, readonly CountedPolicy[], string][] = [
    ["no policy at all", request(1000), [], "granted"],
    ["far below the limit", request(10), [counted({ token_limit: 1000 })], "granted"],
    ["exactly the limit", request(1000), [counted({ token_limit: 1000 })], "granted action_threshold:tokens"],
    ["one above the limit", request(1001), [counted({ token_limit: 1000 })], "refused token_limit; 1000 fit"],
    [
      "used and held count together",
      request(301),
      [counted({ token_limit: 1000 }, { used_tokens: 300, held_tokens: 400 })],
      "refused token_limit; 300 fit",
    ],
    [
      "a passed limit leaves nothing",
      request(1),
      [counted({ token_limit: 1000 }, { used_tokens: 1200 })],
      "refused token_limit; 0 fit",
    ],
    [
      "the warning threshold",
      request(800),
      [counted({ token_limit: 1000 })],
      "granted warning_threshold:tokens",
    ],
    [
      "the action threshold",
      request(950),
      [counted({ token_limit: 1000 })],
      "granted action_threshold:tokens",
    ],
    ["just below the warning threshold", request(799), [counted({ token_limit: 1000 })], "granted"],
    [
      "the cost limit",
      request(101),
      [counted({ cost_limit_nano_usd: 1000n })],
      "refused cost_limit; 100 fit",
    ],
    [
      "cost and tokens of one policy",
      request(101),
      [counted({ cost_limit_nano_usd: 1000n, token_limit: 50 })],
      "refused token_limit cost_limit; 50 fit",
    ],
    [
      "every policy that does not fit is named",
      request(500),
      [counted({ token_limit: 400 }), counted({ token_limit: 1000 }), counted({ cost_limit_nano_usd: 100n })],
      "refused token_limit cost_limit; 10 fit",
    ],
    [
      "a warn policy never refuses",
      request(2000),
      [counted({ type: "warn", token_limit: 1000 })],
      "granted limit_passed:tokens",
    ],
    [
      "a log policy never refuses",
      request(2000),
      [counted({ type: "log", token_limit: 1000 })],
      "granted limit_passed:tokens",
    ],
    [
      "a disabled policy says nothing",
      request(2000),
      [counted({ enabled: false, token_limit: 1000 })],
      "granted",
    ],
    [
      "a policy says nothing at the instant of its end",
      request(2000),
      [counted({ end_ms: NOW_MS, token_limit: 1000 })],
      "granted",
    ],
    [
      "a policy refuses a millisecond before its end",
      request(2000),
      [counted({ end_ms: NOW_MS + 1, token_limit: 1000 })],
      "refused token_limit; 1000 fit",
    ],
    [
      "a warn policy at its end does not warn",
      request(2000),
      [counted({ end_ms: NOW_MS - 1, type: "warn", token_limit: 1000 })],
      "granted",
    ],
    [
      "a log policy without limits only counts",
      request(2000),
      [counted({ type: "log" }, { used_tokens: 5 })],
      "granted",
    ],
    [
      "an unknown price is refused by a cost limit",
      request(10, unpriced),
      [counted({ cost_limit_nano_usd: 1000n })],
      "refused price_unknown; 0 fit",
    ],
    [
      "unless the policy lets it pass",
      request(10, unpriced),
      [counted({ cost_limit_nano_usd: 1000n, allow_unpriced: true })],
      "granted price_unknown:cost",
    ],
    [
      "an unknown price does not matter to tokens",
      request(10, unpriced),
      [counted({ token_limit: 1000 })],
      "granted",
    ],
    [
      "critical priority passes where the policy allows it",
      request(2000, { priority: 10 }),
      [counted({ token_limit: 1000, priority_override: true })],
      "granted priority_override:tokens",
    ],
    [
      "critical priority passes nowhere else",
      request(2000, { priority: 10 }),
      [counted({ token_limit: 1000 })],
      "refused token_limit; 1000 fit",
    ],
    [
      "high priority is not critical",
      request(2000, { priority: 8 }),
      [counted({ token_limit: 1000, priority_override: true })],
      "refused token_limit; 1000 fit",
    ],
    [
      "a free model is refused by a budget that is overspent",
      request(10, free),
      [counted({ cost_limit_nano_usd: 1000n }, { used_cost_nano_usd: 1001n })],
      "refused cost_limit; 0 fit",
    ],
  ];
  for (const [name, asked, policies, expected] of cases) {
    it(name, () => expect(verdict(decideAllocation(asked, policies))).to.equal(expected));
  }

  describe("a range of tokens", () => {
    const range = (min_tokens: number, tokens: number) => request(tokens, { min_tokens });
    const grantedOf = (decision: Decision) =>
      decision.granted ? decision.tokens : `refused; ${decision.refusal.tokens_that_fit} fit`;

    it("is granted whole where it fits", () => {
      expect(grantedOf(decideAllocation(range(10, 100), [counted({ token_limit: 100 })]))).to.equal(100);
    });

    it("is granted the most that fits", () => {
      const policies = [
        counted({ token_limit: 100 }, { held_tokens: 30 }),
        counted({ cost_limit_nano_usd: 650n }),
      ];
      expect(grantedOf(decideAllocation(range(10, 100), policies))).to.equal(65);
    });

    it("is granted its least, and not a token less", () => {
      const decide = (held_tokens: number) =>
        grantedOf(decideAllocation(range(10, 100), [counted({ token_limit: 100 }, { held_tokens })]));
      expect([decide(90), decide(91)]).to.deep.equal([10, "refused; 9 fit"]);
    });

    it("is refused for what its least would need", () => {
      const decision = decideAllocation(range(10, 100), [counted({ token_limit: 100 }, { used_tokens: 95 })]);
      const [violation] = decision.granted ? [] : decision.refusal.violations;
      expect(violation?.requested).to.equal(10n);
    });

    it("warns of what was granted, not of what was wanted", () => {
      const policies = [counted({ token_limit: 1000 }), counted({ token_limit: 50 })];
      expect(verdict(decideAllocation(range(10, 900), policies))).to.equal("granted action_threshold:tokens");
    });
  });

  describe("when the same request would fit", () => {
    const resetsAt = (decision: Decision) => (decision.granted ? "granted" : decision.refusal.resets_at_ms);

    it("is the end of the latest window in the way", () => {
      const policies = [
        counted({ token_limit: 100 }, { used_tokens: 100 }, DAY_END_MS),
        counted({ token_limit: 100, period: "monthly" }, { used_tokens: 100 }, 30 * DAY_END_MS),
      ];
      expect(resetsAt(decideAllocation(request(10), policies))).to.equal(30 * DAY_END_MS);
    });

    it("is unknown where live holds are in the way", () => {
      const policies = [counted({ token_limit: 100 }, { held_tokens: 95 })];
      expect(resetsAt(decideAllocation(request(10), policies))).to.equal(null);
    });

    it("is never where the request is above the limit itself", () => {
      expect(resetsAt(decideAllocation(request(101), [counted({ token_limit: 100 })]))).to.equal(null);
    });

    it("is never where the window has no end", () => {
      const policies = [counted({ token_limit: 100, period: "total" }, { used_tokens: 100 }, null)];
      expect(resetsAt(decideAllocation(request(10), policies))).to.equal(null);
    });

    it("is never where the price is unknown", () => {
      const policies = [counted({ cost_limit_nano_usd: 100n })];
      expect(resetsAt(decideAllocation(request(10, unpriced), policies))).to.equal(null);
    });
  });

  it("says in words what is left and what would fit", () => {
    const decision = decideAllocation(request(101), [counted({ cost_limit_nano_usd: 1000n })]);
    expect(decision.granted ? "" : decision.refusal.detail).to.equal(
      "101 tokens for about $0.00000101 do not fit: the daily limit of policy 0190a000-0000-7000-8000-0000000000aa " +
        "has $0.000001 of $0.000001 left. At most 100 tokens would fit now.",
    );
  });

  const amount = fc.integer({ min: 0, max: 2000 });
  const anyPolicy = fc
    .record({
      type: fc.constantFrom("log" as const, "warn" as const, "enforce" as const),
      enabled: fc.boolean(),
      end_ms: fc.constantFrom(null, NOW_MS - 1, NOW_MS, NOW_MS + 1),
      priority_override: fc.boolean(),
      token_limit: fc.option(amount),
      cost_limit: fc.option(fc.integer({ min: 0, max: 20_000 })),
      used_tokens: amount,
      held_tokens: amount,
      used_cost: fc.integer({ min: 0, max: 20_000 }),
    })
    .map((one) =>
      counted(
        {
          type: one.type,
          enabled: one.enabled,
          end_ms: one.end_ms,
          priority_override: one.priority_override,
          token_limit: one.token_limit,
          cost_limit_nano_usd: one.cost_limit === null ? null : BigInt(one.cost_limit),
        },
        {
          used_tokens: one.used_tokens,
          held_tokens: one.held_tokens,
          used_cost_nano_usd: BigInt(one.used_cost),
        },
      ),
    );

  /** The rule in its plainest words. */
  const fits = (asked: HoldRequest, policies: readonly CountedPolicy[]): boolean =>
    policies
      .filter(({ policy }) => policy.enabled && policy.type === "enforce")
      .filter(({ policy: { end_ms } }) => end_ms === null || NOW_MS < end_ms)
      .filter(({ policy }) => !(policy.priority_override && asked.priority === 10))
      .every(
        ({ policy, balance }) =>
          (policy.token_limit === null ||
            balance.used_tokens + balance.held_tokens + asked.tokens <= policy.token_limit) &&
          (policy.cost_limit_nano_usd === null ||
            balance.used_cost_nano_usd +
              balance.held_cost_nano_usd +
              (asked.holdFor(asked.tokens).cost_nano_usd ?? 0n) <=
              policy.cost_limit_nano_usd),
      );

  it("grants exactly what fits, and names the largest number of tokens that does", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3000 }),
        fc.constantFrom(1, 5, 8, 10),
        fc.array(anyPolicy, { maxLength: 5 }),
        (tokens, priority, policies) => {
          const decision = decideAllocation(request(tokens, { priority }), policies);
          expect(decision.granted).to.equal(fits(request(tokens, { priority }), policies));
          if (decision.granted) return;
          const { tokens_that_fit } = decision.refusal;
          expect(tokens_that_fit).to.be.below(tokens);
          const ranged = decideAllocation(request(tokens, { priority, min_tokens: 1 }), policies);
          expect(ranged.granted && ranged.tokens).to.equal(tokens_that_fit > 0 && tokens_that_fit);
          if (tokens_that_fit > 0)
            expect(fits(request(tokens_that_fit, { priority }), policies)).to.equal(true);
          expect(fits(request(tokens_that_fit + 1, { priority }), policies)).to.equal(false);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
