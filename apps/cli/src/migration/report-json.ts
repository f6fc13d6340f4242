import { femtoToUsdJson, nanoToUsdJson } from "@budget/domain";
import type { Amounts, MovedPolicy, ReconciledGroup, Reconciliation } from "@budget/migration";
import type { HistoricPriceImport } from "@budget/engine";
import type { Migration } from "./run-migration.ts";

/** A migration as JSON: amounts are dollars, times ISO 8601 in UTC. */
export function reportJson(migration: Migration): object {
  const { report, prices, place, source_name, ...rest } = migration;
  const { budget, budget_made, parts } = report;
  return {
    system: rest.system,
    source: source_name,
    place,
    dry_run: rest.dry_run,
    time_zone: rest.time_zone,
    shadow: rest.shadow,
    budget: { budget_id: budget.budget_id, name: budget.name, made: budget_made },
    policies: parts.flatMap(({ policies }) => policies.map(policyJson)),
    usage: parts.flatMap(({ name, usage }) => (usage === null ? [] : [{ file: name, ...usage }])),
    allocations: rest.allocations.map((allocation) => ({ ...allocation, result: "not moved" })),
    prices: prices.map(priceJson),
    remarks: rest.remarks,
    reconciliation: reconciliationJson(report.reconciliation),
  };
}

function policyJson({ source_id, result, reason, policy_id, draft }: MovedPolicy): object {
  return {
    source_id,
    result,
    reason,
    policy_id,
    ...(draft === null
      ? {}
      : {
          type: draft.type,
          period: draft.period,
          tier: draft.tier,
          provider: draft.provider,
          component: draft.component,
          task_type: draft.task_type,
          token_limit: draft.token_limit,
          cost_limit: draft.cost_limit_nano_usd === null ? null : nanoToUsdJson(draft.cost_limit_nano_usd),
          enabled: draft.enabled,
          start_date: new Date(draft.created_at_ms).toISOString(),
          end_date: draft.end_ms === null ? null : new Date(draft.end_ms).toISOString(),
        }),
  };
}

const priceJson = ({ price, result, differs_from }: HistoricPriceImport): object => ({
  provider: price.provider,
  model: price.model,
  input_cost_per_token: femtoToUsdJson(price.input_femto_usd),
  output_cost_per_token: femtoToUsdJson(price.output_femto_usd),
  verified: false,
  result,
  differs_from:
    differs_from === null
      ? null
      : {
          source: differs_from.source,
          input_cost_per_token: femtoToUsdJson(differs_from.input_femto_usd),
          output_cost_per_token: femtoToUsdJson(differs_from.output_femto_usd),
        },
});

/** Both sides of every group, and how many of them differ. */
export const reconciliationJson = ({ theirs, ours, groups, differing }: Reconciliation): object => ({
  differences: differing.length,
  theirs: amountsJson(theirs),
  ours: amountsJson(ours),
  groups: groups.map(groupJson),
});

const groupJson = ({ day_start_ms, provider, model, component, theirs, ours }: ReconciledGroup): object => ({
  day: new Date(day_start_ms).toISOString().slice(0, 10),
  provider,
  model,
  component,
  theirs: amountsJson(theirs),
  ours: amountsJson(ours),
});

const amountsJson = ({ cost_nano_usd, ...counts }: Amounts): object => ({
  ...counts,
  cost: nanoToUsdJson(cost_nano_usd),
});
