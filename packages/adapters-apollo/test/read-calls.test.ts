import { PortError } from "@budget/adapter-port";
import { expect } from "chai";
import { given, requirePeriod, requireTier, requireTokens, requireUsageType } from "../src/read-calls.ts";

describe("what is wrong with Apollo's requests", () => {
  const WRONG: readonly [() => unknown, string, string][] = [
    [
      () => requireTier("preferred_tier", "heavy"),
      "/preferred_tier",
      "preferred_tier must be one of local_lightweight, local_midweight, remote_heavyweight; it was heavy.",
    ],
    [
      () => requirePeriod("yearly"),
      "/period",
      "period must be one of hourly, daily, weekly, monthly, per_session, per_task; it was yearly.",
    ],
    [
      () => requireUsageType("both"),
      "/usage_type",
      "usage_type must be one of input, output, total; it was both.",
    ],
    [
      () => requireTokens("amount", 0, 1),
      "/amount",
      "amount must be a whole number of tokens, at least 1; it was 0.",
    ],
    [
      () => requireTokens("limit", Number.NaN, 0),
      "/limit",
      "limit must be a whole number of tokens, at least 0; it was NaN.",
    ],
  ];
  for (const [read, field, detail] of WRONG) {
    it(`is said: ${detail}`, () => {
      expect(read).to.throw(PortError).that.includes({ code: "invalid_value", field, detail });
    });
  }

  it("takes null, as Python writes it, for what is left out", () => {
    expect(given({ a: null, b: undefined, c: 0, d: "" })).to.deep.equal({ c: 0, d: "" });
  });
});
