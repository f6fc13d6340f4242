import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { SourceError, TimeReader, UsageTotals, type HistoryPart, type OnProgress } from "@budget/migration";
import type { ImportedTotals } from "@budget/domain";
import type { OpenedPlace } from "./apollo-history.ts";
import { readUsage, usageDraft, type RowContext } from "./apollo-rows.ts";
import { jsonItems } from "./json-items.ts";
import { policyPart } from "./policy-part.ts";
import { readJson } from "./read-json.ts";
import { SeenIds } from "./seen-ids.ts";

const POLICIES = "budget_policies.json";
/** After so many, whoever waits is told how far it is. */
const ROWS_AT_ONCE = 2000;
const USAGE = /^usage_records_(\d+)\.json$/;

interface UsageFile {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * Opens a data directory of Apollo's: its policies, and its usage files from the oldest to the newest.
 * @throws SourceError where there are no policies in it, or it cannot be read
 */
export async function openDataDirectory(folder: string, context: RowContext): Promise<OpenedPlace> {
  const names = await readdir(folder);
  if (!names.includes(POLICIES)) {
    throw new SourceError(
      `There is no ${POLICIES} in ${folder}, so it is not a data directory of Apollo's, or not all of it. ` +
        `Name the one that has ${POLICIES} and usage_records_*.json; ` +
        "where the policies are lost, let Apollo write them again, or put an empty list [] there.",
    );
  }
  const policies = policyPart(POLICIES, context, () =>
    readJson(createReadStream(join(folder, POLICIES)), POLICIES),
  );
  const files = await usageFiles(folder, names);
  return {
    parts: [policies, ...files.map((file) => usagePart(file, context))],
    totals: (onProgress) => totalsOf(files, context, onProgress),
    allocations: [],
  };
}

async function usageFiles(folder: string, names: readonly string[]): Promise<readonly UsageFile[]> {
  const secondsOf = (name: string): number => Number(USAGE.exec(name)?.[1]);
  const usage = names
    .filter((name) => USAGE.test(name))
    .sort((a, b) => secondsOf(a) - secondsOf(b) || (a < b ? -1 : 1));
  return Promise.all(
    usage.map(async (name) => {
      const path = join(folder, name);
      return { name, path, bytes: (await stat(path)).size };
    }),
  );
}

function usagePart(file: UsageFile, context: RowContext): HistoryPart {
  const stream = { bytesRead: 0 };
  return {
    name: file.name,
    policies: () => Promise.resolve([]),
    async *usage() {
      for await (const { row, place } of rowsOf(file, stream)) {
        const usage = readUsage(row, place, context);
        yield "reason" in usage ? { unimported: usage } : { draft: usageDraft(usage, row) };
      }
    },
    progress: () => (file.bytes === 0 ? 1 : stream.bytesRead / file.bytes),
  };
}

async function* rowsOf({ path, name }: UsageFile, read: { bytesRead: number }) {
  const stream = createReadStream(path);
  let number = 0;
  for await (const row of jsonItems(stream, name)) {
    number += 1;
    read.bytesRead = stream.bytesRead;
    yield { row, place: `${name}, record ${number}` };
  }
}

/** Each record once, however many files it is in, as the first of them has it. */
async function totalsOf(
  files: readonly UsageFile[],
  context: RowContext,
  onProgress: OnProgress,
): Promise<readonly ImportedTotals[]> {
  const totals = new UsageTotals();
  const seen = new SeenIds();
  // What is counted of times is told of the import, not of this.
  const own = { ...context, times: new TimeReader(context.time_zone) };
  for (const file of files) {
    const read = { bytesRead: 0 };
    let rows = 0;
    for await (const { row, place } of rowsOf(file, read)) {
      rows += 1;
      if (rows % ROWS_AT_ONCE === 0) onProgress(file.name, rows, read.bytesRead / file.bytes);
      const usage = readUsage(row, place, own);
      if ("reason" in usage || !seen.add(usage.record_id)) continue;
      const { tokens_used, usage_type } = usage;
      totals.add({
        ...usage,
        input_tokens: usage_type === "input" ? tokens_used : 0,
        output_tokens: usage_type === "output" ? tokens_used : 0,
        total_tokens: tokens_used,
        cost_nano_usd: 0n,
      });
    }
  }
  return totals.list();
}
