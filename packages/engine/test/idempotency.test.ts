import { expect } from "chai";
import { CONTEXT, code, onEveryDatabase, request, value, TestEngine } from "./support.ts";

onEveryDatabase("idempotency keys", (open) => {
  const context = { ...CONTEXT, idempotency_key: "key-1" };

  it("have one effect and one answer, whatever happened to the allocation since", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const input = request(budget_id, 400, { metadata: { cost_nano_usd: "12", deep: ["$bigint", "7"] } });
    const first = await test.engine.allocations.allocate(context, input);
    const { allocation_id } = value(first).allocation;
    value(
      await test.engine.usage.record(CONTEXT, {
        allocation_id,
        input_tokens: 10,
        output_tokens: 0,
        final: true,
      }),
    );
    expect(await test.engine.allocations.allocate(context, input)).to.deep.equal(first);
    expect(await test.counted(budget_id)).to.include({ used: 10, held: 0 });
  });

  it("hold within one batch, too", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, () => test.engine.allocations.allocate(context, request(budget_id, 400))),
    );
    const ids = new Set(outcomes.map((outcome) => value(outcome).allocation.allocation_id));
    expect(ids.size).to.equal(1);
    expect((await test.counted(budget_id)).held).to.equal(400);
  });

  it("name the field that differs when they are used for another request", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    value(await test.engine.allocations.allocate(context, request(budget_id, 400)));
    const changed = request(budget_id, 400, { metadata: { a: { b: 1 } } });
    const outcome = await test.engine.allocations.allocate(context, changed);
    if (outcome.ok || !("field" in outcome.rejection)) throw new Error("It was not rejected.");
    expect(outcome.rejection).to.include({ code: "idempotency_conflict", field: "/metadata" });
    expect((await test.counted(budget_id)).held).to.equal(400);
  });

  it("are not for another operation", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    value(await test.engine.allocations.allocate(context, request(budget_id, 400)));
    expect(code(await test.engine.budgets.create(context, { name: "x" }))).to.equal("idempotency_conflict");
  });

  it("repeat a refusal, although the request would fit by now", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const { allocation_id } = value(await test.allocate(budget_id, 1000)).allocation;
    const refused = await test.engine.allocations.allocate(context, request(budget_id, 1));
    value(await test.engine.allocations.release(CONTEXT, allocation_id));
    expect(await test.engine.allocations.allocate(context, request(budget_id, 1))).to.deep.equal(refused);
  });

  it("are free again after a request that was malformed", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ cost_limit: 1 });
    const malformed = request(budget_id, 1, { expiration_time: "2020-01-01T00:00:00Z" });
    expect(code(await test.engine.allocations.allocate(context, malformed))).to.equal("invalid_value");
    expect(code(await test.engine.allocations.allocate(context, request(budget_id, 1)))).to.equal("ok");
  });

  it("hold for usage, extend, release, budgets and policies", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const { allocation_id } = value(await test.allocate(budget_id, 500)).allocation;
    const keyed = (idempotency_key: string) => ({ ...CONTEXT, idempotency_key });
    const { engine } = test;
    const used = { allocation_id, input_tokens: 10, output_tokens: 0 };
    const twice = async (run: () => Promise<unknown>) => expect(await run()).to.deep.equal(await run());
    await twice(() => engine.usage.record(keyed("u"), used));
    await twice(() => engine.allocations.extend(keyed("e"), allocation_id, { additional_tokens: 100 }));
    expect(await test.counted(budget_id)).to.include({ used: 10, held: 590 });
    await twice(() => engine.allocations.release(keyed("r"), allocation_id));
    await twice(() => engine.budgets.create(keyed("b"), { name: "twice" }));
    expect((await engine.budgets.list(CONTEXT, { name: "twice" })).total).to.equal(1);
    const policy = { budget_id, type: "warn", period: "weekly", token_limit: 5 } as const;
    await twice(() => engine.policies.create(keyed("p"), policy));
    expect((await engine.policies.list(CONTEXT, { period: "weekly" })).total).to.equal(1);
  });

  it("hold across a restart", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const first = await test.engine.allocations.allocate(context, request(budget_id, 400));
    await test.engine.stop();
    const restarted = TestEngine.on(test.test_database, test.clock);
    expect(await restarted.engine.allocations.allocate(context, request(budget_id, 400))).to.deep.equal(
      first,
    );
    await restarted.engine.stop();
  });
});
