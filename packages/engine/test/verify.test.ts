import { expect } from "chai";
import { CONTEXT, onEveryDatabase, value } from "./support.ts";

onEveryDatabase("verify", (open) => {
  const faults: readonly [string, string, Record<string, unknown>, RegExp][] = [
    [
      "a balance that holds too much",
      "balances",
      { held_tokens: 5000 },
      /^policy .* held_tokens: 5000, recounted 400$/,
    ],
    [
      "a balance that used too little",
      "balances",
      { used_tokens: 1 },
      /^policy .* used_tokens: 1, recounted 300$/,
    ],
    [
      "a cost that is off by a nano-dollar",
      "balances",
      { used_cost_nano_usd: 300_001 },
      /used_cost_nano_usd: 300001, recounted 300000$/,
    ],
    ["an allocation that forgot usage", "allocations", { tokens_used: 0 }, /^allocation .* used: 0 tokens/],
    [
      "a rollup that missed a request",
      "usage_rollups",
      { request_count: 7 },
      /^rollup of budget .* sums: 7 requests/,
    ],
    [
      "a rollup of another model, though the hour adds up",
      "usage_rollups",
      { model: "large" },
      /^rollup of budget .*\(acme small, .* sums: 0 requests, .* recounted 1 requests, 300 input/,
    ],
    [
      "a rollup whose costs are mixed up, though they add up",
      "usage_rollups",
      { input_cost_nano_usd: 0, other_cost_nano_usd: 300_000 },
      /sums: .* 0 \+ 0 \+ 300000 = 300000 nano-USD, recounted .* 300000 \+ 0 \+ 0 = 300000 nano-USD$/,
    ],
  ];
  for (const [name, table, change, expected] of faults) {
    it(`finds ${name}`, async () => {
      const test = await open();
      const { budget_id } = await test.budgetWith({ token_limit: 10_000 });
      const { allocation_id } = value(await test.allocate(budget_id, 700)).allocation;
      value(await test.engine.usage.record(CONTEXT, { allocation_id, input_tokens: 300, output_tokens: 0 }));
      const clean = await test.engine.verify(CONTEXT);
      expect(clean).to.deep.equal({
        policies_checked: 1,
        allocations_checked: 1,
        usage_records_checked: 1,
        differences: [],
      });
      await test.test_database.knex(table).update(change);
      const { differences } = await test.engine.verify(CONTEXT);
      const texts = differences.map(
        ({ subject, field, recorded, recounted }) =>
          `${subject} ${field}: ${recorded}, recounted ${recounted}`,
      );
      expect(
        texts.some((text) => expected.test(text)),
        texts.join("\n"),
      ).to.equal(true);
    });
  }
});
