import { readFile } from "node:fs/promises";
import { NO_PRICE_FILE, SOURCE_NAMES, readPriceFile, type PriceFile } from "@budget/price-sources";

/** The operator's file about prices cannot be used; the message says where and why. */
export class PriceFileError extends Error {
  constructor(path: string, problems: readonly string[]) {
    super(`BUDGET_PRICES_FILE cannot be used.\n${problems.map((line) => `${path}:${line}`).join("\n")}`);
    this.name = "PriceFileError";
  }
}

const MOST_BYTES = 10 * 1024 * 1024;
const MOST_PROBLEMS = 20;

/**
 * Reads the operator's file about prices.
 * @param path empty where there is none
 * @throws PriceFileError with every mistake by its line and column
 */
export async function readOperatorPrices(path: string): Promise<PriceFile> {
  if (path === "") return NO_PRICE_FILE;
  const text = await readFile(path, "utf8").catch((error: unknown) => {
    const { code } = error as { code?: string };
    throw new PriceFileError(path, [` It cannot be read (${code ?? String(error)}).`]);
  });
  if (Buffer.byteLength(text) > MOST_BYTES)
    throw new PriceFileError(path, [` It has more than ${MOST_BYTES} bytes.`]);
  const outcome = readPriceFile(text, SOURCE_NAMES);
  if (outcome.ok) return outcome.file;
  throw new PriceFileError(
    path,
    outcome.problems
      .slice(0, MOST_PROBLEMS)
      .map(
        ({ line, column, pointer, detail }) =>
          `${line}:${column}: ${pointer === "" ? "" : `${pointer}: `}${detail}`,
      ),
  );
}
