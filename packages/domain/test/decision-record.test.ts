import { expect } from "chai";
import {
  decideAllocation,
  decisionRecord,
  decodeDecision,
  encodeDecision,
  type CountedPolicy,
} from "../src/index.ts";
import { makeBalance, makePolicy } from "./make.ts";

const ODD_AMOUNT = 9_007_199_254_740_993n;

const counted: readonly CountedPolicy[] = [
  {
    policy: makePolicy({ policy_id: "0190a000-0000-7000-8000-000000000001", token_limit: 1000 }),
    balance: makeBalance({ used_tokens: 900, held_tokens: 50 }),
    window: { start_ms: 0, end_ms: 86_400_000 },
  },
  {
    policy: makePolicy({
      policy_id: "0190a000-0000-7000-8000-000000000002",
      period: "total",
      cost_limit_nano_usd: ODD_AMOUNT,
      time_zone: "Europe/Berlin",
      enabled: false,
    }),
    balance: makeBalance({ used_cost_nano_usd: ODD_AMOUNT - 1n }),
    window: { start_ms: 0, end_ms: null },
  },
];

describe("the record of a decision", () => {
  const holdFor = (tokens: number) => ({ tokens, cost_nano_usd: ODD_AMOUNT });
  const request = { tokens: 60, min_tokens: 51, now_ms: 1000, priority: 5, holdFor };
  const learned = { quantile: "p95", output_tokens: 40, samples: 100 } as const;
  const record = decisionRecord(request, counted, decideAllocation(request, counted), learned);

  it("says what was wanted, what fits, and what the least would have held", () => {
    expect(record).to.include({ granted: false, tokens_wanted: 60, min_tokens: 51, tokens_that_fit: 50 });
    expect(record.hold).to.deep.equal(holdFor(51));
  });

  it("names what each policy said", () => {
    expect(record.policies.map(({ codes }) => codes)).to.deep.equal([["token_limit"], []]);
  });

  it("says that a policy which is at its end refused nothing", () => {
    const enabledAt = (end_ms: number | null): boolean | undefined => {
      const ended = counted.map((entry) => ({ ...entry, policy: { ...entry.policy, end_ms } }));
      return decisionRecord(request, ended, decideAllocation(request, ended), null).policies[0]?.enabled;
    };
    expect([null, 1001, 1000, 999].map(enabledAt)).to.deep.equal([true, true, false, false]);
  });

  it("comes back from its text as it was, to the last digit", () => {
    expect(decodeDecision(encodeDecision(record))).to.deep.equal(record);
    const unpriced = { ...record, hold: { tokens: 51, cost_nano_usd: null }, learned: null };
    expect(decodeDecision(encodeDecision(unpriced))).to.deep.equal(unpriced);
  });
});
