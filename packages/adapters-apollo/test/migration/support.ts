import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const NOW_MS = Date.parse("2026-11-27T00:00:00Z");

/** A folder with these files, for as long as `work` runs. */
export async function withFiles<T>(
  files: Readonly<Record<string, unknown>>,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), "budget-apollo-"));
  try {
    for (const [name, content] of Object.entries(files))
      writeFileSync(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export const POLICY = {
  policy_id: "07ac44a5-b312-49b9-8ad8-2d7586e2772e",
  type: "hard_limit",
  period: "daily",
  tier: "local_lightweight",
  component: "Ergon",
  task_type: null,
  limit: 1_000_000,
  warning_threshold: 0.8,
  action_threshold: 0.95,
  start_date: "2026-11-23T10:43:23.608494",
  end_date: null as string | null,
  enabled: true,
  metadata: { note: "runaway" },
};

export const RECORD = {
  record_id: "47967d5b-73a0-4b82-b204-4ab699b23085",
  allocation_id: "b34b0938-4ac3-4a04-a2de-88e44e4344e0",
  context_id: "ctx-7-87",
  component: "codex",
  provider: "unknown",
  model: "unknown",
  task_type: "analysis",
  tokens_used: 133,
  usage_type: "output",
  timestamp: "2026-03-02T08:41:52",
  operation_id: "op-87-0",
  metadata: {},
};
