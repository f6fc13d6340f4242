import { expect } from "chai";
import fc from "fast-check";
import { createMarkups, withMarkup, withoutMarkup, type PriceComponent } from "../src/index.ts";

describe("a markup", () => {
  const component = (amount_femto_usd: bigint): PriceComponent => ({
    unit: "input_tokens",
    amount_femto_usd,
    above_input_tokens: 5,
  });
  const CASES: readonly [amount: bigint, markup_ppm: number, expected: bigint][] = [
    [3_000_000_000n, 125_000, 3_375_000_000n],
    [3_000_000_000n, -100_000, 2_700_000_000n],
    [3_000_000_000n, -990_000, 30_000_000n],
    [3_000_000_000n, 10_000_000, 33_000_000_000n],
    [3_000_000_000n, 0, 3_000_000_000n],
    // 1.5 and 2.5 go to the even neighbour.
    [1n, 500_000, 2n],
    [5n, -500_000, 2n],
    [9_007_199_254_740_993n, 1, 9_007_208_261_940_248n],
  ];
  for (const [amount, markup_ppm, expected] of CASES) {
    it(`of ${markup_ppm} millionths makes ${expected} of ${amount}`, () => {
      expect(withMarkup([component(amount)], markup_ppm)).to.deep.equal([component(expected)]);
    });
  }

  it("can be taken off again, to the femto-USD where something was added", () => {
    const amounts = fc.bigInt({ min: 0n, max: 10n ** 15n });
    fc.assert(
      fc.property(amounts, fc.integer({ min: 0, max: 10_000_000 }), (amount, markup_ppm) => {
        const components = withMarkup([component(amount)], markup_ppm);
        expect(withoutMarkup({ components, markup_ppm })).to.deep.equal([component(amount)]);
      }),
    );
  });

  it("is the model's own, else its provider's", () => {
    const markupOf = createMarkups([
      { provider: "bedrock", model: null, markup_ppm: 10_000 },
      { provider: "bedrock", model: "acme.large", markup_ppm: -20_000 },
    ]);
    const thing = (provider: string, model: string) =>
      ({ provider, model, scope: "us", service_tier: "batch", time_of_day: null }) as const;
    expect(markupOf(thing("bedrock", "acme.large"))).to.equal(-20_000);
    expect(markupOf(thing("aws", "acme.small"))).to.equal(10_000);
    expect(markupOf(thing("openai", "gpt-4o"))).to.equal(0);
  });
});
