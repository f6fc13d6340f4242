import type { UsageRecord, UsageRollup } from "@budget/domain";

const HOUR_MS = 3_600_000;

/** What records add to the rollups of their hours. */
export class RollupSums {
  readonly #sums = new Map<string, UsageRollup>();

  add(record: UsageRecord): void {
    const hour_start_ms = record.timestamp_ms - (record.timestamp_ms % HOUR_MS);
    const { tenant_id, budget_id, component, tier, provider, model, task_type } = record;
    const key = JSON.stringify([hour_start_ms, budget_id, component, tier, provider, model, task_type]);
    const sum = this.#sums.get(key);
    this.#sums.set(key, {
      tenant_id,
      hour_start_ms,
      budget_id,
      component,
      tier,
      provider,
      model,
      task_type,
      request_count: (sum?.request_count ?? 0) + (record.adjusts_record_id === null ? 1 : 0),
      input_tokens: (sum?.input_tokens ?? 0) + record.input_tokens,
      output_tokens: (sum?.output_tokens ?? 0) + record.output_tokens,
      total_tokens: (sum?.total_tokens ?? 0) + record.total_tokens,
      input_cost_nano_usd: (sum?.input_cost_nano_usd ?? 0n) + record.input_cost_nano_usd,
      output_cost_nano_usd: (sum?.output_cost_nano_usd ?? 0n) + record.output_cost_nano_usd,
      other_cost_nano_usd: (sum?.other_cost_nano_usd ?? 0n) + record.other_cost_nano_usd,
      total_cost_nano_usd: (sum?.total_cost_nano_usd ?? 0n) + record.total_cost_nano_usd,
    });
  }

  /** One for each hour and combination of dimensions. */
  rows(): readonly UsageRollup[] {
    return [...this.#sums.values()];
  }
}
