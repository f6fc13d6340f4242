import type { Budget, ImportSource, ImportedTotals, Outcome } from "@budget/domain";
import type {
  CommandContext,
  HistoryImport,
  HistoryImporter,
  PolicyDraft,
  PolicyImport,
  UnimportedRows,
  UsageDraft,
  WantedBudget,
} from "@budget/engine";
import type { HistoryPart, HistorySource, OnProgress, RowReading } from "./history-source.ts";
import { mapPolicy, mapTotals, mapUsage, type Mapping } from "./mapping.ts";
import { reconcile, type Reconciliation } from "./reconcile.ts";
import { SourceError } from "./source-error.ts";
import { UnimportedTally } from "./unimported-tally.ts";

export interface MoveOptions {
  readonly importer: HistoryImporter;
  readonly context: CommandContext;
  readonly source: HistorySource;
  /** Tells two old systems of a kind apart. */
  readonly source_name: string;
  /** What everything goes into: a budget that is there, or one that is made where it is missing. */
  readonly target: Budget | WantedBudget;
  readonly mapping: Mapping;
  /** Whether limits only count until the shadow ends. */
  readonly shadow: boolean;
  /** Whether all of it is taken back at the end. */
  readonly dry_run: boolean;
  /** Is told now and then what is read or imported, and how far that is. */
  readonly onProgress: OnProgress;
}

/** What became of a limit of the old system. */
export interface MovedPolicy extends PolicyImport {
  /** Null where the row could not be read. */
  readonly draft: PolicyDraft | null;
}

/** What became of the rows of a file: each is counted once. */
export interface MovedUsage {
  readonly read: number;
  readonly imported: number;
  readonly merged: number;
  readonly conflicts: UnimportedRows;
  readonly rejected: UnimportedRows;
}

export interface MovedPart {
  readonly name: string;
  readonly policies: readonly MovedPolicy[];
  /** Null where the file holds no usage. */
  readonly usage: MovedUsage | null;
}

export interface MoveReport {
  readonly budget: Budget;
  /** Whether the budget was not there before. */
  readonly budget_made: boolean;
  readonly parts: readonly MovedPart[];
  readonly reconciliation: Reconciliation;
}

interface Moved {
  readonly part: MovedPart;
  readonly budget: Budget;
  readonly budget_made: boolean;
}

/**
 * Moves an old system's files in, each in a transaction of its own, and puts its totals beside ours. What is there
 * already stays as it is, so it may be repeated, and goes on where it was stopped.
 * @throws SourceError where a file cannot be read, and then nothing is moved
 */
export async function moveIn(options: MoveOptions): Promise<MoveReport> {
  const { source, mapping, dry_run, onProgress } = options;
  // Read once before anything is written: a file that is broken anywhere is found now.
  const theirs = mapTotals(await source.totals(reading(onProgress)), mapping);
  const { moved, ours } = dry_run ? await tryAllParts(options) : await moveEachPart(options);
  const [first] = moved;
  if (first === undefined) throw new Error(`${source.place} has no parts.`);
  return {
    budget: first.budget,
    budget_made: moved.some(({ budget_made }) => budget_made),
    parts: moved.map(({ part }) => part),
    reconciliation: reconcile(theirs, ours),
  };
}

export interface ReconcileOptions {
  readonly importer: HistoryImporter;
  readonly context: CommandContext;
  readonly source: HistorySource;
  readonly source_name: string;
  readonly mapping: Mapping;
  readonly onProgress: OnProgress;
}

/** Puts an old system's totals beside ours, and changes nothing. */
export async function compareTotals(options: ReconcileOptions): Promise<Reconciliation> {
  const { importer, context, source, mapping, onProgress } = options;
  const theirs = mapTotals(await source.totals(reading(onProgress)), mapping);
  return reconcile(theirs, await importer.totals(context, importSourceOf(options)));
}

const reading =
  (onProgress: OnProgress): OnProgress =>
  (file, rows, share) =>
    onProgress(`reading ${file}`, rows, share);

