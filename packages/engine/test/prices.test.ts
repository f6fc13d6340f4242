import { expect } from "chai";
import { CONTEXT, code, onEveryDatabase, value } from "./support.ts";

onEveryDatabase("prices", (open) => {
  it("are listed, and found by their exact name in any case", async () => {
    const test = await open();
    const { prices } = test.engine;
    expect((await prices.list(CONTEXT, { provider: "acme" })).total).to.equal(2);
    expect((await prices.list(CONTEXT, { model: "small" })).items.map(({ source }) => source)).to.deep.equal([
      "test",
    ]);
    const { price, matched_by } = value(
      await prices.current(CONTEXT, { provider: "ACME", model: " Small " }),
    );
    expect([price.model, matched_by]).to.deep.equal(["small", "exact"]);
    expect(value(await prices.history(CONTEXT, "acme", "large"))).to.have.length(1);
  });

  it("of a dated name are those of its undated one", async () => {
    const test = await open();
    const { price, matched_by } = value(
      await test.engine.prices.current(CONTEXT, { provider: "acme", model: "small-2026-08-01" }),
    );
    expect([price.model, matched_by]).to.deep.equal(["small", "family"]);
  });

  it("that nobody knows are said to be unknown", async () => {
    const test = await open();
    expect(code(await test.engine.prices.current(CONTEXT, { provider: "acme", model: "huge" }))).to.equal(
      "price_not_found",
    );
    expect(code(await test.engine.prices.history(CONTEXT, "acme", "huge"))).to.equal("price_not_found");
  });
});
