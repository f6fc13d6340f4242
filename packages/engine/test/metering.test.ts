import type { DecisionOutcome, Meter } from "@budget/domain";
import { expect } from "chai";
import { CONTEXT, DAY_MS, TestEngine, code, onEveryDatabase, request, value } from "./support.ts";

/** Remembers what it is told. */
class TestMeter implements Meter {
  readonly decisions: DecisionOutcome[] = [];
  readonly catalogues: boolean[] = [];
  running = 0;
  answered = 0;

  readonly decided = (outcome: DecisionOutcome): void => void this.decisions.push(outcome);
  readonly turnedAway = (): void => undefined;
  readonly catalogueUsed = (isNewest: boolean): void => void this.catalogues.push(isNewest);
  readonly batchBegan = (commands: number): (() => void) => {
    this.running += 1;
    return () => {
      this.running -= 1;
      this.answered += commands;
    };
  };
}

onEveryDatabase("what an engine tells its meter", (open) => {
  async function metered() {
    const test = await open();
    const meter = new TestMeter();
    const { engine } = TestEngine.on(test.test_database, test.clock, meter);
    return { test, engine, meter };
  }

  it("is how requests to hold tokens were answered", async () => {
    const { test, engine, meter } = await metered();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const context = { ...CONTEXT, idempotency_key: "key-1" };
    const other = { ...CONTEXT, idempotency_key: "key-2" };
    const { allocation_id } = value(
      await engine.allocations.allocate(context, request(budget_id, 600)),
    ).allocation;
    await engine.allocations.allocate(context, request(budget_id, 600));
    await engine.allocations.allocate(context, request(budget_id, 700));
    await engine.allocations.allocate(other, request(budget_id, 600));
    await engine.allocations.allocate(other, request(budget_id, 600));
    await engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens: 100 });
    await engine.allocations.extend(CONTEXT, allocation_id, { additional_tokens: 1000 });
    expect(meter.decisions).to.deep.equal([
      ...["granted", "replayed", "rejected", "refused", "replayed"],
      ...["granted", "refused"],
    ]);
    // To ask what would be decided is no decision.
    await engine.allocations.check(CONTEXT, request(budget_id, 600));
    expect(meter.decisions).to.have.length(7);
    await engine.stop();
  });

  it("is how many commands were answered, and that none is under way", async () => {
    const { test, engine, meter } = await metered();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    await Promise.all(
      Array.from({ length: 10 }, () => engine.allocations.allocate(CONTEXT, request(budget_id, 10))),
    );
    expect(meter.answered).to.equal(10);
    expect(meter.running).to.equal(0);
    expect(engine.waiting()).to.equal(0);
    await engine.stop();
  });

  it("is whether the catalogue in memory was the newest", async () => {
    const { test, engine, meter } = await metered();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const allocate = () => engine.allocations.allocate(CONTEXT, request(budget_id, 10));
    await allocate();
    await allocate();
    await test.budgetWith({ token_limit: 5 });
    await allocate();
    expect(meter.catalogues).to.deep.equal([false, true, false]);
    await engine.stop();
  });
});

onEveryDatabase("what policies count", (open) => {
  it("is told of all that count over contexts, in their windows of now", async () => {
    const test = await open();
    const { budget_id, policy_id } = await test.budgetWith({ token_limit: 1000 });
    const monthly = await test.budgetWith({ token_limit: 500, period: "monthly" });
    await test.budgetWith({ token_limit: 1000, period: "per_session" });
    const { allocation_id } = value(await test.allocate(budget_id, 600)).allocation;
    const usage = { allocation_id, input_tokens: 100, output_tokens: 50 };
    expect(code(await test.engine.usage.record(CONTEXT, usage))).to.equal("ok");
    const counted = async () =>
      (await test.engine.policies.counted(CONTEXT)).map(({ policy, balance }) => ({
        policy_id: policy.policy_id,
        used: [balance.used_tokens, balance.used_cost_nano_usd],
        held: balance.held_tokens,
      }));
    const unused = { policy_id: monthly.policy_id, used: [0, 0n], held: 0 };
    expect(await counted()).to.deep.equal([{ policy_id, used: [150, 300_000n], held: 450 }, unused]);
    test.clock.now_ms += DAY_MS;
    expect(await counted()).to.deep.equal([{ policy_id, used: [0, 0n], held: 450 }, unused]);
  });
});
