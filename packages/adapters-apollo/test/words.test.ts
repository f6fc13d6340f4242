import { PERIODS, POLICY_TYPES, TIERS, readPolicyType } from "@budget/domain";
import { expect } from "chai";
import fc from "fast-check";
import {
  APOLLO_PERIODS,
  defaultPolicies,
  readPeriod,
  readTier,
  toApolloPeriod,
  toApolloPolicyType,
  toExportTier,
} from "../src/index.ts";

/** A word as somebody may write it: each letter in either case, with white space around it. */
const written = (word: string) =>
  fc
    .tuple(
      fc.array(fc.boolean(), { minLength: word.length, maxLength: word.length }),
      fc.constantFrom("", " ", "\t"),
    )
    .map(([upper, space]) => {
      const letters = Array.from(word).map((letter, index) => (upper[index] ? letter.toUpperCase() : letter));
      return space + letters.join("") + space;
    });

const writtenOf = <T extends string>(words: readonly T[]) =>
  fc.constantFrom(...words).chain((word) => written(word).map((text) => ({ word, text })));

describe("Apollo's words", () => {
  it("reads every tier back that it writes, in Apollo's words and in its export's", () => {
    fc.assert(
      fc.property(writtenOf(TIERS), ({ word, text }) => {
        expect(readTier(text)).to.equal(word);
      }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...TIERS), fc.gen(), (tier, gen) => {
        expect(readTier(gen(written, toExportTier(tier)))).to.equal(tier);
      }),
    );
    expect(TIERS.map(toExportTier)).to.deep.equal(["lightweight", "midweight", "heavyweight"]);
  });

  it("reads every period back that it writes; what Budget alone knows has no word", () => {
    fc.assert(
      fc.property(writtenOf(APOLLO_PERIODS), ({ word, text }) => {
        expect(readPeriod(text)).to.equal(word);
        expect(toApolloPeriod(word)).to.equal(word);
      }),
    );
    expect(PERIODS.filter((period) => toApolloPeriod(period) === undefined)).to.deep.equal(["total"]);
  });

  it("brings policy types there and back; soft limits come back as warnings", () => {
    for (const type of POLICY_TYPES) expect(readPolicyType(toApolloPolicyType(type))).to.equal(type);
    const back = ["ignore", "warn", "soft_limit", "hard_limit"].map((word) =>
      toApolloPolicyType(readPolicyType(word)!),
    );
    expect(back).to.deep.equal(["ignore", "warn", "warn", "hard_limit"]);
  });

  it("takes no other word for one of its own", () => {
    const known = new Set<string>([...TIERS, ...TIERS.map(toExportTier), ...APOLLO_PERIODS]);
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.constantFrom("constructor", "__proto__", "weight", "total", "")),
        (word) => {
          fc.pre(!known.has(word.trim().toLowerCase()));
          expect([readTier(word), readPeriod(word)]).to.deep.equal([undefined, undefined]);
        },
      ),
    );
  });
});

describe("defaultPolicies", () => {
  it("makes the nine policies that Apollo starts with", () => {
    const limits = defaultPolicies().map(({ tier, period, token_limit }) => [tier, period, token_limit]);
    expect(limits).to.deep.equal([
      ["local_lightweight", "hourly", 1_000_000],
      ["local_lightweight", "daily", 10_000_000],
      ["local_lightweight", "per_session", 8_000],
      ["local_midweight", "hourly", 500_000],
      ["local_midweight", "daily", 5_000_000],
      ["local_midweight", "per_session", 16_000],
      ["remote_heavyweight", "hourly", 100_000],
      ["remote_heavyweight", "daily", 1_000_000],
      ["remote_heavyweight", "per_session", 32_000],
    ]);
    for (const policy of defaultPolicies("b")) {
      expect(policy).to.include({
        type: "warn",
        warning_threshold: 0.8,
        action_threshold: 0.95,
        budget_id: "b",
      });
    }
  });
});
