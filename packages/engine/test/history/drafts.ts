import { v7 } from "uuid";
import {
  createHistoryImporter,
  type HistoryImporter,
  type PolicyDraft,
  type UsageDraft,
  type UsageImportReport,
} from "../../src/index.ts";
import { CONTEXT, START_MS, value, type TestEngine } from "../support.ts";

export const APOLLO = { system: "apollo", name: "test" } as const;
export const RHETOR = { system: "rhetor", name: "test" } as const;

export const ids = { next: () => v7() };

/** A row of usage whose content says all that is in it. */
export function usageDraft(source_id: string, fields: Partial<UsageDraft> = {}): UsageDraft {
  const input_tokens = fields.input_tokens ?? 70;
  const output_tokens = fields.output_tokens ?? 30;
  const draft = {
    source_id,
    timestamp_ms: START_MS - 1000,
    context_id: "context",
    component: "rhetor",
    provider: "acme",
    model: "small",
    task_type: "chat",
    input_tokens,
    output_tokens,
    total_tokens: input_tokens + output_tokens,
    cost: null,
    operation_id: null,
    metadata: {},
    ...fields,
  };
  const asText = (_name: string, one: unknown) => (typeof one === "bigint" ? `${one}n` : one);
  return { content: JSON.stringify(draft, asText), ...draft };
}

export const cost = (input: number, output: number, other = 0): NonNullable<UsageDraft["cost"]> => ({
  input_nano_usd: BigInt(input),
  output_nano_usd: BigInt(output),
  other_nano_usd: BigInt(other),
});

export const policyDraft = (source_id: string, fields: Partial<PolicyDraft> = {}): PolicyDraft => ({
  source_id,
  content: JSON.stringify([source_id, fields.token_limit ?? 1000]),
  type: "enforce",
  period: "daily",
  time_zone: "UTC",
  tier: null,
  provider: null,
  model: null,
  component: null,
  task_type: null,
  token_limit: 1000,
  cost_limit_nano_usd: null,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  enabled: true,
  end_ms: null,
  priority_override: false,
  allow_unpriced: false,
  created_at_ms: START_MS - 1000,
  ...fields,
});

export const importerOn = ({ test_database: { database }, clock }: TestEngine): HistoryImporter =>
  createHistoryImporter({ database, clock, ids });

/** Imports rows of usage as one file. */
export const importRows = (
  test: TestEngine,
  budget_id: string,
  rows: Iterable<UsageDraft> | AsyncIterable<UsageDraft>,
  source: typeof APOLLO | typeof RHETOR = RHETOR,
): Promise<UsageImportReport> =>
  importerOn(test).import(CONTEXT, source, { dry_run: false }, (history) =>
    history.importUsage(budget_id, rows),
  );

export const differences = async (test: TestEngine): Promise<readonly unknown[]> =>
  (await test.engine.verify(CONTEXT)).differences;

export const defaultBudget = async (test: TestEngine): Promise<string> =>
  (await test.engine.budgets.getDefault(CONTEXT)).budget_id;

const TABLES = [
  "tenants",
  "budgets",
  "policies",
  "balances",
  "usage_records",
  "usage_rollups",
  "alerts",
  "events",
  "audit_entries",
  "audit_heads",
  "imported_records",
] as const;

/** Every row that an import could touch, as one text. */
export async function dump({ test_database }: TestEngine): Promise<string> {
  const texts: string[] = [];
  for (const table of TABLES) {
    const rows: object[] = await test_database.knex(table);
    const asText = (row: object) =>
      Object.entries(row)
        .map(([name, one]) => `${name}=${String(one)}`)
        .join(" ");
    texts.push(table, ...rows.map(asText).sort());
  }
  return texts.join("\n");
}

/** What a budget's policies have used now: by policy, or by policy and context. */
export async function usedBy(test: TestEngine, budget_id: string): Promise<Record<string, number>> {
  const rows = value(await test.engine.budgets.summary(CONTEXT, budget_id, null));
  return Object.fromEntries(
    rows.map((row) => [
      `${row.period}${row.context_id === null ? "" : ` ${row.context_id}`}`,
      row.total_tokens_used,
    ]),
  );
}
