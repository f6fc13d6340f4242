import { expect } from "chai";
import fc from "fast-check";
import type { UsageDraft } from "../../src/index.ts";
import { CONTEXT, DAY_MS, HOUR_MS, START_MS, onEveryDatabase, value } from "../support.ts";
import { APOLLO, RHETOR, cost, differences, importRows, importerOn, usageDraft, usedBy } from "./drafts.ts";

const CONTEXTS = ["a", "b"];

/** A row whose id may be another one's too, at a time that may be none; its content follows from the rest. */
const row: fc.Arbitrary<UsageDraft> = fc
  .record({
    id: fc.nat(15),
    timestamp_ms: fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: START_MS - 3 * DAY_MS, max: START_MS }) },
      { weight: 4, arbitrary: fc.integer({ min: START_MS - HOUR_MS, max: START_MS }) },
      { weight: 1, arbitrary: fc.integer({ min: -DAY_MS, max: -1 }) },
      { weight: 1, arbitrary: fc.integer({ min: START_MS + 1, max: START_MS + DAY_MS }) },
    ),
    context_id: fc.constantFrom(...CONTEXTS),
    model: fc.constantFrom("small", "large", "unknown"),
    input_tokens: fc.nat(3),
    output_tokens: fc.nat(3),
    unsplit: fc.nat(2),
    booked: fc.option(fc.nat(5)),
  })
  .map(({ id, unsplit, booked, ...fields }) =>
    usageDraft(String(id), {
      ...fields,
      total_tokens: fields.input_tokens + fields.output_tokens + unsplit,
      cost: booked === null ? null : cost(booked, 1),
    }),
  );

interface File {
  readonly kind: "file";
  readonly source: typeof APOLLO | typeof RHETOR;
  readonly rows: readonly UsageDraft[];
}

const step = fc.oneof(
  fc.record<File>({
    kind: fc.constant("file"),
    source: fc.constantFrom(APOLLO, RHETOR),
    rows: fc.array(row, { maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant("use" as const),
    context_id: fc.constantFrom(...CONTEXTS),
    tokens: fc.nat(9),
  }),
);

interface Counted {
  readonly tokens: number;
  readonly cost: bigint;
  readonly timestamp_ms: number;
  readonly context_id: string;
}

/** Rows that were imported, by source and id, and calls: what counts is found by going through all of them. */
class Model {
  readonly #rows = new Map<string, UsageDraft>();
  readonly #calls: Counted[] = [];

  use(context_id: string, tokens: number): void {
    this.#calls.push({ tokens, cost: BigInt(tokens) * 1000n, timestamp_ms: START_MS, context_id });
  }

  import({ source, rows }: File) {
    const report = { imported: 0, merged: 0, conflicts: 0, rejected: 0 };
    for (const draft of rows) {
      const key = `${source.system} ${draft.source_id}`;
      const before = this.#rows.get(key);
      if (draft.timestamp_ms < 0 || draft.timestamp_ms > START_MS) report.rejected += 1;
      else if (before === undefined) {
        this.#rows.set(key, draft);
        report.imported += 1;
      } else if (before.content === draft.content) report.merged += 1;
      else report.conflicts += 1;
    }
    return report;
  }

  #counted(): readonly Counted[] {
    const rows = [...this.#rows.values()].map(({ total_tokens, timestamp_ms, context_id, cost: booked }) => ({
      tokens: total_tokens,
      cost: booked === null ? 0n : booked.input_nano_usd + booked.output_nano_usd,
      timestamp_ms,
      context_id,
    }));
    return [...rows, ...this.#calls];
  }

  tokens(counts: (one: Counted) => boolean): number {
    return this.#counted().reduce((sum, one) => sum + (counts(one) ? one.tokens : 0), 0);
  }

  get cost(): bigint {
    return this.#counted().reduce((sum, one) => sum + one.cost, 0n);
  }

  imported(system: string): number {
    return [...this.#rows.keys()].filter((key) => key.startsWith(system)).length;
  }
}

onEveryDatabase("files of older systems in any order, beside calls", (open) => {
  it("count once each row that can be, in every window and context and in the reports", async () => {
    const test = await open();
    const budgets = await test.engine.budgets.create(CONTEXT, { name: "all" });
    const parent_budget_id = value(budgets).budget_id;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const { budget_id } = await test.budgetWith({ type: "log", period: "hourly" }, parent_budget_id);
        for (const period of ["daily", "total", "per_task"] as const)
          value(await test.engine.policies.create(CONTEXT, { budget_id, type: "log", period }));
        // A budget of its own for every run, and so a source of its own: others were imported before.
        const named = <S extends typeof APOLLO | typeof RHETOR>(source: S): S => ({
          ...source,
          name: budget_id,
        });
        const model = new Model();
        for (const one of steps) {
          if (one.kind === "use") {
            const { context_id, tokens } = one;
            const call = { budget_id, context_id, component: "rhetor", provider: "acme", model: "small" };
            value(
              await test.engine.usage.record(CONTEXT, { ...call, input_tokens: tokens, output_tokens: 0 }),
            );
            model.use(context_id, tokens);
          } else {
            const report = await importRows(test, budget_id, one.rows, named(one.source));
            expect({
              imported: report.imported,
              merged: report.merged,
              conflicts: report.conflicts.count,
              rejected: report.rejected.count,
            }).to.deep.equal(model.import(one));
          }
        }
        const since = (start_ms: number) => model.tokens(({ timestamp_ms }) => timestamp_ms >= start_ms);
        const used = await usedBy(test, budget_id);
        expect(used).to.include({
          hourly: since(START_MS - (START_MS % HOUR_MS)),
          daily: since(START_MS - (START_MS % DAY_MS)),
          total: since(0),
        });
        for (const context_id of CONTEXTS)
          expect(used[`per_task ${context_id}`] ?? 0).to.equal(
            model.tokens((one) => one.context_id === context_id),
          );
        const sum = await test.engine.usage.summary(CONTEXT, { budget_id });
        expect(sum.total_tokens).to.equal(since(0));
        expect(BigInt(Math.round(sum.total_cost * 1e9))).to.equal(model.cost);
        for (const source of [APOLLO, RHETOR]) {
          const totals = await importerOn(test).totals(CONTEXT, named(source));
          const records = totals.reduce((all, one) => all + one.records, 0);
          expect(records).to.equal(model.imported(source.system));
        }
        expect(await differences(test)).to.deep.equal([]);
      }),
      { numRuns: 40, seed: 20_261_123 },
    );
  }).timeout(120_000);
});
