import { createApolloAdapter } from "@budget/adapters-apollo";
import { createHistoryImporter, type UsageDraft } from "@budget/engine";
import { expect } from "chai";
import { v7 } from "uuid";
import { rhetorOver } from "../src/rhetor-cases.ts";
import { CONTEXT, START_MS, everyWay, type TestBudget } from "../src/test-budget.ts";

const draft = (
  source_id: string,
  tokens: Pick<UsageDraft, "input_tokens" | "output_tokens" | "total_tokens">,
) => ({
  source_id,
  content: source_id,
  timestamp_ms: START_MS - 1000,
  context_id: "chat-1",
  component: "ergon",
  provider: "openai",
  model: "gpt-4o",
  task_type: "chat",
  cost: null,
  operation_id: null,
  metadata: {},
  ...tokens,
});

/** A call whose tokens are split, and one of which an older system kept only the sum. */
async function importTwo({ database, clock, port }: TestBudget): Promise<void> {
  const { budget_id } = await port.defaultBudget();
  const source = { system: "apollo", name: "test" } as const;
  const importer = createHistoryImporter({ database, clock, ids: { next: () => v7() } });
  await importer.import(CONTEXT, source, { dry_run: false }, (history) =>
    history.importUsage(budget_id, [
      draft("1", { input_tokens: 70, output_tokens: 30, total_tokens: 100 }),
      draft("2", { input_tokens: 0, output_tokens: 0, total_tokens: 200 }),
    ]),
  );
}

everyWay("usage that an older system did not split", (open) => {
  const sums = { input_tokens: 70, output_tokens: 30, count: 2 };

  it("is in the totals of Apollo's analytics, and in those of each group", async () => {
    const budget = await open();
    await importTwo(budget);
    const apollo = createApolloAdapter({ port: budget.port, clock: budget.clock });
    const { total_tokens, providers, components } = await apollo.getTokenUsageAnalytics({});
    expect(total_tokens).to.equal(300);
    expect(components.ergon).to.include({ ...sums, total_tokens: 300 });
    expect(providers.openai).to.include({ ...sums, total_tokens: 300 });
    expect(providers.openai?.models["gpt-4o"]).to.include({ ...sums, total_tokens: 300 });
  });

  it("is in the total of Rhetor's summary", async () => {
    const budget = await open();
    await importTwo(budget);
    const summary = await rhetorOver(budget.port, budget).getUsageSummary({ group_by: "task_type" });
    expect(summary).to.include({
      total_tokens: 300,
      total_input_tokens: 70,
      total_output_tokens: 30,
      count: 2,
    });
    expect(summary.groups.chat).to.include(sums);
  });
});
