import { normaliseName, type ImportedTotals, type OldSystem } from "@budget/domain";
import type { PolicyDraft, UsageDraft } from "@budget/engine";
import { UsageTotals } from "./usage-totals.ts";

/** What an operator wants to be called otherwise than in the old system. */
export interface Mapping {
  /** New names of components, by their old ones in lower case. */
  readonly components: ReadonlyMap<string, string>;
  /** The budgets that the old systems' things go into; the usual one where a system is missing. */
  readonly budgets: ReadonlyMap<OldSystem, string>;
}

export const NO_MAPPING: Mapping = { components: new Map(), budgets: new Map() };

const componentIn = ({ components }: Mapping, component: string): string =>
  components.get(normaliseName(component)) ?? component;

export const mapUsage = (draft: UsageDraft, mapping: Mapping): UsageDraft =>
  mapping.components.size === 0 ? draft : { ...draft, component: componentIn(mapping, draft.component) };

export const mapPolicy = (draft: PolicyDraft, mapping: Mapping): PolicyDraft =>
  draft.component === null ? draft : { ...draft, component: componentIn(mapping, draft.component) };

/** The old system's totals under the new names; two components that get the same name are added up. */
export function mapTotals(totals: readonly ImportedTotals[], mapping: Mapping): readonly ImportedTotals[] {
  const mapped = new UsageTotals();
  for (const group of totals) {
    const component = componentIn(mapping, group.component);
    mapped.add({ ...group, component, timestamp_ms: group.day_start_ms }, group.records);
  }
  return mapped.list();
}
