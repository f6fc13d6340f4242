import type { AllocationCreate } from "@budget/domain";
import { expect } from "chai";
import { CONTEXT, TestEngine, onEveryDatabase, value } from "./support.ts";

const CALL = {
  context_id: "c",
  component: "writer",
  provider: "acme",
  model: "small",
  task_type: "chat",
} as const;

onEveryDatabase("a hold by what was learned", (open) => {
  /** Forty calls that answered with 10, 20, … 400 tokens. */
  async function learn(test: TestEngine, budget_id: string, model: string = CALL.model): Promise<void> {
    for (let call = 1; call <= 40; call += 1) {
      const usage = { ...CALL, model, budget_id, input_tokens: 5, output_tokens: call * 10 };
      value(await test.engine.usage.record(CONTEXT, usage));
    }
  }

  const ask = async (test: TestEngine, fields: Partial<AllocationCreate>) =>
    value(await test.engine.allocations.allocate(CONTEXT, { ...CALL, input_tokens: 100, ...fields }));

  it("takes the quantile of calls of its kind, and says so", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    await learn(test, budget_id);
    const { allocation, learned } = await ask(test, { budget_id, estimate: "p50", max_output_tokens: 8000 });
    expect(learned).to.include({ quantile: "p50", samples: 40 });
    expect(learned?.output_tokens).to.be.within(200, 205);
    expect(allocation.tokens_allocated).to.equal(100 + (learned?.output_tokens ?? 0));
    const { decision } = value(await test.engine.allocations.explain(CONTEXT, allocation.allocation_id));
    expect(decision.learned).to.deep.equal(learned);
  });

  it("takes the worst case where calls of another kind were seen, or too few", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    await learn(test, budget_id);
    const other = await ask(test, {
      budget_id,
      estimate: "p50",
      max_output_tokens: 8000,
      component: "reader",
    });
    expect([other.learned, other.allocation.tokens_allocated]).to.deep.equal([null, 8100]);
  });

  it("learns from snapshots for their model, and after a restart knows what was learned before", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    await learn(test, budget_id, "small-2026-01-15");
    await test.engine.stop();
    const again = TestEngine.on(test.test_database, test.clock);
    // The first command comes behind the reading of what was learned.
    await again.engine.verify(CONTEXT);
    const { learned } = await ask(again, { budget_id, estimate: "p99" });
    await again.engine.stop();
    expect(learned?.output_tokens).to.be.within(390, 400);
  });

  it("learns nothing from a call that is not over, and once from one that is sent again", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1_000_000 });
    for (let call = 0; call < 29; call += 1)
      await test.engine.usage.record(CONTEXT, { ...CALL, budget_id, input_tokens: 1, output_tokens: 10 });
    const { allocation } = value(await test.allocate(budget_id, 100, CALL));
    const part = { allocation_id: allocation.allocation_id, input_tokens: 1, output_tokens: 5 };
    value(await test.engine.usage.record(CONTEXT, part));
    const key = { ...CONTEXT, idempotency_key: "again" };
    const body = { ...CALL, budget_id, input_tokens: 1, output_tokens: 10 };
    expect((await ask(test, { budget_id, estimate: "p50", max_output_tokens: 99 })).learned).to.equal(null);
    for (let time = 0; time < 3; time += 1) value(await test.engine.usage.record(key, body));
    const { learned } = await ask(test, { budget_id, estimate: "p50", max_output_tokens: 99 });
    expect(learned).to.deep.equal({ quantile: "p50", output_tokens: 10, samples: 30 });
  });
});
