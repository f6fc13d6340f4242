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
    const { price, matched_by } = value(await prices.current(CONTEXT, "ACME", " Small "));
    expect([price.model, matched_by]).to.deep.equal(["small", "exact"]);
    expect(value(await prices.history(CONTEXT, "acme", "large"))).to.have.length(1);
  });

  it("of a dated name are those of its undated one", async () => {
    const test = await open();
    const { price, matched_by } = value(
      await test.engine.prices.current(CONTEXT, "acme", "small-2026-08-01"),
    );
    expect([price.model, matched_by]).to.deep.equal(["small", "family"]);
  });

  it("that nobody knows are said to be unknown", async () => {
    const test = await open();
    expect(code(await test.engine.prices.current(CONTEXT, "acme", "huge"))).to.equal("price_not_found");
    expect(code(await test.engine.prices.history(CONTEXT, "acme", "huge"))).to.equal("price_not_found");
  });
});

onEveryDatabase("more work than can wait", (open) => {
  it("is turned away at once, and what was taken is done", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    const outcomes = await Promise.all(Array.from({ length: 20_005 }, () => test.allocate(budget_id, 1)));
    const codes = new Map<string, number>();
    for (const outcome of outcomes) codes.set(code(outcome), (codes.get(code(outcome)) ?? 0) + 1);
    expect(Object.fromEntries(codes)).to.deep.equal({ ok: 20_000, overloaded: 5 });
    expect((await test.counted(budget_id)).held).to.equal(20_000);
  }).timeout(60_000);

  it("is turned away by an engine that has stopped", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    await test.engine.stop();
    expect(code(await test.allocate(budget_id, 1))).to.equal("overloaded");
  });
});