const importSourceOf = ({ source, source_name }: ReconcileOptions | MoveOptions): ImportSource => ({
  system: source.system,
  name: source_name,
});

interface AllMoved {
  readonly moved: readonly Moved[];
  /** What our tables have of the source then. */
  readonly ours: readonly ImportedTotals[];
}

async function moveEachPart(options: MoveOptions): Promise<AllMoved> {
  const { importer, context, source } = options;
  const moved: Moved[] = [];
  for (const part of source.parts) {
    const work = (history: HistoryImport) => movePart(history, part, options);
    moved.push(await importer.import(context, importSourceOf(options), { dry_run: false }, work));
  }
  return { moved, ours: await importer.totals(context, importSourceOf(options)) };
}

/** One transaction for all: a file that is tried alone would not see what those before it brought. */
function tryAllParts(options: MoveOptions): Promise<AllMoved> {
  const { importer, context, source } = options;
  return importer.import(context, importSourceOf(options), { dry_run: true }, async (history) => {
    const moved: Moved[] = [];
    for (const part of source.parts) moved.push(await movePart(history, part, options));
    return { moved, ours: await history.totals() };
  });
}

async function movePart(history: HistoryImport, part: HistoryPart, options: MoveOptions): Promise<Moved> {
  const { target } = options;
  const { budget, made } =
    "budget_id" in target ? { budget: target, made: false } : accepted(await history.prepareBudget(target));
  const policies = await movePolicies(history, part, budget, options);
  const usage = part.usage === null ? null : await moveUsage(history, part, part.usage, budget, options);
  return { part: { name: part.name, policies, usage }, budget, budget_made: made };
}

function accepted<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value;
  throw new SourceError(outcome.rejection.detail);
}

async function movePolicies(
  history: HistoryImport,
  part: HistoryPart,
  budget: Budget,
  { mapping, shadow }: MoveOptions,
): Promise<readonly MovedPolicy[]> {
  const readings = await part.policies();
  const drafts = readings.flatMap((reading) =>
    "draft" in reading ? [mapPolicy(reading.draft, mapping)] : [],
  );
  const unreadable = readings.flatMap((reading) => ("unimported" in reading ? [reading.unimported] : []));
  const imports =
    drafts.length === 0 ? [] : await history.importPolicies(budget.budget_id, drafts, { shadow });
  if (imports.length !== drafts.length) {
    throw new Error(
      `${drafts.length} limits of ${part.name} were read, and ${imports.length} accounted for.`,
    );
  }
  return [
    ...imports.map((one, index) => ({ ...one, draft: drafts[index] ?? null })),
    ...unreadable.map((row) => ({ ...row, result: "rejected" as const, policy_id: null, draft: null })),
  ];
}

async function moveUsage(
  history: HistoryImport,
  part: HistoryPart,
  rows: NonNullable<HistoryPart["usage"]>,
  budget: Budget,
  { mapping, onProgress }: MoveOptions,
): Promise<MovedUsage> {
  const tally = new UnimportedTally();
  const counted = { rows: 0 };
  const drafts = draftsOf(rows(), mapping, tally, counted);
  const report = await history.importUsage(budget.budget_id, drafts, () =>
    onProgress(`importing ${part.name}`, counted.rows, part.progress()),
  );
  const { imported, merged, conflicts } = report;
  const rejected = tally.with(report.rejected);
  const accounted = imported + merged + conflicts.count + rejected.count;
  if (accounted !== counted.rows) {
    // Thrown within the transaction: what is not accounted for is not imported.
    throw new Error(`${counted.rows} rows of ${part.name} were read, and ${accounted} accounted for.`);
  }
  return { read: counted.rows, imported, merged, conflicts, rejected };
}

async function* draftsOf(
  rows: AsyncIterable<RowReading<UsageDraft>>,
  mapping: Mapping,
  tally: UnimportedTally,
  counted: { rows: number },
): AsyncGenerator<UsageDraft> {
  for await (const reading of rows) {
    counted.rows += 1;
    if ("draft" in reading) yield mapUsage(reading.draft, mapping);
    else tally.add(reading.unimported);
  }
}
