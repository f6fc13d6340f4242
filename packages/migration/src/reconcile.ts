import type { ImportedTotals } from "@budget/domain";
import { groupKey } from "./usage-totals.ts";

/** What is compared of a group of rows. */
export type Amounts = Pick<
  ImportedTotals,
  "records" | "input_tokens" | "output_tokens" | "total_tokens" | "cost_nano_usd"
>;

/** One day, provider, model and component. */
export interface ReconciledGroup extends Pick<
  ImportedTotals,
  "day_start_ms" | "provider" | "model" | "component"
> {
  readonly theirs: Amounts;
  readonly ours: Amounts;
}

export interface Reconciliation {
  readonly theirs: Amounts;
  readonly ours: Amounts;
  /** In order of day, provider, model and component. */
  readonly groups: readonly ReconciledGroup[];
  /** Those of the groups whose two sides are not the same. */
  readonly differing: readonly ReconciledGroup[];
}

const NOTHING: Amounts = {
  records: 0,
  input_tokens: 0,
  output_tokens: 0,
  total_tokens: 0,
  cost_nano_usd: 0n,
};

const amountsOf = ({
  records,
  input_tokens,
  output_tokens,
  total_tokens,
  cost_nano_usd,
}: Amounts): Amounts => ({
  records,
  input_tokens,
  output_tokens,
  total_tokens,
  cost_nano_usd,
});

const sum = (all: readonly Amounts[]): Amounts =>
  all.reduce<Amounts>(
    (a, b) => ({
      records: a.records + b.records,
      input_tokens: a.input_tokens + b.input_tokens,
      output_tokens: a.output_tokens + b.output_tokens,
      total_tokens: a.total_tokens + b.total_tokens,
      cost_nano_usd: a.cost_nano_usd + b.cost_nano_usd,
    }),
    NOTHING,
  );

const isSame = (a: Amounts, b: Amounts): boolean =>
  (Object.keys(NOTHING) as (keyof Amounts)[]).every((name) => a[name] === b[name]);

/** Puts an old system's totals beside ours. Every group of either side is in it. */
export function reconcile(
  theirs: readonly ImportedTotals[],
  ours: readonly ImportedTotals[],
): Reconciliation {
  const theirsByKey = new Map(theirs.map((group) => [groupKey(group), group]));
  const oursByKey = new Map(ours.map((group) => [groupKey(group), group]));
  const all = new Map([...theirsByKey, ...oursByKey]);
  const groups = [...all]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, { day_start_ms, provider, model, component }]) => ({
      day_start_ms,
      provider,
      model,
      component,
      theirs: amountsOf(theirsByKey.get(key) ?? NOTHING),
      ours: amountsOf(oursByKey.get(key) ?? NOTHING),
    }));
  return {
    theirs: sum(groups.map((group) => group.theirs)),
    ours: sum(groups.map((group) => group.ours)),
    groups,
    differing: groups.filter((group) => !isSame(group.theirs, group.ours)),
  };
}
