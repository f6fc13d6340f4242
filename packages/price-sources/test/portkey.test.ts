import { expect } from "chai";
import { readPortkey } from "../src/index.ts";
import { amountsOf, faultOf, hasRealFiles, readingIn, realFile, reasonsOf } from "./support.ts";

type Prices = Readonly<Record<string, number>>;

const config = (prices: Prices, additional: Prices = {}) => {
  const priced = (amounts: Prices) =>
    Object.fromEntries(Object.entries(amounts).map(([name, price]) => [name, { price }]));
  return { pricing_config: { pay_as_you_go: { ...priced(prices), additional_units: priced(additional) } } };
};
const read = (models: Record<string, unknown>) =>
  readingIn(readPortkey(JSON.stringify({ acme: models, other: null })));

describe("Portkey's rows for short and long requests", () => {
  it("are the price of short ones, under the name of the model", () => {
    const { observations, set_aside } = read({
      "one-gt-128k": config({ request_token: 0.0002 }),
      "one-lte-128k": config({ request_token: 0.0001 }),
      "one-lte-200k": config({ request_token: 0.0001, response_token: 0.0004 }),
    });
    expect(observations.map((one) => [one.model, one.name, ...amountsOf(one)])).to.deep.equal([
      ["one", "acme/one-lte-128k", "input_tokens 1", "output_tokens 4"],
    ]);
    expect(set_aside.map(({ name, reason }) => [name, reason])).to.deep.equal([
      ["acme/one-gt-128k", "context_bound_unclear"],
      ["other", "unreadable_row"],
    ]);
  });
});

describe("Portkey's units", () => {
  it("may be named twice", () => {
    const { observations } = read({
      one: config({ cache_read_image_input_token: 0.0002, cached_image_input_token: 0.0002 }),
      two: config({ request_token: 0.0001 }, { image_token: 0.003 }),
    });
    expect(observations.map(amountsOf)).to.deep.equal([
      ["cache_image_read_tokens 2"],
      ["input_tokens 1", "output_image_tokens 30"],
    ]);
  });
});

describe("Portkey's files", () => {
  it("are something else without any pricing_config", () => {
    expect(faultOf(readPortkey('{"error": {"message": "no such provider"}}'))).to.equal("MISSING_REQUIRED");
    expect(faultOf(readPortkey("{}"))).to.equal("MISSING_REQUIRED");
  });

  it("are empty without any price", () => {
    expect(faultOf(readPortkey(JSON.stringify({ acme: { one: config({}) } })))).to.equal("EMPTY");
  });
});

if (hasRealFiles) {
  describe("Portkey's real files", () => {
    it("have one amount for each unit, and names without bounds", () => {
      const { observations, set_aside } = readingIn(readPortkey(realFile("portkey-pricing-all.json.gz")));
      console.log(
        `      ${observations.length} observations; set aside ${JSON.stringify(reasonsOf(set_aside))}`,
      );
      expect(observations.length).to.be.greaterThan(3000);
      expect(observations.filter(({ model }) => /-(lte|gt)-\d+k$/.test(model))).to.deep.equal([]);
      for (const { components, name } of observations) {
        expect(new Set(components.map(({ unit }) => unit)).size, name).to.equal(components.length);
      }
    });
  });
}
