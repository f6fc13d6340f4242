import { basename } from "node:path";
import type { ImportedTotals } from "@budget/domain";
import {
  TimeReader,
  UsageTotals,
  timeRemarks,
  type HistoryPart,
  type HistorySource,
} from "@budget/migration";
import { RateTable, type RhetorRate } from "./rates.ts";
import { RhetorFile } from "./rhetor-file.ts";
import { isUnreadable, readSettings, readUsage, usageDraft, type RowContext } from "./rhetor-rows.ts";
import { RowNotes } from "./row-notes.ts";

export interface RhetorHistoryOptions {
  /** The file `rhetor.db`. */
  readonly place: string;
  /** IANA name of the time zone that Rhetor's machine was in. */
  readonly time_zone: string;
  readonly now_ms: number;
  /** What Rhetor charged, as far as it is known. */
  readonly rates: readonly RhetorRate[];
}

export interface RhetorHistory extends HistorySource {
  /** When the first row that was read so far was booked; null where there was none. */
  firstRow_ms(): number | null;
}

/**
 * Opens what Rhetor keeps. The file is only read, and Rhetor may go on writing it: rows that it adds later are not seen.
 * @throws SourceError where it is not Rhetor's, or cannot be read
 */
export function openRhetorHistory(options: RhetorHistoryOptions): RhetorHistory {
  const { place, time_zone, now_ms } = options;
  const file = new RhetorFile(place);
  const context: RowContext = { times: new TimeReader(time_zone), time_zone, now_ms };
  const rates = new RateTable(options.rates);
  const notes = new RowNotes();
  let share_read = 0;
  const part: HistoryPart = {
    name: basename(place),
    policies: () => Promise.resolve(readSettings(file.settings(), context)),
    async *usage() {
      for (const row of file.usage((share) => (share_read = share))) {
        const usage = readUsage(row, context);
        if ("reason" in usage) {
          yield { unimported: usage };
          continue;
        }
        const draft = usageDraft(usage, row, rates);
        notes.add(usage, draft, isUnreadable(usage));
        yield { draft };
      }
    },
    progress: () => share_read,
  };
  return {
    system: "rhetor",
    place,
    parts: [part],
    totals: (onProgress) =>
      Promise.resolve(totalsOf(file, context, (rows, share) => onProgress(part.name, rows, share))),
    remarks: () => [
      ...timeRemarks(context.times.counts, time_zone),
      ...notes.remarks(options.rates.length > 0),
    ],
    firstRow_ms: () => notes.first_ms,
    close: () => file.close(),
  };
}

function totalsOf(
  file: RhetorFile,
  context: RowContext,
  onPage: (rows: number, share: number) => void,
): readonly ImportedTotals[] {
  const totals = new UsageTotals();
  // What is counted of times is told of the import, not of this.
  const own = { ...context, times: new TimeReader(context.time_zone) };
  let rows = 0;
  for (const row of file.usage((share) => onPage(rows, share))) {
    rows += 1;
    const usage = readUsage(row, own);
    if ("reason" in usage) continue;
    const { input_tokens, output_tokens } = usage;
    const total_tokens = input_tokens + output_tokens;
    totals.add({ ...usage, total_tokens, cost_nano_usd: usage.cost.nano_usd });
  }
  return totals.list();
}
