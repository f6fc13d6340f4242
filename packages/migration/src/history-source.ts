import type { ImportedTotals, OldSystem } from "@budget/domain";
import type { PolicyDraft, UnimportedRow, UsageDraft } from "@budget/engine";

/** A row of an old system, translated, or why it cannot be. */
export type RowReading<T> = { readonly draft: T } | { readonly unimported: UnimportedRow };

/**
 * Is told how far the work on a file is.
 * @param what the file, or what is done with it
 * @param rows that were read of it
 * @param share of the file that was read, 0 to 1
 */
export type OnProgress = (what: string, rows: number, share: number) => void;

/** One file of an old system: it is imported as a whole, or not at all. */
export interface HistoryPart {
  /** What people know it by. */
  readonly name: string;
  /**
   * The limits in it; none where it holds none.
   * @throws SourceError where the file cannot be read
   */
  policies(): Promise<readonly RowReading<PolicyDraft>[]>;
  /**
   * The usage in it, read as it is asked for, each time from the beginning; null where it holds none.
   * @throws SourceError where the file cannot be read
   */
  readonly usage: (() => AsyncIterable<RowReading<UsageDraft>>) | null;
  /** Which share of its usage was read so far, 0 to 1. */
  progress(): number;
}

/** The files of an old system, opened. */
export interface HistorySource {
  readonly system: OldSystem;
  /** The path or address that they were opened at. */
  readonly place: string;
  readonly parts: readonly HistoryPart[];
  /**
   * What the old system's countable rows add up to: added up from the rows themselves and not from drafts, so that the
   * import can be judged by it. Rows that are not countable are those that cannot be imported.
   * @param onProgress is told now and then how far it is
   * @throws SourceError where a file cannot be read
   */
  totals(onProgress: OnProgress): Promise<readonly ImportedTotals[]>;
  /** What should be known of the rows that have been read as parts, one sentence each. */
  remarks(): readonly string[];
  close(): void;
}
