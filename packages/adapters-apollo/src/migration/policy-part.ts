import { SourceError, type HistoryPart } from "@budget/migration";
import { readPolicy, type RowContext } from "./apollo-rows.ts";

/**
 * A part that holds policies only.
 * @param read answers the list of them
 */
export function policyPart(name: string, context: RowContext, read: () => Promise<unknown>): HistoryPart {
  return {
    name,
    async policies() {
      const list = await read();
      if (!Array.isArray(list))
        throw new SourceError(`${name} is not a list of policies as Apollo writes it.`);
      return list.map((row: unknown, index) => readPolicy(row, `${name}, policy ${index + 1}`, context));
    },
    usage: null,
    progress: () => 1,
  };
}
