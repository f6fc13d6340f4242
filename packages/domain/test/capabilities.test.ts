import { expect } from "chai";
import { NOTHING_KNOWN, isCapable, mergeCapabilities, type ModelCapabilities } from "../src/index.ts";

const model = { provider: "acme", model: "one-4.5" };
const said = (more: Partial<ModelCapabilities>): ModelCapabilities => ({
  ...NOTHING_KNOWN,
  ...model,
  ...more,
});

describe("capabilities of models", () => {
  it("are the least that any source promises, under whatever name", () => {
    const capabilitiesOf = mergeCapabilities([
      said({ context_tokens: 200_000, tools: true, vision: true }),
      said({ model: "One-4-5", context_tokens: 128_000, max_output_tokens: 4_000, vision: false }),
      said({ model: "two", tools: false }),
    ]);
    expect(capabilitiesOf(model)).to.deep.equal({
      context_tokens: 128_000,
      max_output_tokens: 4_000,
      tools: true,
      vision: false,
      reasoning: null,
    });
    expect(capabilitiesOf({ provider: "acme", model: "nobody" })).to.deep.equal(NOTHING_KNOWN);
  });

  it("are enough only where they are known", () => {
    const known = { ...NOTHING_KNOWN, context_tokens: 100, tools: true };
    expect(isCapable(known, {})).to.equal(true);
    expect(isCapable(known, { context_tokens: 100, tools: true, vision: false })).to.equal(true);
    expect(isCapable(known, { context_tokens: 101 })).to.equal(false);
    expect(isCapable(known, { vision: true })).to.equal(false);
    expect(isCapable(known, { reasoning: true })).to.equal(false);
    expect(isCapable(NOTHING_KNOWN, { tools: true })).to.equal(false);
  });
});
