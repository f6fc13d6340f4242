import { stat } from "node:fs/promises";
import { SourceError, TimeReader, timeRemarks, type HistorySource } from "@budget/migration";
import type { RowContext } from "./apollo-rows.ts";
import { openDataDirectory } from "./data-directory.ts";
import { fetchExport, openExportFile, type ExportedAllocation } from "./export.ts";

export interface ApolloHistoryOptions {
  /** A data directory, or the file or address of an export. */
  readonly place: string;
  /** IANA name of the time zone that Apollo's machine was in. */
  readonly time_zone: string;
  readonly now_ms: number;
}

/** What was found at a place. */
export interface OpenedPlace extends Pick<HistorySource, "parts" | "totals"> {
  /** What an export says of allocations; none where it is a directory. */
  readonly allocations: readonly ExportedAllocation[];
}

export interface ApolloHistory extends HistorySource, OpenedPlace {}

const ADDRESS = /^https?:\/\//i;

/**
 * Opens what Apollo keeps or exports.
 * @throws SourceError where there is nothing of Apollo's there, or it does not answer
 */
export async function openApolloHistory(options: ApolloHistoryOptions): Promise<ApolloHistory> {
  const { place, time_zone, now_ms } = options;
  const context: RowContext = { times: new TimeReader(time_zone), time_zone, now_ms };
  return {
    ...(await open(place, context)),
    system: "apollo",
    place,
    remarks: () => timeRemarks(context.times.counts, time_zone),
    close: () => undefined,
  };
}

async function open(place: string, context: RowContext): Promise<OpenedPlace> {
  if (ADDRESS.test(place)) return fetchExport(place, context);
  const found = await stat(place).catch((error: unknown) => {
    const { code = "" } = error as NodeJS.ErrnoException;
    throw new SourceError(
      `${place} cannot be read (${code}). Name Apollo's data directory, or the file or address of its export.`,
    );
  });
  return found.isDirectory() ? openDataDirectory(place, context) : openExportFile(place, context);
}
