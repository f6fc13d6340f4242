import { createReadStream } from "node:fs";
import { basename } from "node:path";
import { RowFields, SourceError } from "@budget/migration";
import type { OpenedPlace } from "./apollo-history.ts";
import type { RowContext } from "./apollo-rows.ts";
import { policyPart } from "./policy-part.ts";
import { readJson } from "./read-json.ts";

/** Tokens that a context held when the export was written. */
export interface ExportedAllocation {
  readonly context_id: string;
  readonly amount: number;
  readonly used: number;
  readonly is_active: boolean;
}

const EXPORT_PATH = "/api/apollo/budget/export";
const LONGEST_WAIT_MS = 30_000;

/** Asks a running Apollo for its export. */
export async function fetchExport(address: string, context: RowContext): Promise<OpenedPlace> {
  const url = new URL(address);
  if (url.pathname === "/") url.pathname = EXPORT_PATH;
  const shown = `${url.origin}${url.pathname}`;
  const signal = AbortSignal.timeout(LONGEST_WAIT_MS);
  try {
    const response = await fetch(url, { signal, headers: { accept: "application/json" } });
    if (!response.ok || response.body === null) {
      throw new SourceError(
        `${shown} answered ${response.status}, not an export. Apollo's is at ${EXPORT_PATH}; ` +
          "its data directory has the usage as well.",
      );
    }
    return openedExport(await readJson(response.body, shown), shown, context);
  } catch (error) {
    if (error instanceof SourceError) throw error;
    const why = signal.aborted ? `no whole answer in ${LONGEST_WAIT_MS / 1000} s` : causeOf(error);
    throw new SourceError(
      `Apollo does not answer at ${shown} (${why}). Start it, or name its data directory instead.`,
    );
  }
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return code ?? message;
}

/** Opens an export that was kept in a file. */
export async function openExportFile(path: string, context: RowContext): Promise<OpenedPlace> {
  const name = basename(path);
  return openedExport(await readJson(createReadStream(path), name), name, context);
}

function openedExport(document: unknown, name: string, context: RowContext): OpenedPlace {
  const { policies, allocations } = (document ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(policies) || !Array.isArray(allocations)) {
    throw new SourceError(
      `${name} is not an export of Apollo's, which has the lists policies and allocations. ` +
        "Usage is read from the data directory: name that, and not a file in it.",
    );
  }
  return {
    parts: [policyPart(name, context, () => Promise.resolve(policies))],
    totals: () => Promise.resolve([]),
    allocations: allocations.map((row, index) => readAllocation(row, `${name}, allocation ${index + 1}`)),
  };
}

function readAllocation(row: unknown, place: string): ExportedAllocation {
  const { is_active } = (row ?? {}) as Readonly<Record<string, unknown>>;
  const fields = new RowFields((row ?? {}) as Readonly<Record<string, unknown>>);
  const allocation: ExportedAllocation = {
    context_id: fields.text("context_id"),
    amount: fields.tokens("amount"),
    used: fields.tokens("used"),
    is_active: is_active === true,
  };
  if (fields.reason !== null) throw new SourceError(`${place}: ${fields.reason}.`);
  return allocation;
}
