import { expect } from "chai";
import type { UsageDraft } from "../../src/index.ts";
import { CONTEXT, DAY_MS, HOUR_MS, START_MS, onEveryDatabase, value } from "../support.ts";
import {
  APOLLO,
  RHETOR,
  cost,
  defaultBudget,
  differences,
  dump,
  importRows,
  importerOn,
  usageDraft,
  usedBy,
} from "./drafts.ts";

const NONE = { count: 0, first: [] };

onEveryDatabase("usage of older systems", (open) => {
  it("is booked as it was: its time, its tokens, and its cost to the nano-dollar", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const timestamp_ms = Date.parse("2025-03-04T05:06:07.089Z");
    const row = usageDraft("17", {
      timestamp_ms,
      context_id: "Session 9",
      component: " Ergon",
      provider: "OpenAI",
      model: "GPT-4o-2024-08-06",
      cost: cost(123_456_789, 7, 1),
      operation_id: "op",
      metadata: { note: "\0 and ½" },
    });
    expect(await importRows(test, budget_id, [row])).to.deep.equal({
      read: 1,
      imported: 1,
      merged: 0,
      conflicts: NONE,
      rejected: NONE,
    });
    const { items } = await test.engine.usage.list(CONTEXT, {});
    expect(items).to.have.length(1);
    const { record_id, ...record } = items[0]!;
    expect(record_id).to.match(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(Number.parseInt(record_id.replace("-", "").slice(0, 12), 16)).to.equal(timestamp_ms);
    expect(record).to.deep.include({
      budget_id,
      allocation_id: null,
      context_id: "Session 9",
      component: "ergon",
      tier: "remote_heavyweight",
      provider: "openai",
      model: "gpt-4o-2024-08-06",
      input_tokens: 70,
      output_tokens: 30,
      total_tokens: 100,
      input_cost_nano_usd: 123_456_789n,
      output_cost_nano_usd: 7n,
      other_cost_nano_usd: 1n,
      total_cost_nano_usd: 123_456_797n,
      pricing_id: null,
      overage_tokens: 0,
      timestamp_ms,
      operation_id: "op",
      metadata: { note: "\0 and ½" },
    });
    expect(await differences(test)).to.deep.equal([]);
  });

  it("is counted by the limits over its budget in their windows of now, each context by itself, and by reports", async () => {
    const test = await open();
    const parent = await test.budgetWith({ token_limit: 1000 });
    const { budget_id } = await test.budgetWith({ token_limit: 1000, period: "hourly" }, parent.budget_id);
    const by_task = { budget_id, type: "enforce", period: "per_task", token_limit: 500 } as const;
    value(await test.engine.policies.create(CONTEXT, by_task));
    value(await test.allocate(budget_id, 50, { context_id: "a" }));
    const rows = [
      usageDraft("1", { context_id: "a" }),
      usageDraft("2", { context_id: "b", timestamp_ms: START_MS - HOUR_MS }),
      usageDraft("3", { context_id: "b", timestamp_ms: START_MS - DAY_MS }),
      usageDraft("4", { input_tokens: 0, output_tokens: 0, total_tokens: 200, context_id: "c" }),
    ];
    await importRows(test, budget_id, rows, APOLLO);
    expect(await usedBy(test, budget_id)).to.deep.equal({
      hourly: 300,
      "per_task a": 100,
      "per_task b": 200,
      "per_task c": 200,
    });
    expect(await usedBy(test, parent.budget_id)).to.deep.equal({ daily: 400 });
    expect((await test.counted(parent.budget_id)).held).to.equal(50);
    const sum = await test.engine.usage.summary(CONTEXT, { budget_id });
    expect(sum).to.include({ request_count: 4, total_input_tokens: 210, total_output_tokens: 90 });
    expect(sum.total_tokens).to.equal(500);
    const days = await test.engine.usage.analytics(CONTEXT, { budget_id });
    expect(days.map(({ date, total_tokens }) => [date, total_tokens])).to.deep.equal([
      ["2026-11-22", 100],
      ["2026-11-23", 400],
    ]);
    expect((await test.allocate(budget_id, 700)).ok).to.equal(false);
    value(await test.allocate(budget_id, 300, { context_id: "d" }));
    expect(await differences(test)).to.deep.equal([]);
  });

  it("merges what is there already and lists what is there with other content, within a file and over several", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const rows = [usageDraft("1"), usageDraft("2"), usageDraft("1"), usageDraft("2", { input_tokens: 5 })];
    const reason = "it was imported before with other content, which stays";
    expect(await importRows(test, budget_id, rows)).to.deep.equal({
      read: 4,
      imported: 2,
      merged: 1,
      conflicts: { count: 1, first: [{ source_id: "2", reason }] },
      rejected: NONE,
    });
    const overlapping = [usageDraft("2"), usageDraft("3"), usageDraft("1", { output_tokens: 6 })];
    expect(await importRows(test, budget_id, overlapping)).to.deep.include({
      imported: 1,
      merged: 1,
      conflicts: { count: 1, first: [{ source_id: "1", reason }] },
    });
    expect((await test.engine.usage.summary(CONTEXT, {})).total_tokens).to.equal(300);
    // The same ids elsewhere are other rows.
    expect((await importRows(test, budget_id, rows, APOLLO)).imported).to.equal(2);
    expect(await differences(test)).to.deep.equal([]);
  });

  it("changes nothing when it comes a second time, whatever budget it is sent to", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const rows = Array.from({ length: 1203 }, (_, index) =>
      usageDraft(`row ${index}`, { timestamp_ms: START_MS - index * 60_000 }),
    );
    expect((await importRows(test, budget_id, rows)).imported).to.equal(1203);
    const before = await dump(test);
    for (const target of [budget_id, await defaultBudget(test)])
      expect(await importRows(test, target, rows)).to.include({ imported: 0, merged: 1203 });
    expect(await dump(test)).to.equal(before);
    expect(await differences(test)).to.deep.equal([]);
  });

  describe("what no record can be made of", () => {
    const wrong: readonly (readonly [string, Partial<UsageDraft>, RegExp])[] = [
      ["a time before 1970", { timestamp_ms: -1 }, /^timestamp is -1/],
      ["a time that is none", { timestamp_ms: Number.NaN }, /^timestamp is NaN/],
      ["half a millisecond", { timestamp_ms: 0.5 }, /^timestamp is 0.5/],
      ["a time that is still to come", { timestamp_ms: START_MS + 1 }, /still to come/],
      ["negative tokens", { input_tokens: -1 }, /^input_tokens is -1/],
      ["half a token", { output_tokens: 0.5 }, /^output_tokens is 0.5/],
      ["more tokens than any call has", { total_tokens: 1e12 + 1 }, /^total_tokens is 1000000000001/],
      ["less in all than its parts", { total_tokens: 99 }, /less than input and output/],
      ["a negative cost", { cost: cost(5, -1) }, /^the cost is 4 nano-USD/],
      ["more cost than any call has", { cost: cost(1e15, 1) }, /must be from 0 to 1000000 USD/],
      ["no provider", { provider: "  " }, /^provider is empty/],
      ["no context", { context_id: "" }, /^context_id is empty/],
      ["a long model", { model: "x".repeat(201) }, /^model has 201 characters/],
      ["a NUL", { component: "a\0b" }, /^component has a NUL/],
      ["half of a surrogate pair", { operation_id: "\ud800" }, /^operation_id has/],
      ["no id", { source_id: "" }, /^source_id is empty/],
      ["a book of metadata", { metadata: { book: "x".repeat(65_536) } }, /^metadata is longer/],
    ];
    it("is listed with the reason, and the rest is imported", async () => {
      const test = await open();
      const rows = wrong.map(([name, fields]) => usageDraft(name, fields));
      const report = await importRows(test, await defaultBudget(test), [
        usageDraft("good"),
        ...rows,
        usageDraft("at the last moment", { timestamp_ms: START_MS }),
      ]);
      expect(report).to.include({ read: rows.length + 2, imported: 2, merged: 0 });
      expect(report.rejected.count).to.equal(wrong.length);
      for (const [index, [name, , reason]] of wrong.entries())
        expect(report.rejected.first[index]?.reason, name).to.match(reason);
      expect(await differences(test)).to.deep.equal([]);
    });

    it("is counted in full where more is wrong than can be listed", async () => {
      const test = await open();
      const rows = Array.from({ length: 250 }, (_, index) => usageDraft(String(index), { timestamp_ms: -1 }));
      const { rejected } = await importRows(test, await defaultBudget(test), rows);
      expect([rejected.count, rejected.first.length]).to.deep.equal([250, 100]);
    });
  });

  it("leaves nothing where the reading of the rows fails, and says how far it came", async () => {
    const test = await open();
    const { budget_id } = await test.budgetWith({ token_limit: 1000 });
    const before = await dump(test);
    function* broken(): Generator<UsageDraft> {
      for (let index = 0; index < 1100; index += 1) yield usageDraft(String(index));
      throw new Error("the file ends in the middle of a row");
    }
    const read: number[] = [];
    const failure = await importerOn(test)
      .import(CONTEXT, RHETOR, { dry_run: false }, (history) =>
        history.importUsage(budget_id, broken(), (rows) => read.push(rows)),
      )
      .then(
        () => "imported",
        (error: unknown) => (error as Error).message,
      );
    expect(failure).to.equal("the file ends in the middle of a row");
    expect(read).to.deep.equal([500, 1000]);
    expect(await dump(test)).to.equal(before);
  });

  it("leaves nothing after a dry run, which says what the real one says", async () => {
    const test = await open();
    const before = await dump(test);
    const run = (dry_run: boolean) =>
      importerOn(test).import(CONTEXT, RHETOR, { dry_run }, async (history) => {
        const budget = await history.prepareBudget({ name: "old", below_default: true, make_default: true });
        const { budget_id } = value(budget).budget;
        // Two files that overlap.
        const first = await history.importUsage(budget_id, [usageDraft("1"), usageDraft("2")]);
        const second = await history.importUsage(budget_id, [usageDraft("2"), usageDraft("3")]);
        return { first, second, totals: await history.totals() };
      });
    const dry = await run(true);
    expect(dry.second).to.include({ imported: 1, merged: 1 });
    expect(await dump(test)).to.equal(before);
    expect(await run(false)).to.deep.equal(dry);
    expect(await importerOn(test).totals(CONTEXT, RHETOR)).to.deep.equal(dry.totals);
  });

  it("adds up by day, provider, model and component, for each source apart", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const midnight_ms = Date.parse("2026-11-23T00:00:00Z");
    await importRows(test, budget_id, [
      usageDraft("1", { timestamp_ms: midnight_ms, cost: cost(1, 2, 4) }),
      usageDraft("2", { timestamp_ms: midnight_ms - 1, cost: cost(8, 16) }),
      usageDraft("3", { timestamp_ms: midnight_ms + 5, total_tokens: 1000 }),
      usageDraft("4", { timestamp_ms: midnight_ms, component: "apollo" }),
    ]);
    await importRows(test, budget_id, [usageDraft("1")], APOLLO);
    const of = { provider: "acme", model: "small", component: "rhetor" };
    const tokens = { input_tokens: 70, output_tokens: 30, total_tokens: 100 };
    expect(await importerOn(test).totals(CONTEXT, RHETOR)).to.deep.equal([
      { ...of, ...tokens, day_start_ms: midnight_ms - DAY_MS, records: 1, cost_nano_usd: 24n },
      { ...of, ...tokens, component: "apollo", day_start_ms: midnight_ms, records: 1, cost_nano_usd: 0n },
      {
        ...of,
        day_start_ms: midnight_ms,
        records: 2,
        input_tokens: 140,
        output_tokens: 60,
        total_tokens: 1100,
        cost_nano_usd: 7n,
      },
    ]);
    expect(await importerOn(test).totals(CONTEXT, { ...RHETOR, name: "other" })).to.deep.equal([]);
  });

  it("is told of by one event and one entry in the record for a file, and by none where nothing was new", async () => {
    const test = await open();
    const budget_id = await defaultBudget(test);
    const actor = { key_id: null, name: "ada", origin: "", request_id: "" };
    const context = { ...CONTEXT, actor };
    const rows = [usageDraft("1"), usageDraft("2"), usageDraft("3", { timestamp_ms: -1 })];
    for (let run = 0; run < 2; run += 1)
      await importerOn(test).import(context, RHETOR, { dry_run: false }, (history) =>
        history.importUsage(budget_id, rows),
      );
    const what = {
      system: "rhetor",
      source_name: "test",
      read: 3,
      imported: 2,
      merged: 0,
      conflicts: 0,
      rejected: 1,
    };
    const events: { payload: string }[] = await test.test_database
      .knex("events")
      .where({ event_type: "history.imported" });
    expect(events.map(({ payload }) => JSON.parse(payload) as unknown)).to.deep.equal([what]);
    const { items } = await test.engine.access.audit(CONTEXT, { action: "history.imported" });
    expect(items.map(({ subject_id, after, actor: by }) => ({ subject_id, after, by }))).to.deep.equal([
      { subject_id: budget_id, after: what, by: actor },
    ]);
    expect((await test.engine.access.verifyAudit(CONTEXT)).intact).to.equal(true);
  });

  it("knows no budget that is not there, and no source without a name", async () => {
    const test = await open();
    const failureOf = (work: Promise<unknown>) =>
      work.then(
        () => "done",
        (error: unknown) => (error as Error).message,
      );
    const nowhere = "0190a000-0000-7000-8000-000000000000";
    expect(await failureOf(importRows(test, nowhere, []))).to.contain(`no budget with the id ${nowhere}`);
    const unnamed = importerOn(test).import(CONTEXT, { system: "apollo", name: "" }, { dry_run: true }, () =>
      Promise.resolve(),
    );
    expect(await failureOf(unnamed)).to.equal("The name of the source is empty");
  });

  it("is priced anew only where nobody has booked a cost, and all is known that was used", async () => {
    const test = await open();
    await importRows(test, await defaultBudget(test), [
      usageDraft("booked", { cost: cost(3, 4) }),
      usageDraft("booked for free", { cost: cost(0, 0) }),
      usageDraft("not booked"),
      usageDraft("not split", { total_tokens: 500 }),
    ]);
    const request = {
      start_time: new Date(START_MS - DAY_MS).toISOString(),
      end_time: new Date(START_MS + DAY_MS).toISOString(),
      repriced_by: "ada",
      why: "test",
    };
    const foreseen = value(await test.engine.prices.reprice(CONTEXT, { ...request, dry_run: true }));
    const report = value(await test.engine.prices.reprice(CONTEXT, request));
    // 70 × 1,000 + 30 × 4,000 nano-USD.
    expect(report).to.include({ records_adjusted: 1, records_unpriced: 1, difference_nano_usd: 190_000n });
    expect(foreseen).to.deep.equal({ ...report, dry_run: true });
    const totals = await importerOn(test).totals(CONTEXT, RHETOR);
    expect(totals.map(({ cost_nano_usd }) => cost_nano_usd)).to.deep.equal([7n]);
    expect(await differences(test)).to.deep.equal([]);
  });
});
