import type {
  Budget,
  BudgetPolicy,
  ImportSource,
  ImportedTotals,
  Metadata,
  NanoUsd,
  Outcome,
} from "@budget/domain";
import type { CommandContext } from "../engine.ts";

/** One row of usage of an old system, in our words. */
export interface UsageDraft {
  /** Its id there, 1 to 200 characters. */
  readonly source_id: string;
  /**
   * The row as it was read, in one canonical text, before names are mapped and times get a zone: by it the same row is
   * known again, and one that has changed since.
   */
  readonly content: string;
  /** Epoch milliseconds, not negative and not later than now. */
  readonly timestamp_ms: number;
  readonly context_id: string;
  /** Names are compared without regard to case, and kept in lower case. */
  readonly component: string;
  readonly provider: string;
  readonly model: string;
  readonly task_type: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
  /** At least input and output together; what is above them is not split. */
  readonly total_tokens: number;
  /** What the old system booked; null where it booked nothing. */
  readonly cost: {
    readonly input_nano_usd: NanoUsd;
    readonly output_nano_usd: NanoUsd;
    /** What cannot be told apart into input and output. */
    readonly other_nano_usd: NanoUsd;
  } | null;
  readonly operation_id: string | null;
  readonly metadata: Metadata;
}

/** One limit of an old system, in our words. */
export interface PolicyDraft extends Omit<
  BudgetPolicy,
  "tenant_id" | "policy_id" | "budget_id" | "updated_at_ms" | "version"
> {
  readonly source_id: string;
  /** As of a {@link UsageDraft}; it is kept with the policy. */
  readonly content: string;
}

/** A row that was not imported. */
export interface UnimportedRow {
  readonly source_id: string;
  readonly reason: string;
}

export interface UnimportedRows {
  readonly count: number;
  /** The first hundred of them. */
  readonly first: readonly UnimportedRow[];
}

/** What became of the rows: each is counted once. */
export interface UsageImportReport {
  readonly read: number;
  readonly imported: number;
  /** There already, the same. */
  readonly merged: number;
  /** There already under the same id, but with other content. */
  readonly conflicts: UnimportedRows;
  /** Those that no usage record can be made of. */
  readonly rejected: UnimportedRows;
}

export interface PolicyImport {
  readonly source_id: string;
  readonly result: "imported" | "unchanged" | "conflict" | "rejected";
  /** Why it was not imported; empty where it was, or was there. */
  readonly reason: string;
  /** Null where the draft was rejected. */
  readonly policy_id: string | null;
}

/** What became of the policies that were in shadow. */
export interface EndedShadow {
  /** How many got the types that they were imported with. */
  readonly changed: number;
  /** Those that cannot have theirs as they are now; they stay in shadow. */
  readonly left: readonly { readonly policy_id: string; readonly reason: string }[];
}

export interface WantedBudget {
  /** Null for the default budget, which is there already. */
  readonly name: string | null;
  /** Whether it is made below the default budget. */
  readonly below_default: boolean;
  /** Whether it becomes the default budget when it is made. */
  readonly make_default: boolean;
}

export interface PreparedBudget {
  readonly budget: Budget;
  /** False where a budget of this name was there: it is taken as it is. */
  readonly made: boolean;
}

/** One transaction of an import, which has the tenant for itself. */
export interface HistoryImport {
  /**
   * The budget of this name, made where it is missing. `invalid_value` where several have the name, or it is none;
   * `tenant_limit_reached` where the tenant may have no more budgets.
   */
  prepareBudget(wanted: WantedBudget): Promise<Outcome<PreparedBudget>>;
  /**
   * @param shadow whether policies only count until {@link HistoryImporter.enforce}
   * @throws Error where there is no such budget
   */
  importPolicies(
    budget_id: string,
    drafts: readonly PolicyDraft[],
    options: { readonly shadow: boolean },
  ): Promise<readonly PolicyImport[]>;
  /**
   * Reads the rows once, a part at a time, and books them. At the end all limits over the budget count them.
   * @param onProgress is told now and then how many rows have been read
   * @throws Error where there is no such budget, and what `rows` throws
   */
  importUsage(
    budget_id: string,
    rows: AsyncIterable<UsageDraft> | Iterable<UsageDraft>,
    onProgress?: (rows: number) => void,
  ): Promise<UsageImportReport>;
  /** As {@link HistoryImporter.totals}, with what this transaction has imported. */
  totals(): Promise<readonly ImportedTotals[]>;
}

/** Moves the history of older systems in. What is there already is known again, so that every import may be repeated. */
export interface HistoryImporter {
  /**
   * Runs `work` in one transaction that has the tenant for itself: servers decide nothing of it meanwhile, and refuse
   * what waits too long as unavailable. Where the process dies or `work` throws, nothing of it is there.
   * @param options.dry_run whether everything is taken back at the end; `work` sees it as if it had happened
   */
  import<T>(
    context: CommandContext,
    source: ImportSource,
    options: { readonly dry_run: boolean },
    work: (history: HistoryImport) => Promise<T>,
  ): Promise<T>;
  /**
   * What this source's imported usage adds up to in our tables, by day, provider, model and component, in this order;
   * without what repricing has added since.
   */
  totals(context: CommandContext, source: ImportSource): Promise<readonly ImportedTotals[]>;
  /**
   * Ends the shadow: the source's policies get the types that they were imported with. Those that were deleted, or given
   * another type, stay as they are; those whose limits were taken away stay in shadow.
   */
  enforce(context: CommandContext, source: ImportSource): Promise<EndedShadow>;
}
