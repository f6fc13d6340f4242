import { expect } from "chai";
import { CONTEXT, TestEngine, onEveryDatabase, value } from "./support.ts";

onEveryDatabase("what may be a key", (open) => {
  it("is what has the id of one, made anywhere, within a second", async () => {
    const test = await open();
    const other = TestEngine.on(test.test_database, test.clock);
    const { access } = test.engine;
    expect([
      await access.mayOpen("x"),
      await access.mayOpen(`bgt_${"0".repeat(32)}_${"A".repeat(43)}`),
    ]).to.deep.equal([false, false]);
    const here = value(await access.create(CONTEXT, { name: "here", role: "viewer" }));
    expect(await access.mayOpen(here.text)).to.equal(true);
    const elsewhere = value(await other.engine.access.create(CONTEXT, { name: "elsewhere", role: "viewer" }));
    test.clock.now_ms += 999;
    expect(await access.mayOpen(elsewhere.text)).to.equal(false);
    test.clock.now_ms += 1;
    expect(await access.mayOpen(elsewhere.text)).to.equal(true);
    value(await other.engine.access.revoke(CONTEXT, elsewhere.key.key_id));
    test.clock.now_ms += 1000;
    expect([await access.mayOpen(elsewhere.text), await access.mayOpen(here.text)]).to.deep.equal([
      false,
      true,
    ]);
    await other.engine.stop();
  });
});
